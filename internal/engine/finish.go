package engine

import (
	"encoding/json"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
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
		// Its INVITE, should it come all the same, is refused (expectations.leave).
		s.takeBack(nil)
		s.finish()
	case remote, remoteTalk:
		s.recall()
	case recalling:
	case connecting:
		s.takeBack(nil)
		s.leave(q850Normal)
	default:
		s.leave(q850Normal)
	}
}

// q850Normal is "normal call clearing", told in the Reason header of our BYE.
const q850Normal = 16

// leave hangs up every leg that is still there and waits for their ends.
func (s *session) leave(q850 int) {
	s.endBridge(s.ending.by, s.ending.reason)
	s.endReaching()
	s.endTransfer()
	s.tellAsker(487)
	s.phase, s.leftAt, s.hunting = leaving, s.now(), nil
	s.stopTimers()
	if !s.anyLeg() {
		s.finish()
		return
	}
	s.after(timerWatchdog, watchdogAfter, func() {
		s.log.Warn("a leg did not report its end in time; the call is closed without it")
		s.finish()
	})
	for _, p := range s.parties {
		p.hangUp(q850)
	}
	failpoint.Hit(failpoint.HangingUp)
}

// anyLeg reports whether a leg is still there.
func (s *session) anyLeg() bool {
	return slices.ContainsFunc(s.parties, func(p *party) bool { return p.leg != nil && !p.gone })
}

// onLastLeg finishes once no leg is left.
func (s *session) onLastLeg(calls.LegEvent) {
	if !s.anyLeg() {
		s.finish()
	}
}

// finish completes a call for the reason kept by because.
func (s *session) finish() {
	r := calls.Result{Outcome: s.call.Verdict.Answered(), Reason: s.ending.reason, Charged: true}
	switch {
	case s.judged != nil: // the client's leg said it
		r = *s.judged
	case s.call.AnsweredAt != nil:
	case s.early.enough:
		r, _ = s.early.heard.Early()
	case s.call.Direction == calls.In:
		r.Outcome = calls.OutcomeMissed
	case s.phase == placing && !s.provider.asked: // nothing can have rung
		r.Charged = false
		r.Outcome = calls.OutcomeCanceled
		if s.ending.reason == calls.ReasonMaxDuration {
			r.Outcome, r.Reason = calls.OutcomeTrunkError, calls.ReasonProviderTimeout
		}
	case s.ending.reason == calls.ReasonMaxDuration, s.ending.reason == calls.ReasonRingTimeout:
		r.Outcome, r.Reason = calls.OutcomeNoAnswer, calls.ReasonRingTimeout
	default:
		r.Outcome = calls.OutcomeCanceled
	}
	s.complete(r, s.ending.by)
}

// complete writes the end of the call, exactly once, and ends the goroutine; or puts
// it back into the queue, where it is to be tried again.
func (s *session) complete(r calls.Result, by calls.Party) {
	if s.phase == over || s.retry(r) {
		return
	}
	failpoint.Hit(failpoint.CallOver)
	s.showPeople(r)
	s.closeParties(r)
	s.phase, s.hunting = over, nil
	c, at := s.call, s.leftAt
	c.Dialog = nil
	if at.IsZero() {
		at = s.now()
	}
	endCall(c, r, by, at)
	s.e.metrics.completed(c)
	s.log.Info("call completed", "to", calls.Mask(c.To), "outcome", c.Outcome, "reason", c.Reason, "talk_ms", c.TalkMS)
	s.e.closeCall(c, s.untold)
}

// closeParties gives back what the call holds and ends the attempts that are open.
func (s *session) closeParties(r calls.Result) {
	s.endCapture()
	s.letGo()
	for _, p := range s.parties {
		if p.attempt != nil && !p.gone {
			// A manager without a leg was never rung; a provider may have rung
			// the customer without our seeing it.
			s.closeAttempt(p, calls.Ending{}, r.Charged && (p.leg != nil || p.role == calls.RoleCustomer))
		}
	}
}

// endCall sets the final fields of a call.
func endCall(c *calls.Call, r calls.Result, by calls.Party, now time.Time) {
	c.Status, c.Outcome, c.Reason, c.HangupBy, c.Hold = calls.StatusCompleted, r.Outcome, r.Reason, by, nil
	if c.EndedAt == nil {
		c.EndedAt = &now
	}
	switch {
	case c.AnsweredAt != nil:
		if c.TalkMS == 0 { // else somebody who knows better told it
			c.TalkMS = max(0, c.EndedAt.Sub(*c.AnsweredAt).Milliseconds())
		}
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
