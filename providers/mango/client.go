package mango

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// maxAnswer is how much of an answer is read, in bytes: statistics of a month are long.
const maxAnswer = 32 << 20

// slack is what the client adds to the provider's periods.
const slack = 100 * time.Millisecond

// client is one PBX of the provider, as we use it. Safe for concurrent use.
type client struct {
	set     settings
	name    string
	house   *providers.House
	http    *providers.Client
	meter   *meter
	bad     *penalties
	book    *book
	aliens  *aliens
	sources []netip.Prefix
	metrics *providers.Metrics
	log     *slog.Logger
}

var (
	_ providers.Provider = (*client)(nil)
	_ providers.Canceler = (*client)(nil)
	_ providers.Follower = (*client)(nil)
	_ providers.Intake   = (*client)(nil)
	_ providers.Tester   = (*client)(nil)
	_ providers.Signer   = (*client)(nil)
)

// newClient makes the client of one configured provider.
func newClient(h *providers.House, name string, s providers.Settings) (*client, error) {
	set := defaults()
	if err := s.Decode(&set); err != nil {
		return nil, err
	}
	if err := set.check(); err != nil {
		return nil, err
	}
	sources, err := networks(set.Sources)
	if err != nil {
		return nil, err
	}
	m, err := providers.NewMetrics(h.Metrics)
	if err != nil {
		return nil, err
	}
	speak, err := h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Timeout: time.Duration(set.Timeout), TLS: set.TLS, Secrets: []string{set.Key, set.Salt}})
	if err != nil {
		return nil, err
	}
	c := &client{set: set, name: name, house: h, http: speak, meter: newMeter(h.Clock, slack),
		bad: newPenalties(h.Clock, set.BadRequests), sources: sources, metrics: m, log: h.Log.With("provider", name)}
	c.aliens = &aliens{c: c, list: map[text]*alien{}}
	c.book = newBook(h.Clock, time.Duration(set.Strangers), c.aliens.hear)
	return c, nil
}

// Can implements providers.Provider: it rings our extension and then the client,
// whose answer its notices tell; or it joins an employee's telephone, or a group, and
// the client. Only with a group can the client be rung first.
func (c *client) Can() providers.Capabilities {
	return providers.Capabilities{Joins: true, ClientFirst: true, Ready: engine.ReadyEvent}
}

// reply is what the provider answers to most requests.
type reply struct {
	Result  number `json:"result"`
	Command text   `json:"command_id"`
	// Of an answer that the gate before the API gave.
	Name    string `json:"name"`
	Message string `json:"message"`
	Status  number `json:"status"`
}

// asked is one exchange with the provider.
type asked struct {
	method method
	answer *providers.Answer
	reply  reply
	code   int // the result; 0: the answer bears none
}

// request signs body, waits for its turn and sends it, once. An error is a
// *calls.PlaceRefused where nothing was sent, else a *calls.PlaceUnknown.
func (c *client) request(ctx context.Context, m method, body any) (asked, error) {
	a := asked{method: m}
	if until := c.bad.until(c.set.Key); !until.IsZero() {
		return a, &calls.PlaceRefused{Reason: fmt.Sprintf("requests were wrong; it is left alone until %s", until.UTC().Format(time.TimeOnly))}
	}
	if err := c.meter.wait(ctx, c.set.Key, m.group); err != nil {
		return a, &calls.PlaceRefused{Reason: "its rate limits did not let the request go in time", Err: err}
	}
	f, err := newForm(c.set.Key, c.set.Salt, body)
	if err != nil {
		return a, &calls.PlaceRefused{Reason: "the request could not be written", Err: err}
	}
	req, err := http.NewRequest(http.MethodPost, c.set.URL+m.path, bytes.NewReader(f.encode()))
	if err != nil {
		return a, &calls.PlaceRefused{Reason: "the request could not be written, see url of its configuration", Err: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "zvonar")
	a.answer, err = c.http.SendLimit(providers.Labelled(ctx, providers.Label{Method: m.path}), req, maxAnswer)
	if err == nil {
		a.read()
		c.judge(a)
	}
	return a, err
}

// read takes the result out of the answer, if there is one.
func (a *asked) read() {
	body := bytes.TrimSpace(a.answer.Body)
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &a.reply) != nil {
		return
	}
	a.code = int(a.reply.Result)
}

