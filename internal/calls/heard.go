package calls

// HeardKind is what was recognised in the sound of a leg: the words are those of
// media/amd.
type HeardKind string

// The kinds of what is heard.
const (
	HeardNothing    HeardKind = ""
	HeardBeep       HeardKind = "beep"
	HeardRingback   HeardKind = "ringback"
	HeardBusy       HeardKind = "busy"
	HeardCongestion HeardKind = "congestion"
	HeardDial       HeardKind = "dial"
	HeardRecord     HeardKind = "record_warning"
	HeardSIT        HeardKind = "sit"
	HeardFaxCNG     HeardKind = "fax_cng"
	HeardFaxCED     HeardKind = "fax_ced"
	HeardKnown      HeardKind = "known"     // an announcement by its fingerprint
	HeardSpeech     HeardKind = "speech"    // words that a machine speaks, which nobody made known
	HeardVoicemail  HeardKind = "voicemail" // the same with a beep after them
)

// Heard is a tone or a known announcement in the sound of a leg.
type Heard struct {
	Kind       HeardKind
	Detail     string  // country of a tone, class of a SIT, title of an announcement
	Meaning    Meaning // of a known announcement
	Hz         float64 // of a tone, 0 where that says nothing
	Confidence float64 // 0 to 1
}

// Verdict is what the sound makes of who is on the line; "" for what says nothing
// about that.
func (h Heard) Verdict() Verdict {
	switch h.Kind {
	case HeardRingback, HeardBusy, HeardCongestion, HeardDial, HeardRecord, HeardSIT:
		return VerdictAnnouncement
	case HeardFaxCNG, HeardFaxCED:
		return VerdictFax
	case HeardBeep, HeardSpeech, HeardVoicemail:
		return VerdictMachine
	case HeardKnown:
		return h.Meaning.Verdict()
	}
	return VerdictNone
}

// Cause names it in an event: the kind, with the class of a SIT ("sit_vc") or the
// meaning of an announcement ("known_unreachable").
func (h Heard) Cause() string {
	switch {
	case h.Kind == HeardSIT && h.Detail != "":
		return string(h.Kind) + "_" + h.Detail
	case h.Kind == HeardKnown:
		return string(h.Kind) + "_" + string(h.Meaning)
	}
	return string(h.Kind)
}

// earlyTable says how an attempt ends before whose answer a tone was heard.
var earlyTable = map[HeardKind]Result{
	HeardSIT:        {OutcomeAnnouncement, ReasonSIT, true},
	HeardFaxCED:     {OutcomeFax, ReasonNone, true},
	HeardBusy:       {OutcomeBusy, ReasonBusyTone, true},
	HeardCongestion: {OutcomeAnnouncement, ReasonCongestionTone, true},
	HeardVoicemail:  {OutcomeMachine, ReasonNone, true},
}

// Early is how an attempt ends before whose answer this was heard, should nobody
// answer; false for what says nothing about that: ringback, a beep, a dial tone,
// words that nobody made known.
func (h Heard) Early() (Result, bool) {
	if h.Kind == HeardKnown {
		r, ok := meanings[h.Meaning]
		return r, ok && r.Outcome != OutcomeNone
	}
	r, ok := earlyTable[h.Kind]
	return r, ok
}

// weighs says which of two sounds tells more of why nobody answered: words more
// than tones, a SIT more than busy.
func (h Heard) weighs() int {
	switch h.Kind {
	case HeardKnown:
		return 4
	case HeardSIT, HeardFaxCED:
		return 3
	case HeardBusy, HeardCongestion:
		return 2
	case HeardVoicemail:
		return 1
	}
	return 0
}

// Outweighs reports whether h tells more than other of why nobody answered.
func (h Heard) Outweighs(other Heard) bool {
	_, ok := h.Early()
	return ok && h.weighs() > other.weighs()
}
