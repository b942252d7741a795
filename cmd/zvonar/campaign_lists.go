package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

type campaignImportCmd struct {
	campaignID
	File      string            `arg:"" help:"CSV or NDJSON; - is stdin." placeholder:"FILE"`
	Delimiter string            `help:"Of CSV: comma, semicolon, tab, pipe; else it is found." enum:",comma,semicolon,tab,pipe" default:"" placeholder:"NAME"`
	Charset   string            `help:"utf-8 or windows-1251; else it is found." enum:",utf-8,windows-1251" default:"" placeholder:"NAME"`
	Column    map[string]string `help:"Which column is what: number=Телефон; may be given several times." placeholder:"FIELD=HEAD"`
	Check     bool              `help:"Read and check it, store nothing."`
}

// Run adds contacts.
func (c *campaignImportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, value := range map[string]string{"delimiter": c.Delimiter, "charset": c.Charset} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var columns []string
	for field, head := range c.Column {
		columns = append(columns, field+"="+head)
	}
	if len(columns) > 0 {
		query.Set("columns", strings.Join(columns, ","))
	}
	if c.Check {
		query.Set("dry_run", "true")
	}
	return importContacts(ctx, a, remote, c.ID, c.File, query, c.JSON)
}

// shownFaults is how many invalid lines are told to people: a list in the wrong shape
// has nothing else, and what it comes to must not scroll away.
const shownFaults = 20

// importContacts sends a file and tells what came of it, faults on stderr.
func importContacts(ctx context.Context, a *app, remote *client.Client, id, file string, query url.Values, asJSON bool) error {
	var out client.ContactImport
	err := withFile(a, file, func(_ string, r io.Reader) (err error) {
		out, err = remote.ImportContacts(ctx, id, query, r)
		return err
	})
	if err != nil {
		return err
	}
	if asJSON {
		return a.json(out)
	}
	for i, f := range out.Errors {
		if i == shownFaults {
			out.ErrorsOmitted += int64(len(out.Errors) - i)
			break
		}
		where := fmt.Sprintf("line %d", f.Line)
		if f.Field != "" {
			where += ", " + f.Field
		}
		if _, err := fmt.Fprintf(a.stderr, "%s: %s\n", where, f.Words); err != nil {
			return err
		}
	}
	if out.ErrorsOmitted > 0 {
		if _, err := fmt.Fprintf(a.stderr, "and %d more lines are invalid (--json names up to a thousand)\n", out.ErrorsOmitted); err != nil {
			return err
		}
	}
	return a.say("%d lines: %d contacts added, %d there already, %d invalid", out.Lines, out.Added, out.Duplicates, out.Invalid)
}

type campaignExportCmd struct {
	campaignID
	File    string `arg:"" optional:"" help:"File to write (default: stdout)." default:"-" placeholder:"FILE"`
	Format  string `help:"csv or jsonl." enum:"csv,jsonl" default:"csv" placeholder:"FORMAT"`
	State   string `help:"Only these: waiting, calling, done, skipped, failed." placeholder:"STATE"`
	Outcome string `help:"Only these: answered, busy, …" placeholder:"OUTCOME"`
}

// Run writes the contacts.
func (c *campaignExportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	query := url.Values{"format": {c.Format}}
	for name, value := range map[string]string{"state": c.State, "outcome": c.Outcome} {
		if value != "" {
			query.Set(name, value)
		}
	}
	rows, err := remote.ExportContacts(ctx, c.ID, query)
	if err != nil {
		return err
	}
	return a.save(c.File, rows)
}

type campaignPreflightCmd struct{ campaignID }

// Run looks at a campaign before it is started.
func (c *campaignPreflightCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	p, err := remote.PreflightCampaign(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := a.json(p); err != nil {
			return err
		}
	} else if err := c.words(a, p); err != nil {
		return err
	}
	if !p.Ready {
		return exitError(exitOtherwise)
	}
	return nil
}

