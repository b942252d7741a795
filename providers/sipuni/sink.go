package sipuni

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// sinkSettings are the settings of a destination of this kind.
type sinkSettings struct {
	// User is the number of the account, which stands before internal numbers.
	User string `json:"user"`
	// Method is GET, as the service does it, or POST for a form.
	Method string `json:"method"`
	// Lenient takes any 2xx for a success; the service wants {"success":true}.
	Lenient bool `json:"lenient"`
}

// sink tells our events as the service does, to software that was written for it.
type sink struct{ house *providers.House }

var (
	_ outbox.Sink    = sink{}
	_ outbox.Checker = sink{}
)

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Check implements outbox.Checker.
func (sink) Check(w *calls.Webhook) error {
	if _, err := readSink(w.Settings); err != nil {
		return calls.Errorf(calls.CodeInvalidField, "%s", err.Error()).At("body.settings", nil)
	}
	return nil
}

// readSink reads the settings of a destination.
func readSink(raw json.RawMessage) (set sinkSettings, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return set, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&set); err != nil || strings.Trim(set.User, "0123456789") != "" || set.Method != "" && set.Method != http.MethodGet && set.Method != http.MethodPost {
		return set, errors.New("user (digits), method (GET or POST) and lenient are known")
	}
	return set, nil
}

// Rate implements outbox.Sink.
func (sink) Rate(*calls.Webhook) outbox.Rate { return outbox.Rate{PerSecond: 20, Burst: 40} }

// begun is what is remembered of a call whose start was told.
const begun = "begun"

// Map implements outbox.Sink: which of the service's events ours is. The rest is of
// the call, which Send reads.
func (sink) Map(it outbox.Item) (outbox.Message, error) {
	told := it.State == begun
	k := eventNone
	switch it.Event.Type {
	case calls.CallDialing:
		if !told {
			k = eventStart
		}
	case calls.CallRinging:
		if !told && it.Event.Direction == calls.In {
			k = eventStart
		}
	case calls.CallAnswered:
		k = eventAnswer
	case calls.CallTransferred:
		k = eventPart
	case calls.CallCompleted:
		if told || it.Event.Direction == calls.In { // nobody hears of what was never dialled
			k = eventEnd
		}
	}
	if k == eventNone {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	return outbox.Message{Body: []byte(strconv.Itoa(int(k)))}, nil
}

// Send implements outbox.Sink.
func (s sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	set, err := readSink(x.To.Settings)
	if err != nil {
		return outbox.Answer{Error: "the settings of the destination cannot be used"}
	}
	call, extension, err := s.callOf(ctx, x.Event)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return outbox.Answer{Then: outbox.Dead, Error: "the call is no longer kept"}
	case err != nil:
		return outbox.Answer{Fault: outbox.Unwell, Error: "the call could not be read"}
	}
	n, _ := strconv.Atoi(string(x.Body)) // Map wrote it
	if x.Key != nil {
		set.User = x.Key.Public
	}
	fields := s.fields(kind(n), x.Event, call, set.User, extension)
	req, err := eventRequest(set.Method, x.To.URL, fields)
	if err != nil {
		return outbox.Answer{Error: "the URL cannot be read"}
	}
	a, body := outbox.ExchangedBody(ctx, x.Client, req, x.Now)
	if a.Then == outbox.Delivered && !set.Lenient && !success(body) {
		a = outbox.Answer{Fault: outbox.Unwanted, Status: a.Status, Error: `the answer is not {"success":true}`, Text: a.Text}
	}
	if a.Then == outbox.Delivered && kind(n) == eventStart {
		state := begun
		a.State = &state
	}
	return a
}

// callOf reads the call of an event and the internal number of its employee.
func (s sink) callOf(ctx context.Context, e calls.Event) (call *calls.Call, extension string, err error) {
	err = s.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if call, err = tx.Call(e.Account, e.CallID); err != nil {
			return err
		}
		if call.Employee == "" {
			return nil
		}
		switch who, err := tx.Employee(e.Account, call.Employee); {
		case err == nil:
			extension = who.Extension
		case !errors.Is(err, calls.ErrNotFound):
			return err
		}
		return nil
	})
	return call, cmp.Or(extension, metaOf(callMetadata(call)).SIPNumber), err
}

