package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// campaignCmd is `zvonar campaign`.
type campaignCmd struct {
	Create    campaignCreateCmd    `cmd:"" help:"Make a campaign; it is a draft until it is started."`
	Import    campaignImportCmd    `cmd:"" help:"Add contacts from a CSV or NDJSON file."`
	Preflight campaignPreflightCmd `cmd:"" help:"Look at a campaign before it is started."`
	DryRun    campaignDryRunCmd    `cmd:"" name:"dry-run" help:"Play a campaign against a built-in test carrier: nobody is rung."`
	Start     campaignStartCmd     `cmd:"" help:"Start a campaign."`
	Pause     campaignPauseCmd     `cmd:"" help:"Begin nothing more; talks go on."`
	Resume    campaignResumeCmd    `cmd:"" help:"Go on with a paused campaign."`
	Stop      campaignStopCmd      `cmd:"" help:"End a campaign for good."`
	Set       campaignSetCmd       `cmd:"" help:"Change pace and more, also while it runs."`
	Status    campaignStatusCmd    `cmd:"" help:"Show how a campaign gets on."`
	List      campaignListCmd      `cmd:"" help:"List campaigns, newest first."`
	Contacts  campaignContactsCmd  `cmd:"" help:"List the contacts, or show one; tell why they are not called yet."`
	Export    campaignExportCmd    `cmd:"" help:"Write the contacts with what came of them."`
	Skip      campaignSkipCmd      `cmd:"" help:"Take contacts out of the line."`
	Move      campaignMoveCmd      `cmd:"" help:"Move a contact to the front of the line, or to a time."`
	Delete    campaignDeleteCmd    `cmd:"" help:"Delete a campaign that does not run, with its contacts."`
}

// campaignID is the part of the command line that names a campaign.
type campaignID struct {
	remote
	ID string `arg:"" help:"Id of the campaign." placeholder:"ID"`
}

// campaignRules are what create and set have in common.
type campaignRules struct {
	Name     string   `help:"What people call it." placeholder:"NAME"`
	Record   string   `help:"Approved recording that callees hear." placeholder:"ID"`
	Flow     string   `help:"Whole flow: JSON, or a file that holds it; - is stdin." placeholder:"FILE|JSON"`
	Digits   string   `help:"What each digit does, with --record: JSON, or a file." placeholder:"FILE|JSON"`
	Manager  string   `help:"Talks of two parties: rung first, before each contact; a column manager may say another." placeholder:"TARGET"`
	Order    string   `help:"Talks of two parties: who is rung first, manager_first or client_first." enum:",manager_first,client_first" default:"" placeholder:"ORDER"`
	Private  bool     `name:"anonymous" help:"Talks of two parties: neither sees a number."`
	CPS      *float64 `name:"cps" help:"New calls a second; 0 is as the trunks allow." placeholder:"N"`
	MaxCalls *int     `name:"max-calls" help:"Calls at the same time; 0 is as the trunks allow." placeholder:"N"`
	Interval *string  `help:"Least time from one call to the next." placeholder:"5s"`
	Window   string   `help:"Calling hours in the callee's time: 09:00-21:00, a preset like debt_collection, or JSON." placeholder:"HOURS"`
	Retry    string   `help:"When a call is tried again: JSON, or a file." placeholder:"FILE|JSON"`
	Trunk    string   `help:"Trunk to call over." placeholder:"NAME"`
	From     []string `help:"Caller numbers that calls use in turn." placeholder:"NUMBER"`
	Priority *int     `help:"Higher goes first." placeholder:"N"`
	Weight   *int     `help:"Share where several campaigns want the same trunk." placeholder:"N"`
	StartAt  string   `name:"start-at" help:"Start it then (RFC 3339)." placeholder:"TIME"`
	StopAt   string   `name:"stop-at" help:"Pause it then (RFC 3339)." placeholder:"TIME"`
	consentFlags
	AMD         string `name:"amd" help:"Answering machines: off, async, message_end; or JSON, or a file, in place of the flow's." placeholder:"MODE|FILE|JSON"`
	RingTimeout string `name:"ring-timeout" help:"How long a call may ring, 5s to 3m." placeholder:"D"`
	MaxDuration string `name:"max-duration" help:"How long a call may last, 5s to 4h." placeholder:"D"`
	Metadata    string `help:"Whatever you want back with its calls: a JSON object, or a file." placeholder:"FILE|JSON"`
}

// body is what the API is asked.
func (r *campaignRules) body(a *app) (map[string]any, error) {
	b := map[string]any{}
	for name, value := range map[string]string{"name": r.Name, "record_id": r.Record, "trunk": r.Trunk, "start_at": r.StartAt, "stop_at": r.StopAt,
		"ring_timeout": r.RingTimeout, "max_duration": r.MaxDuration} {
		if value != "" {
			b[name] = value
		}
	}
	for name, option := range map[string]struct {
		given string
		read  func(*app, string) (json.RawMessage, error)
	}{"flow": {r.Flow, readJSONArg}, "digits": {r.Digits, readJSONArg}, "retry": {r.Retry, readJSONArg}, "metadata": {r.Metadata, readJSONArg},
		"amd": {r.AMD, amdArg}, "window": {r.Window, windowArg}} {
		if option.given == "" {
			continue
		}
		raw, err := option.read(a, option.given)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		b[name] = raw
	}
	if consent := r.consent(); consent != nil {
		b["consent"] = consent
	}
	pace := map[string]any{}
	if r.CPS != nil {
		pace["cps"] = *r.CPS
	}
	if r.MaxCalls != nil {
		pace["max_calls"] = *r.MaxCalls
	}
	if r.Interval != nil {
		pace["interval"] = *r.Interval
	}
	if len(pace) > 0 {
		b["pace"] = pace
	}
	if r.Priority != nil {
		b["priority"] = *r.Priority
	}
	if r.Weight != nil {
		b["weight"] = *r.Weight
	}
	bridge := map[string]any{}
	if r.Manager != "" {
		bridge["manager"] = r.Manager
	}
	if r.Order != "" {
		bridge["order"] = r.Order
	}
	if r.Private {
		bridge["anonymous"] = true
	}
	if len(bridge) > 0 {
		b["bridge"] = bridge
	}
	if len(r.From) > 0 {
		b["from"] = r.From
	}
	return b, nil
}

