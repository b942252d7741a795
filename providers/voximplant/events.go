package voximplant

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// The fields of a report of the scenario, and where our own scenario has them. The
// configuration (callbacks.paths) says where another one has them.
var defaultPaths = map[string]string{
	"call": "call", "attempt": "attempt", "session": "session", "event": "event", "order": "n", "at": "at",
	"digit": "digit", "code": "code", "words": "reason", "class": "class", "subtype": "subtype", "confidence": "confidence",
	"record": "url", "by": "by", "talk": "talk_ms", "action": "action", "value": "value", "result": "result",
}

// event is what a report tells.
type event string

const (
	eventRinging  event = "ringing"
	eventAnswered event = "connected"
	eventFailed   event = "failed"
	eventAMD      event = "amd"
	eventTone     event = "tone"
	eventPlayed   event = "playback" // a clip came to its end: known, and nothing follows from it
	eventAction   event = "action"
	eventManager  event = "manager"
	eventJoined   event = "joined"
	eventRecord   event = "record"
	eventEnded    event = "disconnected"
)

// knownEvents are their words with our scenario; callbacks.events adds those of another.
var knownEvents = map[string]event{
	"ringing": eventRinging, "connected": eventAnswered, "failed": eventFailed, "amd": eventAMD, "tone": eventTone, "playback": eventPlayed,
	"action": eventAction, "manager": eventManager, "joined": eventJoined, "record": eventRecord, "disconnected": eventEnded,
}

// enders are who may have ended a call, as the scenario says it.
var enders = map[string]calls.Party{
	"customer": calls.ByCustomer, "manager": calls.ByManager, "scenario": calls.ByProvider, "network": calls.ByNetwork, "us": calls.ByZvonar,
}

// fact is one report of a scenario, read.
type fact struct {
	attempt, session string
	order            int64  // as the scenario counts, from 1; 0: it does not count
	key              string // equal for the same report sent twice
	event            event
	report           calls.ProviderReport // State "" where nothing is to be told
}

// reading understands reports.
type reading struct {
	paths  map[string]string
	events map[string]event
	failed map[int]failure
}

// newReading checks the mapping; an error names the key.
func newReading(s callbackSettings, failed map[string]failure) (*reading, error) {
	r := &reading{paths: map[string]string{}, events: map[string]event{}, failed: map[int]failure{}}
	for field, path := range defaultPaths {
		r.paths[field] = path
	}
	for field, path := range s.Paths {
		if _, ok := defaultPaths[field]; !ok {
			return nil, fmt.Errorf("callbacks.paths.%s: there is no such field", field)
		}
		if path != "" {
			if err := providers.CheckPath(path); err != nil {
				return nil, fmt.Errorf("callbacks.paths.%s: %w", field, err)
			}
		}
		r.paths[field] = path
	}
	if r.paths["event"] == "" || r.paths["attempt"] == "" && r.paths["call"] == "" && r.paths["session"] == "" {
		return nil, fmt.Errorf("callbacks.paths: event and one of attempt, call and session are needed")
	}
	for word, e := range knownEvents {
		r.events[word] = e
	}
	for word, e := range s.Events {
		known, ok := knownEvents[string(e)]
		if !ok {
			return nil, fmt.Errorf("callbacks.events.%s: there is no event %q", word, e)
		}
		r.events[word] = known
	}
	for code, f := range failedCodes {
		r.failed[code] = f
	}
	for text, f := range failed {
		code, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("failed_codes.%s: must be a number", text)
		}
		r.failed[code] = f
	}
	return r, nil
}

// maxReports bounds how many reports may come in one body.
const maxReports = 100

