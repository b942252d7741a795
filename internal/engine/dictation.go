package engine

import (
	"context"
	"time"

	"zvonar/internal/calls"
	"zvonar/ivr"
)

// A dictation is a call whose flow is ivr.Dictation: the customer of the call is the
// author of a recording.

// keepPatience bounds the checks of a take.
const keepPatience = time.Minute

// Take is what is said on a leg, while it is written down.
type Take interface {
	// Quiet reports whether who spoke has been silent for long, or never spoke.
	Quiet(now time.Time) bool
	// End ends the take and gives what was said: 8 kHz mono.
	End() []int16
}

// Takes is the library as a dictation sees it.
type Takes interface {
	// Signals are the sounds that lead an author.
	Signals() map[calls.Signal]calls.RecordingRef
	// Take keeps what was said for it to be played back. It writes a file.
	Take(pcm []int16) (calls.RecordingRef, error)
	// Keep makes the take the recording with this id, through every check.
	Keep(ctx context.Context, account, id string, take calls.RecordingRef) error
}

// dictate checks that an author may be led, and makes his flow.
func (e *Engine) dictate(r CallRequest) (calls.Flow, error) {
	flow := calls.DefaultFlow()
	flow.AMD.Mode = calls.AMDOff
	if e.cfg.Takes == nil {
		return flow, calls.Errorf(calls.CodeWrongState, "this daemon takes no dictation").At("body.dictate_to", nil)
	}
	dictation := *r.Dictate
	flow.Dictate = &dictation
	return flow, nil
}

// boothLeg is the call as its dictation sees it (ivr.Booth).
type boothLeg struct{ flowLeg }

// flowOn makes the flow of the call.
func (s *session) flowOn() ivr.Flow {
	if s.call.Flow.Dictate == nil {
		return ivr.New(s.call.Flow, flowLeg{s})
	}
	if s.e.cfg.Takes == nil { // configured otherwise since it was accepted
		return ivr.New(calls.Flow{}, flowLeg{s}) // hangs up: it has no clip
	}
	return ivr.NewDictation(boothLeg{flowLeg{s}}, s.e.cfg.Takes.Signals())
}

// Record implements ivr.Booth.
func (b boothLeg) Record() { b.s.take = b.s.customer.leg.Take() }

// Quiet implements ivr.Booth.
func (b boothLeg) Quiet() bool { return b.s.take == nil || b.s.take.Quiet(b.s.now()) }

// EndTake implements ivr.Booth.
func (b boothLeg) EndTake(cut time.Duration) {
	s := b.s
	if s.take == nil {
		return
	}
	pcm := s.take.End()
	s.take = nil
	id := s.call.Flow.Dictate.RecordingID
	pcm = pcm[:max(0, len(pcm)-int(cut*8000/time.Second))]
	s.e.wg.Go(func() {
		take, err := s.e.cfg.Takes.Take(pcm)
		if err == nil {
			err = s.e.line.Prepare([]calls.RecordingRef{take})
		}
		take.RecordingID = id
		s.toDictation(func(d *ivr.Dictation) { d.OnTake(take, err) }, err)
	})
}

// Keep implements ivr.Booth. Who hangs up meanwhile has kept it.
func (b boothLeg) Keep(take calls.RecordingRef) {
	s := b.s
	account, id := s.call.Account, s.call.Flow.Dictate.RecordingID
	s.e.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.e.life, keepPatience)
		defer cancel()
		err := s.e.cfg.Takes.Keep(ctx, account, id, take)
		s.toDictation(func(d *ivr.Dictation) { d.OnKept(err) }, err)
	})
}

// toDictation brings what was done elsewhere back into the call.
func (s *session) toDictation(f func(*ivr.Dictation), err error) {
	s.box.post(func() {
		if err != nil {
			s.log.Info("a take of a dictation cannot be kept", "err", err)
		}
		if d, is := s.flow.(*ivr.Dictation); is && s.phase == talking {
			f(d)
		}
	})
}
