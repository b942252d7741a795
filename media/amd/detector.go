package amd

// Rate is the sample rate everything in this package listens at, Hz.
const Rate = 8000

// Detector hears something in 8 kHz mono audio. One goroutine at a time; no
// allocation after it was made.
type Detector interface {
	// Feed hears the samples that follow those before, however many: what is found
	// must not depend on how the sound was cut. tell is called before Feed returns
	// and is not kept.
	Feed(pcm []int16, tell func(Finding))
	// Gap says that n samples are missing here (a lost packet, or one that the far
	// end did not send). They count as time, neither as sound nor as silence.
	Gap(n int)
}

// Kind is what a detector found.
type Kind string

// What may be found.
const (
	Beep          Kind = "beep"           // ends a greeting: one tone, told at its end
	Ringback      Kind = "ringback"       // the far end is being rung
	Busy          Kind = "busy"           //
	Congestion    Kind = "congestion"     // reorder
	Dial          Kind = "dial"           // dial tone
	RecordWarning Kind = "record_warning" // "this talk is being recorded"
	SIT           Kind = "sit"            // special information tones before an announcement
	FaxCNG        Kind = "fax_cng"        // a fax that calls, 1100 Hz
	FaxCED        Kind = "fax_ced"        // a fax that answers, 2100 Hz
	Known         Kind = "known"          // the fingerprint of an announcement
)

// Finding is one thing that a detector heard.
type Finding struct {
	Kind Kind
	// Detail is finer than Kind: the cadence's country ("ru"), the class of a SIT
	// ("ic"), the name of the announcement.
	Detail string
	// Meaning of a Known announcement: unreachable, voicemail, … as the operator
	// named it; "" for the others.
	Meaning string
	// From and To are where it began and ended or was last heard, in samples from
	// the first one fed (gaps counted).
	From, To int64
	// Hz is the strongest frequency of a tone, 0 where that means nothing.
	Hz float64
	// Confidence from 0 to 1; what is told is at least likely.
	Confidence float64
}
