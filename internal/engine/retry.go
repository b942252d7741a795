package engine

import (
	"fmt"
	"slices"

	"zvonar/internal/calls"
	"zvonar/internal/dialer"
)

// neverAgain are the reasons of an end after which nobody wants the call tried again,
// whatever became of its attempt.
var neverAgain = []calls.Reason{calls.ReasonByAPI, calls.ReasonSeriesCanceled, calls.ReasonShutdown, calls.ReasonRecordingRevoked,
	calls.ReasonRecordingRejected, calls.ReasonBlockedByDigit, calls.ReasonTransferred, calls.ReasonNoClip,
	calls.ReasonProviderTimeout} // the provider may have it ring yet, or has

// retry puts a call that did not reach its callee back into the queue, where its policy
// wants that, and reports whether it does. The call is not over: it is held until it is
// due again.
func (s *session) retry(r calls.Result) bool {
	c := s.call
	s.noteOutcome(r.Outcome)
	due, again := dialer.RetryAt(c, r.Outcome, s.now())
	if !again || !s.mayRetry(r) {
		return false
	}
	s.closeParties(r)
	before := *c.Clone()
	by := s.ending.by
	wake(c)
	c.DueAt, c.Avoid, c.Status = due, nil, calls.StatusHeld
	c.Hold = &calls.Hold{Gate: calls.GateRetry, Until: &due, Text: fmt.Sprintf("%s: it is tried again (%d of %d attempts so far)", r.Outcome, charged(c), c.Retry.MaxAttempts)}
	s.log.Info("call is tried again", "to", calls.Mask(c.To), "outcome", r.Outcome, "due", due)
	s.tell(s.event(calls.CallHeld, retryData{HoldView: calls.HoldView{Gate: calls.GateRetry, Until: calls.Stamp(due), Text: c.Hold.Text},
		Outcome: r.Outcome, Reason: r.Reason, Attempt: len(c.Attempts)}))
	s.toQueue(func(error) {
		*s.call = before // the end as it was, once and for all
		s.final = true
		s.complete(r, by)
	})
	return true
}

// mayRetry reports whether a call that ended like this may be tried again at all: nobody
// ended it, no person was reached and no message left, and all of it is over.
func (s *session) mayRetry(r calls.Result) bool {
	c := s.call
	switch {
	case s.final, s.anyLeg(), c.Direction != calls.Out, len(c.Attempts) >= maxAttempts-1:
		return false
	case slices.Contains(neverAgain, s.ending.reason), slices.Contains(neverAgain, r.Reason):
		return false
	case len(c.Digits)+len(c.Actions) > 0:
		return false
	}
	return r.Outcome != calls.OutcomeMachine || c.Flow.AMD.OnMachine != calls.OnMachineMessage
}

// charged counts the attempts of the callee that disturbed him.
func charged(c *calls.Call) (n int) {
	for _, a := range c.Attempts {
		if a.Role == calls.RoleCustomer && a.Charged {
			n++
		}
	}
	return n
}

// noteOutcome keeps what the attempt of the callee came to.
func (s *session) noteOutcome(o calls.Outcome) {
	if a := s.customer.attempt; a != nil && a.Outcome == "" {
		s.setAttempt(s.customer, func(a *calls.Attempt) { a.Outcome = o })
	}
}

// lastOutcome is what the last attempt that disturbed the callee came to, "" where there
// was none.
func lastOutcome(c *calls.Call) calls.Outcome {
	for _, a := range slices.Backward(c.Attempts) {
		if a.Role == calls.RoleCustomer && a.Charged {
			return a.Outcome
		}
	}
	return ""
}

// wake takes back what an attempt told of the call; the attempts keep it.
func wake(c *calls.Call) {
	c.RingingAt, c.AnsweredAt, c.EndedAt, c.Dialog, c.Hold = nil, nil, nil, nil, nil
	c.RingMS, c.TalkMS, c.BillableMS, c.SIPCode, c.Q850 = 0, 0, 0, 0, 0
	c.Verdict, c.HangupBy, c.Outcome, c.Reason, c.ProviderCallID = calls.VerdictNone, "", calls.OutcomeNone, calls.ReasonNone, ""
}

// failOver has the call dialled by another trunk, where this one is to blame and nobody
// can have been rung (calls.MayRetry), and reports whether it does.
func (s *session) failOver(end calls.Ending) bool {
	c := s.call
	asked := &calls.Call{Account: c.Account, Trunk: s.wish.trunk, From: s.wish.from, Avoid: append(slices.Clone(c.Avoid), c.Trunk)}
	if !calls.MayRetry(end) || s.ending.reason != "" || s.manager != nil || c.Provider != "" || len(c.Attempts) >= maxAttempts-1 || !s.e.cfg.Queue.Others(asked) {
		return false
	}
	s.log.Warn("the trunk failed the call; another one is tried", "trunk", c.Trunk, "code", end.Code)
	s.noteOutcome(calls.OutcomeTrunkError)
	s.letGo()
	wake(c)
	c.Avoid, c.Status = asked.Avoid, calls.StatusQueued
	s.toQueue(func(error) {
		s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed}, calls.ByZvonar)
	})
	return true
}

// attempted counts what the attempt of the callee came to, and tells the queue: it
// leaves a trunk alone that fails all.
func (s *session) attempted(r calls.Result, code int) {
	a := s.customer.attempt
	if a == nil || s.call.Direction != calls.Out {
		return
	}
	s.e.metrics.attempted(a.Trunk, r)
	if s.call.Provider != "" {
		return
	}
	s.e.cfg.Queue.Attempted(calls.Attempted{Account: s.call.Account, Trunk: a.Trunk, Campaign: s.call.CampaignID, Result: r, Code: code})
}
