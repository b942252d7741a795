package api

import "zvonar/internal/calls"

// BlockResource is a number on the blacklist, as published.
type BlockResource struct {
	Number    string      `json:"number"`
	Scope     string      `json:"scope"`
	Reason    *string     `json:"reason"`
	Source    string      `json:"source" doc:"api, digit, import"`
	CallID    *string     `json:"call_id" doc:"the call whose digit put it here"`
	CreatedAt calls.Stamp `json:"created_at"`
}

func viewBlock(b calls.BlockEntry) BlockResource {
	return BlockResource{Number: b.Number, Scope: b.Scope, Reason: orNull(b.Reason), Source: b.Source, CallID: orNull(b.CallID), CreatedAt: calls.Stamp(b.CreatedAt)}
}
