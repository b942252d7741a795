package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"zvonar/internal/calls"
)

// eraseTimeout is longer than the daemon takes for one request.
const eraseTimeout = 15 * time.Minute

// Audit is an entry of the audit log as published.
type Audit struct {
	ID     int64       `json:"id"`
	At     calls.Stamp `json:"at"`
	Actor  string      `json:"actor"`
	Action string      `json:"action"`
	Object string      `json:"object"`
	Detail *string     `json:"detail"`
}

// Erasure is what an erasure did.
type Erasure struct {
	ID     string       `json:"id"`
	Erased calls.Erased `json:"erased"`
	Note   string       `json:"note"`
}

// Text is a text message as published.
type Text struct {
	ID         string         `json:"id"`
	CallID     string         `json:"call_id"`
	To         string         `json:"to"`
	From       *string        `json:"from"`
	Text       string         `json:"text"`
	State      calls.SMSState `json:"state"`
	Error      *string        `json:"error"`
	ProviderID *string        `json:"provider_id"`
	Tries      int            `json:"tries"`
	CreatedAt  calls.Stamp    `json:"created_at"`
	SentAt     calls.Stamp    `json:"sent_at"`
	ReportedAt calls.Stamp    `json:"reported_at"`
}

// Texts lists up to limit texts, newest first; filter has the parameters of
// GET /v1/sms.
func (c *Client) Texts(ctx context.Context, filter url.Values, limit int) ([]Text, error) {
	return list[Text](ctx, c, "/v1/sms", filter, limit)
}

// Text shows a text.
func (c *Client) Text(ctx context.Context, id string) (Text, error) {
	return ask[Text](ctx, c, http.MethodGet, "/v1/sms/"+url.PathEscape(id), nil)
}

// AuditLog lists up to limit entries, newest first; filter has the parameters of
// GET /v1/audit.
func (c *Client) AuditLog(ctx context.Context, filter url.Values, limit int) ([]Audit, error) {
	return list[Audit](ctx, c, "/v1/audit", filter, limit)
}

// Erase erases a number; blocked is keep or erase.
func (c *Client) Erase(ctx context.Context, number, blocked string) (e Erasure, err error) {
	ctx, cancel := context.WithTimeout(ctx, eraseTimeout)
	defer cancel()
	_, err = c.patient(ctx, http.MethodPost, "/v1/erasures", map[string]string{"number": number, "blocked": blocked}, &e)
	return e, err
}
