package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// placed tells of a call that was accepted and, where it is to be followed, stays
// with it to its end.
func placed(ctx context.Context, a *app, remote *client.Client, call calls.CallView, replayed, stay, asJSON bool) error {
	var err error
	switch {
	case asJSON && !stay:
		return a.json(call)
	case asJSON: // its events tell
	case replayed:
		err = a.say("%s %s (it was there already under this ref)", call.ID, call.Status)
	default:
		err = a.say("%s %s", call.ID, call.Status)
	}
	if err != nil || !stay {
		return err
	}
	return follow(ctx, a, remote, call.ID, asJSON)
}

// follow prints the events of a call until it is over.
func follow(ctx context.Context, a *app, remote *client.Client, id string, asJSON bool) error {
	var start time.Time
	var last calls.Event
	err := remote.FollowCall(ctx, id, func(e calls.Event) error {
		if start.IsZero() {
			start = e.Time
		}
		last = e
		if asJSON {
			return a.json(e)
		}
		_, err := fmt.Fprintln(a.stdout, timeline.Line(e, start))
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintf(a.stderr, "zvonar: no longer watching; the call goes on (zvonar calls hangup %s ends it)\n", id)
		}
		return err
	}
	var end struct{ Outcome calls.Outcome }
	if err := json.Unmarshal(last.Data, &end); err != nil {
		return fmt.Errorf("the end of the call cannot be read: %w", err)
	}
	if end.Outcome != calls.OutcomeAnswered {
		return exitError(exitOtherwise)
	}
	return nil
}
