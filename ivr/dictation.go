package ivr

import (
	"time"

	"zvonar/internal/calls"
)

// Bounds of a dictation.
const (
	takeLook    = 500 * time.Millisecond // how often is looked whether he has ended
	longestTake = 5 * time.Minute
	hashTone    = 250 * time.Millisecond // of the # itself, where it came as a tone
	choiceWait  = 15 * time.Second
	mostTries   = 10 // takes, whatever became of them
	mostRepeats = 2  // of one take, where nobody chooses
)

// Booth is the leg of a dictation: a Leg that listens, too.
type Booth interface {
	Leg
	// Record begins a take of what is said from now on.
	Record()
	// Quiet reports whether he who spoke has been silent for long, or never spoke.
	Quiet() bool
	// EndTake ends the take, without its last cut; OnTake follows.
	EndTake(cut time.Duration)
	// Keep makes the take the recording; OnKept follows.
	Keep(take calls.RecordingRef)
}

// booth is where a dictation stands.
type booth int

const (
	waitingRoom booth = iota // not started
	inviting                 // the signal to speak plays
	recording                // he speaks
	hearing                  // the take is made ready
	repeating                // the take is played back
	asking                   // the signal to choose plays
	choosing                 // he may choose
	keeping                  // the checks look at the take
	thanking                 // the signal that it is kept plays
	gone                     // the call ends
)

// Dictation leads an author: a signal, his words until # or silence, the same
// played back, 1 keeps them, 2 begins again. Whoever hangs up before 1 keeps
// nothing. It belongs to the goroutine that owns the call.
type Dictation struct {
	leg     Booth
	signals map[calls.Signal]calls.RecordingRef

	state   booth
	playID  int64
	take    calls.RecordingRef
	tries   int
	repeats int
	left    time.Duration // of the longest take
}

// NewDictation makes the flow of a dictation. Nothing happens until Start.
func NewDictation(leg Booth, signals map[calls.Signal]calls.RecordingRef) *Dictation {
	return &Dictation{leg: leg, signals: signals}
}

// Start invites the author to speak.
func (d *Dictation) Start() {
	if d.state == waitingRoom {
		d.invite(calls.SignalSpeak)
	}
}

// invite plays a signal after which he may speak.
func (d *Dictation) invite(s calls.Signal) {
	d.leg.After(0, TimerDigit)
	if d.tries++; d.tries > mostTries {
		d.hangup(calls.ReasonInvalidDigits)
		return
	}
	d.sound(inviting, d.signals[s])
}

func (d *Dictation) sound(to booth, clip calls.RecordingRef) {
	d.state = to
	d.playID = d.leg.Play(clip, false)
}

// OnPlaybackFinished says that playback id is over.
func (d *Dictation) OnPlaybackFinished(id int64, reason calls.PlayReason) {
	if id != d.playID || reason == calls.PlayHangup {
		return
	}
	switch d.state {
	case inviting:
		d.state, d.left = recording, longestTake
		d.leg.Record()
		d.leg.After(takeLook, TimerDigit)
	case repeating:
		d.sound(asking, d.signals[calls.SignalChoose])
	case asking:
		d.state = choosing
		d.leg.After(choiceWait, TimerDigit)
	case thanking:
		d.hangup(calls.ReasonFlowEnd)
	}
}

// OnDigit says that the author pressed a digit.
func (d *Dictation) OnDigit(digit byte) {
	switch d.state {
	case recording:
		if digit == '#' {
			d.endTake(hashTone)
		}
	case repeating, asking, choosing:
		switch digit {
		case '1':
			d.leg.After(0, TimerDigit)
			d.hush()
			d.state = keeping
			d.leg.Keep(d.take)
		case '2':
			d.hush()
			d.invite(calls.SignalSpeak)
		}
	}
}

// hush stops what plays.
func (d *Dictation) hush() {
	if d.state != choosing {
		d.playID = 0
		d.leg.StopPlayback(calls.PlayDigit)
	}
}

// OnTimer says that the time asked for with Leg.After is over.
func (d *Dictation) OnTimer(t Timer) {
	switch {
	case t == TimerLeave:
	case d.state == recording:
		if d.left -= takeLook; d.left <= 0 || d.leg.Quiet() {
			d.endTake(0)
			return
		}
		d.leg.After(takeLook, TimerDigit)
	case d.state == choosing:
		if d.repeats++; d.repeats > mostRepeats {
			d.hangup(calls.ReasonNoDigit)
			return
		}
		d.sound(repeating, d.take)
	}
}

func (d *Dictation) endTake(cut time.Duration) {
	d.leg.After(0, TimerDigit)
	d.state = hearing
	d.leg.EndTake(cut)
}

// OnTake brings what was said, or why it cannot be kept: too short.
func (d *Dictation) OnTake(take calls.RecordingRef, err error) {
	if d.state != hearing {
		return
	}
	if err != nil {
		d.invite(calls.SignalAgain)
		return
	}
	d.take, d.repeats = take, 0
	d.sound(repeating, take)
}

// OnKept says whether the checks took it.
func (d *Dictation) OnKept(err error) {
	switch {
	case d.state != keeping:
	case err != nil:
		d.invite(calls.SignalAgain)
	default:
		d.sound(thanking, d.signals[calls.SignalKept])
	}
}

func (d *Dictation) hangup(reason calls.Reason) {
	d.state = gone
	d.leg.Hangup(reason)
}

// Do implements Flow: nothing else is done in a dictation.
func (d *Dictation) Do(calls.Action) bool { return false }

// OnActionDone implements Flow: there are no actions.
func (d *Dictation) OnActionDone(byte, calls.Action, ActionEnd, string) {}

// Pin implements Flow: it plays nothing of the library.
func (d *Dictation) Pin(map[calls.ClipID]calls.RecordingRef) {}
