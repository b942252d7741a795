package calls

import (
	"encoding/json"
	"time"
)

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

// States of a version that a recording as a whole never has.
const (
	// VersionSuperseded was approved, and another version was approved after it.
	VersionSuperseded RecordingState = "superseded"
	// VersionWithdrawn waited for a moderator when another one took its place.
	VersionWithdrawn RecordingState = "withdrawn"
)

// Recording is a clip in the library. What calls may play is its live version;
// the other fields are of the version that was uploaded last, which may still
// wait for a moderator. RecordID exists only once a version is approved.
type Recording struct {
	ID       string         `json:"recording_id"`
	Account  string         `json:"account"`
	RecordID *int64         `json:"record_id"`
	Title    string         `json:"title"`
	State    RecordingState `json:"state"`
	Version  int            `json:"version"` // from 1
	SHA256   string         `json:"sha256"`  // of the stored canonical WAV, also its file name
	// WideSHA256 is of its 16 kHz form; empty where the upload had 8 kHz only.
	WideSHA256 string `json:"wide_sha256"`
	DurationMS int64  `json:"duration_ms"`
	// System prompts (busy, hold, confirm) pass moderation but not the 7 s rule.
	System bool    `json:"system"`
	Checks []Check `json:"checks"`
	// Text is what a voice (male or female) was made to say; empty for a file.
	Text  string `json:"text,omitempty"`
	Voice string `json:"voice,omitempty"`
	// Variables are the places in the text that calls fill; the sound has their samples.
	Variables  []Variable `json:"variables,omitempty"`
	Reason     string     `json:"reason"` // of a rejection or revocation
	UploadedBy string     `json:"uploaded_by"`
	DecidedBy  string     `json:"decided_by"`
	DecidedAt  *time.Time `json:"decided_at"`
	CreatedAt  time.Time  `json:"created_at"`
	// CallID is the call in which it was dictated; empty for others.
	CallID string `json:"call_id,omitempty"`
	// UploadedAt is when this version came; zero: with the recording.
	UploadedAt time.Time `json:"uploaded_at"`

	// Live is what calls play; nil where nothing is approved, archived or revoked.
	Live *LiveVersion `json:"live"`
	// Versions is how many there are: a new one gets the next number, also
	// where the last was rejected and the recording went back to the one before.
	Versions int `json:"versions"`
	// ClaimedBy is the moderator who has it before him, until ClaimedUntil.
	ClaimedBy    string     `json:"claimed_by"`
	ClaimedUntil *time.Time `json:"claimed_until"`
	// Approvals are those given to the pending version so far, where two are asked for.
	Approvals []Approval `json:"approvals"`
	// UndoUntil is how long whoever decided last may take it back.
	UndoUntil *time.Time `json:"undo_until"`
	// Revoked tells which versions must not be played any more.
	Revoked *Revocation `json:"revoked"`

	// Reserved is the record_id of an approval that was taken back, or one that was
	// told before there was any: the next approval gives it, to this recording alone.
	Reserved *int64 `json:"-"`
	// Before is what an undo goes back to, in the words of the library; empty
	// where there is nothing to undo.
	Before json.RawMessage `json:"-"`
	// Print is what it sounds like, to find the same recording again.
	Print string `json:"-"`
	// Node is who takes it in, while it is processing.
	Node string `json:"-"`
}

// LiveVersion is the approved content of a recording.
type LiveVersion struct {
	Version    int    `json:"version"`
	SHA256     string `json:"sha256"`
	WideSHA256 string `json:"wide_sha256"`
	DurationMS int64  `json:"duration_ms"`
	// Template is what calls fill, where a version with variables is live.
	Template *Template `json:"template,omitempty"`
}

// Approval is one of the two approvals that a recording may need.
type Approval struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Revocation takes back every version up to Through.
type Revocation struct {
	Through int       `json:"through"`
	At      time.Time `json:"at"`
	// Final is when queued calls that are held because of it end as canceled:
	// at once, or when the time for an undo is over.
	Final time.Time `json:"final"`
}

