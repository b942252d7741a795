package engine

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/ivr"
)

// judgePatience bounds the wait for the end of a machine's greeting: it is told
// after 30 s at the latest, where the sound still comes.
const judgePatience = 35 * time.Second

const timerGreeting timerKey = "greeting"

// listenForMachines has the customer's sound judged, beside whatever plays.
func (s *session) listenForMachines() {
	if mode := s.call.Flow.AMD.Mode; mode == "" || mode == calls.AMDOff || s.call.Direction != calls.Out {
		return
	}
	s.customer.deafen = s.customer.leg.Judge(calls.ToJudge{
		Account: s.call.Account, Call: s.call.ID, Trunk: s.call.Trunk, To: s.call.To, Profile: s.call.Flow.AMD.Profile,
	}, func(j calls.Judged) {
		s.box.post(func() {
			if s.customer.deafen != nil { // else it is known meanwhile who it is
				s.legEvent(s.customer, calls.LegEvent{Kind: calls.LegJudged, At: s.now(), Judged: j})
			}
		})
	})
}

// onJudged takes what the listening says while the flow runs.
func (s *session) onJudged(ev calls.LegEvent) {
	if s.verdict(ev.Judged) && isMachine(ev.Judged) {
		s.onMachine()
	}
}

// onJudgedIdle only keeps it: a manager is rung or talked to, so a person pressed
// a digit; or the call is over.
func (s *session) onJudgedIdle(ev calls.LegEvent) { s.verdict(ev.Judged) }

// verdict keeps and tells a verdict; false for what is none.
func (s *session) verdict(j calls.Judged) bool {
	if j.Kind == calls.JudgedGreetingEnd {
		return false
	}
	s.e.metrics.verdict(j)
	s.call.Verdict = j.Verdict
	s.tell(s.event(calls.CallAMD, j.Told()))
	return true
}

// isMachine reports whether the flow's policy for machines holds: behind a ringback
// somebody may still come.
func isMachine(j calls.Judged) bool {
	switch j.Verdict {
	case calls.VerdictMachine, calls.VerdictFax:
		return true
	case calls.VerdictAnnouncement:
		return j.Cause != calls.CauseRingback
	}
	return false
}

// onMachine does what the flow wants of a machine.
func (s *session) onMachine() {
	amd := s.call.Flow.AMD
	switch amd.OnMachine {
	case calls.OnMachineHangup, calls.OnMachineRetry:
		s.hangup(calls.ReasonMachine, calls.ByZvonar)
	case calls.OnMachineMessage:
		s.awaitGreeting()
	default:
		if amd.Mode == calls.AMDMessageEnd && s.call.Verdict == calls.VerdictMachine {
			s.awaitGreeting()
		}
	}
}

// awaitGreeting is silent until the machine takes a message.
func (s *session) awaitGreeting() {
	if s.call.Verdict != calls.VerdictMachine { // a fax or the network takes none
		s.hangup(calls.ReasonMachine, calls.ByZvonar)
		return
	}
	s.phase = greeting
	s.customer.leg.StopPlayback(calls.PlayStopped)
	s.stopFlow()
	s.after(timerGreeting, judgePatience, s.leaveMessage)
}

// onGreetingJudged: the greeting ended, or what spoke is no machine after all.
func (s *session) onGreetingJudged(ev calls.LegEvent) {
	if s.verdict(ev.Judged) {
		if !isMachine(ev.Judged) {
			s.resume(s.call.Flow)
		}
		return
	}
	s.leaveMessage()
}

// leaveMessage speaks to the machine: the message of the policy, or the flow from
// its start.
func (s *session) leaveMessage() {
	flow := s.call.Flow
	if flow.AMD.OnMachine == calls.OnMachineMessage {
		message := calls.DefaultFlow()
		message.Record, message.Clips = flow.AMD.MessageRecord, flow.Clips
		flow = message
	}
	s.resume(flow)
}

// onGreetingDigit: who presses a digit is a person; the flow begins anew for him.
func (s *session) onGreetingDigit(ev calls.LegEvent) {
	s.resume(s.call.Flow)
	s.onFlowDigit(ev)
}

// resume runs a flow from its start.
func (s *session) resume(flow calls.Flow) {
	s.after(timerGreeting, 0, nil)
	s.phase = talking
	s.flow = ivr.New(flow, flowLeg{s})
	s.flow.Start()
}

// stopFlow drops what the flow waits for; it is not asked again.
func (s *session) stopFlow() {
	s.after(flowTimer(ivr.TimerDigit), 0, nil)
	s.after(flowTimer(ivr.TimerLeave), 0, nil)
}

// person: who presses a digit is one, whatever was heard before; nobody need judge
// any more.
func (s *session) person() {
	p := s.customer
	if p.deafen == nil && s.call.Verdict.Answered() == calls.OutcomeAnswered {
		return
	}
	p.hush()
	if s.call.Verdict == calls.VerdictHuman {
		return
	}
	kind := calls.JudgedRevised
	if s.call.Verdict == calls.VerdictNone {
		kind = calls.JudgedVerdict
	}
	s.verdict(calls.Judged{Kind: kind, Verdict: calls.VerdictHuman, Cause: causeDigit, Confidence: 1, FromAnswerMS: s.now().Sub(*s.call.AnsweredAt).Milliseconds()})
}

// causeDigit: a digit was pressed.
const causeDigit = "digit"

// hush ends the judging of the leg's sound, if it goes on.
func (p *party) hush() {
	if p.deafen != nil {
		p.deafen()
		p.deafen = nil
	}
}
