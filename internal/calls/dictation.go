package calls

// Dictation makes a call one in which whoever is called speaks a recording.
type Dictation struct {
	RecordingID string `json:"recording_id"` // the draft
}

// Signal is a sound by which an author is led.
type Signal string

// The signals.
const (
	SignalSpeak  Signal = "speak"  // he may speak
	SignalChoose Signal = "choose" // he heard himself: 1 keeps, 2 again
	SignalAgain  Signal = "again"  // that cannot be kept: once more
	SignalKept   Signal = "kept"
)
