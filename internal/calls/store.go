package calls

import (
	"context"
	"time"
)

// Store is the durable memory of the daemon. State and events change together,
// in one unit of work.
type Store interface {
	// Update runs fn in one transaction and returns once it is durable (fsynced).
	// If fn returns an error nothing of it remains and the error comes back
	// unwrapped. Units run one after another; fn must not block on anything but
	// tx, and must not call the Store.
	Update(ctx context.Context, fn func(Tx) error) error

	// Observe queues fn behind everything queued before (by Update or Observe)
	// and returns at once: facts that were already true in the world (ringing,
	// a digit) become durable in order without anyone waiting. done, if not
	// nil, is called from the writer's goroutine with the result. A store that
	// cannot write for a while runs fn again until it is written: fn may run more
	// than once, and must come to the same each time.
	Observe(fn func(Tx) error, done func(error))

	// Note is Observe for what nobody waits for: where much is told, its commit is
	// held back for some milliseconds, until others share it or somebody waits.
	Note(fn func(Tx) error, done func(error))

	// View runs fn on a consistent snapshot of committed state.
	View(ctx context.Context, fn func(ReadTx) error) error

	// Changed returns a channel that is closed when an event is committed after
	// the call. Get it, read the log, then wait on it.
	Changed() <-chan struct{}
}

// ReadTx reads committed state. Getters return ErrNotFound for a missing row;
// what they return is the caller's own copy.
type ReadTx interface {
	NodeReads
	LogReads
	AttemptReads

	Call(account, id string) (*Call, error) // account "" = any
	Calls(CallFilter) ([]*Call, error)      // newest first
	LiveCallByRef(account, ref string) (*Call, error)
	// Unfinished lists calls that are not completed, oldest first: the dialer's
	// and recovery's reading at start.
	Unfinished() ([]*Call, error)
	// AttemptsSince counts charged customer attempts to number since t.
	AttemptsSince(account, number string, t time.Time) (int, error)
	LastAttemptAt(account, number string) (time.Time, error) // ErrNotFound if none

	Events(EventFilter) ([]Event, error) // by Pos ascending
	LastPos() (int64, error)

	// Blocked is the entry of the account's whole scope; ErrNotFound if there is none.
	Blocked(account, number string) (*BlockEntry, error)
	// BlockEntries goes by number and scope; after is "NUMBER" or "NUMBER SCOPE".
	BlockEntries(account string, after string, limit int) ([]BlockEntry, error)

	PeopleReads
	AttentionReads
	BlockReads
	EndReads
	RecordingReads
	FingerprintReads
	SIPReads
	ProviderCallReads
	CampaignReads
	EvidenceReads
	TokenReads
	ProviderReads
	NumberedReads
	// Webhooks lists the lasting webhooks (account "" = all), without those of
	// one call: there may be one of these for every call ever made.
	Webhooks(account string) ([]*Webhook, error)
	CallWebhooks(account, callID string) ([]*Webhook, error)
	Webhook(account, id string) (*Webhook, error) // account "" = any

	Idempotent(account, key string) (*IdempotencyRecord, error)
	TextReads

	OutboxReads
	Cursor(name string) (int64, error) // 0 if never set
}

// Tx is one unit of work.
type Tx interface {
	ReadTx
	LogChanges

	InsertCall(*Call) error // ref conflict with a live call: Error{Code: ref-conflict}
	UpdateCall(*Call) error // of a call that is over by one that is not: Error{Code: wrong-state}
	InsertAttempt(*Attempt) error
	UpdateAttempt(*Attempt) error

	// AppendEvent gives e its Pos and Seq and appends it.
	AppendEvent(e *Event) error

	// Block adds an entry. One that is there stays as it is, unless the new one
	// lasts longer: then it takes its place. added is false where nothing changed.
	Block(BlockEntry) (added bool, err error)
	Unblock(account, number string) (removed bool, err error)

	PeopleWrites
	AttentionWrites
	BlockWrites
	RecordingWrites
	FingerprintWrites
	SIPWrites
	ProviderCallWrites
	CampaignWrites
	EvidenceWrites
	TokenWrites
	ProviderWrites
	NumberedWrites
	// PutWebhook inserts or replaces. A lasting webhook that is new, or enabled
	// again, starts at the present end of the log: WebhookCursor(w.ID) is set
	// there in the same unit.
	PutWebhook(*Webhook) error
	DeleteWebhook(account, id string) error

	PutIdempotent(IdempotencyRecord) error
	TextWrites

	OutboxWrites
	SetCursor(name string, pos int64) error
	Audit(AuditEntry) error
}

// CallFilter selects calls. Zero fields do not filter.
type CallFilter struct {
	Account, To, Ref, Series, Campaign string
	Status                             Status
	Outcome                            Outcome
	Live                               bool   // only calls that are not over
	Cursor                             string // id of the last call seen
	Limit                              int    // 1–500
}

// EventFilter selects events.
type EventFilter struct {
	Account string
	Subject string
	Types   []EventType
	After   int64 // Pos
	Limit   int
}

// BlockEntry is one number on the blacklist of an account.
type BlockEntry struct {
	Account   string    `json:"account"`
	Number    string    `json:"number"`
	Scope     string    `json:"scope"` // account, campaign:ID, number:LINE
	Reason    string    `json:"reason"`
	Source    string    `json:"source"` // api, digit, import
	CallID    string    `json:"call_id"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"` // zero: it lasts
	// Digit and DigitAt are the evidence of a stop: what was pressed, and when.
	Digit   string    `json:"digit"`
	DigitAt time.Time `json:"digit_at"`
}

// IdempotencyRecord remembers the answer to a request with an Idempotency-Key.
type IdempotencyRecord struct {
	Account, Key string
	BodyHash     string
	CallID       string
	ExpiresAt    time.Time
}

// AuditEntry records who changed what.
type AuditEntry struct {
	ID                             int64 // given by the store
	Account, Actor, Action, Object string
	At                             time.Time
	Detail                         string
}
