package engine

import (
	"errors"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
	"zvonar/ivr"
)

// confirmTimeout is how long a manager has to press a digit (confirm: digit).
const confirmTimeout = 10 * time.Second

// forwarding is one try to connect the customer with a manager.
type forwarding struct {
	digit     byte // 0: nobody pressed one
	action    calls.Action
	saidDigit byte         // how the log names what connected the present manager
	said      calls.Action // likewise
	earlyHear bool         // the customer hears the manager's early media
	bridgedAt time.Time    // zero until both talk
	endedBy   calls.Party
}

// forwardTo rings a manager, or several one after the other; the customer hears
// ringback meanwhile.
func (s *session) forwardTo(digit byte, action calls.Action) {
	if _, trunk := managerTarget(action.Value, s.call.Trunk); digit == 0 && s.call.Flow.Bridge == nil && !isPeople(action.Value) && s.refers(trunk) {
		s.referOut(action)
		return
	}
	if len(s.call.Attempts) >= maxAttempts {
		s.acted(digit, action, ivr.ManagerNotReached, "managers were rung too often in this call")
		return
	}
	if !s.mayPassOn() {
		s.acted(digit, action, ivr.ManagerNotReached, tooManyHops)
		return
	}
	f := &forwarding{digit: digit, action: action, saidDigit: digit, said: action}
	if digit == 0 && s.call.Flow.Bridge == nil {
		f.said.Kind = actionTransfer
	}
	began := false
	begin := func(p *party) {
		s.manager, s.phase, s.forward = p, reaching, f
		if !began {
			began = true
			s.patience(s.customer)
		}
	}
	waits := isPeople(action.Value)
	if waits {
		begin(nil)
	}
	s.startHunt(action.Value, &hunt{
		begin: begin,
		wanted: func() bool {
			return !waits && !began || s.forward == f && (s.phase == reaching || s.phase == confirming)
		},
		fail: func(why string) {
			if began {
				s.backToMenu(why)
				return
			}
			s.acted(digit, action, ivr.ManagerNotReached, why)
		},
		broken: func(err error) {
			if errors.Is(err, errNotHeld) {
				s.backToMenu(err.Error())
				return
			}
			s.backToMenu("the store did not accept the attempt")
		},
	})
}

// managerTarget splits "201@office"; a plain number uses the call's own trunk.
func managerTarget(value, trunk string) (to, via string) {
	if user, at, ok := strings.Cut(value, "@"); ok {
		return user, at
	}
	return value, trunk
}

// notDialled closes the attempt of a manager who was never rung.
func (s *session) notDialled(p *party) {
	if p.gone {
		return
	}
	p.gone = true
	p.slot.Release()
	if p.attempt != nil {
		s.closeAttempt(p, calls.Ending{}, false)
	}
}

// dialManager rings him; replaces is the dialog whose place the leg takes there.
func (s *session) dialManager(p *party, replaces calls.Dialog) {
	leg, err := s.e.line.Dial(calls.DialRequest{
		AttemptID: p.attempt.ID, CallID: s.call.ID, SIPCallID: p.attempt.SIPCallID, Trunk: p.attempt.Trunk, To: p.attempt.To,
		From: s.callerForManager(p.attempt.Trunk), FromName: s.routing.name, Role: calls.RoleManager, Anonymous: s.anonymous(), Hops: s.hops,
		RingTimeout: s.ringTime(p), Replaces: replaces, Via: p.via.Via, Failover: p.via.Failover,
	}, s.listen(p))
	if err != nil {
		s.log.Warn("the manager could not be called", "trunk", p.attempt.Trunk, "err", err)
		s.legEvent(p, calls.LegEvent{Kind: calls.LegEnded, At: s.now(), Ending: calls.Ending{Transport: true, By: calls.ByZvonar}})
		return
	}
	p.leg = leg
	s.nameLeg(p, true)
}

// callerForManager is the number shown to the manager: one of the trunk's own,
// for a trunk refuses others.
func (s *session) callerForManager(trunk string) string {
	if s.e.ownsNumber(trunk, s.call.Line) {
		return s.call.Line
	}
	return s.e.defaultNumber(trunk)
}

func (s *session) onManagerRinging(ev calls.LegEvent) {
	s.manager.attempt.SIPCode = ev.Code
	s.tellAsker(ev.Code)
}

// onManagerEarlyAudio replaces our ringback by what the manager's side sends.
func (s *session) onManagerEarlyAudio(calls.LegEvent) {
	if s.forward.earlyHear || s.manager.leg == nil {
		return
	}
	s.forward.earlyHear = true
	s.e.line.Bridge(s.customer.leg, s.manager.leg)
}

