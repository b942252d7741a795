package api

import "zvonar/internal/calls"

// TextResource is a text as published.
type TextResource struct {
	ID         string         `json:"id"`
	CallID     string         `json:"call_id"`
	To         string         `json:"to"`
	From       *string        `json:"from"`
	Text       string         `json:"text"`
	State      calls.SMSState `json:"state" enum:"queued,sending,sent,delivered,failed"`
	Error      *string        `json:"error" doc:"why it failed, or why it waits for another try"`
	ProviderID *string        `json:"provider_id" doc:"the sending service's own id"`
	Tries      int            `json:"tries" doc:"how often the service was asked; more than once only where it certainly sent nothing before"`
	CreatedAt  calls.Stamp    `json:"created_at"`
	SentAt     calls.Stamp    `json:"sent_at"`
	ReportedAt calls.Stamp    `json:"reported_at" doc:"when a delivery report decided it"`
}

func viewText(m calls.SMS) TextResource {
	return TextResource{ID: m.ID, CallID: m.CallID, To: m.To, From: orNull(m.From), Text: m.Text, State: m.State, Error: orNull(m.Error),
		ProviderID: orNull(m.ProviderID), Tries: m.Tries, CreatedAt: calls.Stamp(m.CreatedAt), SentAt: calls.Stamp(m.SentAt), ReportedAt: calls.Stamp(m.ReportedAt)}
}
