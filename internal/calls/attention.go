package calls

import "time"

// AttentionState is where something stands that a person should look at.
type AttentionState string

// The states.
const (
	AttentionOpen  AttentionState = "open"
	AttentionTaken AttentionState = "taken"
	AttentionDone  AttentionState = "done"
)

// AttentionMissed is why for a caller whom nobody spoke to.
const AttentionMissed = "missed"

// Attention is a call that needs a person (call.needs_attention, a missed call).
type Attention struct {
	ID        string // that of the event that told of it
	Account   string
	CallID    string
	Kind      string // attention, missed
	Why       string
	Number    string // of the customer; digits, or ""
	State     AttentionState
	CreatedAt time.Time
	TakenBy   string // name of the token
	TakenAt   time.Time
	DoneBy    string
	DoneAt    time.Time
	Note      string
}

// AttentionFilter selects what needs a person, newest first.
type AttentionFilter struct {
	Account string
	State   AttentionState // "": open and taken
	Kind    string         // "": all
	Cursor  string         // id of the last one seen
	Limit   int            // 1–500
}

// AttentionReads reads what needs a person.
type AttentionReads interface {
	Attention(account, id string) (*Attention, error)
	Attentions(AttentionFilter) ([]*Attention, error)
}

// AttentionWrites changes it.
type AttentionWrites interface {
	// PutAttention inserts or replaces.
	PutAttention(*Attention) error
}
