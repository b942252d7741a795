package zvonobot

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// tries is how often a webhook is sent at most.
const tries = 3

// sink tells what happens to calls of the facade in Zvonobot's two webhooks. It keeps
// nothing itself.
type sink struct{ h *providers.House }

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Rate implements outbox.Sink.
func (sink) Rate(*calls.Webhook) outbox.Rate { return outbox.Rate{} }

// Map implements outbox.Sink. An event that is only to be remembered is a message
// without a body.
func (s sink) Map(it outbox.Item) (outbox.Message, error) {
	var h hook
	if err := json.Unmarshal(it.To.Settings, &h); err != nil {
		return outbox.Message{}, err
	}
	m := recall(it.State).learn(it.Event)
	body, wanted := s.statusBody(h, m, it.Event), len(h.Statuses) > 0
	if !wanted {
		body, wanted = digitBody(h, m, it.Event), it.Event.Type == calls.CallDigit
	}
	if !wanted {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	if body == nil {
		return outbox.Message{}, nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return outbox.Message{}, err
	}
	return outbox.Message{Header: http.Header{"Content-Type": {"application/json"}}, Body: ascii(b)}, nil
}

// statusBody is the webhook of a status; nil: the event is none that is told of.
func (s sink) statusBody(h hook, m memory, e calls.Event) map[string]any {
	f := facts{n: h.N, phone: h.Phone, created: h.Created, planned: h.Planned, recording: h.Recording, try: m.tried(e) + 1, sent: true,
		started: m.Started, answered: m.Answered}
	switch e.Type {
	case calls.CallQueued:
		f.status = statusCreated
	case calls.CallHeld:
		f.status = statusProcessed
	case calls.CallDialing:
		f.status = statusStarted
	case calls.CallAnswered:
		f.status = statusAnswered
	case calls.CallCompleted:
		s.complete(&f, h, e)
	}
	told := false
	for _, st := range h.Statuses {
		told = told || st == f.status
	}
	if !told {
		return nil
	}
	return withParameters(map[string]any{"apiCalls": []apiCallOut{f.view(h.Cost)}}, h.Parameters, h.Merge)
}

// completedData is what is read of the data of call.completed.
type completedData struct {
	Outcome    calls.Outcome `json:"outcome"`
	Reason     *calls.Reason `json:"reason"`
	Digits     string        `json:"digits"`
	AnsweredAt calls.Stamp   `json:"answered_at"`
	EndedAt    calls.Stamp   `json:"ended_at"`
	Attempts   []struct {
		SentAt calls.Stamp `json:"sent_at"`
	} `json:"attempts"`
}

// complete reads how a call ended.
func (s sink) complete(f *facts, h hook, e calls.Event) {
	var d completedData
	_ = json.Unmarshal(e.Data, &d) // ours; what cannot be read stays empty
	f.answered, f.ended, f.digits = time.Time(d.AnsweredAt), time.Time(d.EndedAt), d.Digits
	for _, a := range d.Attempts {
		if at := time.Time(a.SentAt); f.started.IsZero() || at.Before(f.started) {
			f.started = at
		}
	}
	reason := calls.ReasonNone
	if d.Reason != nil {
		reason = *d.Reason
	}
	f.cause, f.comment = causeOf(h.Causes, d.Outcome), commentOf(d.Outcome, reason)
	f.status = statusCanceled
	if !f.answered.IsZero() {
		f.status = statusFinished
	}
	f.record = recordLink(s.h.Links, e.CallID, h.Recording, f.answered, f.ended)
}

// digitOut is the call of the webhook of a digit.
type digitOut struct {
	APICallID  int64  `json:"apicallId"`
	ID         int64  `json:"id"`
	Phone      string `json:"phone"`
	Answer     string `json:"answer"`
	IVRAnswers string `json:"ivr_answers"`
}

// digitBody is the webhook of a digit; nil: its item has none.
func digitBody(h hook, m memory, e calls.Event) map[string]any {
	digits := m.upTo(e.Seq)
	var d digitData
	if json.Unmarshal(e.Data, &d) != nil || d.Leg != calls.RoleCustomer || digits == "" {
		return nil
	}
	node := walk(h.Digits, digits)
	if node == nil || !node.Hook {
		return nil
	}
	out := digitOut{APICallID: h.N, ID: h.N, Phone: h.Phone, Answer: d.Digit, IVRAnswers: answersText(digits)}
	return withParameters(map[string]any{"call": out, "webhookTry": m.tried(e) + 1}, node.Parameters, h.Merge)
}

// withParameters brings webhookParameters back: as they were given, and their members
// beside, which never take the place of ours.
func withParameters(body map[string]any, parameters string, merge bool) map[string]any {
	if parameters == "" {
		return body
	}
	body["webhookParameters"] = parameters
	var m map[string]json.RawMessage
	if !merge || json.Unmarshal([]byte(parameters), &m) != nil {
		return body
	}
	for name, v := range m {
		if _, ours := body[name]; !ours {
			body[name] = v
		}
	}
	return body
}

// Send implements outbox.Sink: 200 is a yes; anything else is tried three times in all.
func (s sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	m := recall(x.State).learn(x.Event)
	tried := m.tried(x.Event) + 1
	m.Try, m.Seq = 0, 0
	if len(x.Body) == 0 {
		return outbox.Answer{Then: outbox.Delivered, State: m.text()}
	}
	a := s.post(ctx, x)
	switch {
	case a.Then == outbox.Delivered:
	case tried >= tries:
		a.Then = outbox.Dead
	default:
		a.Then = outbox.Retry
		m.Try, m.Seq = tried, x.Event.Seq
	}
	a.State = m.text()
	return a
}

// post makes one attempt, which stands in the journal.
func (s sink) post(ctx context.Context, x outbox.Exchange) outbox.Answer {
	name := "webhook status"
	if x.Event.Type == calls.CallDigit {
		name = "webhook digit"
	}
	url := x.URL
	if url == "" {
		url = x.To.URL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(x.Body))
	if err != nil {
		return outbox.Answer{Fault: outbox.Unwanted, Error: "the URL cannot be read"}
	}
	req.Header = x.Header.Clone()
	note := calls.Exchange{Account: x.To.Account, Kind: Kind, Outgoing: true, Method: name, At: x.Now, Correlation: x.Event.CallID,
		Request: kept("POST " + url + "\nContent-Type: application/json\n\n" + string(x.Body)), RemoteAddress: req.URL.Host}
	defer func() {
		note.TookMS = s.h.Clock.Now().Sub(x.Now).Milliseconds()
		s.h.Journal.Note(note)
	}()
	res, err := x.Client.Do(req)
	if err != nil {
		note.Fault = outbox.Words(err)
		return outbox.Answer{Fault: outbox.Unreachable, Error: note.Fault}
	}
	text := outbox.ReadText(res.Body)
	_ = res.Body.Close()
	note.Status, note.Answer = res.StatusCode, kept("HTTP "+res.Status+"\n\n"+text)
	if res.StatusCode == http.StatusOK {
		return outbox.Answer{Then: outbox.Delivered, Status: res.StatusCode, Text: text}
	}
	return outbox.Answer{Fault: outbox.Unwell, Status: res.StatusCode, Error: "HTTP " + res.Status, Text: text}
}

// kept is a message as the journal has it: masked and cut.
func kept(message string) string {
	message = providers.Mask(message)
	return strings.ToValidUTF8(message[:min(len(message), calls.MaxExchange)], "")
}
