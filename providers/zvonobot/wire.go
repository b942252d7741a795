package zvonobot

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"zvonar/providers"
)

// The statuses of a call.
const (
	statusCreated   = "created"   // accepted
	statusProcessed = "processed" // waits for its turn
	statusStarted   = "started"   // rings
	statusAnswered  = "answered"
	statusFinished  = "finished" // there was a talk
	statusCanceled  = "canceled" // there was none
)

// rank orders statuses; what is not in it says nothing. A call never goes back.
var rank = map[string]int{statusCreated: 1, statusProcessed: 2, statusStarted: 3, statusAnswered: 4, statusFinished: 5, statusCanceled: 5}

// final reports whether nothing follows a status.
func final(status string) bool { return rank[status] == rank[statusFinished] }

// text is a string that some write as a number.
type text string

// tolerance is that of the dialect's texts: flags are 1 and 0.
var tolerance = providers.Tolerance{True: "1", False: "0"}

// UnmarshalJSON reads a string, a number, true and false ("1", "0"), or null ("").
func (t *text) UnmarshalJSON(b []byte) error {
	s, err := tolerance.Text(b)
	*t = text(s)
	return err
}

// number is a whole number that some write as a string.
type number int64

// UnmarshalJSON reads a whole number, a string of one, true and false, or null (0).
func (n *number) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	s := strings.TrimSpace(string(t))
	if s == "" {
		*n = 0
		return nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return errors.New("must be a whole number")
	}
	*n = number(v)
	return nil
}

// on reports whether a flag is set.
func (n number) on() bool { return n != 0 }

// members reads an object, its names folded: apiCallId, api_call_id and apicallId are
// the same. Of two spellings the later counts.
func members(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var plain map[string]json.RawMessage
	if json.Unmarshal(raw, &plain) != nil || plain == nil {
		return nil, false
	}
	out := make(map[string]json.RawMessage, len(plain))
	for name, v := range plain {
		out[fold(name)] = v
	}
	return out, true
}

func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// textOf and numberOf read a member; what cannot be read is as good as absent.
func textOf(m map[string]json.RawMessage, name string) string {
	var t text
	if raw, ok := m[name]; !ok || t.UnmarshalJSON(raw) != nil {
		return ""
	}
	return string(t)
}

func numberOf(m map[string]json.RawMessage, name string) int64 {
	var n number
	if raw, ok := m[name]; !ok || n.UnmarshalJSON(raw) != nil {
		return 0
	}
	return int64(n)
}

// timeOf reads Unix seconds; zero: none.
func timeOf(m map[string]json.RawMessage, name string) time.Time {
	n := numberOf(m, name)
	if n <= 0 || n > 1<<40 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// answersOf reads "|1|3"; anything but keys of a telephone is passed over.
func answersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789*#", r) {
			return r
		}
		return -1
	}, s)
}

// answersText is digits as Zvonobot writes them: "|1|3".
func answersText(digits string) string {
	var b strings.Builder
	for _, d := range digits {
		b.WriteByte('|')
		b.WriteRune(d)
	}
	return b.String()
}

// recordRef is the clip of a call: a record of the library, or a text to be read.
type recordRef struct {
	ID     int64  `json:"id,omitempty"`
	Text   string `json:"text,omitempty"`
	Gender *int   `json:"gender,omitempty"`
}

// ivr is what a digit does.
type ivr struct {
	Digit        int        `json:"digit"`
	Record       *recordRef `json:"record,omitempty"`
	ManagerPhone string     `json:"managerPhone,omitempty"`
	SMSText      string     `json:"smsText,omitempty"`
	NeedBlock    int        `json:"needBlock,omitempty"`
	IVRs         []ivr      `json:"ivrs,omitempty"`
}

// create is the body of create, without the key.
type create struct {
	Phone             string     `json:"phone,omitempty"`
	Phones            []string   `json:"phones,omitempty"`
	OutgoingPhone     string     `json:"outgoingPhone,omitempty"`
	DutyPhone         int        `json:"dutyPhone,omitempty"`
	Record            *recordRef `json:"record,omitempty"`
	IVRs              []ivr      `json:"ivrs,omitempty"`
	PlannedAt         int64      `json:"plannedAt,omitempty"`
	WebhookURL        string     `json:"webhookUrl,omitempty"`
	WebhookParameters string     `json:"webhookParameters,omitempty"`
	Label             string     `json:"label,omitempty"`
}
