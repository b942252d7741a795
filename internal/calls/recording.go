package calls

import "time"

// RecordingState is where a clip stands in moderation.
type RecordingState string

// The states of a recording.
const (
	RecordingDraft      RecordingState = "draft"
	RecordingProcessing RecordingState = "processing"
	RecordingPending    RecordingState = "pending"
	RecordingIsApproved RecordingState = "approved"
	RecordingIsRejected RecordingState = "rejected"
	RecordingArchived   RecordingState = "archived"
	RecordingIsRevoked  RecordingState = "revoked"
)

// Recording is a clip in the library. RecordID exists only once it is approved.
type Recording struct {
	ID         string         `json:"recording_id"`
	Account    string         `json:"account"`
	RecordID   *int64         `json:"record_id"`
	Title      string         `json:"title"`
	State      RecordingState `json:"state"`
	Version    int            `json:"version"`
	SHA256     string         `json:"sha256"` // of the stored canonical WAV, also its file name
	DurationMS int64          `json:"duration_ms"`
	// System prompts (busy, hold, confirm) pass moderation but not the 7 s rule.
	System     bool       `json:"system"`
	Checks     []Check    `json:"checks"`
	Reason     string     `json:"reason"`
	UploadedBy string     `json:"uploaded_by"`
	DecidedBy  string     `json:"decided_by"`
	DecidedAt  *time.Time `json:"decided_at"`
	CreatedAt  time.Time  `json:"created_at"`
}

// Check is one measurement made at ingest.
type Check struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Level string  `json:"level"` // ok, warning, error
}

// RecordingRef pins the content of a clip: the hash never changes under a call.
type RecordingRef struct {
	RecordingID string `json:"recording_id"`
	RecordID    int64  `json:"record_id"`
	SHA256      string `json:"sha256"`
	DurationMS  int64  `json:"duration_ms,omitempty"`
}

// Ref is the reference that a call pins.
func (r *Recording) Ref() RecordingRef {
	ref := RecordingRef{RecordingID: r.ID, SHA256: r.SHA256, DurationMS: r.DurationMS}
	if r.RecordID != nil {
		ref.RecordID = *r.RecordID
	}
	return ref
}
