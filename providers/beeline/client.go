package beeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// tokenHeader carries the key of the portal.
const tokenHeader = "X-MPBX-API-AUTH-TOKEN" //nolint:gosec // the name of a header

// portal speaks to the provider's API. Every request is sent once; errors are a
// *calls.PlaceRefused or a *calls.PlaceUnknown, as calls need to know.
type portal struct {
	base, token string
	client      *providers.Client
	pace        *pace
}

// ask is one request. form is the query; body, if not nil, is sent as JSON.
type ask struct {
	method, path string
	form         url.Values
	body         any
}

func (p *portal) request(a ask) (*http.Request, error) {
	address := p.base + "/" + a.path
	if len(a.form) > 0 {
		address += "?" + a.form.Encode()
	}
	var body io.Reader
	if a.body != nil {
		b, err := json.Marshal(a.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(a.method, address, body)
	if err != nil {
		return nil, errors.New("the address of the request is not valid")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "zvonar")
	req.Header.Set(tokenHeader, p.token)
	return req, nil
}

// do sends a request and gives the body of a yes.
func (p *portal) do(ctx context.Context, name string, a ask) ([]byte, error) {
	return p.doLimit(ctx, name, a, maxList)
}

// maxList bounds an answer, in bytes: a page of a hundred records and more.
const maxList = 2 << 20

func (p *portal) doLimit(ctx context.Context, name string, a ask, limit int64) ([]byte, error) {
	if parts := strings.Split(a.path, "/"); slices.Contains(parts, "..") || slices.Contains(parts, ".") {
		return nil, &calls.PlaceRefused{Reason: "there is no subscriber of that name"} // it would lead to another method
	}
	req, err := p.request(a)
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the request could not be written", Err: err}
	}
	if err := p.pace.wait(ctx); err != nil {
		return nil, &calls.PlaceRefused{Reason: "it was not asked: too many other requests were before this one", Err: err}
	}
	answer, err := p.client.SendLimit(providers.Labelled(ctx, providers.Label{Method: name}), req, limit)
	if err != nil {
		return nil, err
	}
	if err := refusal(answer); err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// refusal is what an answer that is no yes means; nil: it is one. Everything up to
// 204 is.
func refusal(a *providers.Answer) error {
	if a.Status >= 200 && a.Status <= 204 {
		return nil
	}
	if a.Status > 204 && a.Status <= 299 {
		return &calls.PlaceUnknown{Reason: fmt.Sprintf("it answered with status %d, which its API does not know", a.Status)}
	}
	_, err := providers.Reading{ErrorPath: "description"}.Read(a)
	f := failureOf(a.Body)
	refused := (*calls.PlaceRefused)(nil)
	if errors.As(err, &refused) && f.ErrorCode != "" {
		refused.Reason += " (" + f.ErrorCode + ")"
	}
	return &statusError{a.Status, f, err}
}

// statusError keeps the status beside what it means for a call.
type statusError struct {
	status  int
	failure Failure
	err     error
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }

// statusOf is the status of a refusal; 0: there was none.
func statusOf(err error) int {
	var s *statusError
	if errors.As(err, &s) {
		return s.status
	}
	return 0
}

func failureOf(b []byte) (f Failure) {
	if json.Unmarshal(b, &f) != nil {
		return Failure{}
	}
	f.ErrorCode, f.Description = calls.Clean(f.ErrorCode, maxWord), calls.Clean(f.Description, maxWord)
	return f
}

// read decodes a list or an object. What is no JSON is an error in words.
func read[T any](b []byte) (v T, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		return v, &calls.PlaceUnknown{Reason: "its answer cannot be read: it is not what its API promises", Err: err}
	}
	return v, nil
}

// Abonents lists the subscribers of the PBX.
func (p *portal) Abonents(ctx context.Context) ([]Abonent, error) {
	b, err := p.do(ctx, "abonents", ask{method: http.MethodGet, path: "abonents"})
	if err != nil {
		return nil, err
	}
	return read[[]Abonent](b)
}

// Abonent shows one, by user id, ten-digit number or extension.
func (p *portal) Abonent(ctx context.Context, pattern string) (Abonent, error) {
	b, err := p.do(ctx, "abonent", ask{method: http.MethodGet, path: "abonents/" + url.PathEscape(pattern)})
	if err != nil {
		return Abonent{}, err
	}
	return read[Abonent](b)
}

// Call has the subscriber rung, and then the client. It gives the call's id, which
// may be "": the portal took the request and does not say.
func (p *portal) Call(ctx context.Context, s *Settings, pattern, number string) (string, error) {
	path := "abonents/" + url.PathEscape(pattern) + "/call"
	if s.CallVersion == "v2" {
		path = "v2/" + path
	}
	digits, _ := ten(number)
	a := ask{method: http.MethodPost, path: path}
	if s.CallForm == formQuery {
		a.form = url.Values{"phoneNumber": {digits}}
	} else {
		a.body = map[string]string{"phoneNumber": digits}
	}
	b, err := p.do(ctx, "call", a)
	if err != nil {
		return "", err
	}
	if id := named(b, "callId", "id", "callID", "result", "externalTrackingId"); id != "" {
		return id, nil
	}
	if trimmed := bytes.TrimSpace(b); len(trimmed) > 0 && trimmed[0] == '<' {
		return "", &calls.PlaceUnknown{Reason: "it answered with a page instead of a call id"}
	}
	return "", nil
}

// Transfer hands a call of the subscriber to another number.
func (p *portal) Transfer(ctx context.Context, pattern, call, number string) error {
	digits, _ := ten(number)
	_, err := p.do(ctx, "callTransfer", ask{method: http.MethodPost, path: "abonents/" + url.PathEscape(pattern) + "/callTransfer",
		body: map[string]string{"callId": call, "phoneNumber": digits}})
	return err
}

// Records is a page of recordings, from an id on ("": from the first), of a user ("":
// of all) since a time (zero: since ever). The portal gives up to a hundred.
func (p *portal) Records(ctx context.Context, from, user string, since time.Time) ([]Record, error) {
	q := url.Values{}
	if from != "" {
		q.Set("id", from)
	}
	if user != "" {
		q.Set("userId", user)
	}
	if !since.IsZero() {
		q.Set("dateFrom", since.UTC().Format(time.RFC3339))
	}
	b, err := p.do(ctx, "records", ask{method: http.MethodGet, path: "records", form: q})
	if err != nil {
		return nil, err
	}
	return read[[]Record](b)
}

// Reference is the address under which a recording can be fetched without a key.
func (p *portal) Reference(ctx context.Context, id string) (string, error) {
	b, err := p.do(ctx, "reference", ask{method: http.MethodGet, path: "records/" + url.PathEscape(id) + "/reference"})
	if err != nil {
		return "", err
	}
	link := strings.TrimSpace(named(b, "url"))
	u, err := url.Parse(link)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", &calls.PlaceUnknown{Reason: "its answer is no address of a recording"}
	}
	return link, nil
}

