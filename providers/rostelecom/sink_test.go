package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// deliver tells events as the outbox does, and gives what the receiver was told.
func deliver(t *testing.T, o *office, sim *simulator, c *calls.Call, types ...calls.Event) (said []string) {
	t.Helper()
	s, state := sink{o.House}, ""
	hook := &calls.Webhook{Account: "main", Kind: Kind, URL: sim.URL + "/", Settings: json.RawMessage(`{"domain":"d.20.rt.ru"}`)}
	for _, e := range types {
		e.CallID, e.Account, e.Direction, e.Time = c.ID, "main", c.Direction, noon
		if len(e.Data) == 0 {
			e.Data = json.RawMessage(`{}`)
		}
		it := outbox.Item{To: hook, Event: e, State: state}
		m, err := s.Map(it)
		if errors.Is(err, outbox.ErrNotWanted) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		again, _ := s.Map(it)
		if string(again.Body) != string(m.Body) {
			t.Fatal("the same event is another message")
		}
		a := s.Send(context.Background(), outbox.Exchange{Item: it, Message: m, Client: http.DefaultClient, Secrets: []string{simKey}, Key: &calls.FacadeKey{Public: simID}, Now: noon})
		if a.Then != outbox.Delivered {
			t.Fatalf("%s: %+v", e.Type, a)
		}
		if a.State != nil {
			state = *a.State
		}
	}
	for _, body := range sim.bodies(methodCallEvents) {
		e, err := parseEvent([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if string(e.SessionID) != sessionOf(c.ID) {
			t.Errorf("%s", body)
		}
		said = append(said, fmt.Sprint(e.Type, " ", e.State, " ", e.FromPIN, ">", e.RequestPIN))
	}
	return said
}

func TestCallsAreToldAsCallEvents(t *testing.T) {
	t.Parallel()
	of := func(kinds ...calls.EventType) (list []calls.Event) {
		for _, k := range kinds {
			e := calls.Event{Type: k}
			if k == calls.CallBridging {
				e.Data = json.RawMessage(`{"leg":"manager","to":"317"}`)
			}
			list = append(list, e)
		}
		return list
	}
	for name, c := range map[string]struct {
		call   calls.Call
		events []calls.Event
		want   string
	}{
		"a clip that is heard": {calls.Call{Direction: calls.Out, To: "79161234567"}, of(calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallAnswered, calls.CallDigit, calls.CallCompleted),
			"outbound new >, outbound calling >, outbound connected >, outbound disconnected >, outbound end >"},
		"a callback": {calls.Call{Direction: calls.Out, To: "79161234567", Employee: "emp_1", Flow: calls.Flow{Bridge: &calls.Bridge{}}},
			of(calls.CallQueued, calls.CallBridging, calls.CallDialing, calls.CallAnswered, calls.CallBridged, calls.CallUnbridged, calls.CallCompleted),
			"outbound new 317>, outbound calling 317>, outbound calling 317>, outbound connected 317>, outbound disconnected 317>, outbound end 317>"},
		"a caller who is forwarded": {calls.Call{Direction: calls.In, From: "79161234567", To: "78005553535", Employee: "emp_2"},
			of(calls.CallRinging, calls.CallRouted, calls.CallAnswered, calls.CallBridging, calls.CallBridged, calls.CallCompleted),
			"incoming new >318, incoming connected >318, incoming calling >317, incoming disconnected >318, incoming end >318"},
		"nobody answers": {calls.Call{Direction: calls.Out, To: "79161234567"}, of(calls.CallQueued, calls.CallDialing, calls.CallCompleted), "outbound new >, outbound calling >, outbound end >"},
	} {
		o, sim := newOffice(t, ""), newSimulator(t, nil)
		sim.say(methodCallEvents, jsonSays(``))
		call := c.call
		o.put(&call, false)
		if got := strings.Join(deliver(t, o, sim, &call, c.events...), ", "); got != c.want {
			t.Errorf("%s: told\n%s, want\n%s", name, got, c.want)
		}
	}
}

func TestAnEventOfOursHasTheGoldenForm(t *testing.T) {
	t.Parallel()
	o, sim := newOffice(t, ""), newSimulator(t, nil)
	sim.say(methodCallEvents, jsonSays(``))
	c := calls.Call{Direction: calls.In, From: "79771234567", To: "74951234567"}
	session := o.put(&c, false)
	deliver(t, o, sim, &c, calls.Event{Type: calls.CallRinging})
	want := strings.NewReplacer(simSession, session, "2018-04-23 15:01:27.214", "2026-11-21 12:00:00.000", "test.20.rt.ru", "d.20.rt.ru").Replace(sampleEvent)
	if got := sim.bodies(methodCallEvents)[0]; got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
}

func TestAReceiverThatFailsIsToldAgain(t *testing.T) {
	t.Parallel()
	o, sim := newOffice(t, ""), newSimulator(t, nil)
	c := calls.Call{Direction: calls.Out, To: "79161234567"}
	o.put(&c, false)
	hook := &calls.Webhook{Account: "main", Kind: Kind, URL: sim.URL}
	s := sink{o.House}
	it := outbox.Item{To: hook, Event: calls.Event{Type: calls.CallCompleted, CallID: c.ID, Account: "main", Data: json.RawMessage(`{}`)}, State: toldTalk}
	m, err := s.Map(it)
	if err != nil {
		t.Fatal(err)
	}
	send := func(change ...func(*outbox.Exchange)) outbox.Answer {
		x := outbox.Exchange{Item: it, Message: m, Client: http.DefaultClient, Secrets: []string{simKey}, Key: &calls.FacadeKey{Public: simID}, Now: noon}
		for _, f := range change {
			f(&x)
		}
		return s.Send(context.Background(), x)
	}
	sim.say(methodCallEvents, jsonSays(``), status(500, "text/html", "<html>")) // the talk's end is told, the call's is not
	a := send()
	if a.Then != outbox.Retry || a.State == nil || *a.State != toldOff {
		t.Errorf("%+v", a)
	}
	it.State = *a.State
	sim.say(methodCallEvents, jsonSays(``))
	if a := send(); a.Then != outbox.Delivered {
		t.Errorf("%+v", a)
	}
	if n := len(sim.bodies(methodCallEvents)); n != 3 {
		t.Errorf("%d were sent", n)
	}
	if a := send(func(x *outbox.Exchange) { x.Secrets = nil }); a.Then == outbox.Delivered {
		t.Error("an unsigned event was sent")
	}
	o.store.fail = errors.New("no store")
	if a := send(); a.Then != outbox.Retry || a.Fault != outbox.Unwell {
		t.Errorf("%+v", a)
	}
}

func TestAHistoryThatIsOrderedIsAnnounced(t *testing.T) {
	t.Parallel()
	o, sim := newOffice(t, ""), newSimulator(t, nil)
	sim.say(methodHistoryReady, jsonSays(`{}`))
	o.store.hooks = []*calls.Webhook{{Kind: Kind, URL: sim.URL + "/", Key: "key_1"}, {Kind: Kind, URL: "http://127.0.0.1:1", Disabled: true}, {Kind: "webhook", URL: "http://127.0.0.1:1"}}
	rec := o.asks(methodHistory, `{"date_start":"2026-11-01 00:00:00","date_end":"2026-11-02 00:00:00"}`)
	var ordered struct {
		OrderID string `json:"order_id"`
	}
	if json.Unmarshal(rec.Body.Bytes(), &ordered) != nil || len(ordered.OrderID) != 9 {
		t.Fatalf("%s", rec.Body)
	}
	o.clock.Advance(announceAfter)
	if got := sim.bodies(methodHistoryReady); len(got) != 1 || got[0] != `{"order_id":"`+ordered.OrderID+`"}` {
		t.Errorf("%q", got)
	}
}