func callMetadata(c *calls.Call) json.RawMessage {
	if c == nil {
		return nil
	}
	return c.Metadata
}

// fields are those of an event, as in 4.4 of the reference.
func (s sink) fields(k kind, e calls.Event, c *calls.Call, user, extension string) url.Values {
	meta := metaOf(c.Metadata)
	user = cmp.Or(meta.User, user)
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	v.Set("event", strconv.Itoa(int(k)))
	v.Set("call_id", eventID(c.ID))
	v.Set("timestamp", stamp(e.Time))
	set("callbackId", orderOf(c))
	set("treeNumber", meta.Tree)
	set("pbxdstnum", c.Line)
	set("channel", channelOf(c))
	if c.Direction == calls.In {
		end(v, "src", outside, c.From, "")
		end(v, "dst", inside, user+extension, extension)
	} else {
		end(v, "src", inside, user+extension, extension)
		end(v, "dst", outside, c.To, "")
	}
	if k != eventEnd && k != eventPart {
		return v
	}
	v.Set("call_start_timestamp", stamp(c.CreatedAt))
	v.Set("call_answer_timestamp", "0")
	if c.AnsweredAt != nil {
		v.Set("call_answer_timestamp", stamp(*c.AnsweredAt))
	}
	v.Set("status", statusOf(c))
	set("last_called", extension)
	if k == eventEnd && c.AnsweredAt != nil {
		set("call_record_link", s.recordLink(c, e.Time))
	}
	return v
}

// end puts one end of a call into an event.
func end(v url.Values, name string, kind party, number, short string) {
	v.Set(name+"_num", number)
	v.Set(name+"_type", strconv.Itoa(int(kind)))
	v.Set("short_"+name+"_num", short)
}

func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// orderOf is the id of the order that a call was asked for by; calls that came in
// have none.
func orderOf(c *calls.Call) string {
	if c.Direction == calls.In {
		return ""
	}
	return orderID(c.ID)
}

// channelOf is a name in the form of the service's.
func channelOf(c *calls.Call) string {
	if c.Trunk == "" {
		return ""
	}
	return "SIP/" + c.Trunk
}

// statusOf puts how a call ended into the service's words.
func statusOf(c *calls.Call) string {
	if c.AnsweredAt != nil {
		return "ANSWER"
	}
	switch c.Outcome {
	case calls.OutcomeBusy, calls.OutcomeRejected:
		return "BUSY"
	case calls.OutcomeCanceled:
		return "CANCEL"
	case calls.OutcomeUnreachable, calls.OutcomeInvalidNumber:
		return "CHANUNAVAIL"
	case calls.OutcomeTrunkError, calls.OutcomeLost:
		return "CONGESTION"
	}
	return "NOANSWER"
}

// recordLink opens the talk of a call, if it was written down, without a key.
func (s sink) recordLink(c *calls.Call, at time.Time) string {
	if s.house.Captures == nil {
		return ""
	}
	if _, err := s.house.Captures.Path(c.Account, c.ID); err != nil {
		return ""
	}
	return s.house.Links.URL(c.ID, at.Add(calls.CaptureLinkLife))
}

// eventRequest is a GET with everything in the query, or a POST with a form. What the
// address has in its query stays.
func eventRequest(method, address string, fields url.Values) (*http.Request, error) {
	if method == http.MethodPost {
		req, err := http.NewRequest(method, address, strings.NewReader(fields.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return req, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	for name := range fields {
		query.Set(name, fields.Get(name))
	}
	u.RawQuery = query.Encode()
	return http.NewRequest(http.MethodGet, u.String(), nil)
}

// success reports whether an answer says so.
func success(body []byte) bool {
	v, err := providers.ParseJSON(body)
	if err != nil {
		return false
	}
	said, _ := providers.Lookup(v, "success")
	return said == "true" || said == "1"
}
