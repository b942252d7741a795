package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// attentionCmd is `zvonar attention`.
type attentionCmd struct {
	List attentionListCmd `cmd:"" help:"List calls that need a person, newest first."`
	Take attentionTakeCmd `cmd:"" help:"Take one, so that nobody else does."`
	Done attentionDoneCmd `cmd:"" help:"Say that one is done with."`
}

type attentionListCmd struct {
	remote
	State string `help:"open, taken or done (default: open and taken)." placeholder:"STATE"`
	Kind  string `help:"attention or missed (default: both)." placeholder:"KIND"`
	Limit int    `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists what needs a person.
func (c *attentionListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for key, word := range map[string]string{"state": c.State, "kind": c.Kind} {
		if word != "" {
			filter.Set(key, word)
		}
	}
	list, err := remote.Attention(ctx, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, n := range list {
		rows = append(rows, []string{n.ID, stamp(n.CreatedAt), n.Kind, value(n.Number), string(n.State), value(n.TakenBy), n.CallID, n.Why})
	}
	return a.table([]string{"ID", "SINCE", "KIND", "NUMBER", "STATE", "TAKEN BY", "CALL", "WHY"}, rows)
}

type attentionTakeCmd struct {
	remote
	ID string `arg:"" help:"As list shows it." placeholder:"ID"`
}

// Run takes one.
func (c *attentionTakeCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	n, err := remote.TakeAttention(ctx, c.ID)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(n)
	}
	return a.say("%s is yours: call %s, %s", n.ID, n.CallID, n.Why)
}

type attentionDoneCmd struct {
	remote
	ID   string `arg:"" help:"As list shows it." placeholder:"ID"`
	Note string `help:"What was done." placeholder:"NOTE"`
}

// Run finishes one.
func (c *attentionDoneCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	n, err := remote.FinishAttention(ctx, c.ID, c.Note)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(n)
	}
	return a.say("%s is done with", n.ID)
}

// statsCmd is `zvonar stats`.
type statsCmd struct {
	remote
	By      string `help:"What to group by, up to three with commas: outcome, trunk, campaign, employee, line, day, hour, metadata.KEY, … (default ${default})." default:"outcome" placeholder:"KEYS"`
	From    string `help:"Ended from this time on, like 2026-11-01T00:00:00Z." placeholder:"TIME"`
	Until   string `help:"Ended before this time." placeholder:"TIME"`
	Zone    string `help:"Time zone of day and hour (default: UTC)." placeholder:"ZONE"`
	Outcome string `help:"Only calls that ended so." placeholder:"OUTCOME"`
}

// Run counts calls.
func (c *statsCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for key, word := range map[string]string{"group_by": c.By, "from": c.From, "until": c.Until, "zone": c.Zone, "outcome": c.Outcome} {
		if word != "" {
			filter.Set(key, word)
		}
	}
	s, err := remote.Stats(ctx, filter)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(s)
	}
	keys := strings.Split(c.By, ",")
	head := append(slices.Clone(keys), "calls", "answered", "talk", "billable")
	rows := make([][]string, 0, len(s.Items)+1)
	for _, r := range s.Items {
		row := make([]string, 0, len(head))
		for _, k := range keys {
			row = append(row, r.Group[k])
		}
		rows = append(rows, append(row, fmt.Sprint(r.Calls), fmt.Sprint(r.Answered), span(r.TalkMS), span(r.BillableMS)))
	}
	for i := range head {
		head[i] = strings.ToUpper(head[i])
	}
	if err := a.table(head, rows); err != nil {
		return err
	}
	if !s.Complete {
		return a.say("that is not all: up to %s; narrow --from and --until", stamp(s.Through))
	}
	return a.say("%d calls, %d answered, %s of talk, %s billable", s.Total.Calls, s.Total.Answered, span(s.Total.TalkMS), span(s.Total.BillableMS))
}

// cdrCmd is `zvonar cdr`.
type cdrCmd struct {
	Export cdrExportCmd `cmd:"" help:"Print call records, each once; the cursor of the next export goes to stderr or a file."`
}

type cdrExportCmd struct {
	remote
	Format string `help:"jsonl, csv or asterisk (default ${default})." enum:"jsonl,csv,asterisk" default:"jsonl" placeholder:"FORMAT"`
	After  int64  `help:"Cursor of the export before (default: the oldest that is kept)." placeholder:"CURSOR" xor:"cursor"`
	Cursor string `help:"File that keeps the cursor: read before, written after." placeholder:"FILE" xor:"cursor"`
	Limit  int    `help:"At most so many (default: all)." placeholder:"N"`
}

// Run prints call records.
func (c *cdrExportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	after := c.After
	if c.Cursor != "" {
		text, err := os.ReadFile(c.Cursor)
		if err == nil {
			if _, err := fmt.Sscan(string(text), &after); err != nil {
				return fmt.Errorf("%s holds no cursor", c.Cursor)
			}
		} else if !os.IsNotExist(err) {
			return fmt.Errorf("the cursor cannot be read: %w", err)
		}
	}
	next, err := remote.CallRecords(ctx, c.Format, after, c.Limit, a.stdout)
	if err != nil {
		return err
	}
	if c.Cursor == "" {
		_, err = fmt.Fprintf(a.stderr, "zvonar: the next export goes on with --after %d\n", next)
		return err
	}
	beside := c.Cursor + ".part"
	if err := os.WriteFile(beside, []byte(fmt.Sprintln(next)), 0o640); err != nil {
		return fmt.Errorf("the cursor cannot be kept: %w", err)
	}
	return os.Rename(beside, c.Cursor)
}
