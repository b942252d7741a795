package main

import (
	"context"
	"errors"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// subscriptionsCmd is `zvonar subscriptions`.
type subscriptionsCmd struct {
	List  subscriptionsListCmd  `cmd:"" default:"withargs" help:"Show whose telephones' events come from providers."`
	Again subscriptionsAgainCmd `cmd:"" help:"Order the events of an employee's telephone anew."`
}

type subscriptionsListCmd struct{ remote }

// Run shows them.
func (c *subscriptionsListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Subscriptions(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, s := range list {
		rows = append(rows, []string{s.Provider, s.Employee, s.Target, s.State, s.ExpiresAt, s.Words})
	}
	return a.table([]string{"PROVIDER", "EMPLOYEE", "TARGET", "STATE", "EXPIRES", "WHY"}, rows)
}

type subscriptionsAgainCmd struct {
	remote
	Employee string `arg:"" help:"Id of the employee." placeholder:"EMPLOYEE"`
}

// Run orders one anew.
func (c *subscriptionsAgainCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	s, err := remote.Subscribe(ctx, c.Employee)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(s)
	}
	return a.say("the events of %s are ordered: %s", c.Employee, s.State)
}

// ownSubscriptions are those that the configured providers keep.
type ownSubscriptions struct{ d *daemon }

// Subscriptions implements api.Subscriptions.
func (o ownSubscriptions) Subscriptions() (list []calls.Subscription) {
	for _, c := range o.d.clients {
		if s, ok := c.p.(providers.Subscriber); ok {
			list = append(list, s.Subscriptions()...)
		}
	}
	return list
}

// Subscribe implements api.Subscriptions.
func (o ownSubscriptions) Subscribe(ctx context.Context, e *calls.Employee) error {
	for _, c := range o.d.clients {
		s, ok := c.p.(providers.Subscriber)
		if !ok || c.Name != e.Provider {
			continue
		}
		err := s.Subscribe(ctx, e.ID)
		var known *calls.Error
		if err == nil || errors.As(err, &known) {
			return err
		}
		return &calls.Error{Code: calls.CodeWrongState, Detail: err.Error(), Err: err}
	}
	return calls.Errorf(calls.CodeWrongState, "the employee's provider (%q) does not tell of telephones by subscriptions", e.Provider)
}
