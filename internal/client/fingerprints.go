package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"zvonar/internal/calls"
)

// Fingerprint is a known announcement as published.
type Fingerprint struct {
	ID         string        `json:"id"`
	Title      string        `json:"title"`
	Meaning    calls.Meaning `json:"meaning"`
	DurationMS int64         `json:"duration_ms"`
	AddedBy    string        `json:"added_by"`
	CreatedAt  calls.Stamp   `json:"created_at"`
}

// Finding is something that was heard in a file, as published.
type Finding struct {
	Heard      calls.HeardKind `json:"heard"`
	Detail     *string         `json:"detail"`
	Meaning    *string         `json:"meaning"`
	Verdict    *string         `json:"verdict"`
	Hz         float64         `json:"hz"`
	Confidence float64         `json:"confidence"`
	FromMS     int64           `json:"from_ms"`
	ToMS       int64           `json:"to_ms"`
	TellMS     int64           `json:"tell_ms"`
}

// Fingerprints lists the known announcements, oldest first.
func (c *Client) Fingerprints(ctx context.Context) ([]Fingerprint, error) {
	var all struct {
		Items []Fingerprint `json:"items"`
	}
	err := c.Do(ctx, http.MethodGet, "/v1/fingerprints", nil, &all)
	return all.Items, err
}

// AddFingerprint makes an announcement known by a recording of it, called file.
func (c *Client) AddFingerprint(ctx context.Context, file, title string, meaning calls.Meaning, r io.Reader) (f Fingerprint, err error) {
	err = c.uploadTo(ctx, "/v1/fingerprints", file, map[string]string{"title": title, "meaning": string(meaning)}, r, &f)
	return f, err
}

// TestFingerprints tells what a call would hear in a file.
func (c *Client) TestFingerprints(ctx context.Context, file string, r io.Reader) ([]Finding, error) {
	var out struct {
		Findings []Finding `json:"findings"`
	}
	err := c.uploadTo(ctx, "/v1/fingerprints/test", file, nil, r, &out)
	return out.Findings, err
}

// RemoveFingerprint forgets an announcement.
func (c *Client) RemoveFingerprint(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/fingerprints/"+url.PathEscape(id), nil, nil)
}
