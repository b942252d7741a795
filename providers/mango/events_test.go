package mango

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers/providerstest"
)

// lane delivers the events of one call to one destination, as the outbox does.
type lane struct {
	t     testing.TB
	sink  outbox.Sink
	to    *calls.Webhook
	state string
	key   *calls.FacadeKey
	call  calls.Call
	n     int
}

func newLane(t testing.TB, w *providerstest.World, url string, c calls.Call) *lane {
	return &lane{t: t, sink: sink{w.House}, call: c,
		to:  &calls.Webhook{ID: "wh_1", Account: "main", Kind: Kind, Key: "key_1", URL: url},
		key: &calls.FacadeKey{ID: "key_1", Account: "main", Kind: Kind, Public: testKey, Secret: testSalt}}
}

// emit sends an event; it gives what the sink said.
func (l *lane) emit(kind calls.EventType, data string) outbox.Answer {
	l.t.Helper()
	l.n++
	ev := calls.ForCall(fmt.Sprintf("evt_%d", l.n), noon.Add(time.Duration(l.n)*time.Second), &l.call, kind, json.RawMessage(data))
	item := outbox.Item{To: l.to, Event: ev, State: l.state}
	m, err := l.sink.Map(item)
	if err == outbox.ErrNotWanted {
		return outbox.Answer{Then: outbox.Delivered}
	}
	if err != nil {
		l.t.Fatal(err)
	}
	a := l.sink.Send(l.t.Context(), outbox.Exchange{Item: item, Message: m, Client: http.DefaultClient, Secrets: []string{testSalt, "old"}, Key: l.key, Now: noon})
	if a.Then == outbox.Delivered && a.State != nil {
		l.state = *a.State
	}
	return a
}

// all emits events, each "type data".
func (l *lane) all(events ...string) {
	l.t.Helper()
	for _, e := range events {
		kind, data, _ := strings.Cut(e, " ")
		if a := l.emit(calls.EventType(kind), data); a.Then != outbox.Delivered {
			l.t.Fatalf("%s: %+v", e, a)
		}
	}
}

// The events of whole calls, as the engine tells them.
var (
	callbackEvents = []string{
		`call.queued {"to":"74955404444","from":"74951234567"}`,
		`call.bridging {"leg":"manager","to":"79160000201","attempt":"a1","employee":"emp_1"}`,
		`call.dialing {"attempt":"a2","n":2,"trunk":"main","target":"74955404444","from":"74951234567"}`,
		`call.ringing {"attempt":"a2","sip_code":180}`,
		`call.answered {"attempt":"a2","leg":"customer","codec":"PCMA","ring_ms":10}`,
		`call.bridged {}`,
		`call.unbridged {"by":"customer","reason":"hangup","talk_ms":5}`,
		`call.completed {"outcome":"answered","reason":"bridge_end","hangup_by":"customer","to":"74955404444"}`,
		`call.recording_ready {"url":"x","duration_ms":5,"sha256":"y"}`,
	}
	menuEvents = []string{ // somebody calls in, presses 1, is forwarded, then transferred
		`call.ringing {"sip_code":180}`,
		`call.answered {"leg":"customer","codec":"PCMA","ring_ms":10}`,
		`call.digit {"digit":"1","leg":"customer","via":"rfc4733"}`,
		`call.bridging {"leg":"manager","to":"201@office","attempt":"a1","employee":"emp_1"}`,
		`call.bridging {"leg":"manager","to":"boris","attempt":"a2","employee":"emp_2"}`,
		`call.bridged {}`,
		`call.bridging {"leg":"manager","to":"79161112233","attempt":"a3"}`,
		`call.unbridged {"by":"zvonar","reason":"transferred","talk_ms":5}`,
		`call.bridged {}`,
		`call.completed {"outcome":"answered","hangup_by":"manager","to":"74951234567"}`,
	}
	busyEvents = []string{
		`call.queued {"to":"74955404444","from":"74951234567"}`,
		`call.dialing {"target":"74955404444","from":"74951234567"}`,
		`call.completed {"outcome":"busy","hangup_by":"customer","to":"74955404444"}`,
	}
)

func TestEventsBecomeTheProvidersNotices(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, x := range []struct {
		name   string
		call   calls.Call
		events []string
	}{
		{"callback", calls.Call{ID: "call_1", Account: "main", Direction: calls.Out, Ref: refOf("cbk1", ""), Line: "74951234567", To: "74955404444"}, callbackEvents},
		{"menu", calls.Call{ID: "call_2", Account: "main", Direction: calls.In, Line: "74951234567", From: "79001234567", To: "74951234567"}, menuEvents},
		{"busy", calls.Call{ID: "call_3", Account: "main", Direction: calls.Out, Ref: "order:1", Line: "74951234567", To: "74955404444"}, busyEvents},
	} {
		d, r := newDesk(t, nil), newReceiver(t)
		d.Memory.PutCall(&x.call)
		l := newLane(t, d.World, r.http.URL+"/crm/", x.call)
		l.all(x.events...)
		fmt.Fprintf(&got, "# %s\n", x.name)
		for _, n := range r.all() {
			fmt.Fprintf(&got, "%s %s\n", n.Path, n.JSON)
		}
	}
	want, err := os.ReadFile("testdata/notices.txt")
	if err != nil || got.String() != string(want) {
		t.Errorf("%v\n%s", err, got.String())
	}
}

