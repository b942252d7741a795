package engine

import "zvonar/internal/calls"

// phase is where a running call stands. It is finer than calls.Status, which is
// what the outside sees.
type phase int

const (
	committing phase = iota // the attempt is on its way into the store
	placing                 // a provider was asked; its INVITE is awaited
	remote                  // a provider was asked and carries the call without us
	remoteTalk              // likewise; the client answered
	recalling               // it is to take the call back
	summoning               // the manager is rung before the client is (calls.Bridge)
	dialing                 // our INVITE is out
	offered                 // an inbound INVITE is being looked up
	connecting              // answered towards a provider that is still ringing the client
	talking                 // answered; the flow runs
	greeting                // a machine speaks; the flow waits for its end
	reaching                // the flow waits while a manager is rung
	confirming              // the manager answered and must press a digit
	referring               // the trunk was asked to transfer the customer, who waits
	bridged                 // customer and manager talk
	leaving                 // hung up by us; the legs' ends are awaited
	over                    // completed; the goroutine ends
)

// String names the phase for logs and tests.
func (p phase) String() string {
	return [...]string{"committing", "placing", "remote", "remote_talk", "recalling", "summoning", "dialing", "offered", "connecting", "talking", "greeting",
		"reaching", "confirming", "referring", "bridged", "leaving", "over"}[p]
}

type step func(*session, calls.LegEvent)

// steps are the tables of the parties. A session is given them when it is made,
// since their steps lead back to them.
type steps map[calls.Role]map[phase]map[calls.LegEventKind]step

// customerSteps says what an event of the customer's leg does in each phase.
// What is not listed does nothing: a 180 after the answer, a digit while ringing.
var customerSteps = map[phase]map[calls.LegEventKind]step{
	dialing: {
		calls.LegRinging:    (*session).onRinging,
		calls.LegEarlyMedia: (*session).onEarlyMedia,
		calls.LegFirstAudio: (*session).onClientEarlyAudio,
		calls.LegHeard:      (*session).onEarlyHeard,
		calls.LegAnswered:   (*session).onAnswered,
		calls.LegEnded:      (*session).onUnanswered,
	},
	offered: {
		calls.LegAnswered: (*session).onInboundAnswered,
		calls.LegEnded:    (*session).onMissed,
	},
	connecting: {
		calls.LegAnswered:   (*session).onProviderAnswered,
		calls.LegFirstAudio: (*session).onProviderAudio,
		calls.LegEnded:      (*session).onUnanswered,
	},
	talking: {
		calls.LegPlaybackStarted:  (*session).onPlaybackStarted,
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegDigit:            (*session).onFlowDigit,
		calls.LegJudged:           (*session).onJudged,
		calls.LegMediaTimeout:     (*session).onMediaTimeout,
		calls.LegEnded:            (*session).onCustomerGone,
	},
	greeting: {
		calls.LegPlaybackStarted:  (*session).onPlaybackStarted,
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegDigit:            (*session).onGreetingDigit,
		calls.LegJudged:           (*session).onGreetingJudged,
		calls.LegMediaTimeout:     (*session).onMediaTimeout,
		calls.LegEnded:            (*session).onCustomerGone,
	},
	reaching: {
		calls.LegPlaybackStarted:  (*session).onPlaybackStarted,
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegDigit:            (*session).onIdleDigit,
		calls.LegJudged:           (*session).onJudgedIdle,
		calls.LegMediaTimeout:     (*session).onMediaTimeout,
		calls.LegEnded:            (*session).onCustomerGone,
	},
	confirming: {
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegDigit:            (*session).onIdleDigit,
		calls.LegJudged:           (*session).onJudgedIdle,
		calls.LegMediaTimeout:     (*session).onMediaTimeout,
		calls.LegEnded:            (*session).onCustomerGone,
	},
	// Dead air is no fault here: the trunk may hold the customer while it rings.
	referring: {
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegDigit:            (*session).onIdleDigit,
		calls.LegJudged:           (*session).onJudgedIdle,
		calls.LegReferred:         (*session).onReferred,
		calls.LegEnded:            (*session).onCustomerGone,
	},
	bridged: {
		calls.LegReferred:         (*session).onReferred,
		calls.LegPlaybackStarted:  (*session).onPlaybackStarted,
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegDigit:            (*session).onTalkDigit,
		calls.LegHeld:             (*session).onCustomerHolds,
		calls.LegResumed:          (*session).onCustomerResumes,
		calls.LegJudged:           (*session).onJudgedIdle,
		calls.LegMediaTimeout:     (*session).onMediaTimeout,
		calls.LegEnded:            (*session).onCustomerGone,
	},
	leaving: {
		calls.LegPlaybackStarted:  (*session).onPlaybackStarted,
		calls.LegPlaybackFinished: (*session).onPlaybackFinished,
		calls.LegEnded:            (*session).onLastLeg,
	},
}

