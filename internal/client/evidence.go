package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"zvonar/internal/calls"
)

// Evidence is what is known of a verdict on an answer, as published.
type Evidence struct {
	CallID     string      `json:"call_id"`
	Trunk      string      `json:"trunk"`
	CalledAt   calls.Stamp `json:"called_at"`
	Verdict    *string     `json:"verdict"`
	Label      *string     `json:"label"`
	LabelledBy *string     `json:"labelled_by"`
	LabelledAt calls.Stamp `json:"labelled_at"`
	Rescored   *string     `json:"rescored"`
	Model      *string     `json:"model"`
	RescoredAt calls.Stamp `json:"rescored_at"`
}

// Rescored is what a later look at an answer came to, as published.
type Rescored struct {
	CallID string        `json:"call_id"`
	Was    calls.Verdict `json:"was"`
	calls.AMDTold
}

// Comparison counts answers by label and verdicts, as published.
type Comparison struct {
	Trunk    string        `json:"trunk"`
	Label    calls.Label   `json:"label"`
	Verdict  calls.Verdict `json:"verdict"`
	Rescored calls.Verdict `json:"rescored"`
	Calls    int64         `json:"calls"`
}

// Rescore has an answer judged again.
func (c *Client) Rescore(ctx context.Context, call string) (r Rescored, err error) {
	return r, c.Do(ctx, http.MethodPost, "/v1/calls/"+url.PathEscape(call)+"/amd/rescore", nil, &r)
}

// Label says who answered a call.
func (c *Client) Label(ctx context.Context, call string, label calls.Label) (e Evidence, err error) {
	return e, c.Do(ctx, http.MethodPut, "/v1/calls/"+url.PathEscape(call)+"/amd/label", map[string]any{"label": label}, &e)
}

// Labels gives a page of labelled answers and the cursor of the next, "" behind the
// last. q has trunk, since and until.
func (c *Client) Labels(ctx context.Context, q url.Values, cursor string) ([]Evidence, string, error) {
	query := url.Values{"limit": {"500"}}
	for key, v := range q {
		query[key] = v
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page struct {
		Items []Evidence `json:"items"`
		Next  *string    `json:"next"`
	}
	if err := c.Do(ctx, http.MethodGet, "/v1/amd/labels?"+query.Encode(), nil, &page); err != nil || page.Next == nil {
		return page.Items, "", err
	}
	return page.Items, *page.Next, nil
}

// CompareLabels counts labelled answers; q as with Labels.
func (c *Client) CompareLabels(ctx context.Context, q url.Values) ([]Comparison, error) {
	var all struct {
		Items []Comparison `json:"items"`
	}
	err := c.Do(ctx, http.MethodGet, "/v1/amd/report?"+q.Encode(), nil, &all)
	return all.Items, err
}

// maxAnswerSound bounds the kept sound of one answer: a minute, and more.
const maxAnswerSound = 2 << 20

// AnswerSound reads the sound that was kept of an answer, a WAV file.
func (c *Client) AnswerSound(ctx context.Context, call string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.send(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(call)+"/amd/audio", nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerSound+1))
	if err == nil && len(b) > maxAnswerSound {
		err = fmt.Errorf("the sound of %s is longer than any that is kept", call)
	}
	return b, err
}
