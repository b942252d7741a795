package main

import (
	"context"
	"errors"
	"io"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// blacklistCmd is `zvonar blacklist`.
type blacklistCmd struct {
	Add    blacklistAddCmd    `cmd:"" help:"Block a number: it is not called any more."`
	Remove blacklistRemoveCmd `cmd:"" help:"Unblock a number."`
	List   blacklistListCmd   `cmd:"" help:"List the blocked numbers."`
	Import blacklistImportCmd `cmd:"" help:"Block the numbers of a file: CSV (number,reason,scope,expires_at) or JSON lines."`
	Export blacklistExportCmd `cmd:"" help:"Print the whole blacklist as CSV or JSON lines."`
	Check  blacklistCheckCmd  `cmd:"" help:"Tell whether a number is blocked; exit with 0 if it is, else 3."`
}

type blacklistAddCmd struct {
	remote
	Number string `arg:"" help:"The number." placeholder:"NUMBER"`
	Reason string `help:"Why, for people." placeholder:"REASON"`
	Scope  string `help:"account, campaign:ID or number:CALLER: who may not call (default: nobody of the account)." placeholder:"SCOPE"`
	Until  string `help:"When it ends, like 2027-01-31T00:00:00Z (default: never)." placeholder:"TIME"`
}

// Run blocks a number.
func (c *blacklistAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	request := client.BlockRequest{Reason: c.Reason, Scope: c.Scope}
	if c.Until != "" {
		until, err := time.Parse(time.RFC3339, c.Until)
		if err != nil {
			return errors.New("--until is no time; write it like 2027-01-31T00:00:00Z")
		}
		request.ExpiresAt = &until
	}
	entry, err := remote.Block(ctx, c.Number, request)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(entry)
	}
	return a.say("%s is blocked", entry.Number)
}

type blacklistRemoveCmd struct {
	remote
	Number string `arg:"" help:"The number." placeholder:"NUMBER"`
	Scope  string `help:"Only the entry of this scope (default: all)." placeholder:"SCOPE"`
}

// Run unblocks a number.
func (c *blacklistRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.Unblock(ctx, c.Number, c.Scope); err != nil || c.JSON {
		return err
	}
	return a.say("%s is not blocked any more", c.Number)
}

type blacklistListCmd struct {
	remote
	Limit int `help:"At most so many (default ${default})." default:"1000" placeholder:"N"`
}

// Run lists blocked numbers.
func (c *blacklistListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Blacklist(ctx, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, b := range list {
		rows = append(rows, []string{b.Number, b.Scope, stamp(b.CreatedAt), stamp(b.ExpiresAt), b.Source, value(b.CallID), value(b.Digit), value(b.Reason)})
	}
	return a.table([]string{"NUMBER", "SCOPE", "SINCE", "UNTIL", "BY", "CALL", "DIGIT", "REASON"}, rows)
}

type blacklistImportCmd struct {
	remote
	File string `arg:"" help:"The file; - is stdin." placeholder:"FILE"`
}

// Run blocks the numbers of a file; wrong lines are told.
func (c *blacklistImportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	return withFile(a, c.File, func(_ string, r io.Reader) error {
		done, err := remote.ImportBlacklist(ctx, r)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return a.json(done)
		}
		for _, f := range done.Faults {
			if err := a.say("line %d: %s", f.Line, f.Message); err != nil {
				return err
			}
		}
		return a.say("%d added, %d known, %d wrong", done.Added, done.Known, done.Wrong)
	})
}

type blacklistExportCmd struct {
	remote
	Format string `help:"csv or ndjson (default ${default})." enum:"csv,ndjson" default:"csv" placeholder:"FORMAT"`
}

// Run prints the blacklist.
func (c *blacklistExportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if c.JSON {
		c.Format = "ndjson"
	}
	return remote.ExportBlacklist(ctx, c.Format, a.stdout)
}

type blacklistCheckCmd struct {
	remote
	Number string `arg:"" help:"The number." placeholder:"NUMBER"`
}

// Run looks a number up.
func (c *blacklistCheckCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	entry, err := remote.Blocked(ctx, c.Number)
	var p *client.Problem
	switch {
	case errors.As(err, &p) && p.Code() == calls.CodeNotFound:
		if !c.JSON {
			if err := a.say("%s is not blocked", c.Number); err != nil {
				return err
			}
		}
		return exitError(exitOtherwise)
	case err != nil:
		return err
	case c.JSON:
		return a.json(entry)
	}
	return a.say("%s is blocked since %s", entry.Number, stamp(entry.CreatedAt))
}
