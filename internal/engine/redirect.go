package engine

import (
	"errors"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// The bounds of following redirections: how many one call follows, and how long
// each waits for a channel of the trunk.
const (
	maxRedirects     = 5
	redirectPatience = 10 * time.Second
	redirectPause    = 250 * time.Millisecond
)

// redirection is what a call knows of the other targets it was given.
type redirection struct {
	tried []calls.Redirect // the number asked for, too
	next  []calls.Redirect // best first
	n     int              // followed so far
	last  calls.Ending     // of the leg that was redirected last
	until time.Time        // when waiting for a channel ends
}

// follow goes on where a 3xx says, or at another address of a trunk whose first one
// is at fault, and reports whether it does. Each target is a new attempt, committed before its INVITE; one that was tried already (a loop),
// that may not be called, or that is one too many ends the call as redirected.
func (s *session) follow(ev calls.LegEvent) bool {
	r := &s.redirected
	failover := len(ev.Redirects) > 0 && ev.Redirects[0].Failover && calls.MayRetry(ev.Ending)
	if s.ending.reason != "" || !failover && !calls.MayFollow(ev.Ending) {
		return false
	}
	if len(r.tried) == 0 {
		r.tried = []calls.Redirect{{To: s.call.To}}
	}
	if failover {
		r.tried = append(r.tried, calls.Redirect{To: s.customer.attempt.To, Via: ev.Target, Failover: true})
	}
	// What a target says of itself comes before what was said of it.
	r.next, r.last = append(slices.Clone(ev.Redirects), r.next...), ev.Ending
	return s.redirect()
}

// redirect takes the next target.
func (s *session) redirect() bool {
	r := &s.redirected
	for len(r.next) > 0 && r.n < maxRedirects && len(s.call.Attempts) < maxAttempts {
		target := r.next[0]
		r.next = r.next[1:]
		if to, err := s.e.destination(target.To, ""); err == nil {
			target.To = to
		} else if target.To != s.call.To {
			s.log.Warn("a redirection leads to a number that may not be called", "to", calls.Mask(target.To), "err", err)
			continue
		}
		if slices.Contains(r.tried, target) {
			continue
		}
		r.tried = append(r.tried, target)
		r.n++
		r.until = s.now().Add(redirectPatience)
		s.phase = committing
		s.redirectTo(target)
		return true
	}
	return false
}

// notRedirected ends the call as the 3xx left it.
func (s *session) notRedirected() {
	s.phase = dialing
	s.redirected.next = nil
	s.onUnanswered(calls.LegEvent{Kind: calls.LegEnded, Ending: s.redirected.last})
}

// redirectTo begins the attempt once the trunk has a channel.
func (s *session) redirectTo(target calls.Redirect) {
	if s.ending.reason != "" {
		s.endUnrung(calls.Result{Outcome: calls.OutcomeCanceled, Reason: s.ending.reason})
		return
	}
	slot, _, ok := s.e.cfg.Limits.Acquire(s.call.Trunk)
	if !ok {
		if s.now().After(s.redirected.until) {
			s.notRedirected()
			return
		}
		s.after(timerRate, redirectPause, func() { s.redirectTo(target) })
		return
	}
	s.redial(slot, target)
}

// redial makes a further attempt by the call's trunk, of which slot is a channel.
func (s *session) redial(slot Slot, target calls.Redirect) {
	a, err := s.newAttempt(calls.RoleCustomer, s.call.Trunk, target.To)
	if err != nil {
		slot.Release()
		s.notRedirected()
		return
	}
	// Whoever redirects rang nobody: that attempt does not count for the day.
	s.setAttempt(s.customer, func(a *calls.Attempt) { a.Charged = false })
	s.customer = s.addParty(calls.RoleCustomer, slot)
	s.customer.attempt, s.customer.via = a, target
	row := *a
	judged := s.now()
	s.commit(func(tx calls.Tx) error {
		if _, err := tx.BlockedFor(calls.BlockQuery{Account: s.call.Account, Number: row.To, Campaign: s.call.CampaignID, Line: s.call.Line}); !errors.Is(err, calls.ErrNotFound) {
			return errors.Join(errBlocked, err)
		}
		return tx.InsertAttempt(&row)
	}, func(err error) { s.redirectCommitted(err, judged) },
		s.event(calls.CallDialing, dialingData{Attempt: a.ID, N: a.N, Trunk: a.Trunk, Target: a.To, From: s.call.From}))
}

var errBlocked = errors.New("the number is on the blacklist")

// redirectCommitted dials, if the attempt is durable and still wanted.
func (s *session) redirectCommitted(err error, judged time.Time) {
	if err != nil {
		s.forgetAttempt(s.customer)
	} else {
		failpoint.Hit(failpoint.AttemptStored)
	}
	switch {
	case s.ending.reason != "":
		s.notDialled(s.customer)
		s.endUnrung(calls.Result{Outcome: calls.OutcomeCanceled, Reason: s.ending.reason})
	case errors.Is(err, errBlocked):
		s.dropTarget()
		if !s.redirect() {
			s.notRedirected()
		}
	case err != nil:
		s.because(calls.ReasonStoreFailed, calls.ByZvonar)
		s.endUnrung(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed})
	case s.lost():
		s.because(calls.ReasonNodeLost, calls.ByZvonar)
		s.endUnrung(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonNodeLost})
	case s.now().Sub(judged) > gatesHold, !s.held():
		s.notDialled(s.customer)
		s.notRedirected()
	default:
		s.dialCustomer()
	}
}

// dropTarget forgets a party whose attempt never came to be.
func (s *session) dropTarget() {
	s.customer.gone = true
	s.customer.slot.Release()
	for i := len(s.parties) - 1; i >= 0; i-- {
		if p := s.parties[i]; p.role == calls.RoleCustomer && p.attempt != nil {
			s.customer = p
			return
		}
	}
}

// endUnrung ends a call that rings nobody any more, for the reason that is kept, and
// the leg of a manager who waits for the client.
func (s *session) endUnrung(r calls.Result) {
	if s.anyLeg() {
		s.judged = &r
		s.leave(q850Normal)
		return
	}
	s.complete(r, s.ending.by)
}

// failOverHere has the client dialled by another trunk while a manager waits for him,
// and reports whether it does. Without a manager the queue does it (failOver).
func (s *session) failOverHere(ev calls.LegEvent) bool {
	c := s.call
	if !calls.MayRetry(ev.Ending) || s.ending.reason != "" || c.Provider != "" || s.wish.trunk+s.wish.from != "" || len(c.Attempts) >= maxAttempts {
		return false
	}
	c.Avoid = append(slices.Clone(c.Avoid), c.Trunk)
	for _, t := range s.e.trunks() {
		if t.Name == calls.SoftphoneTrunk || !t.carries(c.Account) || slices.Contains(c.Avoid, t.Name) {
			continue
		}
		slot, _, ok := s.e.cfg.Limits.Acquire(t.Name)
		if !ok {
			continue
		}
		s.log.Warn("the trunk failed the client of a manager who waits; another one is tried", "trunk", c.Trunk, "code", ev.Ending.Code, "next", t.Name)
		s.noteOutcome(calls.OutcomeTrunkError)
		c.Trunk, c.From = t.Name, s.e.defaultNumber(t.Name)
		c.Line = c.From
		s.redirected, s.phase = redirection{last: ev.Ending}, committing
		s.redial(slot, calls.Redirect{To: c.To})
		return true
	}
	return false
}
