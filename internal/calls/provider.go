package calls

import (
	"encoding/json"
	"time"
)

// PlaceRequest asks a provider to call someone on our behalf: to bring the call to
// our user agent, to join two parties, or to play to the client itself, whatever
// its capabilities are.
type PlaceRequest struct {
	Account   string
	CallID    string // our call
	Attempt   string // id of the committed attempt; one request per attempt, ever
	To        string // the client's number, digits only
	From      string // caller number asked for, or ""
	Extension string // the provider's extension that our user agent answers; "" where it brings no call to us
	Ref       string // the asker's own reference; free text

	// Flow is what the client is to hear and may press, for a provider that plays;
	// its clips are pinned. Bridge in it: the parties of a provider that joins two;
	// its Manager may also be SUBSCRIBER@NAME, somebody whom only provider NAME knows.
	Flow      Flow
	Variables map[string]string
	Metadata  json.RawMessage
	// Employee is in whose name it is placed, or who is to be joined; nil: nobody.
	Employee    *Employee
	RingTimeout time.Duration // 0: the provider's own
	MaxDuration time.Duration // of the talk; 0: the provider's own
	NotAfter    *time.Time
	// Resumed: a former process asked for the call, which is only followed from now on.
	// nil: it is asked for now.
	Resumed *Resumed
}

// Resumed is what was told of a call that is followed anew.
type Resumed struct {
	AskedAt  time.Time // when the request left, or may have
	Rang     bool
	Answered bool   // by the client
	Digits   string // what he pressed
}

// Began is when the call was asked for: now, unless a former process did.
func (r *PlaceRequest) Began(now time.Time) time.Time {
	if r.Resumed != nil {
		return r.Resumed.AskedAt
	}
	return now
}

// PlaceResult is what a provider said when it took the request.
type PlaceResult struct {
	ProviderCallID string // "" where it names none
}

// PlaceRefused is a provider's clear no: nothing will ring for this attempt.
type PlaceRefused struct {
	Reason string // a sentence for people, without numbers or secrets
	Err    error  // cause, may be nil
}

// Error makes *PlaceRefused an error.
func (e *PlaceRefused) Error() string { return "the provider refused: " + e.Reason }

// Unwrap gives the cause.
func (e *PlaceRefused) Unwrap() error { return e.Err }

// PlaceUnknown says that the request left us and no usable answer came: the
// call may ring all the same, so nobody may place it a second time.
type PlaceUnknown struct {
	Reason string // a sentence for people, without numbers or secrets
	Err    error  // cause, may be nil
}

// Error makes *PlaceUnknown an error.
func (e *PlaceUnknown) Error() string {
	return "the provider may have placed the call: " + e.Reason
}

// Unwrap gives the cause.
func (e *PlaceUnknown) Unwrap() error { return e.Err }

// ReportState is what a provider tells of a call.
type ReportState string

// What a provider may tell. A call goes through them in this order; any may be
// missing, Ended is the last.
const (
	ReportRinging  ReportState = "ringing"  // the client's telephone rings
	ReportManager  ReportState = "manager"  // our side (manager, extension) answered
	ReportAnswered ReportState = "answered" // the client answered
	ReportDigit    ReportState = "digit"    // the client pressed Digit
	ReportJoined   ReportState = "joined"   // client and manager hear each other
	ReportVerdict  ReportState = "verdict"  // it judged who answered
	ReportAction   ReportState = "action"   // it carried out Action, which a digit asked for
	ReportRecord   ReportState = "record"   // RecordURL leads to the sound of the talk; may come after Ended
	ReportEnded    ReportState = "ended"
)

// ProviderReport is one fact that a provider told of a call, by a webhook, an event
// stream or when it was asked. It may come late, twice and out of order; who sends
// them on has brought them into order as far as the provider's marks let him.
type ProviderReport struct {
	State ReportState
	At    time.Time // when it was so at the provider; zero: not told
	// ProviderCallID, where the provider names the call only now.
	ProviderCallID string
	Digit          string
	// Action is of ReportAction; Result "" is ok.
	Action    ActionResult
	Verdict   Verdict
	RecordURL string
	// Of Ended: how, in the terms of the outcome table. SIPCode 0 is not told.
	SIPCode, Q850 int
	By            Party
	// Outcome and Reason, where the provider's own vocabulary says more than a code;
	// "": what follows from the code and from whether the client answered.
	Outcome Outcome
	Reason  Reason
	TalkMS  int64  // as the provider counts; 0: from the times
	Words   string // the provider's own words, cleaned, for events and logs
}

// ForeignCall is a call at a provider that was not asked for by us: an employee's
// telephone rang, or he dialled himself.
type ForeignCall struct {
	Account        string
	Provider       string
	ProviderCallID string // names it among the provider's; needed
	Direction      Direction
	To, From       string // digits only; "" withheld
	Line           string // our own number of it
	Employee       string // id
}

// FacadeKey lets software written for a provider speak to our facade of it.
type FacadeKey struct {
	ID      string
	Account string
	Kind    string // of the facade: sipuni, mango, …
	Name    string // for people and audits
	Roles   []Permission
	// Public names the key in requests (login, API key, client id), unique in its
	// kind; Secret signs, or is sent along. The secret must be readable: signatures
	// are checked with it.
	Public, Secret string
	// OldSecret is good beside Secret until OldSecretUntil (rotation).
	OldSecret      string
	OldSecretUntil time.Time
	// Extra is what a kind keeps besides, for example a public RSA key.
	Extra      json.RawMessage
	AllowFrom  []string // networks it may be used from; empty: anywhere
	CreatedAt  time.Time
	RevokedAt  *time.Time
	LastUsedAt time.Time
}

// Secrets are those that are good now, the newest first.
func (k *FacadeKey) Secrets(now time.Time) []string {
	if k.OldSecret != "" && now.Before(k.OldSecretUntil) {
		return []string{k.Secret, k.OldSecret}
	}
	return []string{k.Secret}
}

// Exchange is one request between us and a provider's world, with its answer, for
// people who find out why an integration does not work. Secrets are masked.
type Exchange struct {
	ID       int64 // given by the store, ascending
	Account  string
	Kind     string // of provider, facade or sink
	Provider string // its configured name; "": a facade
	// Outgoing is from us to them.
	Outgoing      bool
	Method        string // the provider's name of the method: call_back, create
	At            time.Time
	TookMS        int64
	Request       string // first line, headers and body, cut at MaxExchange bytes
	Answer        string // likewise; "" none came
	Status        int    // HTTP status; 0: none
	Fault         string // why there was no answer, or what was wrong with the request
	Test          bool   // sent by a person from the debug console
	Correlation   string // our call, where known
	RemoteAddress string
}

// MaxExchange is how much of a request or an answer is kept, in bytes.
const MaxExchange = 16 << 10
