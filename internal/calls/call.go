package calls

import (
	"encoding/json"
	"time"
)

// MainAccount is the account everything belongs to where nobody configured more.
const MainAccount = "main"

// Status is where a call stands in its life. It only moves forward, except
// between answered and bridged (a bridge that ends returns to its menu) and
// between held and queued.
type Status string

// The statuses of a call.
const (
	StatusQueued    Status = "queued"    // accepted and durable; waiting for its due time or the dialer
	StatusHeld      Status = "held"      // a gate keeps it back; see Call.Hold
	StatusDialing   Status = "dialing"   // an attempt is committed, its INVITE may be on the wire
	StatusRinging   Status = "ringing"   // 180, 181, 182 or 183 was seen
	StatusAnswered  Status = "answered"  // the callee (or, inbound, zvonar) answered
	StatusBridged   Status = "bridged"   // customer and manager hear each other
	StatusCompleted Status = "completed" // over; Outcome is set and will not change
)

// Direction says who rang whom.
type Direction string

// The directions of a call.
const (
	Out Direction = "out"
	In  Direction = "in"
)

// Party says who ended a call.
type Party string

// The parties that can end a call.
const (
	ByCustomer Party = "customer"
	ByManager  Party = "manager"
	ByZvonar   Party = "zvonar"
	ByNetwork  Party = "network"
	ByProvider Party = "provider"
)

// Role is what a leg is for.
type Role string

// The roles of a leg.
const (
	RoleCustomer Role = "customer"
	RoleManager  Role = "manager"
)

// Call is one conversation asked for by someone, or arrived. The JSON form is
// the published resource (DESIGN 4.3): numbers are digits only, times are UTC
// with milliseconds, durations are milliseconds.
//
// While a call is not completed, the goroutine of the engine that runs it (or,
// before it is dialled, the dialer) owns the value; everyone else reads copies
// from the store.
type Call struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Ref       string    `json:"ref"`
	Series    string    `json:"series"`
	Direction Direction `json:"direction"`
	Status    Status    `json:"status"`
	Outcome   Outcome   `json:"outcome"` // "" is null outside
	Reason    Reason    `json:"reason"`

	To             string        `json:"to"`
	From           string        `json:"from"`
	Line           string        `json:"line"` // our own number that this call used or was called on
	Employee       string        `json:"employee"`
	Trunk          string        `json:"trunk"`
	Provider       string        `json:"provider"`
	ProviderCallID string        `json:"provider_call_id"`
	CampaignID     string        `json:"campaign_id"`
	Contact        int64         `json:"contact"`   // n of the contact in its campaign; 0: none
	Recording      *RecordingRef `json:"recording"` // pinned when the call is accepted

	CreatedAt  time.Time  `json:"created_at"`
	DueAt      time.Time  `json:"due_at"`
	NotAfter   *time.Time `json:"not_after"`
	RingingAt  *time.Time `json:"ringing_at"`
	AnsweredAt *time.Time `json:"answered_at"`
	EndedAt    *time.Time `json:"ended_at"`

	RingMS     int64 `json:"ring_ms"`     // first 18x (or INVITE) to answer or end
	TalkMS     int64 `json:"talk_ms"`     // answer to end
	BillableMS int64 `json:"billable_ms"` // talk time of the customer leg rounded up to full seconds

	SIPCode  int     `json:"sip_code"`
	Q850     int     `json:"q850"`
	HangupBy Party   `json:"hangup_by"`
	Hold     *Hold   `json:"hold"`
	Verdict  Verdict `json:"verdict"`

	Digits   []DigitPress    `json:"digits"`
	Actions  []ActionResult  `json:"actions"`
	Attempts []Attempt       `json:"attempts"`
	Legs     []LegFacts      `json:"legs"`
	Metadata json.RawMessage `json:"metadata"`
	Consent  *Consent        `json:"consent,omitempty"` // why the callee may be called
	// Variables are what is known of the callee (name, debt, order): texts that
	// clips are made of, and columns of a campaign's export. Never changed once set.
	Variables map[string]string `json:"variables"`

	// What was asked for, kept with the call so that it survives a restart.
	Flow        Flow          `json:"flow"`
	Priority    int           `json:"priority"`
	RingTimeout time.Duration `json:"-"` // 0: the default of the configuration
	MaxDuration time.Duration `json:"-"` // 0: the default of the configuration
	Window      *Window       `json:"window"`
	// Timezone is where the callee is (IANA), where the asker knows better than the
	// numbering plan; "": as the plan says.
	Timezone string `json:"timezone,omitempty"`
	// Retry is when the call is tried again; nil: as the configuration says.
	Retry *RetryPolicy `json:"retry,omitempty"`
	// Avoid are the trunks that failed this call since it was last due.
	Avoid      []string `json:"avoid,omitempty"`
	WebhookURL string   `json:"webhook_url"`
	TokenID    string   `json:"-"` // who asked; signs deliveries to WebhookURL
	BodyHash   string   `json:"-"` // sha256 of the canonical request, for ref replays
	// Dialog is what recovery needs to send a BYE for the customer's leg of an
	// inbound call, which has no attempt to keep it. Opaque, like Attempt.Dialog.
	Dialog []byte `json:"-"`

	// Foreign: it is a provider's, which nobody here asked for and nobody here runs;
	// what its provider tells of it is all there is. ReportedAt is when it told last.
	Foreign    bool       `json:"foreign,omitempty"`
	ReportedAt *time.Time `json:"reported_at,omitempty"`

	// Ownership among nodes (DESIGN 5). Written by the store.
	Node       string    `json:"-"`
	Fence      int64     `json:"-"`
	LeaseUntil time.Time `json:"-"`
}

