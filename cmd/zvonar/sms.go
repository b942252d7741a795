package main

import (
	"context"
	"net/url"

	"zvonar/internal/client"
)

// smsCmd is `zvonar sms`.
type smsCmd struct {
	List smsListCmd `cmd:"" help:"List texts and what became of them, newest first."`
	Show smsShowCmd `cmd:"" help:"Show a text."`
}

type smsListCmd struct {
	remote
	Call  string `help:"Only texts of this call." placeholder:"ID"`
	State string `help:"queued, sending, sent, delivered or failed." enum:",queued,sending,sent,delivered,failed" default:"" placeholder:"STATE"`
	Limit int    `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists texts.
func (c *smsListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for name, value := range map[string]string{"call": c.Call, "state": c.State} {
		if value != "" {
			filter.Set(name, value)
		}
	}
	list, err := remote.Texts(ctx, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	return a.texts(list)
}

type smsShowCmd struct {
	remote
	ID string `arg:"" help:"As list shows it." placeholder:"ID"`
}

// Run shows a text.
func (c *smsShowCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := remote.Text(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(t)
	}
	return a.texts([]client.Text{t})
}

// texts prints texts as a table.
func (a *app) texts(list []client.Text) error {
	rows := make([][]string, 0, len(list))
	for _, m := range list {
		rows = append(rows, []string{m.ID, stamp(m.CreatedAt), m.To, string(m.State), stamp(m.SentAt), stamp(m.ReportedAt), value(m.Error), m.Text})
	}
	return a.table([]string{"ID", "CREATED", "TO", "STATE", "SENT", "REPORTED", "ERROR", "TEXT"}, rows)
}