// slowed reports whether the answer says that we were too fast.
func (a asked) slowed() bool {
	return a.answer.Status == http.StatusTooManyRequests || a.reply.Status == http.StatusTooManyRequests || a.code == 4290 || a.code == 5008 && a.reply.Command == ""
}

// judge counts what the provider holds against us.
func (c *client) judge(a asked) {
	switch {
	case a.answer.Status == http.StatusUnauthorized:
		c.bad.count(c.set.Key, c.set.BadRequests+1)
		c.log.Warn("the provider does not listen to us for two minutes (401)")
	case a.code == codeBadSign || a.code == codeBadKey:
		c.bad.count(c.set.Key, c.set.BadRequests+1)
		c.log.Error("the provider refuses our key or our signature; check key and salt", "result", a.code)
	case class(a.code) == 3:
		c.bad.count(c.set.Key, 1)
	}
}

// outcome turns an answer to a command into success or an error that says whether
// it can have been carried out.
func (a asked) outcome() error {
	switch {
	case class(a.code) == 1:
		return nil
	case a.slowed():
		return &calls.PlaceRefused{Reason: "we asked too often"}
	case a.code != 0:
		m := meaningOf(a.code)
		if m.doubt {
			return &calls.PlaceUnknown{Reason: wordsOf(a.code)}
		}
		return &calls.PlaceRefused{Reason: wordsOf(a.code)}
	case a.answer.Status == http.StatusUnauthorized:
		return &calls.PlaceRefused{Reason: "it does not listen to us for two minutes (401)"}
	case a.answer.Status == http.StatusRequestTimeout: // somewhere on the way
		return &calls.PlaceUnknown{Reason: "it answered with status 408"}
	case a.answer.Status >= 400 && a.answer.Status < 500:
		return &calls.PlaceRefused{Reason: fmt.Sprintf("it answered with status %d", a.answer.Status)}
	}
	return &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) bears no result", a.answer.Status)}
}

// Test implements providers.Tester: every method, with any body.
func (c *client) Test(ctx context.Context, name string, body []byte) (*providers.Answer, error) {
	m, ok := methodAt(methodOf(name))
	if !ok {
		return nil, calls.Errorf(calls.CodeInvalidField, "there is no method %q", name).At("body.method", name)
	}
	if !json.Valid(body) || !strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		return nil, calls.Errorf(calls.CodeBadJSON, "the body must be a JSON object").At("body.body", nil)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil {
		return nil, calls.Errorf(calls.CodeBadJSON, "the body must be a JSON object").At("body.body", nil)
	}
	a, err := c.request(providers.Labelled(ctx, providers.Label{Test: true}), m, json.RawMessage(compact.Bytes()))
	if err != nil {
		var refused *calls.PlaceRefused
		if errors.As(err, &refused) && a.answer == nil {
			return nil, calls.Errorf(calls.CodeOverloaded, "%s", refused.Reason)
		}
		return nil, err
	}
	return a.answer, nil
}

// Sign implements providers.Signer.
func (c *client) Sign(_ string, body []byte) ([]providers.Signed, error) {
	f := form{Key: c.set.Key, JSON: string(body), Sign: sign(c.set.Key, string(body), c.set.Salt)}
	return []providers.Signed{
		{Name: "sha256 of", Value: fieldKey + " + " + f.JSON + " + vpbx_api_salt"},
		{Name: fieldSign, Value: f.Sign},
		{Name: fieldJSON, Value: f.JSON},
	}, nil
}
