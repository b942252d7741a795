package calls

import "time"

// Label is who answered a call, as a person heard it.
type Label string

// The labels, in the order in which they are offered.
const (
	LabelHuman        Label = "human"
	LabelMachine      Label = "machine"
	LabelAnnouncement Label = "announcement" // speech of the network
	LabelFax          Label = "fax"
	LabelSilence      Label = "silence"
	LabelMusic        Label = "music"
	LabelNoise        Label = "noise"
)

// Evidence is what is known of a call's verdict besides the call: a person's label
// and what a later model said. It goes with its call.
type Evidence struct {
	CallID     string
	Account    string
	Trunk      string
	CalledAt   time.Time // when the call was answered
	Verdict    Verdict   // that the call ended with
	Label      Label     // "": nobody gave one
	LabelledBy string    // name of a token
	LabelledAt time.Time
	Rescored   Verdict // by the model Model; "": it was not judged again
	Model      string
	RescoredAt time.Time
}

// EvidenceFor begins the evidence of a call; an error where it cannot be judged.
func EvidenceFor(c *Call) (*Evidence, error) {
	if c.AnsweredAt == nil {
		return nil, Errorf(CodeWrongState, "nobody answered this call, or it is not over; only answered calls have somebody to tell")
	}
	if c.Status != StatusCompleted {
		return nil, Errorf(CodeWrongState, "the call is not over; wait for its call.completed")
	}
	return &Evidence{CallID: c.ID, Account: c.Account, Trunk: c.Trunk, CalledAt: *c.AnsweredAt, Verdict: c.Verdict}, nil
}

// EvidenceFilter selects evidence. Zero fields do not filter, but Account.
type EvidenceFilter struct {
	Account, Trunk string
	Since, Until   time.Time // of CalledAt; Until is not in it
	After          string    // call id
	Limit          int       // 1–500
}

// EvidenceCount is one cell of the comparison of verdicts with labels.
type EvidenceCount struct {
	Trunk    string
	Label    Label
	Verdict  Verdict
	Rescored Verdict
	Calls    int64
}

// EvidenceReads reads evidence.
type EvidenceReads interface {
	Evidence(callID string) (*Evidence, error) // ErrNotFound if none
	// Labelled lists the evidence with a label, by call id ascending.
	Labelled(EvidenceFilter) ([]*Evidence, error)
	// CompareLabels counts it, ordered by trunk, label, verdict, rescored.
	CompareLabels(EvidenceFilter) ([]EvidenceCount, error)
}

// EvidenceWrites changes it.
type EvidenceWrites interface {
	PutEvidence(*Evidence) error // inserts or replaces
}

// JudgedAgain is what today's model says of a call's kept sound.
type JudgedAgain struct {
	Judged
	Was Verdict // what the call ended with
}

// AMDTold is the data of call.amd after an answer (DESIGN 4.4).
type AMDTold struct {
	Verdict      Verdict `json:"verdict"`
	Cause        string  `json:"cause"`
	Confidence   float64 `json:"confidence"`
	FromOnsetMS  *int64  `json:"from_onset_ms"`
	FromAnswerMS int64   `json:"from_answer_ms"`
	Model        string  `json:"model,omitempty"`
	Revised      bool    `json:"revised"`
	Rescored     bool    `json:"rescored,omitempty"` // by a later look at kept sound
}

// Told is j in the words of call.amd.
func (j Judged) Told() AMDTold {
	return AMDTold{Verdict: j.Verdict, Cause: j.Cause, Confidence: j.Confidence, FromOnsetMS: j.FromOnsetMS, FromAnswerMS: j.FromAnswerMS,
		Model: j.Model, Revised: j.Kind == JudgedRevised}
}
