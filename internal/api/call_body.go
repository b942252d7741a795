package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/internal/numbering"
)

// callBody is the body of POST /v1/calls.
type callBody struct {
	To          text            `json:"to" doc:"number to call; digits, + and punctuation are understood" example:"79004443322"`
	From        text            `json:"from,omitempty" doc:"caller number: a trunk's, a confirmed one of GET /v1/numbers, or pool:NAME, whose numbers take turns; the trunk's first where left out"`
	Employee    text            `json:"employee,omitempty" doc:"in whose name: id or extension; his number and his recording stand in where the call names none. His call_method must be api"`
	Consent     *consentBody    `json:"consent,omitempty" doc:"why the callee may be called; kept with the call"`
	RecordID    text            `json:"record_id,omitempty" doc:"approved recording by its number" example:"1460168"`
	RecordingID text            `json:"recording_id,omitempty" doc:"approved recording by its id"`
	Text        string          `json:"text,omitempty" maxLength:"8000" doc:"what a voice reads aloud instead of a recording, 1 to 2000 characters; a text that is new in the account waits for a moderator, and the call with it"`
	Voice       string          `json:"voice,omitempty" enum:"male,female" doc:"with text"`
	Variables   map[string]text `json:"variables,omitempty" doc:"values for the places in texts that the call plays: {\"name\": \"Анна\", \"sum\": \"1234.50\", \"date\": \"2026-12-31\"}; each must be in one of them"`
	Flow        flowJSON        `json:"flow,omitempty" doc:"a whole flow instead of record_id and digits"`
	Digits      digitsJSON      `json:"digits,omitempty" doc:"what each digit does: the index is the digit, at most ten elements"`
	Ref         string          `json:"ref,omitempty" maxLength:"128" doc:"your own name of the call, unique among calls that are not over"`
	Series      string          `json:"series,omitempty" maxLength:"128" doc:"calls of one matter; they can be cancelled together"`
	Trunk       string          `json:"trunk,omitempty" maxLength:"64"`
	Provider    string          `json:"provider,omitempty" maxLength:"64" doc:"configured provider that places the call"`
	NotBefore   *time.Time      `json:"not_before,omitempty"`
	NotAfter    *time.Time      `json:"not_after,omitempty" doc:"the call expires if it could not be dialled until then"`
	Priority    int             `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"higher goes first"`
	Window      *callWindow     `json:"window,omitempty" doc:"calling hours in the callee's local time; they narrow those of the configuration"`
	Timezone    string          `json:"timezone,omitempty" maxLength:"64" doc:"where the callee is (IANA), where you know better than his number" example:"Asia/Yekaterinburg"`
	Retry       retryJSON       `json:"retry,omitempty" doc:"when the call is tried again, in place of the configuration's"`
	RingTimeout string          `json:"ring_timeout,omitempty" maxLength:"20" doc:"5s to 3m" example:"30s"`
	MaxDuration string          `json:"max_duration,omitempty" maxLength:"20" doc:"5s to 4h" example:"10m"`
	AMD         amdJSON         `json:"amd,omitempty" doc:"answering machine detection: a mode (off, async, message_end), or {mode, on_machine, message_record, profile, early_media} in place of the flow's"`
	Capture     bool            `json:"capture,omitempty" doc:"write the talk down; call.recording_ready tells where it is"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"an object of your own, at most 16 KiB; comes back with the call"`
	WebhookURL  string          `json:"webhook_url,omitempty" maxLength:"2048" doc:"receives this call's events, signed with a secret made from your token (docs/events.md)"`
}

// read turns a consent into the domain's.
func (b *consentBody) read(f *faults) *calls.Consent {
	if b == nil {
		return nil
	}
	if b.Basis == "" || !calls.Printable(b.Basis+b.Category) {
		f.field("body.consent", nil, "say the basis of the consent, without control characters")
	}
	return &calls.Consent{Basis: b.Basis, At: b.At, Category: b.Category}
}

// callWindow is a window as asked for.
type callWindow struct {
	From     string     `json:"from,omitempty" maxLength:"5" example:"09:00"`
	To       string     `json:"to,omitempty" maxLength:"5" example:"21:00"`
	Weekend  windowSpan `json:"weekend,omitempty" doc:"hours of Saturday, Sunday and holidays; as other days where left out"`
	Days     []string   `json:"days,omitempty" maxItems:"7" doc:"mon, tue, wed, thu, fri, sat, sun; every day where left out"`
	Holidays string     `json:"holidays,omitempty" enum:"closed,ordinary" doc:"holidays of the callee's country: nobody is called, or a day as any other; as the weekend where left out"`
	Preset   string     `json:"preset,omitempty" maxLength:"64" doc:"hours and limits of this name must hold, too: advertising, information, debt_collection, or one of the configuration"`
}

// windowSpan is from one time of day to another.
type windowSpan struct {
	From string `json:"from,omitempty" maxLength:"5"`
	To   string `json:"to,omitempty" maxLength:"5"`
}

// laterFields are fields of DESIGN 4.3 that later versions will understand.
var laterFields = map[string]bool{
	"flow_id": true, "campaign_id": true,
}

// maxMetadata is how many bytes an asker may leave with a call.
const maxMetadata = 16 << 10

// flowJSON, digitsJSON, amdJSON and retryJSON are read by the domain, which names every
// fault by its place and code; their schemas only document.
type (
	flowJSON   struct{ json.RawMessage }
	digitsJSON struct{ json.RawMessage }
	amdJSON    struct{ json.RawMessage }
	retryJSON  struct{ json.RawMessage }
)

// Schema implements huma.SchemaProvider.
func (flowJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "record, digits, loop, answer_only, repeats, digit_timeout, max_invalid, barge_in, invalid_record, sms_record, block_record, manager, amd",
		Extensions: map[string]any{"type": "object"}, Examples: []any{map[string]any{"record": 1460168, "digits": []any{}, "digit_timeout": "5s"}}}
}

// Schema implements huma.SchemaProvider.
func (digitsJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: `each element exactly one of {"record"}, {"managerPhone"}, {"smsText"}, {"needBlock"}, or {}`,
		Extensions: map[string]any{"type": "array", "maxItems": 10},
		Examples:   []any{[]any{map[string]any{}, map[string]any{"record": "1460168"}, map[string]any{"managerPhone": "74242490764"}, map[string]any{"needBlock": "1"}}}}
}

// Schema implements huma.SchemaProvider.
func (amdJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "a mode, or {mode: off|async|message_end, on_machine: play|hangup|message|retry, message_record, profile: NAME, early_media: listen|hangup|off}",
		Examples: []any{"async", map[string]any{"mode": "message_end", "on_machine": "message", "message_record": "1460169"}}}
}

// Schema implements huma.SchemaProvider.
func (retryJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "max_attempts (1 to 15), max_attempts_per_day, outcomes: for busy, no_answer, machine, unreachable, rejected, announcement, fax, trunk_error a duration, a time of day at the callee, or {after, at, times}",
		Extensions: map[string]any{"type": "object"}, Examples: []any{map[string]any{"max_attempts": 3, "outcomes": map[string]any{"busy": "5m", "no_answer": "1h", "machine": "18:30"}}}}
}

// empty reports whether a member was left out or null.
func empty(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// faults gathers what is wrong with a body, so that the asker mends it in one go.
type faults struct {
	first *calls.Error
}

// add notes a fault; nil is none.
func (f *faults) add(e *calls.Error) {
	switch {
	case e == nil:
	case f.first == nil:
		f.first = e
	default:
		f.first.Fields = append(f.first.Fields, e.Fields...)
	}
}

// field notes that a field is wrong.
func (f *faults) field(location string, value any, format string, args ...any) {
	f.add(calls.Errorf(calls.CodeInvalidField, format, args...).At(location, value))
}

// err is the whole, or nil.
func (f *faults) err() error {
	if f.first == nil {
		return nil
	}
	return f.first
}

// request turns the body into what the engine is asked. Every fault it can see
// is in the error; the engine judges numbers, trunks and clips.
func (b *callBody) request() (engine.CallRequest, error) {
	var f faults
	r := engine.CallRequest{
		To: string(b.To), From: string(b.From), Ref: b.Ref, Series: b.Series, Trunk: b.Trunk, Provider: b.Provider,
		NotBefore: b.NotBefore, NotAfter: b.NotAfter, Priority: b.Priority, WebhookURL: b.WebhookURL, Capture: b.Capture,
	}
	for _, field := range []struct{ location, value string }{
		{"body.from", r.From}, {"body.employee", string(b.Employee)}, {"body.ref", b.Ref}, {"body.series", b.Series}, {"body.trunk", b.Trunk}, {"body.provider", b.Provider},
		{"body.webhook_url", b.WebhookURL}, {"body.record_id", string(b.RecordID)}, {"body.recording_id", string(b.RecordingID)},
	} {
		if !calls.Printable(field.value) {
			f.field(field.location, nil, "control characters are not allowed here")
		}
	}
	r.Employee, r.Consent = string(b.Employee), b.Consent.read(&f)
	b.readFlow(&r, &f)
	b.readVariables(&r, &f)
	b.readAMD(&r, &f)
	b.readTimes(&r, &f)
	if !empty(b.Metadata) {
		r.Metadata = bytes.Clone(b.Metadata)
		if len(b.Metadata) > maxMetadata {
			f.field("body.metadata", nil, "metadata has %d bytes, at most %d are kept", len(b.Metadata), maxMetadata)
		} else if bytes.TrimSpace(b.Metadata)[0] != '{' {
			f.field("body.metadata", nil, "metadata must be an object")
		}
	}
	return r, f.err()
}

// readFlow reads what the callee will hear.
func (b *callBody) readFlow(r *engine.CallRequest, f *faults) {
	if b.Voice != "" && b.Text == "" {
		f.field("body.voice", b.Voice, "a voice needs a text to read")
	}
	given := []string{}
	for name, is := range map[string]bool{"record_id": b.RecordID != "", "recording_id": b.RecordingID != "", "text": b.Text != "", "flow": !empty(b.Flow.RawMessage)} {
		if is {
			given = append(given, name)
		}
	}
	switch {
	case len(given) == 0 && b.Employee != "":
		given = []string{"employee"} // his own recording
	case len(given) == 0:
		f.field("body", nil, "say what the callee hears: record_id, recording_id, text or flow")
		return
	case len(given) > 1:
		f.field("body", nil, "give only one of record_id, recording_id, text and flow")
		return
	}
	hasDigits := !empty(b.Digits.RawMessage)
	if given[0] == "flow" {
		if hasDigits {
			f.field("body.digits", nil, "a flow has its own digits; leave these out")
		}
		flow, err := calls.ParseFlow(b.Flow.RawMessage, "body.flow")
		f.add(err)
		r.Flow = &flow
		return
	}
	switch {
	case given[0] == "employee":
	case given[0] != "text":
		r.Clip = calls.ClipID(b.RecordID + b.RecordingID)
	case b.Voice == "":
		f.field("body.voice", nil, "say which voice reads the text: male or female")
	default:
		r.Spoken = &calls.SpokenText{Text: b.Text, Voice: b.Voice}
	}
	if hasDigits {
		digits, err := calls.ParseDigits(b.Digits.RawMessage, "body.digits")
		f.add(err)
		r.Digits = digits
	}
}

// maxVariables bounds what a call brings; a text has fewer.
const maxVariables = 50

// readVariables reads the values for the places in texts.
func (b *callBody) readVariables(r *engine.CallRequest, f *faults) {
	if len(b.Variables) > maxVariables {
		f.field("body.variables", nil, "at most %d variables are read", maxVariables)
		return
	}
	for name, value := range b.Variables {
		if len(name) > 128 || len(value) > 400 || !calls.Printable(name) || !calls.Printable(string(value)) {
			f.field("body.variables", nil, "names and values of variables are short and have no control characters")
			return
		}
		if r.Variables == nil {
			r.Variables = map[string]string{}
		}
		r.Variables[name] = string(value)
	}
}

// readTimes reads window and durations.
func (b *callBody) readTimes(r *engine.CallRequest, f *faults) {
	if b.Window != nil {
		w := calls.Window{From: b.Window.From, To: b.Window.To, Weekend: calls.Span(b.Window.Weekend), Days: b.Window.Days,
			Holidays: calls.Holidays(b.Window.Holidays), Preset: b.Window.Preset}
		if err := numbering.CheckWindow(w); err != nil {
			_, words, _ := strings.Cut(err.Error(), ": ")
			f.field("body.window", w.From+"–"+w.To, "%s", words)
		}
		r.Window = &w
	}
	r.Timezone = b.Timezone
	if !empty(b.Retry.RawMessage) {
		policy, err := calls.ParseRetry(b.Retry.RawMessage, "body.retry")
		f.add(err)
		r.Retry = policy
	}
	r.RingTimeout = duration(b.RingTimeout, "body.ring_timeout", 5*time.Second, 3*time.Minute, f)
	r.MaxDuration = duration(b.MaxDuration, "body.max_duration", 5*time.Second, 4*time.Hour, f)
}

func duration(s, location string, least, most time.Duration, f *faults) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		f.field(location, s, "%s", fmt.Sprintf("must be a duration from %s to %s, written like \"30s\" or \"1m30s\"", least, most))
		return 0
	}
	return d
}

// readAMD reads what is to follow where a machine answers.
func (b *callBody) readAMD(r *engine.CallRequest, f *faults) {
	if empty(b.AMD.RawMessage) {
		return
	}
	options, err := calls.ParseAMD(b.AMD.RawMessage, "body.amd")
	f.add(err)
	r.AMD = &options
}
