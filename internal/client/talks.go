package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"zvonar/internal/calls"
)

// BridgeRequest is the body of POST /v1/bridges.
type BridgeRequest struct {
	First       string          `json:"first"`
	Second      string          `json:"second"`
	Order       string          `json:"order,omitempty"`
	Anonymous   bool            `json:"anonymous,omitempty"`
	RecordID    string          `json:"record_id,omitempty"`
	From        string          `json:"from,omitempty"`
	Trunk       string          `json:"trunk,omitempty"`
	Provider    string          `json:"provider,omitempty"`
	Ref         string          `json:"ref,omitempty"`
	RingTimeout string          `json:"ring_timeout,omitempty"`
	MaxDuration string          `json:"max_duration,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	WebhookURL  string          `json:"webhook_url,omitempty"`
}

// Bridge asks for a talk between two parties. replayed is true where it was there
// already.
func (c *Client) Bridge(ctx context.Context, r BridgeRequest) (call calls.CallView, replayed bool, err error) {
	header, err := c.do(ctx, http.MethodPost, "/v1/bridges", r, &call)
	return call, header.Get("Idempotency-Replayed") == "true", err
}

// Transfer hands the customer of a call to target. It and the methods below give the
// call as it was when it was asked.
func (c *Client) Transfer(ctx context.Context, id, target string) (calls.CallView, error) {
	return c.control(ctx, id, "transfer", map[string]string{"target": target})
}

// Play plays a recording to the customer, by its record_id or recording_id.
func (c *Client) Play(ctx context.Context, id, recording string) (calls.CallView, error) {
	return c.control(ctx, id, "play", map[string]string{"record_id": recording})
}

// SendDigits sends digits to a party.
func (c *Client) SendDigits(ctx context.Context, id string, leg calls.Role, digits string) (calls.CallView, error) {
	return c.control(ctx, id, "dtmf", map[string]string{"digits": digits, "leg": string(leg)})
}

// Hold has a party wait, or go on.
func (c *Client) Hold(ctx context.Context, id string, leg calls.Role, on bool) (calls.CallView, error) {
	return c.control(ctx, id, "hold", map[string]any{"on": on, "leg": leg})
}

// Record begins or ends to write a talk down.
func (c *Client) Record(ctx context.Context, id string, on bool) (calls.CallView, error) {
	return c.control(ctx, id, "record", map[string]bool{"on": on})
}

func (c *Client) control(ctx context.Context, id, what string, in any) (calls.CallView, error) {
	return ask[calls.CallView](ctx, c, http.MethodPost, "/v1/calls/"+url.PathEscape(id)+"/"+what, in)
}

// CallAudio streams what was written down of a talk as WAV; the caller closes it.
func (c *Client) CallAudio(ctx context.Context, id string) (io.ReadCloser, error) {
	res, err := c.send(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(id)+"/recording", nil, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
