package rostelecom

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// The methods, as paths behind the address.
const (
	methodCallBack        = "call_back"
	methodGetRecord       = "get_record"
	methodUsersInfo       = "users_info"
	methodCallInfo        = "call_info"
	methodHistory         = "domain_call_history"
	methodDownloadHistory = "download_call_history"
	methodCallEvents      = "call_events"
	methodNumberInfo      = "get_number_info"
	methodHistoryReady    = "history_file_completed"
	// methodNumberInfoShort is how the cabinet names get_number_info; both are heard.
	methodNumberInfoShort = "number_info"
)

// maxBody bounds a request of this API, in bytes.
const maxBody = 64 << 10

// moscow is the zone of every time in this API; it has had no summer time since 2014.
var moscow = time.FixedZone("MSK", 3*60*60)

// The forms of time.
const (
	secondForm = "2006-01-02 15:04:05"
	milliForm  = "2006-01-02 15:04:05.000"
)

// parseTime reads a time of Moscow, with or without parts of seconds, or Unix seconds.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if t, err := time.ParseInLocation(secondForm, s, moscow); err == nil { // fractions are read, too
		return t, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n < 1<<33 {
		return time.Unix(n, 0).In(moscow), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time like 2018-04-23 15:01:27", calls.Clean(s, 40))
}

// text is a value that may be written as a string, a number, true, false or null.
type text string

// UnmarshalJSON reads each of them; null is "".
func (t *text) UnmarshalJSON(b []byte) error {
	s, err := providers.Tolerance{True: "true", False: "false"}.Text(b)
	*t = text(s)
	return err
}

// yes reports whether t says so: true, 1, "true".
func (t text) yes() bool { return t == "1" || strings.EqualFold(string(t), "true") }

// whole is t as a whole number; 0 where it is none.
func (t text) whole() int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(string(t)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// e164 writes a number of digits only as the API wants it: +7….
func e164(number string) string { return "+" + number }

// user takes the user part of a SIP URI, "sip:+7977…@test.20.rt.ru" or without its
// scheme; what is none stays.
func user(uri string) string {
	s := strings.TrimSpace(uri)
	if i := strings.IndexByte(s, '<'); i >= 0 {
		s = strings.TrimRight(s[i+1:], "> ")
	}
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s = s[len(scheme):]
			break
		}
	}
	s, _, _ = strings.Cut(s, "@")
	s, _, _ = strings.Cut(s, ";")
	return s
}

// digits are the digits of a number in whatever form; "" where there is a letter.
func digits(uri string) string {
	var b strings.Builder
	for _, r := range user(uri) {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune("+-() .", r):
		default:
			return ""
		}
	}
	if n := b.Len(); n == 11 && b.String()[0] == '8' {
		return "7" + b.String()[1:]
	}
	return b.String()
}

// same reports whether two numbers are of the same telephone: Russian ones by their
// last ten digits, others (pins among them) in full.
func same(a, b string) bool {
	a, b = digits(a), digits(b)
	if len(a) >= 10 && len(b) >= 10 {
		return a[len(a)-10:] == b[len(b)-10:]
	}
	return a != "" && a == b
}

// sipURI writes a number, or a pin, of a domain.
func sipURI(number, domain string) string {
	if number == "" {
		return ""
	}
	if len(number) >= 10 {
		number = e164(number)
	}
	if domain == "" {
		domain = "localhost"
	}
	return "sip:" + number + "@" + domain
}

// sessionOf names a call as the API names sessions, by a UUID: the 16 bytes of the
// ULID in the call's id. "" where it has none.
func sessionOf(callID string) string {
	_, id, _ := strings.Cut(callID, "_")
	u, err := ulid.ParseStrict(id)
	if err != nil {
		return ""
	}
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// callOf is the call that a session of ours stands for; "" where it can be none.
func callOf(session string) string {
	if len(session) != 36 {
		return ""
	}
	b, err := hex.DecodeString(strings.ReplaceAll(session, "-", ""))
	if err != nil || len(b) != 16 {
		return ""
	}
	var u ulid.ULID
	copy(u[:], b)
	if u.Time() > ulid.MaxTime() {
		return ""
	}
	id := "call_" + u.String()
	if sessionOf(id) != strings.ToLower(session) {
		return ""
	}
	return id
}

// result is what every answer begins with.
type result struct {
	Result  text `json:"result"`
	Message text `json:"resultMessage"`
}

// event is the body of call_events. Every field of it is a string.
type event struct {
	SessionID        text `json:"session_id"`
	Timestamp        text `json:"timestamp"`
	Type             text `json:"type"`  // incoming, outbound, internal
	State            text `json:"state"` // see below
	FromNumber       text `json:"from_number"`
	FromPIN          text `json:"from_pin"`
	RequestNumber    text `json:"request_number"`
	RequestPIN       text `json:"request_pin"`
	DisconnectReason text `json:"disconnect_reason"`
	IsRecord         text `json:"is_record"`
}

// The states of an event. analytics, of newer guides, comes after the end.
const (
	stateNew          = "new"
	stateCalling      = "calling"      // somebody is rung
	stateConnected    = "connected"    // a talk begins
	stateDisconnected = "disconnected" // it ends
	stateEnd          = "end"          // the call ends
	stateAnalytics    = "analytics"
)

// The types of an event.
const (
	typeIncoming = "incoming"
	typeOutbound = "outbound"
	typeInternal = "internal"
)

// parseEvent reads a call_events body that can be of use.
func parseEvent(body []byte) (event, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return event{}, errors.New("the body is not the JSON object of an event")
	}
	for _, f := range []*text{&e.SessionID, &e.Timestamp, &e.Type, &e.State, &e.FromNumber, &e.FromPIN, &e.RequestNumber, &e.RequestPIN, &e.DisconnectReason} {
		*f = text(calls.Clean(string(*f), 200))
	}
	if e.SessionID == "" || e.State == "" {
		return event{}, errors.New("the event has no session_id or no state")
	}
	return e, nil
}

// at is when it was so; zero where that is not said.
func (e event) at() time.Time {
	t, err := parseTime(string(e.Timestamp))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// numberQuery is the body of get_number_info.
type numberQuery struct {
	Domain        text `json:"domain,omitempty"`
	Timestamp     text `json:"timestamp,omitempty"`
	FromNumber    text `json:"from_number"`
	RequestNumber text `json:"request_number"`
}

// numberAnswer is the answer to it. PIN is written in capitals.
type numberAnswer struct {
	Result      int     `json:"result"` // 0, or what went wrong
	Message     string  `json:"resultMessage"`
	DisplayName *string `json:"displayName"`
	PIN         *string `json:"PIN"`
}
