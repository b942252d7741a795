package rostelecom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// sink tells what happens to calls as call_events, to the CRM address that the URL of
// the destination is. The secrets of its facade key sign.
type sink struct{ house *providers.House }

// sinkSettings are those of a destination.
type sinkSettings struct {
	Domain string `json:"domain,omitempty"` // of the SIP URIs
}

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Rate implements outbox.Sink.
func (sink) Rate(*calls.Webhook) outbox.Rate { return outbox.Rate{} }

// told is what a receiver knows of a call: how far the states went.
const (
	toldNew  = "new"
	toldTalk = "talk" // a talk goes on
	toldOff  = "off"  // the end of the talk was told, that of the call was not
)

// stateOf is what an event is to the receiver, by what he knows.
func stateOf(ev calls.Event, told string) (state string, ok bool) {
	switch ev.Type {
	case calls.CallQueued:
		return stateNew, told == ""
	case calls.CallRinging:
		return stateNew, told == "" && ev.Direction == calls.In
	case calls.CallDialing, calls.CallBridging:
		return stateCalling, true
	case calls.CallAnswered:
		return stateConnected, told != toldTalk
	case calls.CallBridged:
		return stateConnected, told != toldTalk
	case calls.CallUnbridged:
		return stateDisconnected, told == toldTalk
	case calls.CallCompleted:
		return stateEnd, true
	}
	return "", false
}

// note is what Map leaves for Send: the state, and what the event itself says.
type note struct {
	State string `json:"state"`
	PIN   string `json:"pin,omitempty"` // who is rung
}

// Map implements outbox.Sink.
func (sink) Map(it outbox.Item) (outbox.Message, error) {
	state, ok := stateOf(it.Event, it.State)
	if !ok || it.Event.CallID == "" {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	n := note{State: state}
	if it.Event.Type == calls.CallBridging {
		var d struct {
			To string `json:"to"`
		}
		if err := json.Unmarshal(it.Event.Data, &d); err != nil {
			return outbox.Message{}, err
		}
		n.PIN = d.To
	}
	to, err := url.JoinPath(it.To.URL, methodCallEvents)
	if err != nil {
		return outbox.Message{}, err
	}
	body, err := json.Marshal(n)
	return outbox.Message{URL: to, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}, err
}

// Send implements outbox.Sink. The parties of the call, which its events do not tell,
// are read from it; they never change.
func (s sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	var n note
	var set sinkSettings
	if err := errors.Join(json.Unmarshal(x.Body, &n), json.Unmarshal(orEmpty(x.To.Settings), &set)); err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: "the settings of the destination cannot be read"}
	}
	if len(x.Secrets) == 0 || x.Key == nil {
		return outbox.Answer{Fault: outbox.Unwanted, Error: "the destination has no facade key that signs"}
	}
	var c *calls.Call
	pin := ""
	err := s.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if c, err = tx.Call(x.To.Account, x.Event.CallID); err != nil || c.Employee == "" {
			return err
		}
		e, err := tx.Employee(c.Account, c.Employee)
		if errors.Is(err, calls.ErrNotFound) {
			return nil
		}
		if err == nil {
			pin = e.Extension
		}
		return err
	})
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return outbox.Answer{Then: outbox.Dead, Error: "the call is no longer kept"}
	case err != nil:
		return outbox.Answer{Fault: outbox.Unwell, Error: "the call could not be read"}
	case x.Event.Type == calls.CallAnswered && c.Flow.Bridge != nil: // the talk begins when both are there
		return outbox.Answer{Then: outbox.Delivered}
	}
	if n.State == stateEnd && x.State == toldTalk { // the talk ended with the call
		told := toldOff
		if a := s.post(ctx, x, eventOf(x.Event, c, stateDisconnected, pin, n.PIN, set.Domain)); a.Then != outbox.Delivered {
			a.State = nil
			return a
		}
		a := s.post(ctx, x, eventOf(x.Event, c, stateEnd, pin, n.PIN, set.Domain))
		if a.Then != outbox.Delivered {
			a.State = &told
		}
		return a
	}
	a := s.post(ctx, x, eventOf(x.Event, c, n.State, pin, n.PIN, set.Domain))
	if told := after(n.State, x.State); a.Then == outbox.Delivered && told != x.State {
		a.State = &told
	}
	return a
}

