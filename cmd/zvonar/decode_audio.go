package main

import (
	"context"

	"zvonar/recordings/foreign"
)

// decodeAudioCmd is what the daemon starts to have a stranger's file decoded
// outside of itself (recordings/foreign).
type decodeAudioCmd struct {
	Kind    string `required:"" help:"Format of the file on standard input."`
	Seconds int    `required:"" help:"At most so much sound."`
}

// Run decodes standard input to standard output.
func (c *decodeAudioCmd) Run(_ context.Context, a *app) error {
	if code := foreign.Child(foreign.Kind(c.Kind), c.Seconds, a.stdin, a.stdout, a.stderr); code != exitOK {
		return exitError(code)
	}
	return nil
}
