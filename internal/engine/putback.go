package engine

import (
	"time"

	"zvonar/internal/calls"
)

// gatesHold is how long what the dialer's gates said of a call counts. A store
// that takes longer to commit the attempt gives the window time to close, the
// number to be blocked, not_after to pass.
const gatesHold = 5 * time.Second

// putBack returns a call to the queue before anybody was rung for it: the attempt, if
// it is durable, ends uncharged, the dialer asks every gate anew.
func (s *session) putBack(why string) {
	s.log.Warn("nobody is rung; the call is queued again", "why", why)
	s.letGo()
	s.customer.gone = true
	if s.customer.attempt != nil {
		s.closeAttempt(s.customer, calls.Ending{}, false)
	}
	s.call.Status = calls.StatusQueued
	s.toQueue(func(error) {
		s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed}, calls.ByZvonar)
	})
}

// toQueue writes the call as it was asked for and gives it to the dialer. A request
// to end it that comes meanwhile ends it; failed does where the store does not take it.
func (s *session) toQueue(failed func(error)) {
	s.phase, s.ending = committing, endCause{}
	s.call.Trunk, s.call.Line, s.call.From = s.wish.trunk, s.wish.line, s.wish.from
	s.sendNow(nil, func(err error) {
		switch {
		case s.ending.reason != "":
			s.complete(calls.Result{Outcome: calls.OutcomeCanceled, Reason: s.ending.reason}, s.ending.by)
		case err != nil:
			failed(err)
		default:
			s.phase, s.back = over, true
		}
	})
}
