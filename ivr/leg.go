package ivr

import (
	"time"

	"zvonar/internal/calls"
)

// Leg is what a flow needs of the call it runs on. Every method is called from
// the goroutine that calls the Session (the call's own) and returns at once;
// what it started is reported back through the Session's On… methods.
type Leg interface {
	// Play plays a clip from its start; the end comes back as OnPlaybackFinished(id).
	Play(clip calls.RecordingRef, loop bool) (id int64)
	StopPlayback(reason calls.PlayReason)
	// After asks for OnTimer(token) once d has passed. A new After with the
	// same token replaces the old one; After(0, token) drops it.
	After(d time.Duration, token Timer)
	// Act starts an action of digit; OnActionDone follows (for managerPhone
	// once the bridge is over or could not be made).
	Act(digit byte, action calls.Action)
	// Hangup ends the call.
	Hangup(reason calls.Reason)
}

// Timer names a timer of a session.
type Timer int

// The timers of a session.
const (
	TimerDigit Timer = iota + 1 // nobody pressed anything since the clip's end
	TimerLeave                  // the pause before hanging up
)

// ActionEnd says how an action ended.
type ActionEnd int

// The ends of actions.
const (
	ActionOK          ActionEnd = iota + 1 // sms queued, number blocked
	ActionFailed                           // could not be done
	ManagerNotReached                      // busy, silent, unreachable, did not confirm
	BridgeEnded                            // the talk with the manager is over
)
