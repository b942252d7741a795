package engine

import (
	"errors"
	"slices"

	"zvonar/internal/calls"
)

// newAttempt adds an attempt to the call; commitAttempt makes it durable. The
// customer gets a further one only where the last one cannot have rung him
// (calls.MayRetry, calls.MayFollow); whoever looks for another target asks here, and nowhere else.
func (s *session) newAttempt(role calls.Role, trunk, to string) (*calls.Attempt, error) {
	c := s.call
	if last := s.customer; role == calls.RoleCustomer && last.attempt != nil &&
		!(last.gone && (calls.MayRetry(last.ended) || calls.MayFollow(last.ended))) {
		return nil, errors.New("the customer may have been rung already")
	}
	a := calls.Attempt{
		ID: s.e.ids.New("att_"), CallID: c.ID, Account: c.Account, N: len(c.Attempts) + 1, Role: role,
		Trunk: trunk, To: to, SIPCallID: s.e.ids.New("") + "@zvonar", SentAt: s.now(), Charged: true,
		State: calls.AttemptDialing,
	}
	c.Attempts = append(c.Attempts, a)
	return &a, nil
}

// commitAttempt writes the attempt before anything rings because of it.
func (s *session) commitAttempt(a *calls.Attempt, then func(error), events ...calls.Event) {
	row := *a
	s.commit(func(tx calls.Tx) error { return tx.InsertAttempt(&row) }, then, events...)
}

// forgetAttempt takes back an attempt that the store did not accept: nobody was
// rung because of it, so nothing tells of it.
func (s *session) forgetAttempt(p *party) {
	s.call.Attempts = slices.DeleteFunc(s.call.Attempts, func(a calls.Attempt) bool { return a.ID == p.attempt.ID })
	p.attempt = nil
}

// setAttempt changes the attempt of a party; the store learns of it with what
// this turn tells.
func (s *session) setAttempt(p *party, change func(*calls.Attempt)) {
	change(p.attempt)
	for i := range s.call.Attempts {
		if s.call.Attempts[i].ID == p.attempt.ID {
			s.call.Attempts[i] = *p.attempt
		}
	}
	if !slices.Contains(s.stale, p) {
		s.stale = append(s.stale, p)
	}
}

// staleAttempts takes the attempts that the store does not know as they are.
func (s *session) staleAttempts() []calls.Attempt {
	var rows []calls.Attempt
	for _, p := range s.stale {
		if p.attempt != nil {
			rows = append(rows, *p.attempt)
		}
	}
	s.stale = nil
	return rows
}

// closeAttempt ends the attempt of a party by the facts of its leg.
func (s *session) closeAttempt(p *party, end calls.Ending, charged bool) {
	now := s.now()
	s.setAttempt(p, func(a *calls.Attempt) {
		if a.State == calls.AttemptAnswered {
			charged = true // the callee came to the phone, however it ended
		} else {
			a.SIPCode, a.Q850 = end.Code, end.Q850
		}
		a.State, a.EndedAt, a.Charged, a.Dialog = calls.AttemptOver, &now, charged, nil
	})
}
