package engine

import (
	"slices"

	"zvonar/internal/calls"
	"zvonar/ivr"
)

// A trunk may make a transfer itself (TrunkNumbers.Refers): it is told the target
// by REFER, calls it and says how that went. Until then the customer talks on, or
// waits in the phase referring where nobody is on our side. Once the target has
// answered, the call leaves us. What was refused outright is bridged by us.

// refers reports whether a target at trunk is left to the trunk of the customer.
func (s *session) refers(trunk string) bool {
	return trunk == s.call.Trunk && !s.bridgesOnly &&
		slices.ContainsFunc(s.e.trunks(), func(t TrunkNumbers) bool { return t.Name == trunk && t.Refers })
}

// referOn has a talk transferred by the trunk; it goes on meanwhile.
func (s *session) referOn(target string) { s.refer(&transfer{target: target, referred: true}) }

// referOut has a customer transferred who is in a flow; he waits meanwhile.
func (s *session) referOut(action calls.Action) {
	s.phase = referring
	s.forward = &forwarding{action: action, said: calls.Action{Kind: actionTransfer, Value: action.Value}}
	s.patience(s.customer)
	s.refer(&transfer{target: action.Value, referred: true})
}

// refer sends the REFER once it is durable that it goes out: a next process does
// not send it again.
func (s *session) refer(t *transfer) {
	s.transfer = t
	to, trunk := managerTarget(t.target, s.call.Trunk)
	s.commit(nil, func(err error) {
		switch {
		case s.transfer != t: // the customer left, or the call was ended
		case err != nil:
			s.notReferred("the transfer could not be stored")
		case !s.held():
			s.notReferred("this node may no longer run the call")
		default:
			s.customer.leg.Refer(to)
		}
	}, s.event(calls.CallBridging, bridgingData{Leg: calls.RoleManager, To: to, Via: viaRefer, Trunk: trunk}))
}

// viaRefer is how a transfer by the trunk itself is marked in the log.
const viaRefer = "refer"

// onReferred hears how a transfer by the trunk goes on.
func (s *session) onReferred(ev calls.LegEvent) {
	t := s.transfer
	if t == nil || !t.referred {
		return
	}
	switch ev.Refer {
	case calls.ReferAccepted, calls.ReferProgress:
		t.accepted = true
		if ev.Refer == calls.ReferProgress {
			s.tellAsker(ev.Code)
		}
	case calls.ReferEnded:
		if ev.Code < 300 {
			s.referredAway()
			return
		}
		s.tellAsker(ev.Code)
		s.notReferred(managerWords(calls.Ending{Code: ev.Code}))
	case calls.ReferRefused:
		s.bridgeInstead(ev.Code)
	default:
		s.notReferred("the trunk never said how the transfer ended; whoever was called may have been rung")
	}
}

// referredAway: the target is on the line, and the call is the trunk's from now on.
func (s *session) referredAway() {
	t := s.transfer
	s.transfer = nil
	s.tellAsker(200)
	s.because(calls.ReasonTransferred, calls.ByZvonar)
	s.endBridge(calls.ByZvonar, calls.ReasonTransferred)
	s.tell(s.actionEvent(0, t.action(), ""), s.event(calls.CallTransferred, transferredData{To: t.target, Via: viaRefer}))
	s.e.metrics.action(actionTransfer, true)
	s.phase = referring // no talk is left to be ended
	s.leave(q850Normal)
}

// bridgeInstead: the trunk does not take the REFER, so nobody was rung: we do it,
// now and whenever this call is transferred again.
func (s *session) bridgeInstead(code int) {
	t := s.transfer
	s.transfer, s.bridgesOnly = nil, true
	s.log.Info("the trunk does not transfer by itself; the target is rung from here", "trunk", s.call.Trunk, "sip_code", code)
	if s.phase == referring {
		s.phase = talking
		f := s.forward
		s.forwardTo(f.digit, f.action)
		return
	}
	if err := s.ringNext(t.target); err != nil {
		s.transferFailed(t, err.Error())
	}
}

// notReferred: the customer stays ours. He talks on, or is back in the flow.
func (s *session) notReferred(why string) {
	t := s.transfer
	s.transfer = nil
	s.transferFailed(t, why)
	if s.phase != referring {
		return
	}
	f := s.forward
	s.customer.leg.StopPlayback(calls.PlayStopped) // the ringback
	s.phase = talking
	s.flowActed(f.digit, f.action, ivr.ManagerNotReached, why)
}

// waitForTrunk: the manager left while the trunk transfers the customer, who waits
// for that.
func (s *session) waitForTrunk(by calls.Party, reason calls.Reason) {
	s.endBridge(by, reason)
	s.manager, s.phase = nil, referring
	s.call.Status = calls.StatusAnswered
	s.customer.leg.Tone(calls.ToneRingback)
}
