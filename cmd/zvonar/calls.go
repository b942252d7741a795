package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// callsCmd is `zvonar calls`.
type callsCmd struct {
	List     callsListCmd     `cmd:"" help:"List calls, newest first; --live: those that run."`
	Show     callsShowCmd     `cmd:"" help:"Show a call and everything that happened to it."`
	Follow   callsFollowCmd   `cmd:"" help:"Print what happened to a call and what happens, live, until it is over; exit with 0 if it was answered, else 3."`
	Hangup   callsHangupCmd   `cmd:"" help:"End a call, or cancel it if it is still queued."`
	Cancel   callsCancelCmd   `cmd:"" help:"End all calls of a series, or of a ref, that are not over."`
	Transfer callsTransferCmd `cmd:"" help:"Hand the customer of a talk to somebody else."`
	Play     callsPlayCmd     `cmd:"" help:"Play a clip to the customer."`
	DTMF     callsDTMFCmd     `cmd:"" name:"dtmf" help:"Send digits to a party."`
	Hold     callsHoldCmd     `cmd:"" help:"Put a party on hold."`
	Unhold   callsUnholdCmd   `cmd:"" help:"Let a party on hold go on."`
	Record   callsRecordCmd   `cmd:"" help:"Write a talk down, from now on."`
	Audio    callsAudioCmd    `cmd:"" help:"Fetch what was written down of a talk, as a WAV file."`
}

type callsListCmd struct {
	remote
	Live     bool   `help:"Only those that are dialled, ring or are talked in." xor:"status"`
	Status   string `help:"queued, held, dialing, ringing, answered, bridged or completed." placeholder:"STATUS" xor:"status"`
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
	list, err := c.read(ctx, remote, filter)
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

// underWay are the states of a call that runs.
var underWay = []calls.Status{calls.StatusDialing, calls.StatusRinging, calls.StatusAnswered, calls.StatusBridged}

// read asks for the calls; those that run state by state, each call once even where
// it went from one to the next meanwhile.
func (c *callsListCmd) read(ctx context.Context, remote *client.Client, filter url.Values) ([]calls.CallView, error) {
	if !c.Live {
		return remote.Calls(ctx, filter, c.Limit)
	}
	found := map[string]calls.CallView{}
	for _, status := range underWay {
		filter := maps.Clone(filter) // the client writes its cursor there
		filter.Set("status", string(status))
		list, err := remote.Calls(ctx, filter, c.Limit)
		if err != nil {
			return nil, err
		}
		for _, call := range list {
			found[call.ID] = call
		}
	}
	list := slices.SortedFunc(maps.Values(found), func(a, b calls.CallView) int { return strings.Compare(b.ID, a.ID) })
	return list[:min(len(list), c.Limit)], nil
}

type callsShowCmd struct{ oneCall }

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

type callsHangupCmd struct{ oneCall }

// Run ends a call.
func (c *callsHangupCmd) Run(ctx context.Context, a *app) error {
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.Hangup(ctx, c.ID) }, "is being ended")
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
