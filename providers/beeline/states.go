package beeline

import (
	"cmp"
	"context"
	"net/http"

	"zvonar/internal/calls"
	"zvonar/providers"
)

var _ providers.Subscriber = (*Client)(nil)

// Subscriptions tells how each stands. It implements providers.Subscriber.
func (c *Client) Subscriptions() []calls.Subscription {
	s := c.subs
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]calls.Subscription, 0, len(s.targets))
	for _, t := range s.targets {
		k, st := s.kept[t.key], s.of(t.key)
		v := calls.Subscription{Provider: c.name, Target: t.pattern, ID: k.ID, State: st.state, Words: st.words, Expires: k.Expires}
		if t.employee != nil {
			v.Account, v.Employee = t.employee.Account, t.employee.ID
		}
		if v.State == calls.SubscriptionActive && c.clock.Now().After(k.Expires) {
			v.State, v.Words = calls.SubscriptionFailed, "it ended and could not be renewed yet"
		}
		list = append(list, v)
	}
	return list
}

// Subscribe orders an employee's events anew. It implements providers.Subscriber.
func (c *Client) Subscribe(ctx context.Context, employee string) error {
	life, ok := c.running()
	if !ok || c.settings.Subscribe == subscribeNo {
		return calls.Errorf(calls.CodeWrongState, "provider %q does not subscribe: see subscribe of its settings", c.name)
	}
	o := order{employee, make(chan error, 1)}
	select {
	case c.subs.orders <- o:
	case <-life.Done():
		return life.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// explain is what a failure means to whoever has to mend it.
func explain(err error) string {
	switch statusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "the portal does not take the token: make a new one under API integration of the cabinet and put it into the settings"
	case http.StatusNotFound:
		return "the portal does not know this subscriber: compare it with the list of subscribers in the cabinet"
	case http.StatusTooManyRequests:
		return "the portal wants fewer requests: lower rate in the settings"
	}
	return cmp.Or(calls.Clean(err.Error(), 300), "the portal refused")
}
