package main

import (
	"context"
	"errors"

	"zvonar/internal/calls"
	"zvonar/internal/dialer"
	"zvonar/internal/engine"
	"zvonar/media"
	"zvonar/media/capture"
	"zvonar/sip"
	"zvonar/sip/trace"
)

// line is the user agent as the engine sees it.
type line struct {
	ua       *sip.UA
	clips    *media.Library
	judge    judge
	captures *capture.Store
	trace    *trace.Recorder
}

// Dial implements engine.Line.
func (l line) Dial(req calls.DialRequest, events func(calls.LegEvent)) (engine.Leg, error) {
	events = l.traced(req.CallID, req.SIPCallID, req.Role, events, req.To, req.From)
	leg, err := l.ua.Dial(req, events)
	if err != nil {
		return nil, err
	}
	return boundLeg{Leg: leg, line: l}, nil
}

// traced notes in the trace that a dialog is a leg of a call, until its end.
func (l line) traced(call, dialog string, role calls.Role, events func(calls.LegEvent), numbers ...string) func(calls.LegEvent) {
	done := l.trace.Bind(call, dialog, string(role), numbers...)
	return func(ev calls.LegEvent) {
		if ev.Kind == calls.LegEnded {
			done()
		}
		events(ev)
	}
}

// Prepare implements engine.Line.
func (l line) Prepare(clips []calls.RecordingRef) error {
	var errs []error
	for _, c := range clips {
		_, err := l.clips.Get(c)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Bridge implements engine.Line.
func (l line) Bridge(a, b engine.Leg) { sip.Bridge(a.(boundLeg).Leg, b.(boundLeg).Leg) }

// Unbridge implements engine.Line.
func (l line) Unbridge(a, b engine.Leg) { sip.Unbridge(a.(boundLeg).Leg, b.(boundLeg).Leg) }

// HangupOrphan implements engine.Line.
func (l line) HangupOrphan(ctx context.Context, dialog []byte) error {
	return l.ua.HangupOrphan(ctx, dialog)
}

// boundLeg is a SIP leg that finds its clips by content hash.
type boundLeg struct {
	*sip.Leg
	line
	invite calls.Invite // of one that came
}

// Listen implements engine.Leg.
func (l boundLeg) Listen(call string, events func(calls.LegEvent)) {
	l.Leg.Listen(l.traced(call, l.invite.SIPCallID, calls.RoleCustomer, events, l.invite.From, l.invite.To))
}

// Capture implements engine.Leg.
func (l boundLeg) Capture(call string) (func(func(calls.Capture, error)), error) {
	take, err := l.captures.Begin(call)
	if err != nil {
		return nil, err
	}
	stop := l.Leg.Transcribe(take)
	return func(done func(calls.Capture, error)) {
		take.End(func(r capture.Result, err error) {
			done(calls.Capture{DurationMS: r.Duration.Milliseconds(), SHA256: r.SHA256}, err)
		})
		stop() // what was said before is in the file
	}, nil
}

// Take implements engine.Leg.
func (l boundLeg) Take() engine.Take { return capture.Dictate(l.judge.clock.Now(), l.Leg.Analyse) }

// Play implements engine.Leg.
func (l boundLeg) Play(id int64, clip calls.RecordingRef, loop bool) error {
	c, err := l.clips.Get(clip)
	if err != nil {
		return err
	}
	l.Leg.Play(id, c, loop)
	return nil
}

// limits are the dialer's channels and rates as the engine sees them.
type limits struct{ *dialer.Limits }

// Acquire implements engine.Limits.
func (l limits) Acquire(trunk string) (engine.Slot, calls.Gate, bool) {
	slot, gate, _ := l.Limits.Acquire(trunk)
	if slot == nil {
		return nil, gate, false
	}
	return slot, "", true
}

// Retake implements engine.Limits.
func (l limits) Retake(trunk string) (engine.Slot, bool) {
	slot := l.Limits.Retake(trunk)
	if slot == nil {
		return nil, false
	}
	return slot, true
}

// starter is the engine as the dialer sees it.
type starter struct{ *engine.Engine }

// Begin implements dialer.Starter.
func (s starter) Begin(call *calls.Call, slot *dialer.Slot) { s.Engine.Begin(call, slot) }
