package engine

import (
	"cmp"
	"errors"

	"zvonar/internal/calls"
)

// A manager may hand the customer on by his own telephone: it asks us to transfer
// (REFER), or whoever takes over calls in and names the leg whose place he takes
// (Replaces, RFC 3891). Both are transfers as by request, and checked as such.

// extensionDigits is the length up to which a number is an extension at the trunk.
const extensionDigits = 8

// errTargetBlocked refuses to transfer to a number on the blacklist.
var errTargetBlocked = errors.New("the target is on the blacklist")

// errSoftphone: whoever has the password of a softphone must not call the world by it.
var errSoftphone = errors.New("a softphone hands on to extensions of employees only")

// onManagerAsks: the manager's telephone wants the customer transferred.
func (s *session) onManagerAsks(ev calls.LegEvent) {
	p := s.manager
	if s.transfer != nil {
		p.leg.AnswerRefer(491)
		return
	}
	if ev.Ask.Leg != "" {
		s.join(p, ev.Ask)
		return
	}
	t := &transfer{target: ev.Ask.To, replaces: ev.Ask.Replaces, asked: true}
	soft := p.attempt.Trunk == calls.SoftphoneTrunk
	if !soft && (len(t.target) <= extensionDigits || t.replaces.CallID != "") {
		t.target += "@" + p.attempt.Trunk
	}
	value, err := t.target, error(nil)
	if _, colleague := peopleValue(value); soft && (!colleague || t.replaces.CallID != "") {
		err = errSoftphone
	} else {
		value, err = s.e.askedTarget(s.call.Account, t)
	}
	if err == nil {
		t.target = value
		err = s.ring(t)
	}
	if err != nil {
		p.leg.AnswerRefer(603)
		s.transferFailed(t, err.Error())
		return
	}
	s.asker = p
	p.leg.AnswerRefer(202)
}

// askedTarget checks where a telephone wants a customer sent, as a request by API is.
func (e *Engine) askedTarget(account string, t *transfer) (string, error) {
	if t.replaces.CallID == "" {
		return e.managerValue(account, "", t.target, "Refer-To")
	}
	to, trunk := managerTarget(t.target, "") // a number may be rung at the asker's own trunk
	if len(to) > extensionDigits {
		number, err := e.destination(to, "Refer-To")
		return number + "@" + trunk, err
	}
	return e.managerValue(account, "", t.target, "Refer-To")
}

// tellAsker tells whoever asked for the transfer how it goes on: a code of SIP, of
// which one from 200 on is the last.
func (s *session) tellAsker(code int) {
	if s.asker == nil {
		return
	}
	s.asker.leg.NotifyRefer(code)
	if code >= 200 {
		s.asker = nil
	}
}

// unreachedCode is what tells an asker that nobody was reached.
func unreachedCode(end calls.Ending) int {
	if end.Code >= 300 {
		return end.Code
	}
	return 480
}

// replace lets an inbound leg take the place of one of ours, or refuses it.
func (e *Engine) replace(leg Leg, inv calls.Invite) {
	e.mu.Lock()
	s := e.legs[inv.Replaces]
	e.mu.Unlock()
	refuse := func() { leg.Reject(603, 0, "") }
	if s == nil {
		refuse()
		return
	}
	s.box.postOr(func() { s.takeOver(leg, inv) }, refuse)
}

// nameLeg notes whose call a leg is of, or that it is over.
func (s *session) nameLeg(p *party, on bool) {
	if p.leg == nil {
		return
	}
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	if on {
		s.e.legs[p.leg.ID()] = s
		return
	}
	delete(s.e.legs, p.leg.ID())
}

// takeOver answers whoever wants to take the present manager's place, once his
// attempt is durable. The present one stays until then.
func (s *session) takeOver(leg Leg, inv calls.Invite) {
	old := s.manager
	mayTake := old != nil && old.leg != nil && !old.gone && old.leg.ID() == inv.Replaces && s.transfer == nil &&
		(s.phase == bridged || s.phase == reaching) && len(s.call.Attempts) < maxAttempts
	if !mayTake {
		leg.Reject(603, 0, "")
		return
	}
	slot, _, ok := s.e.cfg.Limits.Acquire(inv.Trunk)
	if !ok {
		leg.Reject(503, 34, "Service Unavailable")
		return
	}
	from := cmp.Or(digitsOnly(inv.From), inv.To)
	attempt, err := s.newAttempt(calls.RoleManager, inv.Trunk, from)
	if err != nil {
		slot.Release()
		leg.Reject(603, 0, "")
		return
	}
	attempt.SIPCallID = inv.SIPCallID
	s.call.Attempts[len(s.call.Attempts)-1] = *attempt
	p := s.addParty(calls.RoleManager, slot)
	p.attempt, p.leg = attempt, leg
	s.nameLeg(p, true)
	s.transfer = &transfer{party: p, target: from}
	leg.Listen(s.call.ID, s.listen(p))
	s.commitAttempt(attempt, func(err error) {
		if err != nil {
			s.forgetAttempt(p)
		}
		switch {
		case p.gone || p.hung:
		case err != nil || !s.held():
			p.hung = true
			leg.Reject(500, 41, "")
		default:
			leg.Answer()
		}
	}, s.event(calls.CallBridging, bridgingData{Leg: calls.RoleManager, To: from, Attempt: attempt.ID, Trunk: inv.Trunk, Via: viaReplaces}))
}

// dropNext lets go of somebody who wanted to take over a talk that came to nothing.
func (s *session) dropNext() {
	if t := s.transfer; t != nil && t.party != nil {
		s.transfer = nil
		t.party.hangUp(q850Normal)
	}
}

// viaReplaces is how somebody who called in to take over is marked in the log.
const viaReplaces = "replaces"

// onPickedUp: somebody took the call while the manager was still rung.
func (s *session) onPickedUp(ev calls.LegEvent) {
	t := s.transfer
	s.transfer = nil
	s.after(timerConfirm, 0, nil)
	s.setAttempt(t.party, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
	if s.forward.earlyHear {
		s.e.line.Unbridge(s.customer.leg, s.manager.leg)
		s.forward.earlyHear = false
	}
	s.manager.hangUp(q850Normal)
	s.manager = t.party
	s.forward.said, s.forward.saidDigit = t.action(), 0
	s.bridge()
}

// notBlocked refuses a target that is on the blacklist.
func (s *session) notBlocked(tx calls.ReadTx, to string) error {
	if _, err := tx.BlockedFor(calls.BlockQuery{Account: s.call.Account, Number: to}); !errors.Is(err, calls.ErrNotFound) {
		return errors.Join(errTargetBlocked, err)
	}
	return nil
}
