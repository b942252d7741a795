package engine

import (
	"errors"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
	"zvonar/ivr"
)

// A call between two parties (calls.Bridge) has no flow: who is rung first hears
// the clip, or ringback, while the other is rung; then they talk, and when one of
// them hangs up, or the other never came, the call is over.

// bridgeOf checks a talk that is asked for.
func (e *Engine) bridgeOf(r CallRequest) (calls.Flow, error) {
	manager, err := e.managerValue(r.Account, r.Provider, r.Bridge.Manager, r.ManagerAt)
	if err != nil {
		return calls.Flow{}, err
	}
	flow := calls.DefaultFlow()
	flow.Record, flow.Capture = r.Clip, r.Capture
	flow.Bridge = &calls.Bridge{Manager: manager, Order: r.Bridge.Order, Anonymous: r.Bridge.Anonymous}
	return flow, nil
}

// anonymous reports whether the parties of the call are not to see numbers.
func (s *session) anonymous() bool { return s.call.Flow.Bridge != nil && s.call.Flow.Bridge.Anonymous }

// patience is what p hears while somebody is rung for him.
func (s *session) patience(p *party) {
	if b := s.call.Flow.Bridge; b != nil {
		if ref, ok := s.call.Flow.Clips[s.call.Flow.Record]; ok && p.leg.Play(0, ref, true) == nil {
			return
		}
	}
	p.leg.Tone(calls.ToneRingback)
}

// summon rings the manager before the client, or several one after the other. The
// client's channel is ours already.
func (s *session) summon(b *calls.Bridge) {
	c := s.call
	notReached := func(why string, by calls.Party) {
		s.log.Info("nobody is rung: " + why)
		s.complete(calls.Result{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonManagerNotReached}, by)
	}
	began := false
	s.startHunt(b.Manager, &hunt{
		begin: func(p *party) {
			s.manager, s.phase = p, summoning
			c.Status = calls.StatusDialing
			if !began {
				began = true
				s.after(timerMax, s.maxLife(), func() { s.hangup(calls.ReasonMaxDuration, calls.ByZvonar) })
			}
		},
		wanted: func() bool {
			if !began && s.ending.reason != "" { // ended while the manager was looked up
				s.complete(calls.Result{Outcome: calls.OutcomeCanceled, Reason: s.ending.reason}, s.ending.by)
			}
			return s.phase == summoning || s.phase == committing
		},
		fail: func(why string) {
			by := calls.ByManager
			if !began {
				by = calls.ByZvonar
			}
			notReached(why, by)
		},
		broken: func(err error) {
			switch {
			case !errors.Is(err, errNotHeld):
				s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed}, calls.ByZvonar)
			case s.lost():
				s.lose()
			default:
				notReached(err.Error(), calls.ByZvonar)
			}
		},
	})
}

// onNotSummoned: without a manager nobody is rung.
func (s *session) onNotSummoned(ev calls.LegEvent) {
	why := managerWords(ev.Ending)
	if s.goOn(why) {
		return
	}
	s.log.Info("nobody is rung: "+why, "trunk", s.manager.ways.trunk)
	s.complete(calls.Result{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonManagerNotReached}, calls.ByManager)
}

// onSummoned: the manager is on the line and the client is rung. What the gates
// said of the client is some seconds old by now; the blacklist is asked again.
func (s *session) onSummoned(ev calls.LegEvent) {
	s.setAttempt(s.manager, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
	s.hunting = nil
	s.patience(s.manager)
	c := s.call
	a, err := s.newAttempt(calls.RoleCustomer, c.Trunk, c.To)
	if err != nil {
		s.abandon(err.Error())
		return
	}
	s.customer.attempt = a
	row := *a
	s.commit(func(tx calls.Tx) error {
		if _, err := tx.BlockedFor(calls.BlockQuery{Account: c.Account, Number: row.To, Campaign: c.CampaignID, Line: c.Line}); !errors.Is(err, calls.ErrNotFound) {
			return errors.Join(errBlocked, err)
		}
		return tx.InsertAttempt(&row)
	}, s.clientCommitted, s.event(calls.CallDialing, dialingData{Attempt: a.ID, N: a.N, Trunk: a.Trunk, Target: a.To, From: c.From}))
}

func (s *session) clientCommitted(err error) {
	if err != nil {
		s.forgetAttempt(s.customer)
	} else {
		failpoint.Hit(failpoint.AttemptStored)
	}
	switch {
	case s.phase != summoning: // the manager left, or the call was ended
		s.notDialled(s.customer)
	case errors.Is(err, errBlocked):
		s.without(calls.Result{Outcome: calls.OutcomeBlocked, Reason: calls.ReasonBlacklist})
	case err != nil:
		s.without(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed})
	case !s.held():
		s.notDialled(s.customer)
		s.without(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonNodeLost})
	default:
		s.dialCustomer()
	}
}

// without ends a call whose client is not rung, though the manager waits.
func (s *session) without(r calls.Result) {
	s.judged = &r
	s.because(r.Reason, calls.ByZvonar)
	s.leave(q850Normal)
}

// onClientEarlyAudio lets the waiting manager hear what the client's side sends
// before it answers.
func (s *session) onClientEarlyAudio(calls.LegEvent) {
	if s.manager != nil && s.manager.leg != nil && s.customer.leg != nil {
		s.e.line.Bridge(s.customer.leg, s.manager.leg)
	}
}

// onWaitingDigit: the manager pressed something while the client is rung.
func (s *session) onWaitingDigit(ev calls.LegEvent) { s.pressed(calls.RoleManager, ev) }

// onManagerLeft: the manager hung up while the client was rung.
func (s *session) onManagerLeft(ev calls.LegEvent) {
	by := calls.ByManager
	if ev.Ending.By == calls.ByZvonar || ev.Ending.By == calls.ByNetwork {
		by = ev.Ending.By
	}
	s.hangup(calls.ReasonManagerNotReached, by)
}

// connectParties goes on once the client is on the line.
func (s *session) connectParties() {
	b := s.call.Flow.Bridge
	if b == nil {
		return
	}
	action := calls.Action{Kind: calls.ActionManager, Value: b.Manager}
	if b.Order == calls.ClientFirst {
		s.forwardTo(0, action)
		return
	}
	s.forward = &forwarding{action: action, said: action}
	s.bridge()
}

// partyActed ends a call between two parties, which has no flow to go back to.
func (s *session) partyActed(action calls.Action, end ivr.ActionEnd) {
	if action.Kind != calls.ActionManager {
		return
	}
	if end == ivr.ManagerNotReached {
		s.hangup(calls.ReasonManagerNotReached, calls.ByZvonar)
		return
	}
	s.hangup(calls.ReasonBridgeEnd, s.forward.endedBy)
}
