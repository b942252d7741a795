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
