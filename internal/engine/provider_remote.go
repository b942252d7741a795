package engine

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

// A call that the provider carries without us: it plays to the client, or joins
// him and an employee. We have no leg of it; what it reports is all we know.

// remotely reports whether a call in this phase lives from reports alone.
func (p phase) remotely() bool { return p == remote || p == remoteTalk || p == recalling }

// awaitReport bounds the wait for the next report. A call that nothing is told of any
// more ends by that name.
func (s *session) awaitReport(p Provider) {
	s.after(timerExpect, s.reportTimeout(p), func() {
		why := "the provider took the request and told nothing more of the call in time"
		r := calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderTimeout, Charged: true}
		if s.call.AnsweredAt != nil {
			why = "the call was answered, and the provider did not tell how it ended"
			r.Outcome = calls.OutcomeLost
		}
		s.takeBack(nil)
		s.tell(s.event(calls.CallNeedsAttention, attentionData{Why: why}))
		s.provider.shown = true
		s.endRemoteTalk(calls.ByProvider, calls.ReasonProviderTimeout)
		s.complete(r, calls.ByProvider)
	})
}

// canTakeBack reports whether the call's provider can end a call.
func (s *session) canTakeBack() bool {
	_, ok := s.e.providers[s.call.Provider].Originator.(Canceler)
	return ok
}

// ringSlack lets the provider's own ring time-out come first.
const ringSlack = 5 * time.Second

const timerRing timerKey = "ring"

func (s *session) remoteRings(r calls.ProviderReport) {
	if s.rings(s.timeOf(r)) && s.canTakeBack() {
		s.after(timerRing, s.ringTimeout()+ringSlack, func() { s.hangup(calls.ReasonRingTimeout, calls.ByZvonar) })
	}
}

// remoteManager: the manager's telephone was answered.
func (s *session) remoteManager(r calls.ProviderReport) {
	if s.call.Flow.Bridge == nil || s.provider.managerUp {
		return
	}
	s.provider.managerUp = true
	s.tellBridging()
	if s.phase == remoteTalk {
		s.remoteJoined(r)
	}
}

// tellBridging tells once that the manager is rung.
func (s *session) tellBridging() {
	b := s.call.Flow.Bridge
	if b == nil || s.provider.bridging {
		return
	}
	s.provider.bridging = true
	data := bridgingData{Leg: calls.RoleManager, To: b.Manager, Via: "provider"}
	if e := s.remoteEmployee(); e != nil {
		data.Employee = e.ID
	}
	s.tell(s.event(calls.CallBridging, data))
}

// remoteEmployee is who is joined, once that was looked up; nil: nobody we know.
func (s *session) remoteEmployee() *calls.Employee {
	a := s.provider.request
	select {
	case <-a.done:
		return a.sent.Employee
	default:
		return nil
	}
}

// remoteAnswered: the client answered. A manager who was rung first is on the line.
func (s *session) remoteAnswered(r calls.ProviderReport) {
	at := s.timeOf(r)
	s.noteAnswer(at)
	s.phase = remoteTalk
	s.after(timerRing, 0, nil)
	if s.canTakeBack() {
		s.after(timerMax, s.maxDuration(), func() { s.hangup(calls.ReasonMaxDuration, calls.ByZvonar) })
	}
	b := s.call.Flow.Bridge
	if b == nil {
		return
	}
	s.tellBridging()
	if b.Order == calls.ManagerFirst || s.provider.managerUp {
		s.remoteJoined(r)
	}
}

// noteAnswer tells that the client answered.
func (s *session) noteAnswer(at time.Time) {
	c := s.call
	c.RingMS = ringMS(c, s.customer.attempt, at)
	c.Status, c.AnsweredAt = calls.StatusAnswered, &at
	s.setAttempt(s.customer, func(a *calls.Attempt) { a.State, a.Charged = calls.AttemptAnswered, true })
	s.storeAnswer(s.event(calls.CallAnswered, answeredData{Attempt: s.customer.attempt.ID, Leg: calls.RoleCustomer, RingMS: c.RingMS}))
}

// remoteJoined: client and manager hear each other, so the client answered.
func (s *session) remoteJoined(r calls.ProviderReport) {
	if s.phase == remote {
		s.remoteAnswered(r)
	}
	if !s.provider.bridgedAt.IsZero() {
		return
	}
	s.tellBridging()
	s.provider.managerUp, s.provider.bridgedAt = true, s.timeOf(r)
	s.call.Status = calls.StatusBridged
	if e := s.remoteEmployee(); e != nil && s.call.Employee == "" {
		s.call.Employee = e.ID
	}
	s.tell(s.event(calls.CallBridged, nil))
}

// endRemoteTalk tells that the parties no longer hear each other, if they did.
func (s *session) endRemoteTalk(by calls.Party, reason calls.Reason) {
	if from := s.provider.bridgedAt; !from.IsZero() {
		s.provider.bridgedAt = time.Time{}
		s.tell(s.event(calls.CallUnbridged, unbridgedData{By: by, Reason: reason, TalkMS: max(0, s.now().Sub(from).Milliseconds())}))
	}
}

