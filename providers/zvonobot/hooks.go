package zvonobot

import (
	"encoding/json"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// hook is what a webhook of one call keeps, in calls.Webhook.Settings.
type hook struct {
	N          int64      `json:"n"` // by which its client knows the call
	Phone      string     `json:"phone"`
	Created    time.Time  `json:"created"`
	Planned    *int64     `json:"planned,omitempty"`
	Recording  bool       `json:"recording,omitempty"`
	Parameters string     `json:"parameters,omitempty"`
	Merge      bool       `json:"merge,omitempty"`
	Cost       string     `json:"cost"`
	Causes     causeNames `json:"causes,omitempty"`
	// Statuses are those to tell of; Digits the menu whose digits tell of themselves.
	// One of them.
	Statuses []string   `json:"statuses,omitempty"`
	Digits   []hookNode `json:"digits,omitempty"`
}

// causeNames are words of hangupCause by outcome, where the settings have their own.
type causeNames = map[string]string

// typesOf are the events that tell of statuses.
func typesOf(list []string) (out []calls.EventType) {
	for _, s := range list {
		t := map[string]calls.EventType{statusCreated: calls.CallQueued, statusProcessed: calls.CallHeld, statusStarted: calls.CallDialing,
			statusAnswered: calls.CallAnswered, statusFinished: calls.CallCompleted, statusCanceled: calls.CallCompleted}[s]
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// webhooksOf are the destinations of one call: one for its statuses, and one for every
// address that digits are told to.
func (f *facade) webhooksOf(in createIn, c *calls.Call, n int64) (out []*calls.Webhook) {
	base := hook{N: n, Phone: c.To, Created: c.CreatedAt, Recording: in.recording.on(), Cost: f.cfg.Cost, Causes: f.cfg.Causes,
		Merge: f.cfg.MergeParameters == nil || *f.cfg.MergeParameters}
	if in.plannedAt > 0 {
		at := int64(in.plannedAt)
		base.Planned = &at
	}
	add := func(url string, h hook, types []calls.EventType) {
		settings, err := json.Marshal(h)
		if err != nil {
			return // strings and numbers always can be written
		}
		out = append(out, &calls.Webhook{ID: f.h.IDs.New("wh_"), Kind: Kind, Account: c.Account, URL: url, Types: types, Settings: settings, CallID: c.ID, CreatedAt: c.CreatedAt})
	}
	if in.webhookURL != "" && len(f.cfg.WebhookStatuses) > 0 {
		h := base
		h.Statuses, h.Parameters = f.cfg.WebhookStatuses, filled(string(in.parameters), c.To)
		add(string(in.webhookURL), h, typesOf(h.Statuses))
	}
	urls, trees := hooksOf(in.ivrs, c.To)
	for _, u := range urls {
		h := base
		h.Digits = trees[u]
		add(u, h, []calls.EventType{calls.CallDigit})
	}
	return out
}

// memory is what the sink remembers of one call between its events.
type memory struct {
	Try      int       `json:"try,omitempty"` // attempts at the present event that failed
	Seq      int64     `json:"seq,omitempty"` // of that event
	Started  time.Time `json:"started,omitzero"`
	Answered time.Time `json:"answered,omitzero"`
	Digits   []pressed `json:"digits,omitempty"`
}

// pressed is a digit and the event that told of it, so that an event that is told
// again adds none.
type pressed struct {
	Seq   int64  `json:"s"`
	Digit string `json:"d"`
}

// recall reads a memory; what cannot be read is empty.
func recall(state string) (m memory) {
	_ = json.Unmarshal([]byte(state), &m) // a state that is not ours says nothing
	return m
}

func (m memory) text() *string {
	b, err := json.Marshal(m)
	if err != nil {
		b = []byte("{}")
	}
	s := string(b)
	return &s
}

// tried is how many attempts at the event have failed.
func (m memory) tried(e calls.Event) int {
	if m.Seq != e.Seq {
		return 0
	}
	return m.Try
}

// upTo are the digits up to an event.
func (m memory) upTo(seq int64) (digits string) {
	for _, p := range m.Digits {
		if p.Seq <= seq {
			digits += p.Digit
		}
	}
	return digits
}

// digitData is the data of call.digit.
type digitData struct {
	Digit string     `json:"digit"`
	Leg   calls.Role `json:"leg"`
}

// learn is the memory with what an event tells.
func (m memory) learn(e calls.Event) memory {
	switch e.Type {
	case calls.CallDialing:
		if m.Started.IsZero() {
			m.Started = e.Time
		}
	case calls.CallAnswered:
		m.Answered = e.Time
	case calls.CallDigit:
		var d digitData
		if json.Unmarshal(e.Data, &d) != nil || d.Leg != calls.RoleCustomer || len(m.Digits) >= maxDigits {
			return m
		}
		if !slices.ContainsFunc(m.Digits, func(p pressed) bool { return p.Seq == e.Seq }) {
			m.Digits = append(slices.Clip(m.Digits), pressed{e.Seq, d.Digit})
			slices.SortFunc(m.Digits, func(a, b pressed) int { return int(a.Seq - b.Seq) })
		}
	}
	return m
}