// managerSteps says the same for the manager's leg.
var managerSteps = map[phase]map[calls.LegEventKind]step{
	committing: { // a further attempt of the client's
		calls.LegEnded: (*session).onManagerLeft,
	},
	summoning: {
		calls.LegAnswered: (*session).onSummoned,
		calls.LegEnded:    (*session).onNotSummoned,
	},
	dialing: {
		calls.LegDigit: (*session).onWaitingDigit,
		calls.LegEnded: (*session).onManagerLeft,
	},
	reaching: {
		calls.LegRinging:    (*session).onManagerRinging,
		calls.LegFirstAudio: (*session).onManagerEarlyAudio,
		calls.LegAnswered:   (*session).onManagerAnswered,
		calls.LegEnded:      (*session).onManagerNotReached,
	},
	confirming: {
		calls.LegDigit: (*session).onManagerConfirm,
		calls.LegEnded: (*session).onManagerNotReached,
	},
	bridged: {
		calls.LegDigit:        (*session).onManagerDigit,
		calls.LegHeld:         (*session).onManagerHolds,
		calls.LegResumed:      (*session).onManagerResumes,
		calls.LegAsked:        (*session).onManagerAsks,
		calls.LegMediaTimeout: (*session).onManagerSilent,
		calls.LegEnded:        (*session).onManagerGone,
	},
	leaving: {
		calls.LegEnded: (*session).onLastLeg,
	},
}

// legEvent keeps what an event tells of the leg, and runs its step.
func (s *session) legEvent(p *party, ev calls.LegEvent) {
	if to := p.moved.Load(); to != nil { // it waited here while the leg was given away
		(*to)(ev)
		return
	}
	if ev.Target.IsValid() && p.attempt != nil && !p.gone {
		s.setAttempt(p, func(a *calls.Attempt) { a.Target = ev.Target.String() })
	}
	if ev.Kind == calls.LegEnded {
		if p.gone {
			return
		}
		ev = s.legEnded(p, ev)
	}
	if ev.Kind == calls.LegAnswered && s.phase == leaving {
		s.lateAnswer(p, ev)
	}
	s.route(p, ev)
}

// route gives the event to the search for a manager, or runs its step of the table. A manager that was
// given up is no longer s.manager: only the facts of his leg still count.
func (s *session) route(p *party, ev calls.LegEvent) {
	if s.huntEvent(p, ev) {
		return
	}
	role := p.role
	if role == calls.RoleManager && p != s.manager && s.phase != leaving {
		if s.transfer == nil || p != s.transfer.party {
			declineAsk(p, ev)
			return
		}
		role = roleNext
	}
	if f := s.steps[role][s.phase][ev.Kind]; f != nil {
		f(s, ev)
		return
	}
	declineAsk(p, ev)
}

// declineAsk refuses a transfer that a far end asks for where none can be made.
func declineAsk(p *party, ev calls.LegEvent) {
	if ev.Kind == calls.LegAsked && p.leg != nil {
		p.leg.AnswerRefer(603)
	}
}

// lateAnswer: the answer crossed our hang-up. Nothing may start; the attempt
// keeps the truth, and the dialog for the BYE of a next process.
func (s *session) lateAnswer(p *party, ev calls.LegEvent) {
	if p.attempt == nil {
		s.call.Dialog = ev.Dialog
		s.send()
		return
	}
	s.setAttempt(p, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
}

// legEnded keeps the facts of a leg, closes its attempt and gives its channel
// back, whatever the phase; it returns the event with what was heard before.
func (s *session) legEnded(p *party, ev calls.LegEvent) calls.LegEvent {
	if p == s.customer {
		ev.Ending.Early = s.early.heard
	}
	p.gone, p.ended = true, ev.Ending
	s.nameLeg(p, false)
	p.hush()
	if p.slot != nil {
		p.slot.Release()
	}
	facts := ev.Facts
	facts.Role = p.role
	if p.leg != nil {
		facts.ID = p.leg.ID()
	}
	if facts.Codec != "" {
		s.call.Legs = append(s.call.Legs, facts)
	}
	at := ev.At
	if p == s.customer {
		s.endCapture()
		s.call.Dialog = nil
		if !at.IsZero() {
			s.call.EndedAt = &at
		}
	}
	if p.attempt != nil {
		s.closeAttempt(p, ev.Ending, calls.Judge(ev.Ending).Charged)
	}
	return ev
}