// Over reports whether the call is completed.
func (c *Call) Over() bool { return c.Status == StatusCompleted }

// DigitString is the digits pressed so far as one string ("13"), on any leg of
// the customer.
func (c *Call) DigitString() string {
	b := make([]byte, 0, len(c.Digits))
	for _, d := range c.Digits {
		if d.Leg == RoleCustomer {
			b = append(b, d.Digit...)
		}
	}
	return string(b)
}

// Clone returns a deep copy, so that a reader never shares slices with the owner.
func (c *Call) Clone() *Call {
	d := *c
	d.Digits = append([]DigitPress(nil), c.Digits...)
	d.Actions = append([]ActionResult(nil), c.Actions...)
	d.Attempts = append([]Attempt(nil), c.Attempts...)
	d.Legs = append([]LegFacts(nil), c.Legs...)
	return &d
}

// DigitPress is one key pressed by one party.
type DigitPress struct {
	Digit  string    `json:"digit"` // "0"–"9", "*", "#"
	At     time.Time `json:"at"`
	Leg    Role      `json:"leg"`
	Via    string    `json:"via"`    // rfc4733, info, inband
	Action string    `json:"action"` // kind of the action it started, or ""
}

// ActionResult is an action that a digit started and how it ended.
type ActionResult struct {
	Digit  string `json:"digit"`
	Action string `json:"action"`
	Value  string `json:"value"`
	Result string `json:"result"` // ok, failed
	Error  string `json:"error"`
}

// LegFacts is what is known of one leg once it is over.
type LegFacts struct {
	ID       string  `json:"id"`
	Role     Role    `json:"role"`
	Codec    string  `json:"codec"`
	RX       int64   `json:"rx"` // RTP packets received
	Lost     int64   `json:"lost"`
	JitterMS float64 `json:"jitter_ms"`
	RTTMS    float64 `json:"rtt_ms"`
	MOS      float64 `json:"mos"`
	// What went the other way: packets sent, and what the far end's RTCP reports
	// say became of them (0 where it sends none).
	TX         int64   `json:"tx"`
	TXLost     int64   `json:"tx_lost"`
	TXJitterMS float64 `json:"tx_jitter_ms"`
	SRTP       bool    `json:"srtp"` // the sound was encrypted
}

// Verdict is what answering machine detection decided.
type Verdict string

// The verdicts.
const (
	VerdictNone         Verdict = ""
	VerdictHuman        Verdict = "human"
	VerdictMachine      Verdict = "machine"
	VerdictFax          Verdict = "fax"
	VerdictAnnouncement Verdict = "announcement"
	VerdictSilence      Verdict = "silence"
	VerdictUnknown      Verdict = "unknown"
)
