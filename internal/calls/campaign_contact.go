package calls

import (
	"slices"
	"strings"
	"time"
)

// ContactState is where a contact stands.
type ContactState string

// The states of a contact.
const (
	ContactWaiting ContactState = "waiting" // in line
	ContactCalling ContactState = "calling" // has a call that is not over
	ContactDone    ContactState = "done"    // its call is over
	ContactSkipped ContactState = "skipped" // taken out of the line
	ContactFailed  ContactState = "failed"  // no call could be made of it; see Error
)

// Contact is one line of a campaign's list.
type Contact struct {
	Account  string
	Campaign string
	N        int64 // its name within the campaign, in the order of import; given by the store
	Line     int64 // where it stood in the list that it came with, from 1
	Number   string
	Ref      string
	State    ContactState
	// Turn is its place in line, in Unix microseconds: it is called from then on,
	// and before those with a later one. 0 is "as soon as may be"; one that was
	// moved to the front has less.
	Turn int64
	// Zones are the time zones that it may be in, joined by ContactZoneKey.
	Zones string

	// What differs from the campaign's own.
	Variables map[string]string
	Record    ClipID   // plays instead of the flow's clip
	Digits    DigitMap // instead of the flow's; nil: the flow's
	Manager   string   // of a talk of two: rung for this contact
	NotBefore *time.Time
	Timezone  string   // where he is; "": where the numbering plan has him
	Consent   *Consent // why he may be called; nil: as of the campaign

	CallID  string
	Outcome Outcome
	EndedAt time.Time
	Error   string // why no call could be made of it
	Result  ContactResult
}

// ContactResult is what its call came to.
type ContactResult struct {
	Reason     Reason     `json:"reason,omitempty"`
	Attempts   int        `json:"attempts,omitempty"` // to the callee, charged
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
	TalkMS     int64      `json:"talk_ms,omitempty"`
	BillableMS int64      `json:"billable_ms,omitempty"`
	Digits     string     `json:"digits,omitempty"`
	Verdict    Verdict    `json:"verdict,omitempty"`
}

// Key is what makes a line the same contact when it is uploaded again: its ref,
// or where it has none its number.
func (c *Contact) Key() string {
	if c.Ref != "" {
		return "r" + c.Ref
	}
	return "n" + c.Number
}

// Hold says that a contact in line is put off at now, until when and by what; ok is
// false where its turn may come.
func (c *Contact) Hold(now time.Time) (h Hold, ok bool) {
	if c.Turn <= now.UnixMicro() {
		return h, false
	}
	until := time.UnixMicro(c.Turn).UTC()
	text := "it was put off to this time: somebody moved it, or a call that is not over has its ref"
	if c.NotBefore != nil && c.NotBefore.UnixMicro() == c.Turn {
		text = "it is not to be called before its time (not_before)"
	}
	return Hold{Gate: GateDue, Until: &until, Text: text}, true
}

// ContactZoneKey joins time zones to one word: contacts with the same key may be
// called at the same hours. Where no zone is known it is "?".
func ContactZoneKey(zones []string) string {
	if len(zones) == 0 {
		return unknownZones
	}
	zones = slices.Clone(zones)
	slices.Sort(zones)
	return strings.Join(slices.Compact(zones), " ")
}

// ZonesOfKey parts what ContactZoneKey joined.
func ZonesOfKey(key string) []string {
	if key == unknownZones {
		return nil
	}
	return strings.Fields(key)
}

const unknownZones = "?"

// ResultOf is what a call that is over came to.
func ResultOf(c *Call) ContactResult {
	r := ContactResult{Reason: c.Reason, AnsweredAt: c.AnsweredAt, TalkMS: c.TalkMS, BillableMS: c.BillableMS, Digits: c.DigitString(), Verdict: c.Verdict}
	for _, a := range c.Attempts {
		if a.Role == RoleCustomer && a.Charged {
			r.Attempts++
		}
	}
	return r
}
