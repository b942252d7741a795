package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// tries marks what is sent out of turn as a test in the journal.
type tries struct{ *outbox.Outbox }

// Try implements api.Tries.
func (t tries) Try(ctx context.Context, account, id string, e calls.Event) (outbox.Tried, error) {
	return t.Outbox.Try(providers.Labelled(ctx, providers.Label{Test: true}), account, id, e)
}

type webhooksTestCmd struct {
	remote
	ID      string        `arg:"" help:"The webhook's id." placeholder:"ID"`
	Event   string        `help:"An event of the log, by its id." placeholder:"EVENT"`
	Type    string        `help:"Type of an event made up for this (default: call.completed)." placeholder:"TYPE"`
	Call    string        `help:"The call it is about." placeholder:"CALL"`
	Data    string        `help:"Its data, as JSON." placeholder:"JSON"`
	Timeout time.Duration `default:"10s" help:"How long an answer is waited for, at most 25s." placeholder:"TIME"`
}

// Run sends one event.
func (c *webhooksTestCmd) Run(ctx context.Context, a *app) error {
	if c.Data != "" && !json.Valid([]byte(c.Data)) {
		return errors.New("--data is not JSON")
	}
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := remote.TryWebhook(ctx, c.ID, client.TryWebhook{Event: c.Event, Type: c.Type, CallID: c.Call, Data: json.RawMessage(c.Data), Timeout: int(c.Timeout / time.Second)})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(t)
	case !t.Wanted:
		return a.say("this event is nothing to the destination; nothing was sent")
	}
	if err := a.say("sent: %s", t.Body); err != nil {
		return err
	}
	if t.Error != "" {
		return fmt.Errorf("%s (after %d ms): %s", t.Error, t.TookMS, t.Answer)
	}
	return a.say("answered with %d after %d ms: %s", t.Status, t.TookMS, t.Answer)
}
