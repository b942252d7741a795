package calls

import "time"

// RecordingReads reads the library of clips.
type RecordingReads interface {
	Recording(account, id string) (*Recording, error)
	RecordingByRecordID(account string, recordID int64) (*Recording, error)
	Recordings(RecordingFilter) ([]*Recording, error) // newest first, or as the filter says
	// RecordingVersion finds one upload of a recording.
	RecordingVersion(account, id string, version int) (*ClipVersion, error)
	RecordingVersions(account, id string) ([]*ClipVersion, error) // newest first
	// ClipStanding tells whether a version may be played now. It is cheap: it is
	// asked before every call.
	ClipStanding(id string, version int) (Standing, error)
	// ContentUsed tells whether some version of some account has this content.
	ContentUsed(sha string) (bool, error)
	// ContentCondemned tells whether the content is being deleted at this moment.
	ContentCondemned(sha string) (bool, error)
}

// RecordingWrites changes the library of clips.
type RecordingWrites interface {
	InsertRecording(*Recording) error
	UpdateRecording(*Recording) error
	// PutRecordingVersion inserts or replaces.
	PutRecordingVersion(*ClipVersion) error
	// DeleteRecording removes a recording with its versions.
	DeleteRecording(account, id string) error
	// NextRecordID draws from a sequence that never repeats, starting at first.
	NextRecordID(first int64) (int64, error)
	// CondemnContent marks content that is about to be deleted, unless a version
	// has it (ok false); AcquitContent takes the mark away, AcquitBefore those that
	// a crash has left.
	CondemnContent(sha string, at time.Time) (ok bool, err error)
	AcquitContent(sha string) error
	AcquitBefore(time.Time) error
}

// RecordingFilter selects recordings.
type RecordingFilter struct {
	Account string
	State   RecordingState
	SHA256  string // those whose last version has this content
	TextKey string // those whose last version says this text; see Recording.TextKey
	Oldest  bool   // oldest first: the moderators' queue
	Cursor  string // id of the last one seen
	Limit   int
}
