package cdr

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"zvonar/internal/calls"
)

// Format is how records are written.
type Format string

// The formats.
const (
	JSONL    Format = "jsonl"
	CSV      Format = "csv"      // RFC 4180 with a line of names
	Asterisk Format = "asterisk" // Master.csv of cdr_csv: no names, all texts quoted
)

// Known reports whether f is a format.
func (f Format) Known() bool { return f == JSONL || f == CSV || f == Asterisk }

// ContentType is the media type of a file.
func (f Format) ContentType() string {
	if f == JSONL {
		return "application/x-ndjson"
	}
	return "text/csv; charset=utf-8"
}

// Extension ends the name of a file.
func (f Format) Extension() string {
	if f == JSONL {
		return "jsonl"
	}
	return "csv"
}

// Record is what billing and reports ask of a call. The order of the fields is
// that of the columns; new ones come last.
type Record struct {
	Pos        int64   `json:"pos"` // of the call.completed: the cursor
	CallID     string  `json:"call_id"`
	Account    string  `json:"account"`
	Direction  string  `json:"direction"`
	From       string  `json:"from"`
	To         string  `json:"to"`
	Line       string  `json:"line"`
	Employee   string  `json:"employee"`
	Trunk      string  `json:"trunk"`
	Provider   string  `json:"provider"`
	Campaign   string  `json:"campaign"`
	Ref        string  `json:"ref"`
	Series     string  `json:"series"`
	CreatedAt  string  `json:"created_at"`
	RingingAt  string  `json:"ringing_at"`
	AnsweredAt string  `json:"answered_at"`
	EndedAt    string  `json:"ended_at"`
	RingMS     int64   `json:"ring_ms"`
	TalkMS     int64   `json:"talk_ms"`
	BillableMS int64   `json:"billable_ms"`
	Outcome    string  `json:"outcome"`
	Reason     string  `json:"reason"`
	SIPCode    int     `json:"sip_code"`
	Q850       int     `json:"q850"`
	HangupBy   string  `json:"hangup_by"`
	Verdict    string  `json:"verdict"`
	Digits     string  `json:"digits"`
	RecordID   int64   `json:"record_id"`
	Attempts   int     `json:"attempts"` // that were charged
	Codec      string  `json:"codec"`    // of the customer's leg, as the next two
	MOS        float64 `json:"mos"`
	Lost       int64   `json:"lost"`
	Metadata   string  `json:"metadata"` // JSON
}

// Columns are the names of a CSV file.
func Columns() []string {
	return []string{"pos", "call_id", "account", "direction", "from", "to", "line", "employee", "trunk", "provider", "campaign", "ref", "series",
		"created_at", "ringing_at", "answered_at", "ended_at", "ring_ms", "talk_ms", "billable_ms", "outcome", "reason", "sip_code", "q850", "hangup_by",
		"verdict", "digits", "record_id", "attempts", "codec", "mos", "lost", "metadata"}
}

// ended is a call.completed as it is stored.
type ended struct {
	calls.CallView
	Digits string `json:"digits"`
}

// Read makes the record of a call.completed. What an erasure took is empty or
// "erased" there, too.
func Read(e calls.Event) (Record, error) {
	var c ended
	if err := json.Unmarshal(e.Data, &c); err != nil {
		return Record{}, fmt.Errorf("the end of call %s at %d cannot be read: %w", e.CallID, e.Pos, err)
	}
	r := Record{Pos: e.Pos, CallID: e.CallID, Account: e.Account, Direction: string(c.Direction), From: text(c.From), To: c.To, Line: text(c.Line),
		Employee: text(c.Employee), Trunk: text(c.Trunk), Provider: text(c.Provider), Campaign: text(c.CampaignID), Ref: text(c.Ref), Series: text(c.Series),
		CreatedAt: stamp(c.CreatedAt), RingingAt: stamp(c.RingingAt), AnsweredAt: stamp(c.AnsweredAt), EndedAt: stamp(c.EndedAt),
		RingMS: c.RingMS, TalkMS: c.TalkMS, BillableMS: c.BillableMS, Outcome: text(c.Outcome), Reason: text(c.Reason),
		HangupBy: text(c.HangupBy), Verdict: text(c.Verdict), Digits: c.Digits}
	if c.SIPCode != nil {
		r.SIPCode = *c.SIPCode
	}
	if c.Q850 != nil {
		r.Q850 = *c.Q850
	}
	if c.Recording != nil && c.Recording.RecordID != nil {
		r.RecordID = *c.Recording.RecordID
	}
	for _, a := range c.Attempts {
		if a.Charged && a.Role == calls.RoleCustomer {
			r.Attempts++
		}
	}
	for _, l := range c.Legs {
		if l.Role == calls.RoleCustomer {
			r.Codec, r.MOS, r.Lost = l.Codec, l.MOS, l.Lost
		}
	}
	if m := string(c.Metadata); m != "" && m != "{}" && m != "null" {
		r.Metadata = m
	}
	return r, nil
}

func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

func stamp(s calls.Stamp) string {
	t := time.Time(s)
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// cells are the columns of r.
func (r Record) cells() []string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	mos := ""
	if r.MOS > 0 {
		mos = strconv.FormatFloat(r.MOS, 'f', 2, 64)
	}
	return []string{n(r.Pos), r.CallID, r.Account, r.Direction, r.From, r.To, r.Line, r.Employee, r.Trunk, r.Provider, r.Campaign, r.Ref, r.Series,
		r.CreatedAt, r.RingingAt, r.AnsweredAt, r.EndedAt, n(r.RingMS), n(r.TalkMS), n(r.BillableMS), r.Outcome, r.Reason, strconv.Itoa(r.SIPCode), strconv.Itoa(r.Q850), r.HangupBy,
		r.Verdict, r.Digits, n(r.RecordID), strconv.Itoa(r.Attempts), r.Codec, mos, n(r.Lost), r.Metadata}
}

// Writer writes records in a format. Flush before what it writes to is used.
type Writer struct {
	format Format
	out    io.Writer
	csv    *csv.Writer
	json   *json.Encoder
	err    error
}

// NewWriter begins a file; a CSV file with its names, unless head is false.
func NewWriter(out io.Writer, f Format, head bool) *Writer {
	w := &Writer{format: f, out: out}
	switch f {
	case CSV:
		w.csv = csv.NewWriter(out)
		w.csv.UseCRLF = true // RFC 4180
		if head {
			w.err = w.csv.Write(Columns())
		}
	case JSONL:
		w.json = json.NewEncoder(out)
		w.json.SetEscapeHTML(false)
	}
	return w
}

// Write adds a record.
func (w *Writer) Write(r Record) error {
	switch {
	case w.err != nil:
	case w.csv != nil:
		w.err = w.csv.Write(r.cells())
	case w.json != nil:
		w.err = w.json.Encode(r)
	default:
		_, w.err = io.WriteString(w.out, asteriskLine(r))
	}
	return w.err
}

// Flush writes what is left.
func (w *Writer) Flush() error {
	if w.csv != nil && w.err == nil {
		w.csv.Flush()
		w.err = w.csv.Error()
	}
	return w.err
}