// maxSound bounds a recording that is downloaded, in bytes: some hours of MP3.
const maxSound = 64 << 20

// Download fetches the sound of a recording.
func (p *portal) Download(ctx context.Context, id string) ([]byte, error) {
	return p.doLimit(ctx, "download", ask{method: http.MethodGet, path: "v2/records/" + url.PathEscape(id) + "/download"}, maxSound)
}

// Statistics is a page of the calls of a user since a time.
func (p *portal) Statistics(ctx context.Context, user string, from, to time.Time, page int) ([]Stat, error) {
	q := url.Values{"dateFrom": {from.UTC().Format(time.RFC3339)}, "dateTo": {to.UTC().Format(time.RFC3339)}, "page": {strconv.Itoa(page)}, "pageSize": {"100"}}
	if user != "" {
		q.Set("userId", user)
	}
	b, err := p.do(ctx, "statistics", ask{method: http.MethodGet, path: "v2/statistics", form: q})
	if err != nil {
		return nil, err
	}
	return read[[]Stat](b)
}

// Subscribe orders events for a subscriber, or for the group (pattern "").
func (p *portal) Subscribe(ctx context.Context, s Subscription) (Subscription, error) {
	b, err := p.do(ctx, "subscribe", ask{method: http.MethodPut, path: "subscription", body: s})
	if err != nil {
		return Subscription{}, err
	}
	got, err := read[Subscription](b)
	if err == nil && got.SubscriptionID == "" {
		err = &calls.PlaceUnknown{Reason: "its answer names no subscription"}
	}
	got.SubscriptionID = calls.Clean(got.SubscriptionID, maxWord)
	return got, err
}

// Subscription shows one of ours.
func (p *portal) Subscription(ctx context.Context, id string) (Subscription, error) {
	b, err := p.do(ctx, "subscription", ask{method: http.MethodGet, path: "subscription", form: url.Values{"subscriptionId": {id}}})
	if err != nil {
		return Subscription{}, err
	}
	return read[Subscription](b)
}

// Unsubscribe ends one.
func (p *portal) Unsubscribe(ctx context.Context, id string) error {
	_, err := p.do(ctx, "unsubscribe", ask{method: http.MethodDelete, path: "subscription", form: url.Values{"subscriptionId": {id}}})
	return err
}

// pace spreads requests so that there are no more in a second than allowed.
type pace struct {
	clock clock.Clock
	every time.Duration
	turn  chan time.Time // holds when the next may go
}

func newPace(c clock.Clock, perSecond float64) *pace {
	p := &pace{clock: c, every: time.Duration(float64(time.Second) / perSecond), turn: make(chan time.Time, 1)}
	p.turn <- time.Time{}
	return p
}

// wait returns when it is our turn.
func (p *pace) wait(ctx context.Context) error {
	var next time.Time
	select {
	case next = <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	now := p.clock.Now()
	if next.Before(now) {
		next = now
	}
	p.turn <- next.Add(p.every)
	if !next.After(now) {
		return nil
	}
	return pause(ctx, p.clock, next.Sub(now))
}

// pause waits by the clock.
func pause(ctx context.Context, c clock.Clock, d time.Duration) error {
	up := make(chan struct{})
	t := c.AfterFunc(d, func() { close(up) })
	defer t.Stop()
	select {
	case <-up:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
