package engine

import (
	"errors"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// actionTransfer names a transfer among the actions of a call.
const actionTransfer calls.ActionKind = "transfer"

// roleNext is the row of the steps for a manager who is rung while another talks.
const roleNext calls.Role = "next"

// transfer is a talk that is being handed to somebody else. The present manager
// stays until the next one is on the line, or hangs up by himself.
type transfer struct {
	party    *party // nil where the trunk makes the transfer
	target   string
	referred bool // the trunk was asked to make it, see refer.go
	accepted bool // and said that it tries
	// asked: a telephone wants it; the target must not be on the blacklist. replaces
	// is whose place the next leg takes at the target.
	asked    bool
	replaces calls.Dialog
}

// action is how the log names it.
func (t *transfer) action() calls.Action { return calls.Action{Kind: actionTransfer, Value: t.target} }

// nextSteps says what an event of the next manager's leg does.
var nextSteps = map[phase]map[calls.LegEventKind]step{
	bridged: {
		calls.LegRinging:  (*session).onNextRinging,
		calls.LegAnswered: (*session).onNextAnswered,
		calls.LegEnded:    (*session).onNextNotReached,
	},
	reaching: {
		calls.LegAnswered: (*session).onPickedUp,
		calls.LegEnded:    (*session).onNextNotReached,
	},
	confirming: {
		calls.LegAnswered: (*session).onPickedUp,
		calls.LegEnded:    (*session).onNextNotReached,
	},
}

// transferTo hands the customer to target. In a flow he is forwarded as by a
// digit; in a talk the next manager is rung beside it.
func (s *session) transferTo(target string) error {
	switch {
	case s.phase == talking && s.flow != nil:
		if s.flow.Do(calls.Action{Kind: calls.ActionManager, Value: target}) {
			return nil
		}
	case s.phase == bridged && s.transfer == nil:
		return s.ringNext(target)
	}
	return notTalking()
}

// ringNext rings another manager: an attempt of its own, committed first.
func (s *session) ringNext(target string) error { return s.ring(&transfer{target: target}) }

func (s *session) ring(t *transfer) error {
	to, trunk := managerTarget(t.target, s.call.Trunk)
	if s.refers(trunk) && t.replaces.CallID == "" {
		s.referOn(t.target)
		return nil
	}
	if len(s.call.Attempts) >= maxAttempts {
		return calls.Errorf(calls.CodeWrongState, "managers were rung too often in this call")
	}
	if !s.mayPassOn() {
		return calls.Errorf(calls.CodeWrongState, "%s", tooManyHops)
	}
	slot, gate, ok := s.e.cfg.Limits.Acquire(trunk)
	if !ok {
		return calls.Errorf(calls.CodeOverloaded, "no free channel on trunk %s (%s)", trunk, gate)
	}
	attempt, err := s.newAttempt(calls.RoleManager, trunk, to)
	if err != nil {
		slot.Release()
		return calls.Errorf(calls.CodeWrongState, "%v", err)
	}
	p := s.addParty(calls.RoleManager, slot)
	p.attempt = attempt
	t.party = p
	s.transfer = t
	row := *attempt
	first := func(tx calls.Tx) error {
		if t.asked {
			if _, err := tx.Blocked(s.call.Account, to); !errors.Is(err, calls.ErrNotFound) {
				return errors.Join(errTargetBlocked, err)
			}
		}
		return tx.InsertAttempt(&row)
	}
	s.commit(first, func(err error) {
		if err != nil {
			s.forgetAttempt(p)
		} else {
			failpoint.Hit(failpoint.ManagerStored)
		}
		wanted := s.transfer == t && s.phase == bridged || s.manager == p && s.phase == reaching
		if wanted && err == nil && s.held() {
			s.dialManager(p, t.replaces)
			return
		}
		s.notDialled(p)
		why := "the attempt could not be made"
		if errors.Is(err, errTargetBlocked) {
			why = errTargetBlocked.Error()
		}
		switch {
		case wanted && s.manager == p:
			s.backToMenu(why)
		case wanted:
			s.notTransferred(why)
		}
	}, s.event(calls.CallBridging, bridgingData{Leg: calls.RoleManager, To: to, Attempt: attempt.ID}))
	return nil
}

// onNextAnswered: the next manager takes the place of the present one.
func (s *session) onNextAnswered(ev calls.LegEvent) {
	t := s.transfer
	s.transfer = nil
	s.setAttempt(t.party, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
	s.tellAsker(200)
	former := s.manager
	s.endBridge(calls.ByZvonar, calls.ReasonTransferred)
	former.hangUp(q850Normal)
	s.manager = t.party
	s.forward.said, s.forward.saidDigit = t.action(), 0
	s.bridge()
}

// onNextNotReached: the talk goes on as it was.
func (s *session) onNextNotReached(ev calls.LegEvent) {
	s.tellAsker(unreachedCode(ev.Ending))
	s.notTransferred(managerWords(ev.Ending))
}

// onNextRinging: whoever asked for the next manager hears that he is rung.
func (s *session) onNextRinging(ev calls.LegEvent) { s.tellAsker(ev.Code) }

func (s *session) notTransferred(why string) {
	t := s.transfer
	s.transfer = nil
	s.transferFailed(t, why)
}

func (s *session) transferFailed(t *transfer, why string) {
	s.tellAsker(503)
	s.tell(s.actionEvent(0, t.action(), why))
	s.e.metrics.action(actionTransfer, false)
}

// promoteNext: the present manager left while the next one is rung; the customer
// waits for that one.
func (s *session) promoteNext(by calls.Party, reason calls.Reason) {
	t := s.transfer
	if t.referred {
		s.waitForTrunk(by, reason)
		return
	}
	s.transfer = nil
	s.endBridge(by, reason)
	s.manager, s.phase = t.party, reaching
	s.call.Status = calls.StatusAnswered
	s.forward.said, s.forward.saidDigit, s.forward.earlyHear = t.action(), 0, false
	s.customer.leg.Tone(calls.ToneRingback)
}

// endTransfer tells of a transfer that the end of the call broke off.
func (s *session) endTransfer() {
	switch {
	case s.transfer == nil:
	case s.transfer.accepted:
		s.notTransferred("the call ended before the trunk said how its transfer went; it may have gone through")
	default:
		s.notTransferred("the call ended before the manager was connected")
	}
}