// after is what the receiver knows once he was told a state.
func after(state, told string) string {
	switch state {
	case stateConnected:
		return toldTalk
	case stateNew, stateCalling:
		if told == "" {
			return toldNew
		}
	case stateDisconnected:
		return toldOff
	}
	return told
}

func orEmpty(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("{}")
	}
	return b
}

// eventOf puts an event in the API's terms: pure. pin is that of the call's employee,
// rung who is being rung, as our events name him.
func eventOf(ev calls.Event, c *calls.Call, state, pin, rung, domain string) event {
	e := event{SessionID: text(sessionOf(c.ID)), Timestamp: text(ev.Time.In(moscow).Format(milliForm)), Type: typeOutbound, State: text(state),
		FromNumber: text(sipURI(c.From, domain)), FromPIN: text(pin), RequestNumber: text(sipURI(c.To, domain)), IsRecord: "false"}
	if c.Direction == calls.In {
		e.Type, e.FromPIN, e.RequestPIN = typeIncoming, "", text(pin)
	}
	if p := plainExtension(rung); p != "" && state == stateCalling {
		if c.Direction == calls.In {
			e.RequestPIN = text(p)
		} else {
			e.FromPIN = text(p)
		}
	}
	if c.Flow.Capture {
		e.IsRecord = "true"
	}
	if state == stateEnd || state == stateDisconnected {
		e.DisconnectReason = text(reasonOf(c))
	}
	return e
}

// reasonOf is why a call ended; the vocabulary of the API is not published.
func reasonOf(c *calls.Call) string {
	if c.Reason != "" {
		return string(c.Reason)
	}
	return string(c.Outcome)
}

// post sends one signed event.
func (s sink) post(ctx context.Context, x outbox.Exchange, e event) outbox.Answer {
	body, err := marshal(e)
	if err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: "the event cannot be written"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.URL, bytes.NewReader(body))
	if err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: "the URL cannot be read"}
	}
	for name, values := range x.Header {
		req.Header[name] = values
	}
	putSign(req.Header, x.Key.Public, body, x.Secrets[0])
	return outbox.Exchanged(ctx, x.Client, req, x.Now)
}

// A history is announced a little after its order was answered, and the telling is bounded.
const (
	announceAfter = time.Second
	announceTime  = 10 * time.Second
)

// announce tells the CRM addresses of the key that a history is ready, once: whoever
// misses it finds the file all the same.
func (f *facade) announce(key *calls.FacadeKey, order int64) {
	f.house.Clock.AfterFunc(announceAfter, func() {
		ctx, cancel := context.WithTimeout(context.Background(), announceTime)
		defer cancel()
		var hooks []*calls.Webhook
		err := f.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			hooks, err = tx.Webhooks(key.Account)
			return err
		})
		for _, w := range hooks {
			if w.Kind == Kind && !w.Disabled && (w.Key == "" || w.Key == key.ID) {
				err = errors.Join(err, f.announceTo(ctx, key, w, order))
			}
		}
		if err != nil {
			f.log.Warn("that a history is ready could not be told", "err", err)
		}
	})
}

func (f *facade) announceTo(ctx context.Context, key *calls.FacadeKey, w *calls.Webhook, order int64) error {
	body, err := marshal(orderQuery{OrderID: text(orderText(order))})
	if err != nil {
		return err
	}
	req, err := request(strings.TrimRight(w.URL, "/")+"/"+methodHistoryReady, key.Public, key.Secret, body)
	if err != nil {
		return err
	}
	client := f.house.Guarded
	if w.FromConfig {
		client = f.house.Trusted
	}
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return errors.New(outbox.Words(err))
	}
	outbox.ReadText(res.Body)
	return res.Body.Close()
}
