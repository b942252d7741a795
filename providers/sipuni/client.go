package sipuni

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// Client is one configured account at the service. Safe for concurrent use.
type Client struct {
	name    string
	set     settings
	zone    *time.Location
	house   *providers.House
	log     *slog.Logger
	client  *providers.Client
	metrics *providers.Metrics
	hub     *hub
	aliens  *aliens
}

var (
	_ providers.Provider = (*Client)(nil)
	_ providers.Canceler = (*Client)(nil)
	_ providers.Follower = (*Client)(nil)
	_ providers.Intake   = (*Client)(nil)
	_ providers.Tester   = (*Client)(nil)
	_ providers.Signer   = (*Client)(nil)
)

// newClient makes the client of a configured provider; an error names the key of
// the settings that is wrong.
func newClient(h *providers.House, name string, s providers.Settings) (providers.Provider, error) {
	set, zone, err := readSettings(s)
	if err != nil {
		return nil, err
	}
	c := &Client{name: name, set: set, zone: zone, house: h, log: h.Log.With("provider", name), hub: newHub(h.Clock, set.User, set.MatchWindow)}
	c.client, err = h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Timeout: set.Timeout, TLS: set.TLS, Secrets: []string{set.Secret}})
	if err != nil {
		return nil, err
	}
	if c.metrics, err = providers.NewMetrics(h.Metrics); err != nil {
		return nil, err
	}
	c.aliens = newAliens(c)
	c.hub.foreign = c.aliens.hear
	c.hub.unclear = func(e event) {
		c.log.Warn("an event fits several calls and was given to none of them", "event", int(e.kind), "sipuni_call", e.callID)
	}
	return c, nil
}

// Can implements providers.Provider.
func (c *Client) Can() providers.Capabilities {
	can := providers.Capabilities{Joins: true, ClientFirst: true, Plays: c.set.Method == "voicecall", Ready: engine.ReadyAudio}
	if c.set.Reverse || c.set.Method == "call_tree" {
		can.Ready = engine.ReadyAnswer // we are rung once the client is there
	}
	return can
}

// Place implements providers.Originator.
func (c *Client) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	begun := c.house.Clock.Now()
	result, err := c.place(ctx, r)
	c.metrics.Placed(c.name, c.house.Clock.Now().Sub(begun), err)
	return result, err
}

func (c *Client) place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	path, p, err := c.order(ctx, r)
	if err != nil {
		return calls.PlaceResult{}, &calls.PlaceRefused{Reason: err.Error()}
	}
	ctx = providers.Labelled(ctx, providers.Label{Method: path, Account: r.Account, Correlation: r.CallID})
	a, err := c.send(ctx, path, p, providers.MaxAnswer)
	if err != nil {
		return calls.PlaceResult{}, err
	}
	id, err := readOrder(a)
	return calls.PlaceResult{ProviderCallID: id}, err
}

// Cancel implements providers.Canceler: a call whose events told its call_id is hung
// up, an order that is only an order yet is taken back.
func (c *Client) Cancel(ctx context.Context, r calls.PlaceRequest, placed calls.PlaceResult) error {
	path, p := methodCancel, params{"callbackId": placed.ProviderCallID}
	if id := c.hub.callOf(placed.ProviderCallID); id != "" {
		path, p = methodHangup, params{"callId": id}
	} else if placed.ProviderCallID == "" {
		return errors.New("the service named no order, so there is none to take back")
	}
	ctx = providers.Labelled(ctx, providers.Label{Method: path, Account: r.Account, Correlation: r.CallID})
	a, err := c.send(ctx, path, p, providers.MaxAnswer)
	if err != nil {
		return err
	}
	_, err = readOrder(a)
	return err
}

// send signs and sends one request, once.
func (c *Client) send(ctx context.Context, path string, p params, limit int64) (*providers.Answer, error) {
	m, _ := methodOf(path)
	form := c.signed(p)
	method, address, body := http.MethodPost, c.set.URL+path, strings.NewReader(form.Encode())
	if m.get {
		method, address, body = http.MethodGet, address+"?"+form.Encode(), strings.NewReader("")
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the request could not be written, see url of the settings", Err: err}
	}
	if !m.get {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return c.client.SendLimit(ctx, req, limit)
}

// signed is the form of a request: its parameters, user and hash.
func (c *Client) signed(p params) url.Values {
	all := params{paramUser: c.set.User}
	form := url.Values{}
	for name, value := range p {
		all[name] = value
	}
	for name, value := range all {
		form.Set(name, value)
	}
	form.Set(paramHash, sign(all, c.set.Secret))
	return form
}
