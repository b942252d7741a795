package main

import (
	"context"
	"fmt"
	"net/url"

	"zvonar/internal/calls"
)

// eraseCmd is `zvonar erase`.
type eraseCmd struct {
	remote
	Number  string `arg:"" help:"The number." placeholder:"NUMBER"`
	Blocked string `help:"What becomes of it on the blacklist: keep, so that this person is not called again, or erase." enum:"keep,erase" default:"keep" placeholder:"keep|erase"`
}

// Run erases a number.
func (c *eraseCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	done, err := remote.Erase(ctx, c.Number, c.Blocked)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(done)
	}
	n := done.Erased
	if err := a.say("erased from %d calls, %d attempts, %d events, %d texts, %d deliveries, %d audit entries", n.Calls, n.Attempts, n.Events, n.Texts, n.Deliveries, n.Audit); err != nil {
		return err
	}
	return a.say("%s", done.Note)
}

// auditCmd is `zvonar audit`.
type auditCmd struct {
	remote
	Actor  string `help:"Only what this token did, by its name." placeholder:"NAME"`
	Action string `help:"Only this, like token.create." placeholder:"ACTION"`
	Object string `help:"Only changes of this: an id, number:N, ref:R or series:S." placeholder:"OBJECT"`
	Since  string `help:"Only from this time on (RFC 3339)." placeholder:"TIME"`
	Limit  int    `help:"At most so many (default ${default})." default:"100" placeholder:"N"`
}

// Run lists who changed what.
func (c *auditCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for key, v := range map[string]string{"actor": c.Actor, "action": c.Action, "object": c.Object, "since": c.Since} {
		if v != "" {
			filter.Set(key, v)
		}
	}
	list, err := remote.AuditLog(ctx, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, e := range list {
		rows = append(rows, []string{fmt.Sprint(e.ID), stamp(calls.Stamp(e.At)), e.Actor, e.Action, e.Object, value(e.Detail)})
	}
	return a.table([]string{"ID", "AT", "BY", "ACTION", "OBJECT", "DETAIL"}, rows)
}