type campaignCreateCmd struct {
	remote
	campaignRules
	Contacts string `help:"Import this file at once." placeholder:"FILE"`
}

// Run makes a campaign.
func (c *campaignCreateCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	body, err := c.body(a)
	if err != nil {
		return err
	}
	m, err := remote.CreateCampaign(ctx, body)
	if err != nil {
		return err
	}
	if c.Contacts != "" {
		if err := importContacts(ctx, a, remote, m.ID, c.Contacts, url.Values{}, c.JSON); err != nil {
			return err
		}
		if m, err = remote.Campaign(ctx, m.ID); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.json(m)
	}
	return a.say("%s is a draft with %d contacts (“%s”)", m.ID, m.Counters.Total, m.Name)
}

type campaignSetCmd struct {
	campaignID
	campaignRules
}

// Run changes a campaign.
func (c *campaignSetCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	body, err := c.body(a)
	if err != nil {
		return err
	}
	m, err := remote.ChangeCampaign(ctx, c.ID, body)
	if err != nil {
		return err
	}
	return c.shown(a, m)
}

// shown tells in a line how a campaign stands.
func (c *campaignID) shown(a *app, m client.Campaign) error {
	if c.JSON {
		return a.json(m)
	}
	words := string(m.State)
	if m.PauseReason != nil {
		words += " (" + *m.PauseReason + ")"
	}
	return a.say("%s is %s: %d of %d contacts are done", m.ID, words, m.Counters.Done, m.Counters.Total)
}

func (c *campaignID) move(ctx context.Context, a *app, move calls.CampaignMove, reason string) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	m, err := remote.MoveCampaign(ctx, c.ID, move, reason)
	if err != nil {
		return err
	}
	return c.shown(a, m)
}

type campaignStartCmd struct{ campaignID }

// Run starts a campaign.
func (c *campaignStartCmd) Run(ctx context.Context, a *app) error {
	return c.move(ctx, a, calls.CampaignStart, "")
}

type campaignPauseCmd struct {
	campaignID
	Reason string `help:"Why, for those who see it paused." placeholder:"WHY"`
}

// Run pauses a campaign.
func (c *campaignPauseCmd) Run(ctx context.Context, a *app) error {
	return c.move(ctx, a, calls.CampaignPause, c.Reason)
}

type campaignResumeCmd struct{ campaignID }

// Run goes on with a campaign.
func (c *campaignResumeCmd) Run(ctx context.Context, a *app) error {
	return c.move(ctx, a, calls.CampaignResume, "")
}

type campaignStopCmd struct {
	campaignID
	Reason string `help:"Why." placeholder:"WHY"`
}

// Run ends a campaign.
func (c *campaignStopCmd) Run(ctx context.Context, a *app) error {
	return c.move(ctx, a, calls.CampaignStop, c.Reason)
}

type campaignListCmd struct {
	remote
	Limit int `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists campaigns.
func (c *campaignListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Campaigns(ctx, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, m := range list {
		rows = append(rows, []string{m.ID, string(m.State), fmt.Sprintf("%.1f %%", m.Progress*100), strconv.FormatInt(m.Counters.Total, 10), stamp(m.CreatedAt), stamp(m.ETA), m.Name})
	}
	return a.table([]string{"CAMPAIGN", "STATE", "DONE", "CONTACTS", "CREATED", "ETA", "NAME"}, rows)
}

type campaignSkipCmd struct {
	campaignID
	N []int64 `arg:"" help:"n of the contacts." placeholder:"N"`
}

// Run skips contacts.
func (c *campaignSkipCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	for _, n := range c.N {
		t, err := remote.SkipContact(ctx, c.ID, n)
		if err != nil {
			return err
		}
		if err := c.contact(a, t); err != nil {
			return err
		}
	}
	return nil
}

func (c *campaignID) contact(a *app, t client.Contact) error {
	if c.JSON {
		return a.json(t)
	}
	return a.say("contact %d (%s) is %s", t.N, calls.Mask(t.Number), t.State)
}

type campaignMoveCmd struct {
	campaignID
	N  int64  `arg:"" help:"n of the contact." placeholder:"N"`
	To string `arg:"" help:"front, or a time (RFC 3339)." placeholder:"front|TIME"`
}

// Run moves a contact.
func (c *campaignMoveCmd) Run(ctx context.Context, a *app) error {
	if _, err := time.Parse(time.RFC3339, c.To); err != nil && c.To != "front" {
		return errors.New("say front, or a time like 2026-11-21T09:00:00+03:00")
	}
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := remote.MoveContact(ctx, c.ID, c.N, c.To)
	if err != nil {
		return err
	}
	return c.contact(a, t)
}

type campaignDeleteCmd struct{ campaignID }

// Run deletes a campaign.
func (c *campaignDeleteCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.DeleteCampaign(ctx, c.ID); err != nil {
		return err
	}
	return a.say("%s is deleted", c.ID)
}
