package calls

import (
	"encoding/json"
	"time"
)

// Stamp is a time as it is published: RFC 3339, UTC, exactly milliseconds. The
// zero Stamp is null.
type Stamp time.Time

// MarshalJSON writes "2026-11-21T09:30:00.000Z" or null.
func (s Stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and any RFC 3339 time.
func (s *Stamp) UnmarshalJSON(b []byte) error {
	var t *time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	*s = Stamp{}
	if t != nil {
		*s = Stamp(*t)
	}
	return nil
}

// StampOf is the Stamp of an optional time.
func StampOf(t *time.Time) Stamp {
	if t == nil {
		return Stamp{}
	}
	return Stamp(*t)
}

// CallView is a Call as the outside sees it (DESIGN 4.3): the resource of the
// API and, with its digits as one string, the data of call.completed.
type CallView struct {
	ID             string          `json:"id"`
	Ref            *string         `json:"ref"`
	Series         *string         `json:"series"`
	Direction      Direction       `json:"direction"`
	Status         Status          `json:"status"`
	Outcome        *Outcome        `json:"outcome"`
	Reason         *Reason         `json:"reason"`
	To             string          `json:"to"`
	From           *string         `json:"from"`
	Line           *string         `json:"line"`
	Employee       *string         `json:"employee"`
	Trunk          *string         `json:"trunk"`
	Provider       *string         `json:"provider"`
	ProviderCallID *string         `json:"provider_call_id"`
	CampaignID     *string         `json:"campaign_id"`
	Contact        *int64          `json:"contact"`
	Recording      *RecordingView  `json:"recording"`
	CreatedAt      Stamp           `json:"created_at"`
	DueAt          Stamp           `json:"due_at"`
	RingingAt      Stamp           `json:"ringing_at"`
	AnsweredAt     Stamp           `json:"answered_at"`
	EndedAt        Stamp           `json:"ended_at"`
	RingMS         int64           `json:"ring_ms"`
	TalkMS         int64           `json:"talk_ms"`
	BillableMS     int64           `json:"billable_ms"`
	SIPCode        *int            `json:"sip_code"`
	Q850           *int            `json:"q850"`
	HangupBy       *Party          `json:"hangup_by"`
	Hold           *HoldView       `json:"hold"`
	Verdict        *Verdict        `json:"verdict"`
	Digits         []DigitView     `json:"digits"`
	Actions        []ActionResult  `json:"actions"`
	Attempts       []AttemptView   `json:"attempts"`
	Legs           []LegFacts      `json:"legs"`
	Window         *Window         `json:"window"`
	Timezone       *string         `json:"timezone"`
	Retry          *RetryPolicy    `json:"retry"`
	Metadata       json.RawMessage `json:"metadata"`
	Consent        *ConsentView    `json:"consent"`

	Variables map[string]string `json:"variables"`
}

// ConsentView is a Consent as published.
type ConsentView struct {
	Basis    *string `json:"basis"`
	At       Stamp   `json:"at"`
	Category *string `json:"category"`
}

// RecordingView names the clip of a call.
type RecordingView struct {
	RecordingID string `json:"recording_id"`
	RecordID    *int64 `json:"record_id"`
	SHA256      string `json:"sha256"`
}

// HoldView is a Hold as published.
type HoldView struct {
	Gate  Gate   `json:"gate"`
	Until Stamp  `json:"until"`
	Text  string `json:"text"`
}

// ViewHold makes the published form of a hold; nil of nil.
func ViewHold(h *Hold) *HoldView {
	if h == nil {
		return nil
	}
	return &HoldView{Gate: h.Gate, Until: StampOf(h.Until), Text: h.Text}
}

// DigitView is a DigitPress as published.
type DigitView struct {
	Digit  string  `json:"digit"`
	At     Stamp   `json:"at"`
	Leg    Role    `json:"leg"`
	Via    string  `json:"via"`
	Action *string `json:"action"`
}

// AttemptView is an Attempt as published.
type AttemptView struct {
	ID        string       `json:"id"`
	N         int          `json:"n"`
	Role      Role         `json:"role"`
	Trunk     string       `json:"trunk"`
	Target    string       `json:"target"` // host:port, once known
	To        string       `json:"to"`     // the number or extension that was called
	SIPCallID string       `json:"sip_call_id"`
	SentAt    Stamp        `json:"sent_at"`
	SIPCode   *int         `json:"sip_code"`
	Q850      *int         `json:"q850"`
	Charged   bool         `json:"charged"`
	Outcome   *Outcome     `json:"outcome"` // of the callee's attempts
	State     AttemptState `json:"state"`
}

// View makes the published form of c. It shares nothing with c but Metadata and
// the elements of Actions and Legs, which never change once written.
func View(c *Call) CallView {
	v := CallView{
		ID: c.ID, Ref: opt(c.Ref), Series: opt(c.Series), Direction: c.Direction, Status: c.Status,
		Outcome: opt(c.Outcome), Reason: opt(c.Reason), To: c.To, From: opt(c.From), Line: opt(c.Line),
		Employee: opt(c.Employee), Trunk: opt(c.Trunk), Provider: opt(c.Provider),
		ProviderCallID: opt(c.ProviderCallID), CampaignID: opt(c.CampaignID), Contact: opt(c.Contact),
		Window: c.Window, Timezone: opt(c.Timezone), Retry: c.Retry,
		CreatedAt: Stamp(c.CreatedAt), DueAt: Stamp(c.DueAt), RingingAt: StampOf(c.RingingAt),
		AnsweredAt: StampOf(c.AnsweredAt), EndedAt: StampOf(c.EndedAt),
		RingMS: c.RingMS, TalkMS: c.TalkMS, BillableMS: c.BillableMS,
		SIPCode: opt(c.SIPCode), Q850: opt(c.Q850), HangupBy: opt(c.HangupBy), Verdict: opt(c.Verdict),
		Digits:   make([]DigitView, 0, len(c.Digits)),
		Actions:  append([]ActionResult{}, c.Actions...),
		Attempts: make([]AttemptView, 0, len(c.Attempts)),
		Legs:     append([]LegFacts{}, c.Legs...),
		Metadata: c.Metadata, Variables: c.Variables,
	}
	if v.Variables == nil {
		v.Variables = map[string]string{}
	}
	if len(v.Metadata) == 0 {
		v.Metadata = json.RawMessage(`{}`)
	}
	if r := c.Recording; r != nil {
		v.Recording = &RecordingView{RecordingID: r.RecordingID, RecordID: opt(r.RecordID), SHA256: r.SHA256}
	}
	if a := c.Consent; a != nil {
		v.Consent = &ConsentView{Basis: opt(a.Basis), At: StampOf(a.At), Category: opt(a.Category)}
	}
	v.Hold = ViewHold(c.Hold)
	for _, d := range c.Digits {
		v.Digits = append(v.Digits, DigitView{Digit: d.Digit, At: Stamp(d.At), Leg: d.Leg, Via: d.Via, Action: opt(d.Action)})
	}
	for _, a := range c.Attempts {
		target := a.Target
		if target == "" {
			target = a.To
		}
		v.Attempts = append(v.Attempts, AttemptView{ID: a.ID, N: a.N, Role: a.Role, Trunk: a.Trunk, Target: target, To: a.To,
			SIPCallID: a.SIPCallID, SentAt: Stamp(a.SentAt), SIPCode: opt(a.SIPCode), Q850: opt(a.Q850),
			Charged: a.Charged, Outcome: opt(a.Outcome), State: a.State})
	}
	return v
}

// opt is nil for a zero value: null outside.
func opt[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
