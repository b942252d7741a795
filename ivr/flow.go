package ivr

import "zvonar/internal/calls"

// Flow is what runs on an answered leg: a Session, or a Dictation. Its methods are
// those of Session.
type Flow interface {
	Start()
	OnPlaybackFinished(id int64, reason calls.PlayReason)
	OnDigit(digit byte)
	OnTimer(t Timer)
	OnActionDone(digit byte, action calls.Action, end ActionEnd, errText string)
	Do(a calls.Action) bool
	Pin(clips map[calls.ClipID]calls.RecordingRef)
}

var (
	_ Flow = (*Session)(nil)
	_ Flow = (*Dictation)(nil)
)
