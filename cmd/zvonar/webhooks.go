package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// webhooksCmd is `zvonar webhooks`.
type webhooksCmd struct {
	List       webhooksListCmd       `cmd:"" help:"List webhooks and how they are doing."`
	Add        webhooksAddCmd        `cmd:"" help:"Send events somewhere; the secret is shown once."`
	Set        webhooksSetCmd        `cmd:"" help:"Change a webhook: what is given; --off and --on switch it."`
	Remove     webhooksRemoveCmd     `cmd:"" help:"Stop sending events there, and forget what waits."`
	Rotate     webhooksRotateCmd     `cmd:"" help:"Make a new secret; the old one signs too for a while."`
	Deliveries webhooksDeliveriesCmd `cmd:"" help:"Show deliveries, newest first, with what was answered."`
	Test       webhooksTestCmd       `cmd:"" help:"Send one event there now, out of turn, and show what is answered."`
	Replay     webhooksReplayCmd     `cmd:"" help:"Send events again, in order, under their old ids."`
}

type webhooksListCmd struct{ remote }

// Run lists webhooks.
func (c *webhooksListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Webhooks(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, w := range list {
		rows = append(rows, []string{w.ID, w.URL, webhookTypes(w), stamp(w.CreatedAt), webhookState(w)})
	}
	return a.table([]string{"ID", "URL", "TYPES", "CREATED", "STATE"}, rows)
}

func webhookTypes(w client.Webhook) string {
	if len(w.Types) == 0 {
		return "all"
	}
	types := make([]string, len(w.Types))
	for i, t := range w.Types {
		types[i] = string(t)
	}
	return strings.Join(types, ",")
}

func isSet(s calls.Stamp) bool { return !time.Time(s).IsZero() }

// webhookState is how a webhook is doing, in a few words.
func webhookState(w client.Webhook) string {
	switch {
	case w.Disabled:
		return strings.TrimSuffix("off: "+value(w.DisabledReason), ": ")
	case isSet(w.AuthFailedAt):
		return "credential refused since " + stamp(w.AuthFailedAt)
	case isSet(w.FailingSince):
		return "failing since " + stamp(w.FailingSince) + ": " + value(w.LastError)
	}
	return "ok"
}

type webhooksAddCmd struct {
	remote
	URL      string   `arg:"" name:"url" help:"Where events are posted to." placeholder:"URL"`
	Types    []string `help:"Only events of these types, with commas between (default: all)." placeholder:"TYPE"`
	Kind     string   `help:"In whose dialect: webhook, salebot, … (default: webhook)." placeholder:"KIND"`
	Secret   string   `help:"Sign with this: whsec_ and base64 (default: one is made); what other kinds are given." placeholder:"SECRET"`
	Settings string   `help:"What the kind keeps of the destination: a JSON object, or a file." placeholder:"FILE|JSON"`
}

// Run makes a webhook.
func (c *webhooksAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	request := client.WebhookRequest{Kind: c.Kind, URL: c.URL, Types: c.Types, Secret: c.Secret}
	if c.Settings != "" {
		if request.Settings, err = readJSONArg(a, c.Settings); err != nil {
			return fmt.Errorf("--settings: %w", err)
		}
	}
	w, err := remote.AddWebhook(ctx, request)
	return c.secret(a, w, err)
}

// secret prints a webhook's secret that was just made, alone on stdout, unless
// err.
func (r *remote) secret(a *app, w client.Webhook, err error) error {
	switch {
	case err != nil:
		return err
	case r.JSON:
		return a.json(w)
	}
	if isSet(w.OldSecretUntil) {
		fmt.Fprintf(a.stderr, "the former secret of webhook %s signs too until %s\n", w.ID, stamp(w.OldSecretUntil))
	}
	fmt.Fprintf(a.stderr, "webhook %s; its secret is shown only now:\n", w.ID)
	return a.say("%s", w.Secret)
}

type webhooksRemoveCmd struct {
	remote
	ID string `arg:"" help:"The webhook's id." placeholder:"ID"`
}

// Run removes a webhook.
func (c *webhooksRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RemoveWebhook(ctx, c.ID); err != nil || c.JSON {
		return err
	}
	return a.say("%s is removed", c.ID)
}

type webhooksRotateCmd struct {
	remote
	ID      string `arg:"" help:"The webhook's id." placeholder:"ID"`
	Overlap string `help:"How long the old secret signs too (default 24h)." placeholder:"DURATION"`
}

// Run rotates a webhook's secret.
func (c *webhooksRotateCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	w, err := remote.RotateWebhook(ctx, c.ID, c.Overlap)
	return c.secret(a, w, err)
}

type webhooksDeliveriesCmd struct {
	remote
	ID      string `arg:"" help:"The webhook's id." placeholder:"ID"`
	State   string `help:"pending, delivered or dead (given up)." enum:",pending,delivered,dead" default:"" placeholder:"STATE"`
	Subject string `help:"About this subject, such as call:ID." placeholder:"SUBJECT"`
	Event   string `help:"Of this event." placeholder:"ID"`
	Limit   int    `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists deliveries.
func (c *webhooksDeliveriesCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for name, value := range map[string]string{"state": c.State, "subject": c.Subject, "event": c.Event} {
		if value != "" {
			filter.Set(name, value)
		}
	}
	list, err := remote.Deliveries(ctx, c.ID, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, d := range list {
		status := ""
		if d.LastStatus != 0 {
			status = strconv.Itoa(d.LastStatus)
		}
		rows = append(rows, []string{strconv.FormatInt(d.EventPos, 10), d.EventID, d.Subject, string(d.State), strconv.Itoa(d.Attempts),
			stamp(d.SentAt), status, value(d.LastError), stamp(d.NextAt)})
	}
	return a.table([]string{"POS", "EVENT", "SUBJECT", "STATE", "ATTEMPTS", "SENT", "STATUS", "ERROR", "NEXT"}, rows)
}

type webhooksReplayCmd struct {
	remote
	ID   string   `arg:"" help:"The webhook's id." placeholder:"ID"`
	From string   `help:"From this position of the log, or time like 2026-11-21T12:00:00Z, on." placeholder:"PLACE"`
	To   string   `help:"Up to before this position or time (default: the end of the log)." placeholder:"PLACE"`
	IDs  []string `name:"ids" help:"These events, with commas between." placeholder:"EVENT"`
}

// Run replays events.
func (c *webhooksReplayCmd) Run(ctx context.Context, a *app) error {
	if (c.From == "") == (len(c.IDs) == 0) {
		return errors.New("give either --from (and --to), or --ids")
	}
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	n, unknown, err := remote.Replay(ctx, c.ID, c.From, c.To, c.IDs)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(struct {
			Replayed int      `json:"replayed"`
			Unknown  []string `json:"unknown,omitempty"`
		}{n, unknown})
	}
	if err := a.say("%d events are due again", n); err != nil || len(unknown) == 0 {
		return err
	}
	return fmt.Errorf("no event in the log has the id %s", strings.Join(unknown, ", "))
}
