package calls

import (
	"context"
	"time"
)

// OutboxCursor names the cursor up to which the log was fanned out: what is
// before it has its deliveries.
const OutboxCursor = "outbox"

// LogReads reads what the event log and the audit log keep.
type LogReads interface {
	// Horizon is the highest pos that retention has removed; 0 where nothing
	// was. Above it every event is there, at and below it some are missing.
	Horizon() (int64, error)
	// OldestKept tells when the first event of the log happened and when the
	// first of the finished calls ended (zero times: there is none).
	OldestKept() (event, call time.Time, err error)
	AuditEntries(AuditFilter) ([]AuditEntry, error) // newest first
	// LiveCallOf is the id of a call with number that is not over, or of one
	// whose text to number is not sent yet; "" if there is none.
	LiveCallOf(account, number string) (string, error)
	// CallsOf are some calls with number, the first ones that Erase would take; empty
	// where there is none left.
	CallsOf(account, number string, limit int) ([]string, error)
}

// LogChanges removes what is too old, and erases what names a person.
type LogChanges interface {
	// Expire looks at up to limit rows of one kind, from the mark on, and
	// removes those that are past their time and that nothing waits for.
	Expire(e Expiry, from ExpiryMark, limit int) (Expired, error)
	// Erase takes number out of up to limit calls, texts or attempts of its
	// account; more tells whether there are further ones. The last portion also
	// does what is no call: the events of the number itself and the audit log.
	// Seq of the subject number:N starts anew at 1. A call that is not over is an
	// Error with CodeWrongState, and nothing of the portion remains.
	Erase(e Erasure, limit int) (n Erased, more bool, err error)
}

// Scrubber is implemented by stores whose files keep bytes of rows that are no
// longer there.
type Scrubber interface {
	// Scrub makes the files forget the rows with word in them that were
	// overwritten or deleted before. It reads the whole database and holds up
	// nobody.
	Scrub(ctx context.Context, word string) error
}

// ExpiryKind names what retention removes in one go.
type ExpiryKind string

// The kinds, in the order in which a sweep goes through them.
const (
	// ExpireDeliveries removes finished deliveries.
	ExpireDeliveries ExpiryKind = "deliveries"
	// ExpireWebhooks removes webhooks of single calls that are over and have no
	// delivery left.
	ExpireWebhooks ExpiryKind = "webhooks"
	// ExpireCalls removes whole calls with everything that belongs to them.
	ExpireCalls ExpiryKind = "calls"
	// ExpireEvents removes the events of subjects that are no call, but for the
	// last of each: seq goes on from it.
	ExpireEvents ExpiryKind = "events"
	// ExpireKeys removes idempotency records whose own time is over.
	ExpireKeys ExpiryKind = "idempotency"
	// ExpireAudit removes entries of the audit log.
	ExpireAudit ExpiryKind = "audit"
	// ExpireBlocks removes entries of the blacklist whose own time is over.
	ExpireBlocks ExpiryKind = "blocks"
	// ExpireDays removes what caller numbers did on days before.
	ExpireDays ExpiryKind = "number_days"
	// ExpireCampaigns removes campaigns that were stopped or finished before, with
	// their contacts; calls of them that are kept stay.
	ExpireCampaigns ExpiryKind = "campaigns"
)

// ExpiryKinds lists the kinds in the order of a sweep.
func ExpiryKinds() []ExpiryKind {
	return []ExpiryKind{ExpireDeliveries, ExpireWebhooks, ExpireCalls, ExpireEvents, ExpireKeys, ExpireAudit, ExpireBlocks, ExpireDays, ExpireCampaigns}
}

// Expiry asks to remove what ended before a time.
type Expiry struct {
	Kind   ExpiryKind
	Before time.Time
}

// ExpiryMark is how far a sweep has come; the zero mark is its beginning.
type ExpiryMark struct {
	At int64 // Unix microseconds
	ID string
	N  int64
}

// Expired is what one step of a sweep did.
type Expired struct {
	Rows map[string]int // removed, by table; nil: nothing
	Next ExpiryMark     // where the next step goes on
	More bool           // false: the sweep is through
}

// Total is the number of rows removed.
func (e Expired) Total() (n int) {
	for _, k := range e.Rows {
		n += k
	}
	return n
}

// Erasure asks to erase a number.
type Erasure struct {
	ID      string // "era_" + ULID; stands for the number where a key needs something unique
	Account string
	Number  string // digits only
	Unblock bool   // take it off the blacklist, too
	At      time.Time
}

// ErasedText stands where a person's data stood.
const ErasedText = "erased"

// Erased counts the rows that an erasure changed.
type Erased struct {
	Calls      int  `json:"calls"`
	Attempts   int  `json:"attempts"`
	Events     int  `json:"events"`
	Texts      int  `json:"texts"`
	Deliveries int  `json:"deliveries"` // their stored responses, and those of webhooks of these calls alone
	Audit      int  `json:"audit"`
	Others     int  `json:"others"`  // employees, caller numbers and their counts, what needs a person
	Blocked    bool `json:"blocked"` // the number stands on the blacklist now
	// Of are the calls of this portion, whose files are to go, too.
	Of []string `json:"-"`
}

// Add adds what a further portion changed.
func (e *Erased) Add(n Erased) {
	e.Calls += n.Calls
	e.Attempts += n.Attempts
	e.Events += n.Events
	e.Texts += n.Texts
	e.Deliveries += n.Deliveries
	e.Audit += n.Audit
	e.Others += n.Others
	e.Blocked = n.Blocked
}

// AuditFilter selects audit entries. Zero fields do not filter.
type AuditFilter struct {
	Account, Actor, Action, Object string
	Since, Until                   time.Time
	Before                         int64 // ID of the last entry seen
	Limit                          int   // 1–500
}
