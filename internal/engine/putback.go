package engine

import (
	"time"

	"zvonar/internal/calls"
)

// gatesHold is how long what the dialer's gates said of a call counts. A store
// that takes longer to commit the attempt gives the window time to close, the
// number to be blocked, not_after to pass.
const gatesHold = 5 * time.Second

// putBack returns a call whose attempt is durable, but too late to ring somebody
// because of it: the attempt ends uncharged, the dialer asks every gate anew.
func (s *session) putBack() {
	s.log.Warn("nobody is rung: the attempt waited too long for the store; the call is queued again")
	s.letGo()
	s.customer.gone = true
	s.closeAttempt(s.customer, calls.Ending{}, false)
	s.call.Status, s.call.Trunk, s.call.Line, s.call.From = calls.StatusQueued, s.wish.trunk, s.wish.line, s.wish.from
	s.sendNow(nil, func(err error) {
		switch {
		case s.ending.reason != "":
			s.complete(calls.Result{Outcome: calls.OutcomeCanceled, Reason: s.ending.reason}, s.ending.by)
		case err != nil:
			s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed}, calls.ByZvonar)
		default:
			s.phase, s.back = over, true
		}
	})
}
