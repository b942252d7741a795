package engine

import (
	"errors"

	"zvonar/internal/calls"
)

// actionTransfer names a transfer among the actions of a call.
const actionTransfer calls.ActionKind = "transfer"

// roleNext is the row of the steps for a manager who is rung while another talks.
const roleNext calls.Role = "next"

// transfer is a talk that is being handed to somebody else. The present manager
// stays until the next one is on the line, or hangs up by himself.
type transfer struct {
	party    *party // who is rung; nil: several are, or nobody yet, or the trunk makes the transfer
	target   string
	promoted bool // the present manager left; the customer waits
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

// ringNext rings another manager, or several one after the other. That nobody can
// be rung is the answer where it is known at once.
func (s *session) ringNext(target string) error { return s.ring(&transfer{target: target}) }

func (s *session) ring(t *transfer) (refused error) {
	if _, trunk := managerTarget(t.target, s.call.Trunk); !isPeople(t.target) && s.refers(trunk) && t.replaces.CallID == "" {
		s.referOn(t.target)
		return nil
	}
	if len(s.call.Attempts) >= maxAttempts {
		return calls.Errorf(calls.CodeWrongState, "managers were rung too often in this call")
	}
	if !s.mayPassOn() {
		return calls.Errorf(calls.CodeWrongState, "%s", tooManyHops)
	}
	s.transfer = t
	asked := true // the asker still waits
	h := &hunt{
		replaces: t.replaces,
		begin: func(p *party) {
			if t.promoted {
				s.manager = p
				return
			}
			t.party = p
		},
		wanted: func() bool {
			return s.transfer == t && s.phase == bridged || t.promoted && (s.phase == reaching || s.phase == confirming)
		},
		fail: func(why string) {
			switch {
			case t.promoted:
				s.backToMenu(why)
			case asked:
				s.transfer = nil
				refused = calls.Errorf(calls.CodeOverloaded, "%s", why)
			default:
				s.notTransferred(why)
			}
		},
		broken: func(err error) {
			why := "the attempt could not be made"
			if errors.Is(err, errTargetBlocked) {
				why = errTargetBlocked.Error()
			}
			if t.promoted {
				s.backToMenu(why)
				return
			}
			s.notTransferred(why)
		},
	}
	if t.asked {
		h.check = s.notBlocked
	}
	s.startHunt(t.target, h)
	asked = false
	return refused
}

// onNextAnswered: the next manager takes the place of the present one.
func (s *session) onNextAnswered(ev calls.LegEvent) {
	s.setAttempt(s.transfer.party, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
	s.takesOver()
}

// takesOver connects the customer with the next manager, who is on the line.
func (s *session) takesOver() {
	t := s.transfer
	s.transfer = nil
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
	why := managerWords(ev.Ending)
	if s.goOn(why) {
		return
	}
	s.tellAsker(unreachedCode(ev.Ending))
	s.notTransferred(why)
}

// onNextRinging: whoever asked for the next manager hears that he is rung.
func (s *session) onNextRinging(ev calls.LegEvent) { s.tellAsker(ev.Code) }

func (s *session) notTransferred(why string) {
	t := s.transfer
	s.transfer, s.hunting = nil, nil
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
	t.promoted = true
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
