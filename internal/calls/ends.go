package calls

import "time"

// EndFilter selects calls by when they ended, oldest first.
type EndFilter struct {
	Account     string
	From, Until time.Time // ended at or after From and before Until; zero: open
	// AfterAt and AfterID are where to go on: the call that was seen last.
	AfterAt time.Time
	AfterID string
	Limit   int // 1–1000
}

// EndedCall is what statistics read of a call that is over.
type EndedCall struct {
	ID        string
	EndedAt   time.Time
	Direction Direction
	Outcome   Outcome
	Reason    Reason
	Trunk     string
	Campaign  string
	Employee  string
	Line      string
	Provider  string
	Series    string
	Verdict   Verdict
	Answered  bool
	RingMS, TalkMS,
	BillableMS int64
	Metadata []byte // JSON, or empty
}

// EndReads reads calls that are over.
type EndReads interface {
	EndedCalls(EndFilter) ([]EndedCall, error)
	// Ends are the call.completed events above a pos, by pos; account "" is any.
	Ends(account string, after int64, limit int) ([]Event, error)
}
