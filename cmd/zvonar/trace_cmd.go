package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// traceCmd is `zvonar trace`.
type traceCmd struct {
	Show    traceShowCmd    `cmd:"" default:"withargs" help:"Show a call as a ladder (the default)."`
	Watch   traceWatchCmd   `cmd:"" help:"Tell the calls of a number to the daemon's log in full, for a while."`
	Unwatch traceUnwatchCmd `cmd:"" help:"Stop that."`
	Watched traceWatchedCmd `cmd:"" help:"List the numbers that are watched."`
}

type traceShowCmd struct {
	remote
	Call string `arg:"" help:"The call." placeholder:"CALL"`
	Pcap string `help:"Write the messages to a file for Wireshark instead (pcapng)." placeholder:"FILE" type:"path"`
	Full bool   `help:"Show every message whole."`
}

// Run shows a call.
func (c *traceShowCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if c.Pcap != "" {
		return c.save(ctx, remote)
	}
	t, err := remote.Trace(ctx, c.Call)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(t)
	}
	return c.draw(a, t)
}

// save writes the file, and leaves none that is not whole.
func (c *traceShowCmd) save(ctx context.Context, remote *client.Client) error {
	f, err := os.OpenFile(c.Pcap, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(remote.TracePcap(ctx, c.Call, f), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(c.Pcap))
	}
	return err
}

func (c *traceShowCmd) draw(a *app, t client.Trace) error {
	var messages []calls.SIPMessage
	for _, i := range t.Items {
		if i.SIP != nil {
			messages = append(messages, *i.SIP)
		}
	}
	if len(t.Items) == 0 {
		return a.say("nothing is known of how this call went")
	}
	if len(messages) == 0 {
		if err := a.say("No SIP messages of this call are kept here: none were sent, they are too old, or it ran on another node (%s). What happened in it:", t.Node); err != nil {
			return err
		}
	}
	l := timeline.NewLadder(t.Items[0].At, messages)
	if _, err := fmt.Fprintln(a.stdout, l.Head()); err != nil {
		return err
	}
	for _, i := range t.Items {
		line := ""
		switch {
		case i.SIP != nil && c.Full:
			line = l.Message(i.SIP) + "\n" + indent(i.SIP.Text)
		case i.SIP != nil:
			line = l.Message(i.SIP)
		case i.Event != nil:
			line = l.Event(*i.Event)
		}
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	for _, leg := range t.Legs {
		if err := a.say("%s", timeline.LegSound(leg)); err != nil {
			return err
		}
	}
	return nil
}

// indent sets a message off from the ladder.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		fmt.Fprintf(&b, "            %s\n", timeline.OneLine(strings.TrimSuffix(line, "\n")))
	}
	return b.String()
}

type traceWatchCmd struct {
	remote
	Number string        `arg:"" help:"Whose calls." placeholder:"NUMBER"`
	For    time.Duration `help:"For how long, 1m to 1h (default ${default})." default:"10m" placeholder:"TIME"`
}

// Run watches a number.
func (c *traceWatchCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	w, err := remote.WatchNumber(ctx, c.Number, c.For)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(w)
	}
	return a.say("calls of %s that begin before %s are told to the daemon's log in full", w.Number, w.Until.Local().Format(time.TimeOnly))
}

type traceUnwatchCmd struct {
	remote
	Number string `arg:"" help:"Whose calls." placeholder:"NUMBER"`
}

// Run stops watching a number.
func (c *traceUnwatchCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	return remote.UnwatchNumber(ctx, c.Number)
}

type traceWatchedCmd struct{ remote }

// Run lists the watched numbers.
func (c *traceWatchedCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.WatchedNumbers(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, w := range list {
		rows = append(rows, []string{w.Number, w.Until.Local().Format(time.DateTime)})
	}
	return a.table([]string{"NUMBER", "UNTIL"}, rows)
}
