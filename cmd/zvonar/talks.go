package main

import (
	"context"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// oneCall is the part of the command line that names a call.
type oneCall struct {
	remote
	ID string `arg:"" help:"The call." placeholder:"CALL"`
}

// oneLeg is the part of the command line that names a party of a call.
type oneLeg struct {
	Leg calls.Role `help:"customer or manager (default ${default})." enum:"customer,manager" default:"customer" placeholder:"WHO"`
}

// control does something to a call that runs and says so: done is what follows the id
// of the call.
func (c *oneCall) control(ctx context.Context, a *app, do func(*client.Client) (calls.CallView, error), done string) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	call, err := do(remote)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(call)
	}
	return a.say("%s %s", call.ID, done)
}

type callsTransferCmd struct {
	oneCall
	Target string `arg:"" help:"A number, an extension at a trunk (201@office), an employee (201, employee:ID) or a group (group:NAME)." placeholder:"TARGET"`
}

// Run hands the customer to somebody else.
func (c *callsTransferCmd) Run(ctx context.Context, a *app) error {
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.Transfer(ctx, c.ID, c.Target) }, "is being handed to "+c.Target)
}

type callsPlayCmd struct {
	oneCall
	Record string `arg:"" help:"Approved clip, by record_id or recording_id." placeholder:"RECORD"`
}

// Run plays a recording.
func (c *callsPlayCmd) Run(ctx context.Context, a *app) error {
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.Play(ctx, c.ID, c.Record) }, "plays "+c.Record+" to the customer")
}

type callsDTMFCmd struct {
	oneCall
	Digits string `arg:"" help:"At most 64 of 0-9 * # A-D." placeholder:"DIGITS"`
	oneLeg
}

// Run sends digits.
func (c *callsDTMFCmd) Run(ctx context.Context, a *app) error {
	digits := strings.ToUpper(c.Digits)
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.SendDigits(ctx, c.ID, c.Leg, digits) }, "sends "+digits+" to the "+string(c.Leg))
}

type callsHoldCmd struct {
	oneCall
	oneLeg
}

// Run puts a party on hold.
func (c *callsHoldCmd) Run(ctx context.Context, a *app) error {
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.Hold(ctx, c.ID, c.Leg, true) }, "has put the "+string(c.Leg)+" on hold")
}

type callsUnholdCmd struct {
	oneCall
	oneLeg
}

// Run lets a party go on.
func (c *callsUnholdCmd) Run(ctx context.Context, a *app) error {
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.Hold(ctx, c.ID, c.Leg, false) }, "lets the "+string(c.Leg)+" go on")
}

type callsRecordCmd struct {
	oneCall
	Stop bool `help:"Write no more down."`
}

// Run begins or ends to write the talk down.
func (c *callsRecordCmd) Run(ctx context.Context, a *app) error {
	done := "is being written down"
	if c.Stop {
		done = "is no longer written down"
	}
	return c.control(ctx, a, func(r *client.Client) (calls.CallView, error) { return r.Record(ctx, c.ID, !c.Stop) }, done)
}

type callsAudioCmd struct {
	oneCall
	File string `arg:"" help:"File to write; - is stdout." placeholder:"FILE"`
}

// Run writes what was recorded of a talk to a file.
func (c *callsAudioCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	sound, err := remote.CallAudio(ctx, c.ID)
	if err != nil {
		return err
	}
	return a.save(c.File, sound)
}

type callsFollowCmd struct{ oneCall }

// Run stays with a call to its end.
func (c *callsFollowCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if _, err := remote.Call(ctx, c.ID); err != nil {
		return err
	}
	return follow(ctx, a, remote, c.ID, c.JSON)
}
