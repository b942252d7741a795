package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"zvonar/internal/calls"
	"zvonar/internal/egress"
)

// userAgent is how receivers know us.
const userAgent = "zvonar"

// gapHeader tells a receiver, as "gap" in the body does, that an earlier event
// of the subject was given up.
const gapHeader = "webhook-gap"

// webhook is the sink of kind calls.KindWebhook: the event as JSON, signed as
// Standard Webhooks asks.
type webhook struct{}

// Kind implements Sink.
func (webhook) Kind() string { return calls.KindWebhook }

// Rate implements Sink.
func (webhook) Rate(*calls.Webhook) Rate { return Rate{} }

// Map implements Sink.
func (webhook) Map(it Item) (Message, error) {
	body, err := json.Marshal(it.Event)
	if err != nil {
		return Message{}, err
	}
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {userAgent}}
	if it.Gap {
		h.Set(gapHeader, "true")
		body = append(body[:len(body)-1], `,"gap":true}`...)
	}
	return Message{Header: h, Body: body}, nil
}

// Send implements Sink.
func (webhook) Send(ctx context.Context, x Exchange) Answer {
	req, err := http.NewRequest(http.MethodPost, x.To.URL, bytes.NewReader(x.Body))
	if err != nil {
		return Answer{Fault: Unwanted, Error: "the URL cannot be read"}
	}
	for name, values := range x.Header {
		req.Header[name] = values
	}
	if err := sign(req.Header, x.Secrets, x.Event.ID, x.Now, x.Body); err != nil {
		return Answer{Fault: Unwanted, Error: err.Error()}
	}
	return Exchanged(ctx, x.Client, req, x.Now)
}

// Words says what went wrong without the URL, which may carry a secret.
func Words(err error) string {
	var refused *calls.Error
	if errors.As(err, &refused) {
		return refused.Detail
	}
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return "no answer in time"
		}
		return Clean([]byte(u.Err.Error()))
	}
	return Clean([]byte(err.Error()))
}

// ReadText reads an answer, so that its connection can serve again, and gives
// its beginning. An error in it changes nothing: the status decides.
func ReadText(body io.Reader) string {
	head := make([]byte, keptText)
	n, _ := io.ReadFull(body, head)
	_, _ = io.Copy(io.Discard, io.LimitReader(body, egress.MaxResponse))
	return Clean(head[:n])
}
