package engine

import (
	"fmt"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
	"zvonar/ivr"
)

// startFlow runs the call's flow on the customer's leg.
func (s *session) startFlow() {
	s.flow = s.flowOn()
	if f, ok := s.flow.(*ivr.Session); ok {
		f.StartWith(s.routing.first...)
		return
	}
	s.flow.Start()
}

// flowLeg is the call as its flow sees it (ivr.Leg). All of it runs in the
// call's goroutine.
type flowLeg struct{ s *session }

// Play implements ivr.Leg.
func (f flowLeg) Play(clip calls.RecordingRef, loop bool) int64 {
	s := f.s
	s.lastPlay++
	id := s.lastPlay
	s.plays[id] = clip
	if err := s.customer.leg.Play(id, clip, loop); err != nil {
		s.log.Error("a clip cannot be played", "recording", clip.RecordingID, "err", err)
		// The flow goes on as if the clip had no length; it learns of it like
		// of any other end, after the step that asked for it.
		s.box.post(func() {
			s.onPlaybackFinished(calls.LegEvent{Kind: calls.LegPlaybackFinished, PlayID: id, Play: calls.PlayStopped})
		})
	}
	return id
}

// StopPlayback implements ivr.Leg.
func (f flowLeg) StopPlayback(reason calls.PlayReason) { f.s.customer.leg.StopPlayback(reason) }

// After implements ivr.Leg.
func (f flowLeg) After(d time.Duration, token ivr.Timer) {
	f.s.after(flowTimer(token), d, func() {
		if f.s.phase == talking {
			f.s.flow.OnTimer(token)
		}
	})
}

// flowTimers keeps the flow's timers apart from the call's own.
func flowTimer(t ivr.Timer) timerKey { return timerKey("flow-" + string(rune('a'+int(t)))) }

// Hangup implements ivr.Leg.
func (f flowLeg) Hangup(reason calls.Reason) {
	by := calls.ByZvonar
	if reason == calls.ReasonBridgeEnd && f.s.forward != nil {
		by = f.s.forward.endedBy
	}
	f.s.hangup(reason, by)
}

// Act implements ivr.Leg.
func (f flowLeg) Act(digit byte, action calls.Action) { f.s.act(digit, action) }

func (s *session) onPlaybackStarted(ev calls.LegEvent) {
	clip, known := s.plays[ev.PlayID]
	if !known {
		return
	}
	s.e.metrics.firstPlayback(s.call, ev.At, ev.PlayID)
	if clip.RecordingID == "" { // a signal
		return
	}
	s.tell(s.event(calls.CallPlaybackStarted, playbackData{RecordingID: clip.RecordingID, RecordID: clip.RecordID}))
}

func (s *session) onPlaybackFinished(ev calls.LegEvent) {
	clip, known := s.plays[ev.PlayID]
	if !known {
		return
	}
	played := ev.Played.Milliseconds()
	if clip.RecordingID != "" { // else a signal
		s.tell(s.event(calls.CallPlaybackFinished, playbackData{
			RecordingID: clip.RecordingID, RecordID: clip.RecordID, PlayedMS: &played, Reason: ev.Play,
		}))
	}
	delete(s.plays, ev.PlayID)
	if s.phase == talking {
		s.flow.OnPlaybackFinished(ev.PlayID, ev.Play)
	}
}

// onFlowDigit: the log is told without waiting, the flow acts at once.
func (s *session) onFlowDigit(ev calls.LegEvent) {
	if s.pressed(calls.RoleCustomer, ev) {
		s.flow.OnDigit(ev.Digit)
	}
}

// onIdleDigit: the customer pressed something while the flow does not listen.
func (s *session) onIdleDigit(ev calls.LegEvent) { s.pressed(calls.RoleCustomer, ev) }

// pressed keeps a digit and tells of it; false where the call is deaf to it,
// which is told once.
func (s *session) pressed(role calls.Role, ev calls.LegEvent) bool {
	failpoint.Hit(failpoint.DigitHeard)
	s.e.metrics.digit(ev.Via)
	if role == calls.RoleCustomer {
		s.person()
	}
	if len(s.call.Digits) >= maxDigits {
		if !s.deaf {
			s.deaf = true
			s.tell(s.event(calls.CallNeedsAttention, attentionData{Why: fmt.Sprintf("more than %d digits were pressed; the call hears no further ones", maxDigits)}))
		}
		return false
	}
	d := calls.DigitPress{Digit: string(rune(ev.Digit)), At: ev.At, Leg: role, Via: ev.Via}
	s.call.Digits = append(s.call.Digits, d)
	s.tell(s.event(calls.CallDigit, digitData{Digit: d.Digit, Leg: role, Via: d.Via}))
	return true
}