// body reads what was posted: one report, or a list of them.
func (r *reading) body(b []byte) ([]fact, error) {
	v, err := providers.ParseJSON(b)
	if err != nil {
		return nil, calls.Errorf(calls.CodeBadJSON, "the report is not JSON")
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 || len(list) > maxReports {
		return nil, calls.Errorf(calls.CodeBadJSON, "1 to %d reports may come at once", maxReports)
	}
	facts := make([]fact, 0, len(list))
	for _, one := range list {
		f, err := r.fact(one)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

// fact reads one report.
func (r *reading) fact(v any) (f fact, err error) {
	if _, ok := v.(map[string]any); !ok {
		return f, calls.Errorf(calls.CodeBadJSON, "a report is a JSON object")
	}
	get := func(field string) string {
		path := r.paths[field]
		if path == "" {
			return ""
		}
		text, ok := providers.Lookup(v, path)
		if !ok || text == "null" {
			return ""
		}
		return calls.Clean(text, 2048)
	}
	var known bool
	if f.event, known = r.events[get("event")]; !known {
		return f, calls.Errorf(calls.CodeInvalidField, "the event %q is not known; callbacks.events can map it", calls.Clean(get("event"), 40))
	}
	f.attempt, f.session = get("attempt"), get("session")
	if f.attempt == "" {
		f.attempt = get("call")
	}
	if f.attempt == "" && f.session == "" {
		return f, calls.Errorf(calls.CodeInvalidField, "the report names neither attempt, call nor session")
	}
	if n, err := strconv.ParseInt(get("order"), 10, 64); err == nil && n > 0 {
		f.order = n
	}
	f.report = r.report(f.event, get)
	f.report.ProviderCallID, f.report.At = f.session, moment(get("at"))
	f.key = keyOf(f, get)
	return f, nil
}

// keyOf is the same for a report that came twice: its place in the order or, where the
// scenario does not count, everything that it says.
func keyOf(f fact, get func(string) string) string {
	if f.order > 0 {
		return strconv.FormatInt(f.order, 10)
	}
	h := sha256.New()
	for _, field := range []string{"event", "at", "digit", "code", "class", "record", "by", "action", "value", "result"} {
		fmt.Fprintf(h, "%s\x00", get(field))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// report is what an event is to the engine.
func (r *reading) report(e event, get func(string) string) (p calls.ProviderReport) {
	switch e {
	case eventRinging:
		p.State = calls.ReportRinging
	case eventAnswered:
		p.State = calls.ReportAnswered
	case eventManager:
		p.State = calls.ReportManager
	case eventJoined:
		p.State = calls.ReportJoined
	case eventFailed:
		return r.failure(get("code"), get("words"))
	case eventAMD:
		if v, ok := verdicts[strings.ToUpper(get("class"))]; ok {
			p.State, p.Verdict = calls.ReportVerdict, v
			p.Words = strings.Join(strings.Fields(get("class")+" "+get("subtype")+" "+get("confidence")), " ")
		}
	case eventTone:
		if d := get("digit"); len(d) == 1 && strings.Contains("0123456789*#", d) {
			p.State, p.Digit = calls.ReportDigit, d
		}
	case eventAction:
		p.State = calls.ReportAction
		p.Action = calls.ActionResult{Digit: get("digit"), Action: get("action"), Value: get("value"), Result: get("result"), Error: get("words")}
	case eventRecord:
		if address := get("record"); strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
			p.State, p.RecordURL = calls.ReportRecord, address
		}
	case eventEnded:
		p.State, p.By, p.Words = calls.ReportEnded, enders[get("by")], get("words")
		if ms, err := strconv.ParseInt(get("talk"), 10, 64); err == nil && ms > 0 {
			p.TalkMS = ms
		}
	}
	return p
}

// failure is the end of a call that nobody answered.
func (r *reading) failure(code, why string) calls.ProviderReport {
	p := calls.ProviderReport{State: calls.ReportEnded, By: calls.ByNetwork, Words: why}
	n, err := strconv.Atoi(code)
	if err != nil {
		return p
	}
	if n >= 300 && n <= 699 {
		p.SIPCode = n
	}
	if f, ok := r.failed[n]; ok {
		p.Outcome, p.Reason = f.Outcome, f.Reason
	}
	return p
}

// moment reads a time: milliseconds since 1970, RFC 3339, or as the API writes it. Zero
// where it is none.
func moment(s string) time.Time {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms > 0 {
		return time.UnixMilli(ms).UTC()
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC()
	}
	return parseDate(s)
}
