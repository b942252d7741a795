package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"zvonar/internal/calls"
)

// TraceItem is a SIP message or an event of a call.
type TraceItem struct {
	At    time.Time         `json:"at"`
	SIP   *calls.SIPMessage `json:"sip"`
	Event *calls.Event      `json:"event"`
}

// Trace is everything that is known of how a call went.
type Trace struct {
	CallID string           `json:"call_id"`
	Node   string           `json:"node"`
	Items  []TraceItem      `json:"items"`
	Legs   []calls.LegFacts `json:"legs"`
}

// Trace reads what was said on the wire in a call.
func (c *Client) Trace(ctx context.Context, call string) (t Trace, err error) {
	err = c.Do(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(call)+"/trace", nil, &t)
	return t, err
}

// TracePcap copies a call's SIP messages to w as pcapng.
func (c *Client) TracePcap(ctx context.Context, call string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.send(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(call)+"/trace?format=pcapng", nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	_, err = io.Copy(w, res.Body)
	return err
}

// WatchNumber has the calls of a number told to the daemon's log in full.
func (c *Client) WatchNumber(ctx context.Context, number string, span time.Duration) (w calls.WatchedNumber, err error) {
	err = c.Do(ctx, http.MethodPut, "/v1/watched-numbers/"+url.PathEscape(number)+"?for="+url.QueryEscape(span.String()), nil, &w)
	return w, err
}

// UnwatchNumber ends that.
func (c *Client) UnwatchNumber(ctx context.Context, number string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/watched-numbers/"+url.PathEscape(number), nil, nil)
}

// WatchedNumbers lists the numbers that are watched.
func (c *Client) WatchedNumbers(ctx context.Context) ([]calls.WatchedNumber, error) {
	var page struct {
		Items []calls.WatchedNumber `json:"items"`
	}
	err := c.Do(ctx, http.MethodGet, "/v1/watched-numbers", nil, &page)
	return page.Items, err
}
