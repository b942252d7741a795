package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// eventsCmd is `zvonar events`.
type eventsCmd struct {
	remote
	Follow  bool   `help:"Print what happens from now on, or from --after on, until it is interrupted." short:"f"`
	After   *int64 `help:"Only events behind this position (default: the oldest that is kept; with --follow: now)." placeholder:"POS"`
	Types   string `help:"Only of these types, with commas between: call.completed,trunk.down." placeholder:"TYPES"`
	Subject string `help:"Only of this subject, like call:ID or trunk:NAME." placeholder:"SUBJECT"`
	Limit   int    `help:"Without --follow: at most so many, 1 to 500 (default ${default})." default:"100" placeholder:"N"`
}

// Run prints events.
func (c *eventsCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for key, word := range map[string]string{"types": c.Types, "subject": c.Subject} {
		if word != "" {
			filter.Set(key, word)
		}
	}
	if c.Follow {
		after := client.Now
		if c.After != nil {
			after = *c.After
		}
		return remote.EventsOf(ctx, filter, after, func(e calls.Event) error { return c.print(a, e) })
	}
	after := int64(0)
	if c.After != nil {
		after = *c.After
	}
	list, _, err := remote.EventPage(ctx, filter, after, c.Limit)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := c.print(a, e); err != nil {
			return err
		}
	}
	if len(list) == c.Limit && !c.JSON {
		fmt.Fprintf(a.stderr, "zvonar: there may be more: --after %d\n", list[len(list)-1].Pos)
	}
	return nil
}

// print writes an event on a line: when, where in the log, about what, in words.
func (c *eventsCmd) print(a *app, e calls.Event) error {
	if c.JSON {
		return a.json(e)
	}
	_, err := fmt.Fprintf(a.stdout, "%s  %d  %s  %s\n", e.Time.UTC().Format(time.DateTime+".000"), e.Pos, timeline.Clean(e.Subject), timeline.Words(e))
	return err
}