// words tells a preflight to a person.
func (c *campaignPreflightCmd) words(a *app, p client.Preflight) error {
	if err := a.say("%s", p.Words); err != nil {
		return err
	}
	rows := make([][]string, 0, len(p.Hours))
	for _, h := range p.Hours {
		hours := "open"
		if !h.Open {
			hours = "opens " + stamp(h.OpensAt)
			if time.Time(h.OpensAt).IsZero() {
				hours = "never opens"
			}
		}
		zones := strings.Join(h.Zones, ", ")
		if len(h.Zones) > 3 {
			zones = fmt.Sprintf("%s and %d more", strings.Join(h.Zones[:3], ", "), len(h.Zones)-3)
		}
		if zones == "" {
			zones = "unknown"
		}
		rows = append(rows, []string{fmt.Sprint(h.Contacts), hours, zones})
	}
	if len(rows) > 0 {
		if err := a.table([]string{"CONTACTS", "HOURS (UTC)", "TIME ZONES"}, rows); err != nil {
			return err
		}
	}
	if p.AtLeast != nil {
		if err := a.say("at its pace it takes at least %s", *p.AtLeast); err != nil {
			return err
		}
	}
	for _, o := range p.Obstacles {
		if err := a.say("not ready: %s", o); err != nil {
			return err
		}
	}
	return nil
}

type campaignStatusCmd struct {
	campaignID
	Follow bool          `help:"Show it until it is finished or stopped."`
	Every  time.Duration `help:"With --follow: how often (default ${default})." default:"1s" placeholder:"D"`
}

// Run shows how a campaign gets on.
func (c *campaignStatusCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	ticks := time.NewTicker(max(c.Every, 100*time.Millisecond))
	defer ticks.Stop()
	bar := &campaignBar{app: a}
	for {
		m, err := remote.Campaign(ctx, c.ID)
		if err != nil {
			return err
		}
		over := m.State == calls.CampaignIsFinished || m.State == calls.CampaignIsStopped
		switch {
		case c.JSON:
			err = a.json(m)
		case c.Follow && !over:
			err = bar.show(m)
		default:
			if c.Follow {
				bar.wipe()
			}
			err = statusOf(a, m)
		}
		if err != nil || over || !c.Follow {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			if isTerminal(a.stdout) {
				_, _ = fmt.Fprintln(a.stdout)
			}
			return ctx.Err()
		}
	}
}

// barWidth is the length of a progress bar in characters.
const barWidth = 30

// progressLine is a campaign on one line.
func progressLine(m client.Campaign) string {
	full := int(m.Progress * barWidth)
	line := fmt.Sprintf("[%s%s] %5.1f %%  %d/%d  %d active  %d held  %.0f/min", strings.Repeat("█", full), strings.Repeat("·", barWidth-full), m.Progress*100,
		m.Counters.Done+m.Counters.Skipped+m.Counters.Failed, m.Counters.Total, m.Counters.Active, m.Counters.Held, m.PerMinute)
	switch {
	case m.PauseReason != nil:
		line += "  paused: " + *m.PauseReason
	case m.State != calls.CampaignIsRunning:
		line += "  " + string(m.State)
	case !time.Time(m.ETA).IsZero():
		line += "  ETA " + stamp(m.ETA)
	case !time.Time(m.NextDueAt).IsZero():
		line += "  next " + stamp(m.NextDueAt)
	}
	return line
}

// statusOf tells all of a campaign to a person.
func statusOf(a *app, m client.Campaign) error {
	n, f := m.Counters, m.Funnel
	state := string(m.State)
	if m.PauseReason != nil {
		state += ": " + *m.PauseReason
	}
	lines := []string{
		fmt.Sprintf("%s “%s” is %s", m.ID, m.Name, state), progressLine(m),
		fmt.Sprintf("contacts: %d waiting, %d calling (%d held, %d active), %d done, %d skipped, %d failed", n.Waiting, n.Calling, n.Held, n.Active, n.Done, n.Skipped, n.Failed),
		fmt.Sprintf("funnel:   %d dialed → %d rang → %d answered → %d people → %d pressed, %d bridged; %d attempts, %s of talk", f.Dialed, f.Rang, f.Answered, f.People,
			f.Pressed, f.Bridged, f.Attempts, (time.Duration(f.TalkMS) * time.Millisecond).Round(time.Second)),
	}
	for _, o := range calls.Outcomes() {
		if k := n.ByOutcome[o]; k > 0 {
			lines = append(lines, fmt.Sprintf("  %-15s %d", o, k))
		}
	}
	for _, line := range lines {
		if err := a.say("%s", line); err != nil {
			return err
		}
	}
	return nil
}
