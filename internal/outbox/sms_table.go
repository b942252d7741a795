package outbox

import (
	"time"

	"zvonar/internal/calls"
)

// TextRefused is a sender's certain no: nothing was sent.
type TextRefused struct {
	Reason string // a sentence for people, without numbers, words of the text or secrets
	Again  bool   // the reason will pass: the text may be tried again later
	Err    error  // cause, may be nil
}

// Error makes *TextRefused an error.
func (e *TextRefused) Error() string { return e.Reason }

// Unwrap gives the cause.
func (e *TextRefused) Unwrap() error { return e.Err }

// smsTurn is something that happens to a text.
type smsTurn string

// The turns.
const (
	turnBegun       smsTurn = "begun"       // it is about to be handed to the sender
	turnTaken       smsTurn = "taken"       // the sender took it
	turnRefused     smsTurn = "refused"     // the sender said no, for good
	turnPostponed   smsTurn = "postponed"   // nothing was sent and it may be tried again
	turnUnknown     smsTurn = "unknown"     // nobody can tell whether it was sent
	turnDelivered   smsTurn = "delivered"   // a report: it reached the phone
	turnUndelivered smsTurn = "undelivered" // a report: it never will
)

// smsMove is what a turn makes of a text: its next state, and what is told.
type smsMove struct {
	to   calls.SMSState
	tell calls.EventType // "": nothing
}

// smsMoves is the life of a text. What is not listed cannot happen: the only
// way back to queued is the one where it is certain that nothing was sent.
//
// A report may come before the sender's answer was read, and it may tell of a
// text whose sending was given up as unknown: the phone knows better than we.
var smsMoves = map[calls.SMSState]map[smsTurn]smsMove{
	calls.SMSIsQueued: {
		turnBegun: {calls.SMSIsSending, ""},
	},
	calls.SMSIsSending: {
		turnTaken:       {calls.SMSIsSent, calls.SMSSent},
		turnRefused:     {calls.SMSIsFailed, calls.SMSFailed},
		turnPostponed:   {calls.SMSIsQueued, ""},
		turnUnknown:     {calls.SMSIsFailed, calls.SMSFailed},
		turnDelivered:   {calls.SMSIsDelivered, calls.SMSDelivered},
		turnUndelivered: {calls.SMSIsFailed, calls.SMSFailed},
	},
	calls.SMSIsSent: {
		turnDelivered:   {calls.SMSIsDelivered, calls.SMSDelivered},
		turnUndelivered: {calls.SMSIsFailed, calls.SMSFailed},
	},
	calls.SMSIsFailed: {
		turnDelivered:   {calls.SMSIsDelivered, calls.SMSDelivered},
		turnUndelivered: {calls.SMSIsFailed, ""},
	},
	calls.SMSIsDelivered: {},
}

// smsAgain is how long a text waits after each try at which certainly nothing
// was sent; after the last it has failed. In all it is three quarters of an
// hour: a text is an answer to a digit that was just pressed.
var smsAgain = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}