func (s *session) onManagerAnswered(ev calls.LegEvent) {
	s.setAttempt(s.manager, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
	if s.call.Flow.Manager.Confirm != calls.ConfirmDigit {
		s.bridge()
		return
	}
	s.phase = confirming
	if s.forward.earlyHear {
		s.e.line.Unbridge(s.customer.leg, s.manager.leg)
		s.forward.earlyHear = false
		s.customer.leg.Tone(calls.ToneRingback)
	}
	s.askManager()
	s.after(timerConfirm, confirmTimeout, func() { s.dropManager("nobody confirmed with a digit") })
}

// askManager plays the confirm prompt, or a beep where none is configured.
func (s *session) askManager() {
	if ref, ok := s.call.Flow.Clips[s.call.Flow.Manager.ConfirmRecord]; ok {
		if err := s.manager.leg.Play(0, ref, true); err == nil {
			return
		}
	}
	s.manager.leg.Tone(calls.ToneBeep)
}

func (s *session) onManagerConfirm(ev calls.LegEvent) {
	s.pressed(calls.RoleManager, ev)
	s.after(timerConfirm, 0, nil)
	s.bridge()
}

func (s *session) bridge() {
	s.phase, s.hunting = bridged, nil
	s.forward.bridgedAt = s.now()
	if s.call.Employee == "" {
		s.call.Employee = s.manager.employee
	}
	s.call.Status = calls.StatusBridged
	s.joined()
	s.tellAsker(200)
	failpoint.Hit(failpoint.Bridged)
	s.tell(s.event(calls.CallBridged, nil))
	f := s.forward
	if f.digit == 0 && f.said.Kind == calls.ActionManager {
		return // nobody asked for it on the way: it is what the call is for
	}
	s.tell(s.actionEvent(f.saidDigit, f.said, ""))
	if f.said.Kind == actionTransfer {
		s.tell(s.event(calls.CallTransferred, transferredOf(f.said.Value, s.manager)))
	}
	s.e.metrics.action(f.said.Kind, true)
}

// onManagerNotReached: busy, silent, unreachable, or hung up before confirming.
func (s *session) onManagerNotReached(ev calls.LegEvent) {
	s.after(timerConfirm, 0, nil)
	if t := s.transfer; t != nil && t.party != nil { // somebody is picking it up
		s.transfer, s.manager, s.phase = nil, t.party, reaching
		s.forward.said, s.forward.saidDigit, s.forward.earlyHear = t.action(), 0, false
		return
	}
	s.notReached(managerWords(ev.Ending), unreachedCode(ev.Ending))
}

// notReached goes on with the next manager, or returns to the menu; code is for
// whoever asked for him.
func (s *session) notReached(why string, code int) {
	s.phase = reaching
	if h := s.hunting; h != nil && len(h.rounds) > 0 && s.forward.earlyHear {
		s.e.line.Unbridge(s.customer.leg, s.manager.leg)
		s.forward.earlyHear = false
		s.patience(s.customer)
	}
	if !s.goOn(why) {
		s.tellAsker(code)
		s.backToMenu(why)
	}
}

// dropManager gives up a manager who answered but is no use.
func (s *session) dropManager(why string) {
	s.manager.hangUp(q850Normal)
	s.notReached(why, 480)
}

// backToMenu returns the customer to the flow.
func (s *session) backToMenu(why string) {
	if s.forward.earlyHear && s.manager != nil {
		s.e.line.Unbridge(s.customer.leg, s.manager.leg)
	}
	s.hunting = nil
	s.customer.leg.StopPlayback(calls.PlayStopped) // the ringback
	f := s.forward
	s.dropNext()
	s.tellAsker(503)
	s.manager, s.phase = nil, talking
	s.tell(s.actionEvent(f.saidDigit, f.said, why))
	s.e.metrics.action(f.said.Kind, false)
	s.flowActed(f.digit, f.action, ivr.ManagerNotReached, why)
}

// managerWords says why a manager was not reached.
func managerWords(e calls.Ending) string {
	switch r := calls.Judge(e); r.Outcome {
	case calls.OutcomeAnswered:
		return "the manager hung up before he was connected"
	case calls.OutcomeBusy:
		return "the manager is busy"
	case calls.OutcomeNoAnswer:
		return "the manager did not answer"
	case calls.OutcomeRejected:
		return "the manager refused the call"
	default:
		if r.Reason != "" {
			return "the manager could not be reached: " + string(r.Reason)
		}
		return "the manager could not be reached: " + string(r.Outcome)
	}
}

func (s *session) onManagerGone(ev calls.LegEvent) {
	by := calls.ByManager
	if ev.Ending.By == calls.ByZvonar || ev.Ending.By == calls.ByNetwork {
		by = ev.Ending.By
	}
	if s.transfer != nil {
		s.promoteNext(by, goneFor(ev.Ending))
		return
	}
	s.endTalk(by, goneFor(ev.Ending))
}

// onManagerSilent: the manager's audio stopped for good.
func (s *session) onManagerSilent(ev calls.LegEvent) {
	s.manager.hangUp(q850Normal)
	if s.transfer != nil {
		s.promoteNext(calls.ByZvonar, ev.Silence.Reason())
		return
	}
	s.endTalk(calls.ByZvonar, ev.Silence.Reason())
}

// endTalk ends the bridge while the customer is still there.
func (s *session) endTalk(by calls.Party, reason calls.Reason) {
	f := s.forward
	s.endBridge(by, reason)
	s.manager, s.phase = nil, talking
	s.call.Status = calls.StatusAnswered
	s.flowActed(f.digit, f.action, ivr.BridgeEnded, "")
}

// endReaching tells how the try to reach a manager ended, if the call ends
// during it.
func (s *session) endReaching() {
	if s.phase != reaching && s.phase != confirming {
		return
	}
	f := s.forward
	if f.earlyHear {
		s.e.line.Unbridge(s.customer.leg, s.manager.leg)
	}
	s.tell(s.actionEvent(f.saidDigit, f.said, "the call ended before the manager was connected"))
	s.e.metrics.action(f.said.Kind, false)
}

// endBridge takes the parties apart and tells of it, if they were joined.
func (s *session) endBridge(by calls.Party, reason calls.Reason) {
	f := s.forward
	if f == nil || s.phase != bridged {
		return
	}
	f.endedBy = by
	for _, p := range []*party{s.customer, s.manager} {
		if p.music && !p.waits && !p.gone {
			s.music(p, false)
		}
	}
	s.e.line.Unbridge(s.customer.leg, s.manager.leg)
	s.tell(s.event(calls.CallUnbridged, unbridgedData{By: by, Reason: reason, TalkMS: s.now().Sub(f.bridgedAt).Milliseconds()}))
}
