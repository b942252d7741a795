package calls

import "time"

// AttemptState is where one attempt stands.
type AttemptState string

// The states of an attempt. Dialing is committed before the INVITE leaves; it
// is the state a crash leaves behind, and recovery turns it into lost.
const (
	AttemptDialing  AttemptState = "dialing"
	AttemptAnswered AttemptState = "answered"
	AttemptOver     AttemptState = "over"
	AttemptLost     AttemptState = "lost"
)

// Attempt is one durable intent to ring someone through one trunk target: one
// row, one SIP Call-ID (DESIGN 1). 401, 407, 422 re-sends and retransmissions
// belong to the same attempt; another target or trunk is a new one.
type Attempt struct {
	ID        string     `json:"id"`
	CallID    string     `json:"-"`
	Account   string     `json:"-"`
	N         int        `json:"n"` // from 1, in order of commitment within the call
	Role      Role       `json:"role"`
	Trunk     string     `json:"trunk"`
	Target    string     `json:"target"` // host:port the INVITE is meant for, once known
	To        string     `json:"to"`
	SIPCallID string     `json:"sip_call_id"`
	SentAt    time.Time  `json:"sent_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	SIPCode   int        `json:"sip_code"`
	Q850      int        `json:"q850"`
	// Charged is false where the trunk, not the callee, is to blame: such an
	// attempt does not use up the callee's daily cap.
	Charged bool         `json:"charged"`
	State   AttemptState `json:"state"`
	// Outcome is what the customer's attempt came to; "" while it runs, and where
	// nobody can tell.
	Outcome Outcome `json:"outcome,omitempty"`
	// Dialog is what recovery needs to send a BYE for an orphan leg. Opaque
	// here; the line that made it reads it back.
	Dialog []byte `json:"-"`

	Node       string    `json:"-"`
	Fence      int64     `json:"-"`
	LeaseUntil time.Time `json:"-"`
}

// MayHaveTalked reports whether somebody, or something, took the call, or nobody can
// tell: also while it runs. A telephone that only rang did not.
func (a *Attempt) MayHaveTalked() bool {
	if a.SIPCode == 200 || a.Open() || a.State == AttemptLost {
		return true
	}
	switch a.Outcome {
	case OutcomeBusy, OutcomeNoAnswer, OutcomeRejected, OutcomeUnreachable, OutcomeInvalidNumber, OutcomeCanceled, OutcomeExpired, OutcomeTrunkError, OutcomeBlocked, OutcomeAnnouncement:
		return false
	}
	return true
}

// Open reports whether the attempt may be ringing or talking.
func (a *Attempt) Open() bool { return a.State == AttemptDialing || a.State == AttemptAnswered }