// ClipVersion is one upload of a recording and what was decided on it.
type ClipVersion struct {
	RecordingID string         `json:"recording_id"`
	Account     string         `json:"account"`
	Version     int            `json:"version"`
	State       RecordingState `json:"state"`
	SHA256      string         `json:"sha256"`
	WideSHA256  string         `json:"wide_sha256"`
	DurationMS  int64          `json:"duration_ms"`
	Checks      []Check        `json:"checks"`
	Print       string         `json:"print,omitempty"` // as of the recording; never published
	Text        string         `json:"text,omitempty"`
	Voice       string         `json:"voice,omitempty"`
	Variables   []Variable     `json:"variables,omitempty"`
	Reason      string         `json:"reason"`
	UploadedBy  string         `json:"uploaded_by"`
	DecidedBy   string         `json:"decided_by"`
	DecidedAt   *time.Time     `json:"decided_at"`
	CreatedAt   time.Time      `json:"created_at"`
}

// Upload is the version that the recording shows, as one of its versions.
func (r *Recording) Upload() *ClipVersion {
	at := r.UploadedAt
	if at.IsZero() {
		at = r.CreatedAt
	}
	return &ClipVersion{RecordingID: r.ID, Account: r.Account, Version: r.Version, State: r.State,
		SHA256: r.SHA256, WideSHA256: r.WideSHA256,
		DurationMS: r.DurationMS, Checks: r.Checks, Print: r.Print, Text: r.Text, Voice: r.Voice, Variables: r.Variables, Reason: r.Reason, UploadedBy: r.UploadedBy, DecidedBy: r.DecidedBy,
		DecidedAt: r.DecidedAt, CreatedAt: at}
}

// Show makes v the version that the recording shows.
func (r *Recording) Show(v *ClipVersion) {
	r.Version, r.State, r.SHA256, r.WideSHA256, r.DurationMS = v.Version, v.State, v.SHA256, v.WideSHA256, v.DurationMS
	r.Checks, r.Print, r.Text, r.Voice, r.Variables, r.Reason = v.Checks, v.Print, v.Text, v.Voice, v.Variables, v.Reason
	r.UploadedBy, r.UploadedAt, r.DecidedBy, r.DecidedAt = v.UploadedBy, v.CreatedAt, v.DecidedBy, v.DecidedAt
}

// Standing is what a call that pinned a version must know of it now.
type Standing struct {
	Version  RecordingState // of the version
	Revoked  *Revocation    // of the recording
	RecordID int64          // of the recording; 0: it has none yet
}

// Bars reports whether the version may not be played because of the revocation.
func (r *Revocation) Bars(version int) bool { return r != nil && version <= r.Through }

// Check is one measurement made at ingest.
type Check struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Level string  `json:"level"` // ok, warning, error
	// Detail says more where a number does not: which recording sounds alike.
	Detail string `json:"detail,omitempty"`
}

// RecordingRef pins the content of a clip: the hash never changes under a call.
type RecordingRef struct {
	RecordingID string `json:"recording_id"`
	RecordID    int64  `json:"record_id"`
	SHA256      string `json:"sha256"`
	WideSHA256  string `json:"wide_sha256,omitempty"`
	DurationMS  int64  `json:"duration_ms,omitempty"`
	Version     int    `json:"version,omitempty"` // 0: pinned before there were versions, which is 1
	// Text is what is read aloud for this call alone, by the voice that is named
	// like "ru-female": a text with the call's variables in it. Its hashes and
	// duration are empty until it was spoken.
	Text  string `json:"text,omitempty"`
	Voice string `json:"voice,omitempty"`
}

// Ref is the reference that a call pins: the live version, or, where there is
// none, the one that was uploaded last.
func (r *Recording) Ref() RecordingRef {
	ref := RecordingRef{RecordingID: r.ID, SHA256: r.SHA256, WideSHA256: r.WideSHA256, DurationMS: r.DurationMS, Version: r.Version}
	if r.Live != nil {
		ref.SHA256, ref.WideSHA256, ref.DurationMS, ref.Version = r.Live.SHA256, r.Live.WideSHA256, r.Live.DurationMS, r.Live.Version
	}
	if r.RecordID != nil {
		ref.RecordID = *r.RecordID
	}
	return ref
}
