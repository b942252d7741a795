package beeline

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// Kind is the name of the system.
const Kind = "beeline"

// Client is one configured PBX. Safe for concurrent use.
type Client struct {
	name     string
	account  string // whose it is; "": everybody's
	settings Settings
	house    *providers.House
	clock    clock.Clock
	log      *slog.Logger
	portal   *portal
	metrics  *providers.Metrics
	people   *people
	desk     *desk
	subs     *subscriptions

	mu   sync.Mutex
	life context.Context // of what Start began; nil: it did not
	end  context.CancelFunc
	work sync.WaitGroup
}

var (
	_ providers.Provider = (*Client)(nil)
	_ providers.Follower = (*Client)(nil)
	_ providers.Intake   = (*Client)(nil)
	_ providers.Service  = (*Client)(nil)
)

// open makes the client of a configured provider.
func open(h *providers.House, name string, from providers.Settings) (providers.Provider, error) {
	s := defaults()
	if err := from.Decode(&s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	account := ""
	if h.AccountOf != nil {
		account = h.AccountOf(name)
	}
	speaks, err := h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Account: account, Timeout: s.Timeout, TLS: s.TLS, Secrets: []string{s.Token}})
	if err != nil {
		return nil, err
	}
	m, err := providers.NewMetrics(h.Metrics)
	if err != nil {
		return nil, err
	}
	c := &Client{name: name, account: account, settings: s, house: h, clock: h.Clock, log: h.Log.With("provider", name), metrics: m, people: &people{},
		portal: &portal{base: s.URL, token: s.Token, client: speaks, pace: newPace(h.Clock, s.Rate)}}
	c.desk = newDesk(c.clock, c.log, c.people, &c.settings, name)
	if s.Foreign {
		c.desk.foreign = c.foreign
	}
	c.subs = newSubscriptions(c)
	return c, nil
}

// Can says that the employee's telephone rings first and the client is joined to it,
// or that our user agent is rung and waits for the client.
func (c *Client) Can() providers.Capabilities {
	if c.settings.Answers == answersSIP {
		return providers.Capabilities{Ready: engine.ReadyEvent}
	}
	return providers.Capabilities{Joins: true}
}

// Start begins to subscribe and to take events in.
func (c *Client) Start(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life != nil {
		return fmt.Errorf("provider %q was started already", c.name)
	}
	c.life, c.end = context.WithCancel(context.Background())
	life := c.life
	c.work.Go(func() { c.desk.run(life) })
	c.work.Go(func() { c.subs.run(life) })
	return nil
}

// Stop ends everything that Start began. What was taken in is told first, and a
// subscription that is being ordered may still be granted. Subscriptions stay: what
// happens meanwhile is lost, but the next Start finds them.
func (c *Client) Stop(ctx context.Context) error {
	c.mu.Lock()
	if c.life == nil {
		c.mu.Unlock()
		return nil
	}
	c.end()
	c.mu.Unlock()
	done := make(chan struct{})
	go func() { c.work.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// running is the life of the client; it has ended where it was not started.
func (c *Client) running() (context.Context, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life, c.life != nil && c.life.Err() == nil
}

// Place asks the PBX to ring the employee, or our user agent, and to call the client
// then. One request, never a second. It implements providers.Originator.
func (c *Client) Place(ctx context.Context, r providers.PlaceRequest) (providers.PlaceResult, error) {
	begun := c.clock.Now()
	var id string
	pattern, err := c.rung(r)
	if err == nil {
		id, err = c.portal.Call(providers.Labelled(ctx, providers.Label{Correlation: r.CallID, Account: r.Account}), &c.settings, pattern, r.To)
	}
	c.metrics.Placed(c.name, c.clock.Now().Sub(begun), err)
	log := c.log.With("call", r.CallID, "attempt", r.Attempt, "to", calls.Mask(r.To))
	if err != nil {
		log.Debug("the PBX did not take the call", "error", err)
	} else {
		log.Info("the PBX took the call", "provider_call_id", id)
	}
	return providers.PlaceResult{ProviderCallID: id}, err
}

// rung is the subscriber that a request has rung first.
func (c *Client) rung(r providers.PlaceRequest) (string, error) {
	if c.settings.Answers == answersSIP {
		return c.settings.Subscriber, nil
	}
	if pattern := patternOf(r.Employee); pattern != "" {
		return pattern, nil
	}
	return "", &calls.PlaceRefused{Reason: "the employee has neither a subscriber nor an extension nor a phone at the PBX"}
}

// foreign tells the house of a call that nobody asked for, also while the client stops:
// its events were taken in and do not come again. The desk calls it.
func (c *Client) foreign(m *mail) {
	life, _ := c.running()
	tell := func(n note) {
		ctx, cancel := providers.Keeping(life)
		defer cancel()
		if _, err := c.house.Engine.Foreign(ctx, n.call, n.report); err != nil {
			c.log.Warn("a call at the PBX could not be told", "state", n.report.State, "error", err)
		}
	}
	c.work.Go(func() {
		c.carry(life, m, time.Time{}, tell)
		if life.Err() == nil {
			return
		}
		<-c.desk.done
		for _, n := range m.take() {
			tell(n)
		}
	})
}

// Intake takes in events. It implements providers.Intake.
func (c *Client) Intake() http.Handler { return http.HandlerFunc(c.takeEvent) }
