package calls

// JudgedKind is what the listening to an answered leg brought.
type JudgedKind string

// The kinds of what is told while a leg is judged.
const (
	JudgedVerdict     JudgedKind = "verdict"      // the first verdict
	JudgedRevised     JudgedKind = "revised"      // another one; once at most
	JudgedGreetingEnd JudgedKind = "greeting_end" // a machine waits for a message; after its verdict, once
)

// ToJudge is an answered leg whose sound is to be judged.
type ToJudge struct {
	Account string // whose announcements are known
	Call    string // under whose id the sound may be kept
	Trunk   string
	To      string // the callee
	Profile string // that the flow names; "": none
}

// Judged is what answering machine detection says of a leg.
type Judged struct {
	Kind    JudgedKind
	Verdict Verdict
	// Cause in a word: short_greeting, long_greeting, deadline, beep, no_speech,
	// no_voice, or the tone; of the greeting's end beep, silence or timeout.
	Cause        string
	Confidence   float64 // 0 to 1
	FromOnsetMS  *int64  // since somebody began to speak; nil: nobody did
	FromAnswerMS int64
	Model        string
}

// CauseRingback is the cause of an announcement that is only a ringback: a switch
// answered, and somebody may still come to the phone.
const CauseRingback = "ringback"

// Modes and policies of AMDOptions.
const (
	AMDOff        = "off"
	AMDAsync      = "async"
	AMDMessageEnd = "message_end"

	EarlyListen = "listen"
	EarlyHangup = "hangup"
	EarlyOff    = "off"

	OnMachinePlay    = "play"
	OnMachineHangup  = "hangup"
	OnMachineMessage = "message"
	OnMachineRetry   = "retry"
)

// answeredTable says how a call ends that was answered, by who answered.
var answeredTable = map[Verdict]Outcome{
	VerdictMachine:      OutcomeMachine,
	VerdictFax:          OutcomeFax,
	VerdictAnnouncement: OutcomeAnnouncement,
}

// Answered is the outcome of an answered call by its verdict; all that is not
// certainly a machine counts as a person.
func (v Verdict) Answered() Outcome {
	if o, ok := answeredTable[v]; ok {
		return o
	}
	return OutcomeAnswered
}
