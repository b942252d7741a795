package ivr

import "zvonar/internal/calls"

// state is where a session stands.
type state int

const (
	idle      state = iota // not started
	playing                // the current clip plays
	prompting              // a short prompt plays, the menu follows
	waiting                // for a digit, until the digit time-out
	open                   // for a digit, without end (answer_only)
	acting                 // an action runs; digits are passed over
	farewell               // a last clip plays to its end
	leaving                // the pause before hanging up
	over                   // hung up; nothing counts any more
)

// String names the state for tests and panics.
func (s state) String() string {
	return [...]string{"idle", "playing", "prompting", "waiting", "open", "acting", "farewell", "leaving", "over"}[s]
}

// input is what can happen to a session.
type input int

const (
	started    input = iota
	played           // what was played last is over
	pressed          // a digit
	digitTimer       // TimerDigit
	leaveTimer       // TimerLeave
	done             // the action that runs is over
)

// event is an input with what came with it.
type event struct {
	digit byte
	end   ActionEnd
}

type step func(*Session, event)

// steps is the whole machine. What is not listed does nothing: a timer that
// fired while a digit was being handled, a digit during a transfer.
var steps = map[state]map[input]step{
	idle: {
		started: (*Session).begin,
	},
	playing: {
		played:  (*Session).clipOver,
		pressed: (*Session).pressedOver,
	},
	prompting: {
		played:  (*Session).promptOver,
		pressed: (*Session).pressedOver,
	},
	waiting: {
		pressed:    (*Session).press,
		digitTimer: (*Session).timedOut,
	},
	open: {
		pressed: (*Session).press,
	},
	acting: {
		done: (*Session).acted,
	},
	farewell: {
		played: (*Session).farewellOver,
	},
	leaving: {
		pressed:    (*Session).pressedLate,
		leaveTimer: (*Session).hangupNow,
	},
	over: {},
}

// endings says how the flow goes on after an action ended, by kind and end.
// What is not listed is a failure: back to the menu.
var endings = map[calls.ActionKind]map[ActionEnd]func(*Session){
	calls.ActionManager: {
		ManagerNotReached: (*Session).notReached,
		BridgeEnded:       (*Session).bridgeEnded,
	},
	calls.ActionSMS: {
		ActionOK: (*Session).smsQueued,
	},
	calls.ActionBlock: {
		ActionOK: (*Session).blocked,
	},
}
