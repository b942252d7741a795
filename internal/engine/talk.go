package engine

import (
	"context"
	"errors"
	"maps"

	"zvonar/internal/calls"
)

// The control of a call that runs. Each asks the call's own goroutine and waits
// for what it says.

// Transfer implements API.
func (e *Engine) Transfer(ctx context.Context, account, id, target string) (*calls.Call, error) {
	value, err := e.managerValue(account, "", target, "body.target")
	if err != nil {
		return nil, err
	}
	return e.ask(ctx, account, id, func(s *session) error { return s.transferTo(value) })
}

// Play implements API.
func (e *Engine) Play(ctx context.Context, account, id string, clip calls.ClipID) (*calls.Call, error) {
	if _, err := e.read(ctx, account, id); err != nil {
		return nil, err
	}
	var ref calls.RecordingRef
	err := e.store.View(ctx, func(tx calls.ReadTx) error {
		rec, err := e.cfg.Clips.Resolve(tx, account, clip)
		if err == nil && rec.Template() != nil { // nobody waits while it would be spoken
			return calls.Errorf(calls.CodeWrongState, "the recording is a text with variables: only a call that was asked for with them plays it")
		}
		if err == nil {
			ref, err = e.cfg.Clips.Fill(rec, nil)
		}
		return err
	})
	if err == nil {
		err = e.line.Prepare([]calls.RecordingRef{ref})
	}
	var known *calls.Error
	if errors.As(err, &known) && len(known.Fields) == 0 {
		return nil, known.At("body.record_id", clip)
	}
	if err != nil {
		return nil, err
	}
	return e.ask(ctx, account, id, func(s *session) error { return s.playTo(clip, ref) })
}

// SendDigits implements API.
func (e *Engine) SendDigits(ctx context.Context, account, id string, role calls.Role, digits string) (*calls.Call, error) {
	return e.ask(ctx, account, id, func(s *session) error {
		p, err := s.speaker(role)
		if err == nil {
			p.leg.SendDigits(digits)
		}
		return err
	})
}

// Hold implements API.
func (e *Engine) Hold(ctx context.Context, account, id string, role calls.Role, on bool) (*calls.Call, error) {
	return e.ask(ctx, account, id, func(s *session) error {
		p, err := s.speaker(role)
		if err == nil {
			s.putOnHold(p, on)
		}
		return err
	})
}

// ask runs f in the goroutine of a call and gives the call as it was before.
func (e *Engine) ask(ctx context.Context, account, id string, f func(*session) error) (*calls.Call, error) {
	c, err := e.ours(ctx, account, id)
	if err != nil {
		return nil, err
	}
	said := make(chan error, 1)
	s := e.session(id)
	if s == nil || !s.box.post(func() {
		if s.phase.remotely() {
			said <- calls.Errorf(calls.CodeWrongState, "the provider carries this call by itself; it can only be hung up")
			return
		}
		said <- f(s)
	}) {
		return nil, notTalking()
	}
	select {
	case err = <-said:
	case <-s.gone:
		select {
		case err = <-said:
		default:
			err = notTalking()
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func notTalking() *calls.Error {
	return calls.Errorf(calls.CodeWrongState, "nobody talks in this call now; ask while it is answered or bridged")
}

// speaker is the party of role, if it is on the line; "" is the customer.
func (s *session) speaker(role calls.Role) (*party, error) {
	p := s.customer
	if role == calls.RoleManager {
		p = s.manager
	}
	switch {
	case s.phase != talking && s.phase != reaching && s.phase != confirming && s.phase != bridged:
		return nil, notTalking()
	case p == nil || p.leg == nil || p.gone || role == calls.RoleManager && s.phase != bridged:
		return nil, calls.Errorf(calls.CodeWrongState, "there is no %s on the line", role)
	}
	return p, nil
}

// playTo plays a clip to the customer: in a flow as if a digit stood for it, in a
// talk instead of what the manager says.
func (s *session) playTo(clip calls.ClipID, ref calls.RecordingRef) error {
	switch {
	case s.phase == bridged:
		flowLeg{s}.Play(ref, false)
		return nil
	case s.phase == talking && s.flow != nil:
		clips := maps.Clone(s.call.Flow.Clips) // the store may be writing the old one
		if clips == nil {
			clips = map[calls.ClipID]calls.RecordingRef{}
		}
		clips[clip] = ref
		s.call.Flow.Clips = clips
		s.flow.Pin(clips)
		if s.flow.Do(calls.Action{Kind: calls.ActionRecord, Value: string(clip)}) {
			return nil
		}
	}
	return notTalking()
}
