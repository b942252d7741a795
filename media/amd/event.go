package amd

// Verdict is what answered.
type Verdict string

// The verdicts. Unknown counts as human.
const (
	Human     Verdict = "human"
	Machine   Verdict = "machine"
	Fax       Verdict = "fax"
	Announced Verdict = "announcement" // of the network, or a tone of it
	Silence   Verdict = "silence"      // nobody speaks
	Unknown   Verdict = "unknown"      // too little to tell, or no speech
)

// The causes of verdicts that no tone gave.
const (
	causeShort = "short_greeting"
	causeLong  = "long_greeting"
	causeLimit = "deadline"
	causeBeep  = "beep"
	causeQuiet = "no_speech"
	causeNoise = "no_voice"
	causeEnd   = "sound_ended"
)

// EventKind is what a Listener tells.
type EventKind string

// What a Listener tells.
const (
	Speech      EventKind = "speech"       // somebody began to speak; once
	Decided     EventKind = "verdict"      // the first verdict; once
	Revised     EventKind = "revised"      // another one; once at most
	Beeped      EventKind = "beep"         // a beep ended
	Heard       EventKind = "tone"         // a Detector found something else
	GreetingEnd EventKind = "greeting_end" // a machine waits for a message; once, after its verdict
)

// Event is what a Listener found.
type Event struct {
	Kind    EventKind
	At      int64 // sample at which it was known
	Verdict Verdict
	// Cause in a word: short_greeting, long_greeting, deadline, beep, no_speech,
	// no_voice, sound_ended; of a tone its kind and detail; of a greeting's end
	// beep, silence or timeout.
	Cause string
	// Confidence in the verdict, from 0 to 1, calibrated on unseen voices.
	Confidence float64
	Onset      int64   // where the speech began; -1 where nobody spoke
	Finding    Finding // of Beeped and Heard
}
