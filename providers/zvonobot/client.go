package zvonobot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// Client is one configured account at Zvonobot, or at a brand with the same engine.
// Safe for concurrent use.
type Client struct {
	name    string
	cfg     clientSettings
	h       *providers.House
	http    *providers.Client
	turns   *limiter
	causes  causeReader
	metrics *providers.Metrics
	log     *slog.Logger
	clock   clock.Clock

	follows follows
	poll    poller
}

var (
	_ providers.Provider = (*Client)(nil)
	_ providers.Follower = (*Client)(nil)
	_ providers.Intake   = (*Client)(nil)
	_ providers.Service  = (*Client)(nil)
	_ providers.Tester   = (*Client)(nil)
)

// newClient makes the client of a configured provider.
func newClient(h *providers.House, name string, s providers.Settings) (*Client, error) {
	cfg, err := readClient(s)
	if err != nil {
		return nil, err
	}
	sender, err := h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Timeout: time.Duration(cfg.Timeout), TLS: cfg.TLS, Secrets: []string{cfg.APIKey}})
	if err != nil {
		return nil, err
	}
	m, err := providers.NewMetrics(h.Metrics)
	if err != nil {
		return nil, err
	}
	c := &Client{name: name, cfg: cfg, h: h, http: sender, turns: newLimiter(h.Clock, cfg.Rate),
		causes: newCauseReader(cfg.Causes, calls.Outcome(cfg.Canceled)), metrics: m, log: h.Log.With("provider", name), clock: h.Clock}
	c.follows.init(h.Clock)
	c.poll.c = c
	return c, nil
}

// Can implements providers.Provider.
func (c *Client) Can() providers.Capabilities { return providers.Capabilities{Plays: true} }

// methods are what may be asked by name, for the console.
var methods = []string{"create", "get", "createRecord", "getRecords", "getPhones", "userInfo", "getAvailableLanguages", "remove",
	"createWithTemplate", "getWithTemplates", "getTemplates"}

// blacklistMethod is the one that does not lie under /apiCalls/.
const blacklistMethod = "apiBlacklist/addPhonesFromApi"

// Call asks for a method by its name with a JSON object, to which the key is added, and
// gives what data of the answer is. Errors are *calls.PlaceRefused, where it was
// refused for certain, and *calls.PlaceUnknown.
func (c *Client) Call(ctx context.Context, method string, body []byte) (json.RawMessage, error) {
	a, err := c.send(ctx, method, body, providers.MaxAnswer)
	if err != nil {
		return nil, err
	}
	return readAnswer(a)
}

// Test implements providers.Tester: any method by its name.
func (c *Client) Test(ctx context.Context, method string, body []byte) (*providers.Answer, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	return c.send(providers.Labelled(ctx, providers.Label{Test: true}), method, body, mostAnswer)
}

// mostAnswer bounds the answers that list things.
const mostAnswer = 8 << 20

// send makes one request, in its turn.
func (c *Client) send(ctx context.Context, method string, body []byte, most int64) (*providers.Answer, error) {
	path := "/apiCalls/" + method
	switch {
	case method == blacklistMethod:
		path = "/" + blacklistMethod
	case !slices.Contains(methods, method):
		return nil, &calls.PlaceRefused{Reason: fmt.Sprintf("there is no method %q; there are %s, %s", calls.Clean(method, 64), strings.Join(methods, ", "), blacklistMethod)}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, &calls.PlaceRefused{Reason: "the body must be a JSON object", Err: err}
	}
	key, err := json.Marshal(c.cfg.APIKey)
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the key cannot be written", Err: err}
	}
	fields["apiKey"] = key
	whole, err := json.Marshal(fields)
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the body cannot be written", Err: err}
	}
	if err := c.turns.wait(ctx); err != nil {
		return nil, &calls.PlaceRefused{Reason: "too many requests wait for their turn", Err: err}
	}
	req, err := http.NewRequest(http.MethodPost, c.cfg.URL+path, bytes.NewReader(whole))
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the address cannot be read, see url of its configuration", Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return c.http.SendLimit(providers.Labelled(ctx, providers.Label{Method: method}), req, most)
}

// answer is what every method answers with.
type answer struct {
	Status  text            `json:"status"`
	Message json.RawMessage `json:"message"`
	Errors  json.RawMessage `json:"errors"`
	Data    json.RawMessage `json:"data"`
}

// readAnswer decides what an answer means: its data, or a *calls.PlaceRefused where
// nothing happened, or a *calls.PlaceUnknown where nobody can tell.
func readAnswer(a *providers.Answer) (json.RawMessage, error) {
	var r answer
	err := json.Unmarshal(a.Body, &r)
	if a.Status < 200 || a.Status > 299 {
		_, judged := providers.Reading{}.Read(a)
		return nil, withWords(judged, r.words())
	}
	switch {
	case err != nil:
		return nil, &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) is no JSON of the kind we know", a.Status), Err: err}
	case r.Status == "success":
		return r.Data, nil
	case r.Status == "error":
		return nil, &calls.PlaceRefused{Reason: orText(r.words(), "it gave no reason")}
	}
	return nil, &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer has the status %q, which is neither success nor error", calls.Clean(string(r.Status), 64))}
}

// withWords adds what the provider said to an error.
func withWords(err error, words string) error {
	var refused *calls.PlaceRefused
	var unknown *calls.PlaceUnknown
	switch {
	case words == "":
	case errors.As(err, &refused):
		return &calls.PlaceRefused{Reason: refused.Reason + ": " + words, Err: refused.Err}
	case errors.As(err, &unknown):
		return &calls.PlaceUnknown{Reason: unknown.Reason + ": " + words, Err: unknown.Err}
	}
	return err
}

// words are the reasons of an answer, wherever this shape of it keeps them: in message,
// in errors, in the elements of data, or in data as a list by field.
func (r answer) words() string {
	var out []string
	collectWords(r.Message, 0, &out)
	collectWords(r.Errors, 0, &out)
	if r.Status != "success" {
		collectWords(r.Data, 0, &out)
	}
	return calls.Clean(strings.Join(out, "; "), 200)
}

// collectWords finds messages in any JSON: texts, those in lists, and those of fields.
func collectWords(raw json.RawMessage, depth int, out *[]string) {
	if len(raw) == 0 || depth > 3 || len(*out) > 5 {
		return
	}
	var s string
	var list []json.RawMessage
	var m map[string]json.RawMessage
	switch {
	case json.Unmarshal(raw, &s) == nil:
		if s != "" {
			*out = append(*out, s)
		}
	case json.Unmarshal(raw, &list) == nil:
		for _, el := range list {
			collectWords(el, depth+1, out)
		}
	case json.Unmarshal(raw, &m) == nil:
		if msg, ok := m["message"]; ok {
			collectWords(msg, depth+1, out)
			return
		}
		for _, name := range slices.Sorted(mapKeys(m)) {
			if name != "phone" && name != "status" && name != "id" {
				collectWords(m[name], depth+1, out)
			}
		}
	}
}
