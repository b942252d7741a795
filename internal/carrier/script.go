package carrier

import "time"

// op is what one step of a script does.
type op int

const (
	opRing     op = iota + 1 // 180
	opProgress               // 18x with SDP: what is played next is early media; code
	opPlay                   // plays sound
	opLoop                   // plays sound over and over
	opAnswer                 // 200; the next step waits until the dialog stands
	opReject                 // final code, with q850 if > 0
	opHangup                 // BYE, with q850 if > 0
	opPress                  // digits by RFC 4733
	opInfo                   // digits by SIP INFO
	opDrop                   // stops sending RTP, without a word
	opCross                  // from here on a CANCEL is crossed by our 200
	opQuiet                  // waits until a clip was heard and has ended
	opSound                  // waits until something is heard
	opAgent                  // waits until the PBX's agent leg is answered
)

// step is one line of a script: wait for after, then do.
type step struct {
	after  time.Duration
	unit   unit
	do     op
	code   int
	q850   int
	digits string
	sound  sound
}

// unit says which clock a step's delay runs on.
type unit int

const (
	_    unit = iota // the network's: ringing and answering, scaled by Config.Pace
	talk             // passes while audio runs, which nothing can hurry
)

// sound names a clip that the carrier can play.
type sound int

const (
	soundHello     sound = iota + 1 // a person saying a short word, then silence
	soundGreeting                   // a voicemail greeting with its beep
	soundNotice                     // an announcement of the network
	soundManager                    // a manager talking: a melody of his own
	soundManagerRB                  // ringback of the manager's own network
	soundFax                        // called station identification, 2100 Hz
)

// The usual parts of scripts.

const ringTime = 2 * time.Second // from 180 to the answer, at Pace 1

// answers rings for a moment and answers.
func answers(then ...step) []step {
	return append([]step{{do: opRing}, {after: ringTime, do: opAnswer}}, then...)
}

// refuses rings for a moment and ends with a code.
func refuses(code, q850 int) []step {
	return []step{{do: opRing}, {after: ringTime, do: opReject, code: code, q850: q850}}
}

// afterClip waits until the far end has stopped playing.
func afterClip(then ...step) []step { return answers(append([]step{{do: opQuiet}}, then...)...) }

// duringClip waits until the far end plays and lets it play for two seconds.
func duringClip(then step) []step {
	then.after, then.unit = 2*time.Second, talk
	return answers(step{do: opSound}, then)
}

// manyProgress repeats 183, as networks do that answer every timer with one.
func manyProgress(n int) []step {
	script := []step{{do: opProgress, code: 183}, {do: opLoop, sound: soundManagerRB}}
	for range n - 1 {
		script = append(script, step{after: 250 * time.Millisecond, do: opProgress, code: 183})
	}
	return append(script, step{after: 250 * time.Millisecond, do: opAnswer})
}
