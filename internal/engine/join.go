package engine

import (
	"cmp"

	"zvonar/internal/calls"
)

// A manager who talks in two calls of ours may join them: his telephone asks, within
// one talk, for whoever it talks with in the other (a transfer with announcement).
// The other call gives that leg away and ends as transferred; the first one goes on
// with it, and the manager's two legs are hung up.

// viaJoin is how the leg of another call is marked in the log.
const viaJoin = "join"

// gift is a leg that one call gives to another, with all that goes along with it.
type gift struct {
	leg        Leg
	slot       Slot
	call       string // that gave it
	to, trunk  string
	employee   string
	dialog     []byte // for the BYE of a next process
	holds      bool
	sipCallID  string
	whyRefused string // "": it is given
}

// nobodyTalks is why a call gives nobody away.
const nobodyTalks = "nobody talks in the other call"

// join asks the call that a leg named by ask belongs to for whoever talks with it.
func (s *session) join(asker *party, ask calls.TransferAsk) {
	t := &transfer{target: ask.To, asked: true}
	s.e.mu.Lock()
	other := s.e.legs[ask.Leg]
	s.e.mu.Unlock()
	next := &party{role: calls.RoleManager}
	w := wanted{leg: ask.Leg, by: s, next: next, account: s.call.Account, customer: number(s.call)}
	if other == nil || other == s || len(s.call.Attempts) >= maxAttempts {
		asker.leg.AnswerRefer(603)
		s.transferFailed(t, "there is no other talk to join this one with")
		return
	}
	s.transfer, s.asker = t, asker
	asker.leg.AnswerRefer(202)
	tell := func(g *gift) { s.box.postOr(func() { s.given(t, next, g) }, g.giveUp) }
	other.box.postOr(func() { tell(other.give(w)) }, func() { tell(&gift{whyRefused: nobodyTalks}) })
}

// wanted is what a call asks of another one: whoever talks with the leg.
type wanted struct {
	leg      string
	by       *session
	next     *party // what he becomes there
	account  string
	customer string // whom he will talk with
}

// give gives whoever talks with the leg to another call and ends this one. It runs in
// the goroutine of the call that gives.
func (s *session) give(w wanted) *gift {
	var stays, goes *party
	if s.phase == bridged && s.transfer == nil && s.call.Account == w.account {
		for _, p := range []*party{s.customer, s.manager} {
			if p.leg != nil && !p.gone && p.leg.ID() == w.leg {
				stays, goes = p, s.otherOf(p)
			}
		}
	}
	if goes == nil || goes.gone || goes.hung || goes.leg == nil {
		return &gift{whyRefused: nobodyTalks}
	}
	by := calls.ByManager
	if stays == s.customer {
		by = calls.ByCustomer
	}
	s.because(calls.ReasonTransferred, by)
	s.endBridge(by, calls.ReasonTransferred)
	s.endCapture()
	goes.hush()
	if goes.waits {
		goes.leg.Hold(false)
	}
	g := s.wrap(goes)
	route := w.by.listen(w.next)
	goes.moved.Store(&route)
	s.nameLeg(goes, false)
	goes.gone, goes.leg, goes.slot = true, nil, nil
	s.tell(s.event(calls.CallTransferred, transferredData{To: w.customer, Via: viaJoin, Call: w.by.id}))
	s.phase = referring // no talk is left to be ended
	s.leave(q850Normal)
	return g
}

// wrap takes a party out of the books of the call.
func (s *session) wrap(p *party) *gift {
	g := &gift{leg: p.leg, slot: p.slot, call: s.id, to: number(s.call), trunk: s.call.Trunk, employee: p.employee, dialog: s.call.Dialog, holds: p.holds}
	if a := p.attempt; a != nil {
		g.to, g.trunk, g.dialog, g.sipCallID = a.To, a.Trunk, a.Dialog, a.SIPCallID
		s.closeAttempt(p, calls.Ending{Answered: true}, true)
	}
	if p == s.customer {
		s.call.Dialog = nil
	}
	return g
}

// number is the customer's.
func number(c *calls.Call) string {
	if c.Direction == calls.In {
		return c.From
	}
	return c.To
}

// giveUp ends a leg that nobody wants.
func (g *gift) giveUp() {
	if g.leg == nil {
		return
	}
	g.leg.Hangup(q850Normal)
	if g.slot != nil {
		g.slot.Release()
	}
}

// given goes on once the other call has answered.
func (s *session) given(t *transfer, next *party, g *gift) {
	wanted := s.transfer == t && s.phase == bridged || t.promoted && s.phase == reaching && s.manager == nil
	switch {
	case !wanted:
		g.giveUp()
		return
	case g.whyRefused != "":
		s.tellAsker(603)
		s.notJoined(t, g.whyRefused)
		return
	}
	attempt, err := s.newAttempt(calls.RoleManager, g.trunk, cmp.Or(g.to, t.target))
	if err != nil {
		g.giveUp()
		s.notJoined(t, err.Error())
		return
	}
	now := s.now()
	attempt.SentAt, attempt.SIPCallID = now, cmp.Or(g.sipCallID, attempt.SIPCallID)
	attempt.State, attempt.SIPCode, attempt.Dialog = calls.AttemptAnswered, 200, g.dialog
	s.call.Attempts[len(s.call.Attempts)-1] = *attempt
	next.attempt, next.leg, next.slot, next.employee, next.holds, next.joined = attempt, g.leg, g.slot, g.employee, g.holds, g.call
	s.parties = append(s.parties, next)
	s.nameLeg(next, true)
	t.target, t.party = attempt.To, next
	if t.promoted {
		s.manager = next
	}
	s.commitAttempt(attempt, func(err error) { s.joinCommitted(t, next, err) },
		s.event(calls.CallBridging, bridgingData{Leg: calls.RoleManager, To: attempt.To, Attempt: attempt.ID, Trunk: g.trunk, Via: viaJoin, Employee: g.employee}))
}

// joinCommitted lets the two far ends talk, if both are still there.
func (s *session) joinCommitted(t *transfer, next *party, err error) {
	if err != nil {
		s.forgetAttempt(next)
	}
	switch {
	case next.gone || next.hung: // he hung up, or the call ends: that was told
	case s.transfer != t && !(t.promoted && s.manager == next && s.phase == reaching):
		next.hangUp(q850Normal)
	case err != nil || !s.held():
		next.hangUp(q850Normal)
		s.notJoined(t, "the attempt could not be stored")
	case t.promoted:
		s.forward.said = t.action()
		s.tellAsker(200)
		s.bridge()
	default:
		s.takesOver()
	}
}

// notJoined leaves the customer with his manager, or in the flow where that one hung up.
func (s *session) notJoined(t *transfer, why string) {
	if t.promoted {
		s.backToMenu(why)
		return
	}
	s.notTransferred(why)
}
