package api

import "zvonar/internal/calls"

// BlockResource is a number on the blacklist, as published.
type BlockResource struct {
	Number    string      `json:"number"`
	Scope     string      `json:"scope" doc:"account, campaign:ID or number:CALLER"`
	Reason    *string     `json:"reason"`
	Source    string      `json:"source" doc:"api, digit, import, or what was said"`
	CallID    *string     `json:"call_id" doc:"the call whose digit put it here"`
	CreatedAt calls.Stamp `json:"created_at"`
	ExpiresAt calls.Stamp `json:"expires_at" doc:"null: it lasts"`
	Digit     *string     `json:"digit" doc:"what was pressed to be called no more"`
	DigitAt   calls.Stamp `json:"digit_at"`
}

func viewBlock(b calls.BlockEntry) BlockResource {
	return BlockResource{Number: b.Number, Scope: b.Scope, Reason: orNull(b.Reason), Source: b.Source, CallID: orNull(b.CallID), CreatedAt: calls.Stamp(b.CreatedAt),
		ExpiresAt: calls.Stamp(b.ExpiresAt), Digit: orNull(b.Digit), DigitAt: calls.Stamp(b.DigitAt)}
}
