package engine

import (
	"encoding/json"
	"time"

	"zvonar/internal/calls"
)

// watchdogAfter bounds the wait for the ends of legs that we hung up: a BYE
// whose transaction dies takes 32 s (RFC 3261 64*T1).
const watchdogAfter = 40 * time.Second

// because keeps the first reason the call ends for.
func (s *session) because(reason calls.Reason, by calls.Party) {
	if s.ending.reason == "" {
		s.ending = endCause{reason: reason, by: by}
	}
}

// hangup ends the call from our side, in whatever phase it is.
func (s *session) hangup(reason calls.Reason, by calls.Party) {
	s.because(reason, by)
	switch s.phase {
	case committing, leaving, over:
		// committing: the commit's continuation sees the reason and dials nobody.
	case placing:
		// Nobody can call a provider's request back. Its INVITE, should it
		// come, finds no expectation and is refused.
		s.finish()
	default:
		s.leave(q850Normal)
	}
}

// q850Normal is "normal call clearing", told in the Reason header of our BYE.
const q850Normal = 16

// leave hangs up every leg that is still there and waits for their ends.
func (s *session) leave(q850 int) {
	s.endBridge(s.ending.by, s.ending.reason)
	s.phase = leaving
	s.stopTimers()
	var waiting []Leg
	for _, p := range s.parties {
		if p.leg != nil && !p.gone {
			waiting = append(waiting, p.leg)
		}
	}
	if len(waiting) == 0 {
		s.finish()
		return
	}
	s.after(timerWatchdog, watchdogAfter, func() {
		s.log.Warn("a leg did not report its end in time; the call is closed without it")
		s.finish()
	})
	for _, leg := range waiting {
		leg.Hangup(q850)
	}
}

// onLastLeg finishes once no leg is left.
func (s *session) onLastLeg(calls.LegEvent) {
	for _, p := range s.parties {
		if p.leg != nil && !p.gone {
			return
		}
	}
	s.finish()
}

// finish completes a call for the reason kept by because.
func (s *session) finish() {
	r := calls.Result{Outcome: calls.OutcomeAnswered, Reason: s.ending.reason, Charged: true}
	switch {
	case s.call.AnsweredAt != nil:
	case s.call.Direction == calls.In:
		r.Outcome = calls.OutcomeMissed
	case s.ending.reason == calls.ReasonMaxDuration:
		r = calls.Result{Outcome: calls.OutcomeNoAnswer, Reason: calls.ReasonRingTimeout, Charged: true}
	default:
		r.Outcome = calls.OutcomeCanceled
	}
	s.complete(r, s.ending.by)
}

// complete writes the end of the call, exactly once, and ends the goroutine.
func (s *session) complete(r calls.Result, by calls.Party) {
	if s.phase == over {
		return
	}
	s.phase = over
	s.stopTimers()
	s.e.expect.drop(s)
	for _, p := range s.parties {
		if p.slot != nil {
			p.slot.Release()
		}
		if p.attempt != nil && !p.gone {
			s.closeAttempt(p, calls.Ending{}, r.Charged)
		}
	}
	c := s.call
	endCall(c, r, by, s.now())
	s.e.metrics.completed(c)
	s.log.Info("call completed", "to", calls.Mask(c.To), "outcome", c.Outcome, "reason", c.Reason, "talk_ms", c.TalkMS)
	s.tell(s.event(calls.CallCompleted, completedOf(c)))
}

// endCall sets the final fields of a call.
func endCall(c *calls.Call, r calls.Result, by calls.Party, now time.Time) {
	c.Status, c.Outcome, c.Reason, c.HangupBy, c.Hold = calls.StatusCompleted, r.Outcome, r.Reason, by, nil
	if c.EndedAt == nil {
		c.EndedAt = &now
	}
	switch {
	case c.AnsweredAt != nil:
		c.TalkMS = max(0, c.EndedAt.Sub(*c.AnsweredAt).Milliseconds())
		c.BillableMS = (c.TalkMS + 999) / 1000 * 1000
	case c.RingingAt != nil:
		c.RingMS = max(0, c.EndedAt.Sub(*c.RingingAt).Milliseconds())
	}
}

// completedOf is the payload of call.completed: the published fields of the
// call with the digits as one string.
func completedOf(c *calls.Call) json.RawMessage {
	view := calls.View(c)
	b, err := json.Marshal(struct {
		calls.CallView
		Digits string `json:"digits"`
	}{view, c.DigitString()})
	if err != nil {
		// Only Metadata is not ours, and it was valid JSON when it was admitted.
		return json.RawMessage(`{"error":"the call could not be written as JSON"}`)
	}
	return b
}
