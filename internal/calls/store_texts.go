package calls

import "time"

// SMSState is where an SMS intent stands. Sending is committed before the
// sender is called; a crash there ends it failed, never sent twice.
type SMSState string

// The states of an SMS intent.
const (
	SMSIsQueued    SMSState = "queued"
	SMSIsSending   SMSState = "sending"
	SMSIsSent      SMSState = "sent"
	SMSIsDelivered SMSState = "delivered"
	SMSIsFailed    SMSState = "failed"
)

// SMSStates lists every state of a text.
func SMSStates() []SMSState {
	return []SMSState{SMSIsQueued, SMSIsSending, SMSIsSent, SMSIsDelivered, SMSIsFailed}
}

// SMS is one durable intent to send a text.
type SMS struct {
	ID         string    `json:"id"`
	Account    string    `json:"account"`
	CallID     string    `json:"call_id"`
	To         string    `json:"to"`
	From       string    `json:"from"`
	Text       string    `json:"text"`
	State      SMSState  `json:"state"`
	Error      string    `json:"error"`
	CreatedAt  time.Time `json:"created_at"`
	ProviderID string    `json:"provider_id"` // the sender's own name of it, "" where it gave none
	Tries      int       `json:"tries"`       // how often a sender was asked
	NextAt     time.Time `json:"next_at"`     // queued: not before this
	SentAt     time.Time `json:"sent_at"`     // a sender took it; zero: none did
	ReportedAt time.Time `json:"reported_at"` // a delivery report decided it; zero: none did
}

// SMSFilter selects texts. Zero fields do not filter.
type SMSFilter struct {
	Account, CallID string
	State           SMSState
	Cursor          string // id of the last text seen
	Limit           int    // 1–500
}

// TextReads reads texts.
type TextReads interface {
	SMS(account, id string) (*SMS, error)            // account "" = any
	SMSByProviderID(providerID string) (*SMS, error) // of any account: whoever reports knows no other name
	Texts(SMSFilter) ([]SMS, error)                  // newest first
	// TextsDue lists the queued texts whose turn it is at now, oldest first. A
	// text waits for the earlier ones of its account to its number.
	TextsDue(now time.Time, limit int) ([]SMS, error)
	// NextTextAt is when the first of the queued texts that wait for their time
	// is due after now; the zero time where none does.
	NextTextAt(now time.Time) (time.Time, error)
	// TextsCutOff lists texts whose sending nobody will finish: those of nodes
	// that are gone, and with own those that this node began (its start asks).
	TextsCutOff(own bool, limit int) ([]SMS, error)
}

// TextWrites changes texts.
type TextWrites interface {
	InsertSMS(*SMS) error
	// MoveSMS stores m where the text still is in state from, else it changes
	// nothing and returns ErrNotFound: of two that want to move a text on, one
	// does.
	MoveSMS(from SMSState, m *SMS) error
}
