package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/timeline"
)

// callsCmd is `zvonar calls`.
type callsCmd struct {
	List   callsListCmd   `cmd:"" help:"List calls, newest first."`
	Show   callsShowCmd   `cmd:"" help:"Show a call and everything that happened to it."`
	Hangup callsHangupCmd `cmd:"" help:"End a call, or cancel it if it is still queued."`
	Cancel callsCancelCmd `cmd:"" help:"End all calls of a series, or of a ref, that are not over."`
}

type callsListCmd struct {
	remote
	Status   string `help:"queued, held, dialing, ringing, answered, bridged or completed." placeholder:"STATUS"`
	Outcome  string `help:"How they ended: answered, busy, no_answer, …" placeholder:"OUTCOME"`
	To       string `help:"Only calls to this number." placeholder:"NUMBER"`
	Ref      string `help:"Only calls of this ref." placeholder:"REF"`
	Series   string `help:"Only calls of this series." placeholder:"SERIES"`
	Campaign string `help:"Only calls of this campaign." placeholder:"CAMPAIGN"`
	Limit    int    `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists calls.
func (c *callsListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	for key, word := range map[string]string{"status": c.Status, "outcome": c.Outcome, "to": c.To, "ref": c.Ref, "series": c.Series, "campaign": c.Campaign} {
		if word != "" {
			filter.Set(key, word)
		}
	}
	list, err := remote.Calls(ctx, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, call := range list {
		rows = append(rows, []string{call.ID, stamp(call.CreatedAt), string(call.Direction), call.To, value(call.From), string(call.Status),
			value(call.Outcome), value(call.Reason), span(call.TalkMS), value(call.Ref)})
	}
	return a.table([]string{"ID", "CREATED", "DIR", "TO", "FROM", "STATUS", "OUTCOME", "REASON", "TALK", "REF"}, rows)
}

type callsShowCmd struct {
	remote
	ID string `arg:"" help:"The call." placeholder:"CALL"`
}

// Run shows a call.
func (c *callsShowCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	call, err := remote.Call(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(call)
	}
	if err := a.say("%s  %s  %s → %s  %s", call.ID, call.Direction, first(value(call.From), "-"), call.To, call.Status); err != nil {
		return err
	}
	if call.Hold != nil {
		if err := a.say("held by %s", holdLine(call.Hold)); err != nil {
			return err
		}
	}
	return remote.CallEvents(ctx, c.ID, func(e calls.Event) error {
		_, err := fmt.Fprintln(a.stdout, timeline.Line(e, time.Time(call.CreatedAt)))
		return err
	})
}

type callsHangupCmd struct {
	remote
	ID string `arg:"" help:"The call." placeholder:"CALL"`
}

// Run ends a call.
func (c *callsHangupCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	call, err := remote.Hangup(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(call)
	}
	return a.say("%s is being ended", call.ID)
}

type callsCancelCmd struct {
	remote
	Series string `required:"" xor:"which" help:"The series." placeholder:"SERIES"`
	Ref    string `required:"" xor:"which" help:"The ref." placeholder:"REF"`
}

// Run ends what is not over of a series or ref; talks too.
func (c *callsCancelCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.CancelCalls(ctx, c.Ref, c.Series)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	for _, call := range list {
		if err := a.say("%s is being ended", call.ID); err != nil {
			return err
		}
	}
	return a.say("%d calls were not over", len(list))
}

// stamp is a time for a table.
func stamp(s calls.Stamp) string {
	if t := time.Time(s); !t.IsZero() {
		return t.UTC().Format("2006-01-02 15:04:05")
	}
	return ""
}

// span is a duration in milliseconds for a table.
func span(ms int64) string {
	if ms == 0 {
		return ""
	}
	return fmt.Sprintf("%.1fs", float64(ms)/1000)
}
