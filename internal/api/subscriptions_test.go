package api

import (
	"context"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// fakeSubscriptions are one of ours and one of somebody else.
type fakeSubscriptions struct{ err error }

func (*fakeSubscriptions) Subscriptions() []calls.Subscription {
	return []calls.Subscription{
		{Account: calls.MainAccount, Provider: "pbx", Employee: "emp_1", Target: "9333221100", ID: "sub-1", State: calls.SubscriptionFailed, Words: "the portal does not take the token"},
		{Account: foreign, Provider: "pbx", Employee: "emp_foreign", Target: foreignNumber, State: calls.SubscriptionActive},
	}
}

func (f *fakeSubscriptions) Subscribe(context.Context, *calls.Employee) error { return f.err }

func TestSubscriptionsAreShownAndOrderedAnew(t *testing.T) {
	t.Parallel()
	subs := &fakeSubscriptions{}
	h := newHouse(t, func(c *Config) { c.Subscriptions = subs })
	h.put(func(tx calls.Tx) error {
		return tx.PutEmployee(&calls.Employee{ID: "emp_1", Account: calls.MainAccount, Name: "Anna", Provider: "pbx", Subscriber: "9333221100"})
	})
	list := h.do("GET", "/v1/subscriptions", "")
	if text := string(list.body); list.code != 200 || !strings.Contains(text, `"words":"the portal does not take the token"`) || strings.Contains(text, foreignNumber) {
		t.Errorf("%d %s", list.code, list.body)
	}
	if got := h.do("POST", "/v1/employees/emp_1/subscribe", ""); got.code != 200 || got.doc["subscription_id"] != "sub-1" {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/employees/emp_nobody/subscribe", ""); got.code != 404 {
		t.Errorf("%d %s", got.code, got.body)
	}
	subs.err = calls.Errorf(calls.CodeWrongState, "the provider refused")
	if got := h.do("POST", "/v1/employees/emp_1/subscribe", ""); got.code != 409 || !strings.Contains(string(got.body), "the provider refused") {
		t.Errorf("%d %s", got.code, got.body)
	}
}