// remoteDigit: the client pressed something, so he answered. The provider does what
// the digit stands for; that he is not to be called any more is kept here, too.
func (s *session) remoteDigit(r calls.ProviderReport) {
	if s.call.AnsweredAt == nil {
		s.remoteOrRecalledAnswer(r)
	}
	at := s.timeOf(r)
	for i := range min(len(r.Digit), maxDigits) {
		digit := r.Digit[i]
		if strings.IndexByte("0123456789*#", digit) < 0 || s.wasTold(r, digit) || !s.pressed(calls.RoleCustomer, calls.LegEvent{At: at, Digit: digit, Via: "provider"}) {
			continue
		}
		for n, a := range s.provider.menu.Lookup(digit) {
			if n == 0 {
				s.call.Digits[len(s.call.Digits)-1].Action = string(a.Kind)
			}
			if a.Kind == calls.ActionBlock {
				s.remoteBlock(digit, a)
			}
			if a.Digits != nil {
				s.provider.menu = a.Digits
			}
		}
	}
}

func (s *session) remoteOrRecalledAnswer(r calls.ProviderReport) {
	if s.phase == recalling {
		s.noteAnswer(s.timeOf(r))
		return
	}
	s.remoteAnswered(r)
}

// remoteBlock puts the client on the blacklist, once.
func (s *session) remoteBlock(digit byte, a calls.Action) {
	if !s.provider.blocked {
		s.provider.blocked = true
		s.block(digit, a)
	}
}

// remoteAction: the provider carried out what a digit stands for.
func (s *session) remoteAction(r calls.ProviderReport) {
	a := calls.Action{Kind: calls.ActionKind(r.Action.Action), Value: r.Action.Value}
	if _, known := actions[a.Kind]; !known || len(r.Action.Digit) > 1 || !calls.Printable(a.Value+r.Action.Digit) {
		s.log.Warn("the provider reports an action that is none; it is left out")
		return
	}
	var digit byte
	if r.Action.Digit != "" {
		digit = r.Action.Digit[0]
	}
	if a.Kind == calls.ActionBlock && digit != 0 {
		s.remoteBlock(digit, a)
		return
	}
	problem := ""
	if r.Action.Result == "failed" || r.Action.Error != "" {
		problem = "the provider could not do it"
		if calls.Printable(r.Action.Error) && r.Action.Error != "" {
			problem = r.Action.Error
		}
	}
	s.tell(s.actionEvent(digit, a, problem))
	s.e.metrics.action(a.Kind, problem == "")
}

// remoteEnded: the provider's call is over.
func (s *session) remoteEnded(r calls.ProviderReport) {
	if s.call.AnsweredAt == nil && saysAnswered(r) {
		answered := r
		answered.At = s.timeOf(r).Add(-time.Duration(r.TalkMS) * time.Millisecond)
		s.remoteAnswered(answered)
	}
	s.provider.ended = true
	result := s.judgeReport(r)
	by := r.By
	if by == "" {
		by = calls.ByProvider
	}
	s.endRemoteTalk(by, result.Reason)
	s.endAsReported(r, result)
}

// recall has the provider take the call back. The call waits a moment for what it
// says; a provider that says nothing does not hold it up.
func (s *session) recall() {
	s.leftAt = s.now()
	s.phase = recalling
	s.stopTimers()
	if !s.takeBack(s.recalled) {
		s.notTakenBack("this provider cannot take a call back")
		return
	}
	s.after(timerExpect, recallPatience, func() { s.notTakenBack("the provider did not answer in time") })
}

// recalled hears what the provider says to that.
func (s *session) recalled(err error) {
	if s.phase != recalling {
		return
	}
	if err != nil {
		s.notTakenBack("the provider did not take it back")
		return
	}
	s.endRemoteTalk(s.ending.by, s.ending.reason)
	s.finish()
}

// notTakenBack ends a call that may go on at the provider, and says so.
func (s *session) notTakenBack(why string) {
	s.tell(s.event(calls.CallNeedsAttention, attentionData{Why: why + ": the client may be rung, or hear the clip, all the same"}))
	s.endRemoteTalk(s.ending.by, s.ending.reason)
	s.finish()
}

// answeredWhileRecalled: the answer crossed our request.
func (s *session) answeredWhileRecalled(r calls.ProviderReport) {
	if s.call.AnsweredAt == nil {
		s.noteAnswer(s.timeOf(r))
	}
}

// endedWhileRecalled: the provider's call is over, as we wanted.
func (s *session) endedWhileRecalled(r calls.ProviderReport) {
	s.provider.ended = true
	s.keepCodes(r)
	s.endRemoteTalk(s.ending.by, s.ending.reason)
	s.finish()
}