func TestNoticesOfALegAscendAndItsEndIsTheLast(t *testing.T) {
	t.Parallel()
	d, r := newDesk(t, nil), newReceiver(t)
	c := calls.Call{ID: "call_2", Account: "main", Direction: calls.In, Line: "74951234567", From: "79001234567"}
	d.Memory.PutCall(&c)
	newLane(t, d.World, r.http.URL+"/crm/", c).all(menuEvents...)
	seqs, over := map[text]number{}, map[text]bool{}
	for _, n := range r.all() {
		if n.Path != pathCall {
			continue
		}
		var c callNotice
		if err := json.Unmarshal([]byte(n.JSON), &c); err != nil {
			t.Fatal(err)
		}
		if c.Seq != seqs[c.Call]+1 || over[c.Call] {
			t.Errorf("%s after seq %d (over: %v)", n.JSON, seqs[c.Call], over[c.Call])
		}
		seqs[c.Call], over[c.Call] = c.Seq, c.State == legDisconnected
	}
	for id, o := range over {
		if !o {
			t.Errorf("%s never ends", id)
		}
	}
	if len(seqs) != 4 {
		t.Errorf("%d legs", len(seqs))
	}
}

func TestADestinationThatFailsIsToldAgainWithTheSameNotices(t *testing.T) {
	t.Parallel()
	d, r := newDesk(t, nil), newReceiver(t)
	c := calls.Call{ID: "call_1", Account: "main", Direction: calls.Out, Ref: refOf("c", ""), Line: "74951234567"}
	l := newLane(t, d.World, r.http.URL+"/crm/", c)
	l.all(callbackEvents[:2]...)
	r.mu.Lock()
	r.fail = 1
	r.mu.Unlock()
	dialing := strings.TrimPrefix(callbackEvents[2], "call.dialing ")
	if a := l.emit(calls.CallDialing, dialing); a.Then != outbox.Retry || a.Fault != outbox.Unwell || a.Status != 503 || a.State != nil {
		t.Errorf("%+v", a)
	}
	l.n-- // the same event again
	before := len(r.all())
	if a := l.emit(calls.CallDialing, dialing); a.Then != outbox.Delivered {
		t.Errorf("%+v", a)
	}
	if n := len(r.all()) - before; n != 3 { // connected, disconnected, the client's leg
		t.Errorf("%d notices", n)
	}
	l.key = nil
	if a := l.emit(calls.CallAnswered, `{}`); a.Then == outbox.Delivered || !strings.Contains(a.Error, "key") {
		t.Errorf("without a key: %+v", a)
	}
	l.state = "{"
	if a := l.emit(calls.CallAnswered, `{}`); a.Then != outbox.Dead {
		t.Errorf("with a broken memory: %+v", a)
	}
	if _, err := l.sink.Map(outbox.Item{Event: calls.Event{Type: calls.TrunkUp}}); err != outbox.ErrNotWanted {
		t.Errorf("%v", err)
	}
}

// The loop: our client asks our facade, whose notices come to our client.
func TestTheClientUnderstandsTheFacade(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		events []string
		want   []calls.ReportState
		end    calls.ProviderReport
	}{
		"a talk": {callbackEvents, []calls.ReportState{calls.ReportManager, calls.ReportRinging, calls.ReportAnswered, calls.ReportJoined, calls.ReportEnded},
			calls.ProviderReport{By: calls.ByCustomer}},
		"busy": {append(slices.Clone(callbackEvents[:4]), `call.completed {"outcome":"busy","to":"74955404444"}`),
			[]calls.ReportState{calls.ReportManager, calls.ReportRinging, calls.ReportEnded}, calls.ProviderReport{Outcome: calls.OutcomeBusy}},
		"the employee does not come": {append(slices.Clone(callbackEvents[:2]), `call.completed {"outcome":"canceled","reason":"manager_not_reached","to":"74955404444"}`),
			[]calls.ReportState{calls.ReportEnded}, calls.ProviderReport{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonManagerNotReached}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			at := newServer(t, http.StripPrefix("/compat/mango", d.handler))
			w := newWorld(t, func(s *settings) { s.URL = at + "/compat/mango/vpbx" })
			back := newServer(t, http.StripPrefix("/intake", w.c.Intake()))
			f := w.follow(t, bridgeRequest("att1", "74955404444", "employee:201"))
			asked := d.Engine.Requests()
			if len(asked) != 1 || asked[0].To != "74955404444" || asked[0].From != "74951234567" || asked[0].Bridge.Manager != "employee:emp_1" {
				t.Fatalf("%+v", asked)
			}
			var c calls.Call
			for _, row := range d.Memory.CallRows {
				c = *row
			}
			c.Line = "74951234567"
			newLane(t, d.World, back+"/intake/", c).all(x.events...)
			states, end := f.states(t)
			if !slices.Equal(states, x.want) || end.ProviderCallID != c.ID || end.Outcome != x.end.Outcome || x.end.By != "" && end.By != x.end.By || x.end.Reason != "" && end.Reason != x.end.Reason {
				t.Errorf("%v %+v", states, end)
			}
			if name == "a talk" {
				if r := f.next(t); r.State != calls.ReportRecord || !strings.Contains(r.RecordURL, "/queries/recording/link/"+c.ID+"/download/") {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}
