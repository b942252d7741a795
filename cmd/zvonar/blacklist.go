package main

import (
	"context"
	"errors"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// blacklistCmd is `zvonar blacklist`.
type blacklistCmd struct {
	Add    blacklistAddCmd    `cmd:"" help:"Block a number: it is not called any more."`
	Remove blacklistRemoveCmd `cmd:"" help:"Unblock a number."`
	List   blacklistListCmd   `cmd:"" help:"List the blocked numbers."`
	Check  blacklistCheckCmd  `cmd:"" help:"Tell whether a number is blocked; exit with 0 if it is, else 3."`
}

type blacklistAddCmd struct {
	remote
	Number string `arg:"" help:"The number." placeholder:"NUMBER"`
	Reason string `help:"Why, for people." placeholder:"REASON"`
}

// Run blocks a number.
func (c *blacklistAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	entry, err := remote.Block(ctx, c.Number, c.Reason)
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
}

// Run unblocks a number.
func (c *blacklistRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.Unblock(ctx, c.Number); err != nil || c.JSON {
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
		rows = append(rows, []string{b.Number, stamp(b.CreatedAt), b.Source, value(b.CallID), value(b.Reason)})
	}
	return a.table([]string{"NUMBER", "SINCE", "BY", "CALL", "REASON"}, rows)
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
