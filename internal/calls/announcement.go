package calls

import (
	"io"
	"slices"
	"time"
)

// Meaning is what an announcement says of the callee.
type Meaning string

// The meanings that an announcement may be given.
const (
	MeansUnreachable  Meaning = "unreachable"    // switched off, out of coverage
	MeansBusy         Meaning = "busy"           // is talking
	MeansNoAnswer     Meaning = "no_answer"      // does not come to the phone
	MeansInvalid      Meaning = "invalid_number" // no such number, wrongly dialled
	MeansRejected     Meaning = "rejected"       // does not take such calls
	MeansCongestion   Meaning = "congestion"     // the network is overloaded
	MeansVoicemail    Meaning = "voicemail"      // a message may be left
	MeansAssistant    Meaning = "assistant"      // a robot that asks who is calling
	MeansAnnouncement Meaning = "announcement"   // anything else that ends the matter
	MeansRinging      Meaning = "ringing"        // "please wait": the callee is being rung
)

// meanings says how an attempt ends before whose answer the announcement was
// heard. An empty outcome: it goes on.
var meanings = map[Meaning]Result{
	MeansUnreachable:  {OutcomeUnreachable, ReasonKnown, true},
	MeansBusy:         {OutcomeBusy, ReasonKnown, true},
	MeansNoAnswer:     {OutcomeNoAnswer, ReasonKnown, true},
	MeansInvalid:      {OutcomeInvalidNumber, ReasonKnown, true},
	MeansRejected:     {OutcomeRejected, ReasonKnown, true},
	MeansCongestion:   {OutcomeTrunkError, ReasonCongestion, false},
	MeansVoicemail:    {OutcomeMachine, ReasonKnown, true},
	MeansAssistant:    {OutcomeMachine, ReasonKnown, true},
	MeansAnnouncement: {OutcomeAnnouncement, ReasonKnown, true},
	MeansRinging:      {},
}

// Meanings lists what an announcement may mean, in the order they are published.
func Meanings() []Meaning {
	return []Meaning{MeansUnreachable, MeansBusy, MeansNoAnswer, MeansInvalid, MeansRejected, MeansCongestion,
		MeansVoicemail, MeansAssistant, MeansAnnouncement, MeansRinging}
}

// Known reports whether there is such a meaning.
func (m Meaning) Known() bool { return slices.Contains(Meanings(), m) }

// Verdict is who is on the line when it is heard.
func (m Meaning) Verdict() Verdict {
	switch m {
	case MeansVoicemail, MeansAssistant:
		return VerdictMachine
	case MeansRinging:
		return VerdictNone
	}
	return VerdictAnnouncement
}

// MaxFingerprints bounds the announcements that an account may have.
const MaxFingerprints = 500

// Fingerprint is a known announcement of an account.
type Fingerprint struct {
	ID         string // fp_ and a ULID
	Account    string
	Title      string
	Meaning    Meaning
	DurationMS int64
	Print      []byte // how it sounds; opaque here, media/progress reads it
	AddedBy    string
	CreatedAt  time.Time
}

// SoundFile is an uploaded file.
type SoundFile interface {
	io.ReaderAt
	io.Seeker
}

// HeardAt is what was heard in a file, in milliseconds of it; TellMS is when a
// call would have known.
type HeardAt struct {
	Heard
	FromMS, ToMS, TellMS int64
}
