package main

import (
	"context"

	"zvonar/internal/client"
)

type recordingsDictateCmd struct {
	remote
	Number string `arg:"" help:"Number to call: who answers speaks after the tone until #, hears himself, presses 1 to keep it, 2 to begin again." placeholder:"NUMBER"`
	Title  string `help:"What people call it (default: Dictation)." placeholder:"TITLE"`
	Follow bool   `help:"Wait until it is kept; exit with 0 if it was. Ctrl-C hangs up."`
}

// Run has the author called and, with --follow, waits for what he keeps.
func (c *recordingsDictateCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	rec, err := remote.Dictate(ctx, c.Number, c.Title)
	if err != nil || !c.Follow {
		return c.recording(a, rec, err)
	}
	rec, err = remote.AwaitRecording(ctx, rec, func(client.Recording) {})
	if err := c.recording(a, rec, err); err != nil {
		return err
	}
	if rec.SHA256 == "" {
		return exitError(exitFailed)
	}
	return nil
}

type recordingsCancelCmd struct {
	remote
	ID string `arg:"" help:"recording_id of a clip that is processing, or being dictated." placeholder:"ID"`
}

// Run cancels what is on its way in.
func (c *recordingsCancelCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	rec, err := remote.CancelRecording(ctx, c.ID)
	return c.recording(a, rec, err)
}
