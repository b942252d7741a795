package rostelecom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// Provider is one domain of the virtual PBX, or one CRM that we are the PBX of, or both.
type Provider struct {
	name     string
	set      settings
	house    *providers.House
	api, crm *providers.Client // nil: not configured
	metrics  *providers.Metrics
	log      *slog.Logger
	hub      *hub

	strangers *strangers

	mu    sync.Mutex
	ready map[string]chan struct{} // by order: a history is there
}

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Follower = (*Provider)(nil)
	_ providers.Intake   = (*Provider)(nil)
	_ providers.Router   = (*Provider)(nil)
	_ providers.Tester   = (*Provider)(nil)
	_ providers.Signer   = (*Provider)(nil)
	_ providers.Service  = (*Provider)(nil)
	_ providers.Excluder = (*Provider)(nil)
)

// New makes a provider of the settings; an error names the key that is wrong.
func newProvider(h *providers.House, name string, s providers.Settings) (*Provider, error) {
	set, err := read(s)
	if err != nil {
		return nil, err
	}
	p := &Provider{name: name, set: set, house: h, log: h.Log.With("provider", name), ready: map[string]chan struct{}{}, strangers: newStrangers()}
	p.hub = newHub(p.foreign)
	if p.metrics, err = providers.NewMetrics(h.Metrics); err != nil {
		return nil, err
	}
	if set.ClientID != "" {
		p.api, err = h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Account: p.account(), Timeout: time.Duration(set.Timeout),
			TLS: set.TLS, Secrets: []string{set.SignKey}})
		if err != nil {
			return nil, err
		}
	}
	if set.CRM.URL != "" {
		p.crm, err = h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Account: p.account(), Timeout: time.Duration(set.CRM.Timeout),
			TLS: set.CRM.TLS, Secrets: []string{set.CRM.SignKey}})
		if err != nil {
			return nil, fmt.Errorf("crm.%w", err)
		}
	}
	return p, nil
}

// Can implements providers.Provider.
func (p *Provider) Can() providers.Capabilities {
	ready := engine.ReadyAudio
	if p.house.IntakeURL != nil && p.house.IntakeURL(p.name) != "" {
		ready = engine.ReadyEvent // else nobody tells us of events
	}
	return providers.Capabilities{NoCalls: p.api == nil, Routes: p.crm != nil, Joins: p.set.Joins, Ready: ready}
}

// post signs a body and sends it to a method of the API, once.
func (p *Provider) post(ctx context.Context, method, correlation string, body []byte) (*providers.Answer, error) {
	return p.postLimit(ctx, method, correlation, body, providers.MaxAnswer)
}

func (p *Provider) postLimit(ctx context.Context, method, correlation string, body []byte, limit int64) (*providers.Answer, error) {
	if p.api == nil {
		return nil, &calls.PlaceRefused{Reason: "client_id and sign_key of the API are not configured"}
	}
	req, err := request(p.set.API+"/"+method, p.set.ClientID, p.set.SignKey, body)
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the request could not be made", Err: err}
	}
	ctx = providers.Labelled(ctx, providers.Label{Method: method, Correlation: correlation})
	return p.api.SendLimit(ctx, req, limit)
}

// request is a signed POST.
func request(url, id, key string, body []byte) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	putSign(req.Header, id, body, key)
	return req, nil
}

// ask sends fields to a method and reads the answer into out, which begins with a
// result. Errors are *calls.PlaceRefused, where the API said no, or *calls.PlaceUnknown.
func (p *Provider) ask(ctx context.Context, method, correlation string, fields any, out any) error {
	body, err := json.Marshal(fields)
	if err != nil {
		return &calls.PlaceRefused{Reason: "the request could not be written", Err: err}
	}
	a, err := p.post(ctx, method, correlation, body)
	if err != nil {
		return err
	}
	return p.understand(method, a, out)
}

// understand reads an answer: success, or the error of refusals and of what nobody
// can tell.
func (p *Provider) understand(method string, a *providers.Answer, out any) error {
	if a.Status < 200 || a.Status > 299 {
		return refusal(method, a)
	}
	var r struct {
		result
		SessionID text            `json:"session_id"`
		URL       text            `json:"url"`
		OrderID   text            `json:"order_id"`
		Info      json.RawMessage `json:"info"`
		Users     json.RawMessage `json:"users"`
	}
	if err := json.Unmarshal(a.Body, &r); err != nil {
		return &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) is no JSON of the Integration API", a.Status), Err: err}
	}
	named := r.SessionID != "" || r.URL != "" || r.OrderID != "" || len(r.Info) > 0 || len(r.Users) > 0
	switch {
	case r.Result == "0":
	case r.Result == "1" && p.set.Stand && named:
		// The test stand says 1 where everything went well.
	case r.Result == "":
		return &calls.PlaceUnknown{Reason: "its answer has no result"}
	default:
		return &calls.PlaceRefused{Reason: words(r.result)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return &calls.PlaceUnknown{Reason: "its answer could not be read", Err: err}
	}
	return nil
}

// resultWords say what the known codes mean. The full table is not published.
var resultWords = map[text]string{
	"-20": "an error while trying to make the callback",
}

// words quotes a result that is no success.
func words(r result) string {
	s := fmt.Sprintf("result %q", calls.Clean(string(r.Result), 20))
	if known := resultWords[r.Result]; known != "" {
		s += " (" + known + ")"
	}
	if m := calls.Clean(string(r.Message), 200); m != "" {
		s += ": " + m
	}
	return s
}

// statusWords say what the API means by a status.
var statusWords = map[int]string{
	http.StatusUnauthorized: "client_id or sign_key is wrong (401)",
	http.StatusForbidden:    "this client_id has no right to the method (403): switch it on in the cabinet",
	http.StatusNotFound:     "the method is not on this host (404): check api",
}

// refusal reads an answer that is not 2xx.
func refusal(method string, a *providers.Answer) error {
	_, err := providers.Reading{ErrorPath: "resultMessage"}.Read(a)
	var refused *calls.PlaceRefused
	if known := statusWords[a.Status]; known != "" && errors.As(err, &refused) {
		return &calls.PlaceRefused{Reason: method + ": " + known}
	}
	return err
}
