package timeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// maxText is how much of a text from outside a line shows, in runes.
const maxText = 120

// Line is e as one line without a line break: how long after start it happened,
// in seconds with milliseconds, and what happened. start is usually the time of
// the first event of the call. An event of a type that this version does not
// know is shown by its type.
func Line(e calls.Event, start time.Time) string {
	return fmt.Sprintf("%9.3f  %s", e.Time.Sub(start).Seconds(), Words(e))
}

// Words is what happened, without the time.
func Words(e calls.Event) string {
	say, known := sentences[e.Type]
	if !known {
		return Clean(string(e.Type))
	}
	var d data
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return Clean(string(e.Type)) + " (its data cannot be read)"
	}
	return say(e, d)
}

// data is every field that some sentence needs; each event type fills its own.
type data struct {
	To          string      `json:"to"`
	From        string      `json:"from"`
	Attempt     string      `json:"attempt"`
	N           int         `json:"n"`
	Trunk       string      `json:"trunk"`
	Target      string      `json:"target"`
	SIPCode     int         `json:"sip_code"`
	Leg         string      `json:"leg"`
	Codec       string      `json:"codec"`
	RingMS      int64       `json:"ring_ms"`
	TalkMS      int64       `json:"talk_ms"`
	PlayedMS    int64       `json:"played_ms"`
	DurationMS  int64       `json:"duration_ms"`
	RecordingID string      `json:"recording_id"`
	RecordID    json.Number `json:"record_id"`
	Recording   *clip       `json:"recording"`
	Title       string      `json:"title"`
	Gate        string      `json:"gate"`
	Until       *time.Time  `json:"until"`
	Text        string      `json:"text"`
	Digit       string      `json:"digit"`
	Digits      any         `json:"digits"` // a string in call.completed
	Via         string      `json:"via"`
	Action      string      `json:"action"`
	Value       string      `json:"value"`
	Result      string      `json:"result"`
	Error       string      `json:"error"`
	Reason      string      `json:"reason"`
	By          string      `json:"by"`
	HangupBy    string      `json:"hangup_by"`
	Outcome     string      `json:"outcome"`
	Verdict     string      `json:"verdict"`
	Cause       string      `json:"cause"`
	Number      string      `json:"number"`
	Source      string      `json:"source"`
	Provider    string      `json:"provider"`
	State       string      `json:"state"`
	Extension   string      `json:"extension"`
	ProviderID  string      `json:"provider_call_id"`
	Why         string      `json:"why"`
	ClaimedBy   string      `json:"claimed_by"`
}

type clip struct {
	RecordingID string      `json:"recording_id"`
	RecordID    json.Number `json:"record_id"`
}

// sentence joins the parts that say something.
func sentence(parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

// with is "before value after", or nothing where value is nothing.
func with(before, value, after string) string {
	if value = Clean(value); value == "" {
		return ""
	}
	return before + value + after
}

// OneLine makes text from outside one line that cannot steer a terminal.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !calls.Printable(string(r)) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// Clean is OneLine for a part of a line: long text is cut.
func Clean(s string) string {
	s = OneLine(s)
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText-1]) + "…"
}

// seconds is a span of milliseconds for people: "3.2 s".
func seconds(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }
