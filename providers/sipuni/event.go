package sipuni

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// kind is what an event of the service tells.
type kind int

// The kinds (4.4). 5 and 6 are of its own machinery.
const (
	eventNone   kind = 0 // a test of the address, without fields
	eventStart  kind = 1
	eventEnd    kind = 2
	eventAnswer kind = 3
	eventPart   kind = 4 // a leg ended and the call goes on, as in a transfer
)

// party is who an end of a call is.
type party int

// The values of src_type and dst_type; 0: not told.
const (
	outside party = 1
	inside  party = 2
)

// event is one event of the service as we read it.
type event struct {
	kind     kind
	callID   string // the same in all events of a call
	order    string // callbackId: the id that an order was answered with; "": not told
	src, dst string // digits
	// short numbers of the inside ends, such as 201
	shortSrc, shortDst string
	srcType, dstType   party
	at                 time.Time // zero: not told
	line               string    // the number of ours that was dialled
	scheme             string
	// Of an end:
	status         string
	started        time.Time
	answered       time.Time // zero: nobody did
	record         string
	answerMismatch bool // status and answer timestamp contradict each other
}

// Bounds of what is read, in bytes and fields.
const (
	maxField  = 512
	maxFields = 64
)

// fieldsOf reads the fields of an event wherever they are: in the query, in a form, in
// a flat JSON object. What stands in the body wins.
func fieldsOf(contentType string, body []byte, query url.Values) (map[string]string, error) {
	fields := map[string]string{}
	take := func(values url.Values) error {
		for name, list := range values {
			if len(list) == 0 {
				continue
			}
			if len(fields) >= maxFields || len(name) > maxField || len(list[0]) > maxField {
				return errors.New("the event is longer than events are")
			}
			fields[name] = calls.Clean(list[0], maxField)
		}
		return nil
	}
	if err := take(query); err != nil {
		return nil, err
	}
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch trimmed := strings.TrimSpace(string(body)); {
	case trimmed == "":
	case strings.TrimSpace(media) == "application/json", trimmed[0] == '{':
		flat, err := flatJSON(body)
		if err != nil {
			return nil, err
		}
		return fields, take(flat)
	default:
		form, err := url.ParseQuery(trimmed)
		if err != nil {
			return nil, errors.New("the form cannot be read")
		}
		return fields, take(form)
	}
	return fields, nil
}

// flatJSON reads an object of texts and numbers, numbers as they are written.
// Members of other kinds are passed over.
func flatJSON(body []byte) (url.Values, error) {
	v, err := providers.ParseJSON(body)
	if err != nil {
		return nil, errors.New("the body is not JSON")
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the body is no JSON object")
	}
	values := url.Values{}
	for name := range object {
		if text, is := providers.Lookup(map[string]any{"v": object[name]}, "v"); is {
			values.Set(name, text)
		}
	}
	return values, nil
}

// eventOf understands the fields of an event.
func eventOf(f map[string]string) (event, error) {
	if f["event"] == "" {
		return event{}, nil
	}
	n, err := strconv.Atoi(f["event"])
	if err != nil || n < 0 {
		return event{}, errors.New("event is no number")
	}
	e := event{kind: kind(n), callID: f["call_id"], order: f["callbackId"], src: numberOf(f["src_num"]), dst: numberOf(f["dst_num"]),
		shortSrc: numberOf(f["short_src_num"]), shortDst: numberOf(f["short_dst_num"]),
		at: unixOf(f["timestamp"]), line: numberOf(f["pbxdstnum"]), scheme: f["treeNumber"], status: strings.ToUpper(strings.TrimSpace(f["status"])),
		started: unixOf(f["call_start_timestamp"]), answered: unixOf(f["call_answer_timestamp"]), record: recordOf(f["call_record_link"])}
	e.srcType, e.dstType = partyOf(f["src_type"]), partyOf(f["dst_type"])
	if e.kind != eventNone && e.callID == "" {
		return event{}, errors.New("the event has no call_id")
	}
	if e.kind == eventEnd {
		e.answerMismatch = (e.status == "ANSWER") == e.answered.IsZero()
	}
	return e, nil
}

func partyOf(s string) party {
	switch strings.TrimSpace(s) {
	case "1":
		return outside
	case "2":
		return inside
	}
	return 0
}

// unixOf reads seconds since 1970; zero and nonsense are the zero time.
func unixOf(s string) time.Time {
	const far = 1 << 34 // the year 2514
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n <= 0 || n > far {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// recordOf is a link to a record, which may be escaped once more than the event is.
func recordOf(s string) string {
	if strings.HasPrefix(s, "http%3A") || strings.HasPrefix(s, "https%3A") || strings.HasPrefix(s, "http%3a") || strings.HasPrefix(s, "https%3a") {
		if plain, err := url.QueryUnescape(s); err == nil {
			s = plain
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return s
}

// direction is whence the call came, by the types of its ends.
func (e event) direction() calls.Direction {
	if e.srcType == outside && e.dstType == inside {
		return calls.In
	}
	return calls.Out
}

// client reports whether number is one of the outside ends.
func (e event) client(number string) bool {
	return e.srcType != inside && sameNumber(e.src, number) || e.dstType != inside && sameNumber(e.dst, number)
}

// staff reports whether the inside end, where the event tells of one, is an
// extension: by its short number or by its long one, the account's number before it.
func (e event) staff(user, extension string) bool {
	told := false
	for _, end := range []struct {
		kind        party
		long, short string
	}{{e.srcType, e.src, e.shortSrc}, {e.dstType, e.dst, e.shortDst}} {
		if end.kind != inside {
			continue
		}
		if told = true; end.long == extension || end.short == extension || end.long == user+extension || end.short != "" && user+end.short == extension {
			return true
		}
	}
	return !told
}

// how the service's statuses end a call.
var statuses = map[string]struct {
	code    int
	outcome calls.Outcome // "": what the table of outcomes makes of the code
}{
	"ANSWER":      {code: 200},
	"BUSY":        {code: 486},
	"NOANSWER":    {code: 480, outcome: calls.OutcomeNoAnswer},
	"CANCEL":      {code: 487},
	"CONGESTION":  {code: 503},
	"CHANUNAVAIL": {code: 480, outcome: calls.OutcomeUnreachable},
}
