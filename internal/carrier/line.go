package carrier

import (
	"time"

	"zvonar/media"
	"zvonar/sip"
)

// line is what a script needs of the leg it runs on. A line reports through the
// call's on method, the last event being calls.LegEnded.
type line interface {
	Ring()
	Progress(code int)
	Answer()
	Reject(code, q850 int, reason string)
	Hangup(q850 int)
	Play(id int64, clip *media.Clip, loop bool)
	SendDigits(digits string)
	SendInfo(digit byte)
	DropMedia()
	AnswerOnCancel()
	Listen() recorder // starts recording what is heard
}

// recorder gives what was heard so far, 8 kHz mono.
type recorder interface{ PCM() []int16 }

// maxHeard bounds the audio that is kept of one call.
const maxHeard = 5 * time.Minute

// calleeLine is a call from zvonar to a magic number.
type calleeLine struct{ *sip.Leg }

func (l calleeLine) AnswerOnCancel() {
	if a, ok := any(l.Leg).(interface{ AnswerOnCancel() }); ok {
		a.AnswerOnCancel()
	}
}

func (l calleeLine) Listen() recorder { return record(l.Leg) }

// callerLine is a call that the carrier placed to zvonar: it rings at zvonar's
// pace, so ringing and answering are not ours to do.
type callerLine struct{ *sip.Leg }

func (l callerLine) Ring()                        {}
func (l callerLine) Progress(int)                 {}
func (l callerLine) Answer()                      {}
func (l callerLine) Reject(_, q850 int, _ string) { l.Hangup(q850) }
func (l callerLine) AnswerOnCancel()              {}
func (l callerLine) Listen() recorder             { return record(l.Leg) }

// record hides the nil of a leg that has no media, which would otherwise be a
// non-nil interface.
func record(l *sip.Leg) recorder {
	if r := l.Record(maxHeard); r != nil {
		return r
	}
	return nil
}

// causeOf is the Q.850 cause a PBX would tell for a SIP status (RFC 3398 8.2.6.1).
func causeOf(code int) int {
	switch code {
	case 404, 484, 604:
		return 1
	case 486, 600:
		return 17
	case 480:
		return 19
	case 603:
		return 21
	case 503:
		return 34
	}
	return 31
}
