package beeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/outbox"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

// deliver runs the outbox over the facade's events.
func (b *portalBench) deliver() {
	b.t.Helper()
	o, err := outbox.New(outbox.Config{Store: b.store, Clock: b.house.Clock, IDs: b.house.IDs, Client: http.DefaultClient, Trusted: http.DefaultClient,
		Sinks: []outbox.Sink{sink{b.house}}})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := o.Start(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := o.Stop(ctx); err != nil {
			b.t.Error(err)
		}
	})
}

// tell appends an event of a call at a time, with the call as it is then.
func (b *portalBench) tell(c *calls.Call, at time.Time, t calls.EventType, data any) {
	b.t.Helper()
	put(b.t, b.store, func(tx calls.Tx) error {
		e := calls.ForCall(b.house.IDs.New("evt_"), at, c, t, data)
		if err := tx.UpdateCall(c); err != nil {
			return err
		}
		return tx.AppendEvent(&e)
	})
}

// complete ends a call after a talk.
func complete(c *calls.Call, answered, ended time.Time, by calls.Party) {
	c.Status, c.Outcome, c.AnsweredAt, c.EndedAt, c.HangupBy = calls.StatusCompleted, calls.OutcomeAnswered, &answered, &ended, by
	c.TalkMS = ended.Sub(answered).Milliseconds()
}

func TestOurClientUnderstandsOurFacade(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "")
	b.deliver()
	var intake atomic.Pointer[http.Handler]
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*intake.Load()).ServeHTTP(w, r) }))
	t.Cleanup(hook.Close)

	theirs := testStore(t)
	anna := &calls.Employee{ID: "emp_anna", Account: calls.MainAccount, Name: "Anna", Provider: "pbx", Subscriber: "201", Method: calls.MethodAPI}
	put(t, theirs, func(tx calls.Tx) error { return tx.PutEmployee(anna) })
	c := clock.System()
	house := &providers.House{Engine: &fakeEngine{opened: make(chan *told1, 20)}, Store: theirs, Clock: c, IDs: clock.NewIDs(c, nil), Log: quietLog(),
		IntakeURL: func(string) string { return hook.URL + "/x" }}
	p, err := open(house, "pbx", fields("url: "+b.server.URL+"/compat/beeline/apis/portal\ntoken: "+facadeToken+"\ncheck: 100ms\nsettle: 20ms\nrate: 100\nrecords: [20ms, 50ms, 100ms, 200ms, 400ms]\n"))
	if err != nil {
		t.Fatal(err)
	}
	client := p.(*Client)
	h := client.Intake()
	intake.Store(&h)
	if err := client.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, client) })
	for deadline := time.Now().Add(time.Minute); len(client.Subscriptions()) == 0 || client.Subscriptions()[0].State != calls.SubscriptionActive; {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", client.Subscriptions())
		}
		wait(t, time.After(5*time.Millisecond), "time")
	}

	side := &bench{t: t, client: client, anna: anna}
	f := side.place(providers.PlaceRequest{Account: calls.MainAccount, CallID: "call_theirs", To: "79220001122", Employee: anna})
	if f.err != nil || !strings.HasPrefix(f.result.ProviderCallID, "call_") {
		t.Fatalf("%+v, %v", f.result, f.err)
	}
	var ours *calls.Call
	if err := b.store.View(context.Background(), func(tx calls.ReadTx) error {
		ours, err = tx.Call(calls.MainAccount, f.result.ProviderCallID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	now := ours.CreatedAt.Add(time.Second).Truncate(time.Millisecond)
	b.tell(ours, now, calls.CallBridging, map[string]string{"leg": "manager", "employee": "emp_1"})
	b.tell(ours, now.Add(2*time.Second), calls.CallDialing, nil)
	b.tell(ours, now.Add(3*time.Second), calls.CallRinging, nil)
	b.tell(ours, now.Add(5*time.Second), calls.CallAnswered, nil)
	complete(ours, now.Add(5*time.Second), now.Add(25*time.Second), calls.ByCustomer)
	b.tell(ours, now.Add(25*time.Second), calls.CallCompleted, nil)
	b.tell(ours, now.Add(26*time.Second), calls.CallRecordingReady, map[string]any{"url": "/x", "duration_ms": 20000})

	got := waitState(t, f.told, calls.ReportRecord)
	want := []calls.ReportState{calls.ReportManager, calls.ReportRinging, calls.ReportAnswered, calls.ReportJoined, calls.ReportEnded, calls.ReportRecord}
	if len(got) != len(want) {
		t.Fatalf("%v", states(got))
	}
	end := got[4]
	if end.TalkMS != 20000 || end.By != calls.ByCustomer || !got[2].At.Equal(now.Add(5*time.Second)) {
		t.Errorf("%+v", got)
	}
	if !strings.HasPrefix(got[5].RecordURL, "https://zvonar.example/v1/calls/"+ours.ID+"/recording?") {
		t.Errorf("%s", got[5].RecordURL)
	}
}

// receiver is somebody who subscribed at the facade.
type receiver struct {
	url  string
	got  chan Event
	fail atomic.Int64 // so many posts are answered with 500
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: make(chan Event, 50)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.fail.Add(-1) >= 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		body, _ := io.ReadAll(req.Body)
		e, err := ParseEvent(body)
		if err != nil || req.Header.Get("Content-Type") != "application/xml; charset=UTF-8" {
			t.Errorf("%v: %s", err, body)
		}
		r.got <- e
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func (b *portalBench) subscribe(body string) string {
	b.t.Helper()
	code, text := b.ask("PUT", "/apis/portal/subscription", body)
	var s Subscription
	if err := json.Unmarshal([]byte(text), &s); err != nil || code != 200 || s.SubscriptionID == "" {
		b.t.Fatalf("%d %s", code, text)
	}
	return s.SubscriptionID
}

func (b *portalBench) incoming(id string, at time.Time) *calls.Call {
	c := &calls.Call{ID: id, Account: calls.MainAccount, Direction: calls.In, Status: calls.StatusRinging, To: "78005553535", Line: "78005553535", From: "79220001122", CreatedAt: at, DueAt: at}
	put(b.t, b.store, func(tx calls.Tx) error { return tx.InsertCall(c) })
	return c
}

func TestSubscribersHearOfIncomingCalls(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "user_domain: mpbx.sip.beeline.ru")
	b.deliver()
	anna, boris, everybody := newReceiver(t), newReceiver(t), newReceiver(t)
	id := b.subscribe(fmt.Sprintf(`{"pattern":"201","expires":3600,"subscriptionType":"BASIC_CALL","url":"%s"}`, anna.url))
	b.subscribe(fmt.Sprintf(`{"pattern":"emp_2","expires":"3600","url":"%s"}`, boris.url))
	b.subscribe(fmt.Sprintf(`{"expires":3600,"url":"%s"}`, everybody.url))
	code, text := b.ask("GET", "/subscription?subscriptionId="+id, "")
	before, rest, _ := strings.Cut(text, `"expires":`)
	left, after, _ := strings.Cut(rest, ",") // what is left by now
	if n, err := strconv.Atoi(left); code != 200 || err != nil || n < 3000 || n > 3599 || after != fmt.Sprintf(`"url":"%s"}`, anna.url) ||
		before != fmt.Sprintf(`{"subscriptionId":"%s","targetType":"ABONENT","targetId":"9333221100@mpbx.sip.beeline.ru","subscriptionType":"BASIC_CALL",`, id) {
		t.Errorf("%d %s", code, text)
	}

	now := time.Now().UTC().Truncate(time.Millisecond)
	c := b.incoming("call_in", now)
	b.tell(c, now, calls.CallRinging, nil)
	b.tell(c, now.Add(time.Second), calls.CallAnswered, nil) // our menu answered, nobody of theirs
	b.tell(c, now.Add(2*time.Second), calls.CallBridging, map[string]string{"leg": "manager", "employee": "emp_1"})
	b.tell(c, now.Add(5*time.Second), calls.CallBridged, nil)
	complete(c, now.Add(time.Second), now.Add(30*time.Second), calls.ByManager)
	c.Employee = "emp_1"
	b.tell(c, now.Add(30*time.Second), calls.CallCompleted, nil)

	for _, r := range []*receiver{anna, everybody} {
		for _, want := range []string{eventReceived, eventAnswered, eventReleased} {
			e := wait(t, r.got, want)
			if e.Type != want || e.User != "9333221100@mpbx.sip.beeline.ru" || len(e.Calls) != 1 {
				t.Fatalf("%+v, want %s", e, want)
			}
			x := e.Calls[0]
			if x.Personality != personTerminator || x.Remote.Number() != "79220001122" || x.Tracking != "call_in" || !x.Start.Equal(now.Add(2*time.Second)) {
				t.Errorf("%+v", x)
			}
			if want == eventReleased && (x.Release.Sub(x.Answer) != 25*time.Second || x.ReleasedBy != "localRelease") {
				t.Errorf("%+v", x)
			}
		}
	}
	missed := b.incoming("call_missed", now)
	missed.Status, missed.Outcome, missed.EndedAt = calls.StatusCompleted, calls.OutcomeMissed, &now
	b.tell(missed, now, calls.CallCompleted, nil)
	if e := wait(t, everybody.got, "the missed call"); e.Type != eventReleased || e.Calls[0].ID != "call_missed" || !e.Calls[0].Answer.IsZero() || e.User != "78005553535" {
		t.Errorf("%+v", e)
	}
	if n := len(anna.got) + len(boris.got); n != 0 {
		t.Errorf("%d events too many", n)
	}
}

func TestASubscriptionEnds(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "")
	r := newReceiver(t)
	id := b.subscribe(fmt.Sprintf(`{"expires":3600,"url":"%s"}`, r.url))
	gone := b.subscribe(fmt.Sprintf(`{"expires":3600,"url":"%s"}`, r.url))
	b.wants("DELETE", "/apis/portal/subscription?subscriptionId="+gone, "", 200, `"OK"`)
	b.wants("GET", "/apis/portal/subscription?subscriptionId="+gone, "", 404, `{"errorCode":"SubscriptionNotFound","description":"there is no such subscription, or it has ended"}`)
	put(t, b.store, func(tx calls.Tx) error { // its time is over
		w, err := tx.Webhook(calls.MainAccount, id)
		if err != nil {
			return err
		}
		o, err := orderOf(w)
		if err != nil {
			return err
		}
		o.Expires = time.Now().Add(-time.Minute)
		if w.Settings, err = json.Marshal(o); err != nil {
			return err
		}
		return tx.PutWebhook(w)
	})
	b.deliver()
	now := time.Now()
	c := b.incoming("call_1", now)
	b.tell(c, now, calls.CallBridging, map[string]string{"employee": "emp_1"})
	if e := wait(t, r.got, "the end"); e.Type != eventTerminated || e.Subscription != id {
		t.Fatalf("%+v", e)
	}
	for body, code := range map[string]string{
		`{"expires":3600,"url":"http://169.254.169.254/x"}`:                "UrlInvalid",
		`{"expires":3600,"url":""}`:                                        "UrlInvalid",
		`{"expires":0,"url":"http://x.example"}`:                           "ParameterInvalid",
		`{"expires":60,"url":"http://x.example","subscriptionType":"ALL"}`: "ParameterInvalid",
		`{"expires":60,"url":"http://x.example","pattern":"nobody"}`:       "AbonentNotFound",
		`[]`: "BadRequest",
	} {
		if status, text := b.ask("PUT", "/subscription", body); failureOf([]byte(text)).ErrorCode != code || status < 400 {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if _, text := b.ask("PUT", "/subscription", `{"expires":99999999,"url":"http://x.example"}`); !strings.Contains(text, `"expires":90000`) {
		t.Error(text)
	}
}

func TestRecordsAndStatisticsAreOurs(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "")
	apart := providerstest.KeepApart(b.house)
	t.Cleanup(func() {
		if n := apart.Within(); n > 0 {
			t.Errorf("%d captures were looked for within a view of the store", n)
		}
	})
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := range 3 {
		c := b.incoming(fmt.Sprint("call_", i), now)
		complete(c, now.Add(time.Second), now.Add(11*time.Second+time.Duration(i)*time.Millisecond), calls.ByManager)
		if c.Employee = "emp_1"; i == 1 {
			c.Employee = ""
		}
		if i == 2 {
			c.Outcome, c.AnsweredAt = calls.OutcomeMissed, nil
		}
		b.tell(c, now.Add(11*time.Second), calls.CallCompleted, nil)
		url := "/v1/x"
		if i == 1 {
			url = "https://elsewhere.example/sound.mp3"
		}
		b.tell(c, now.Add(12*time.Second), calls.CallRecordingReady, map[string]any{"url": url, "duration_ms": 10000})
	}
	if err := os.WriteFile(filepath.Join(b.dir, "call_0.wav"), []byte("RIFF sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(query string) (out []Record) {
		t.Helper()
		code, body := b.ask("GET", "/apis/portal/records"+query, "")
		if err := json.Unmarshal([]byte(body), &out); err != nil || code != 200 {
			t.Fatalf("%d %s", code, body)
		}
		return out
	}
	all := list("")
	if len(all) != 3 || all[0].ExternalID != "call_0" || all[0].FileSize != 10 || all[0].Direction != inbound || all[0].Phone != "9220001122" || all[0].Duration != 10000 ||
		!all[0].Date.Time().Equal(now.Add(time.Second)) || all[0].Abonent == nil || all[0].Abonent.Extension != "201" || all[1].Abonent != nil {
		t.Fatalf("%+v", all)
	}
	if rest := list("?id=" + all[0].ID); len(rest) != 2 || rest[0].ID != all[1].ID {
		t.Errorf("%+v", rest)
	}
	if rest := list("?id=" + all[2].ID); len(rest) != 0 {
		t.Errorf("%+v", rest)
	}
	if his := list("?userId=201"); len(his) != 2 {
		t.Errorf("%+v", his)
	}
	if late := list("?dateFrom=" + now.Add(time.Hour).Format(time.RFC3339)); len(late) != 0 {
		t.Errorf("%+v", late)
	}
	if code, body := b.ask("GET", "/apis/portal/v2/records/"+all[0].ID+"/download", ""); code != 200 || body != "RIFF sound" {
		t.Errorf("%d %s", code, body)
	}
	if code, body := b.ask("GET", "/apis/portal/v2/records/call_0/201/download", ""); code != 200 || body != "RIFF sound" {
		t.Errorf("%d %s", code, body)
	}
	var heard []calls.AuditEntry
	put(t, b.store, func(tx calls.Tx) (err error) {
		heard, err = tx.AuditEntries(calls.AuditFilter{Account: calls.MainAccount, Limit: 10})
		return err
	})
	if len(heard) != 2 || heard[0].Action != "call.listen" || heard[0].Object != "call_0" || heard[0].Actor != "crm" {
		t.Errorf("who listened: %+v", heard)
	}
	if code, _ := b.ask("GET", "/apis/portal/v2/records/"+all[1].ID+"/download", ""); code != 302 {
		t.Errorf("%d", code)
	}
	if code, body := b.ask("GET", "/apis/portal/v2/records/"+all[2].ID+"/download", ""); code != 404 || failureOf([]byte(body)).ErrorCode != "RecordNotFound" {
		t.Errorf("%d %s", code, body)
	}
	b.wants("GET", "/apis/portal/records/"+all[1].ID+"/reference", "", 200, `{"url":"https://elsewhere.example/sound.mp3"}`)
	if code, body := b.ask("GET", "/apis/portal/records/call_0/201/reference", ""); code != 200 || !strings.HasPrefix(named([]byte(body), "url"), "https://zvonar.example/v1/calls/call_0/recording?expires=") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := b.ask("GET", "/apis/portal/v2/records/call_1", ""); code != 200 || !strings.Contains(body, `"externalId":"call_1"`) {
		t.Errorf("%d %s", code, body)
	}
	b.wants("GET", "/apis/portal/v2/statistics?pageSize=1&page=1", "", 200, fmt.Sprintf(
		`[{"startDate":%d,"abonent":null,"direction":"INBOUND","status":"RECIEVED","phone_from":"9220001122","phone_to":"8005553535","duration":10001,"department":"","callForward":false}]`, now.UnixMilli()))
	if _, body := b.ask("GET", "/apis/portal/statistics?userId=201", ""); strings.Count(body, `"phone":"9220001122"`) != 2 || !strings.Contains(body, `"MISSED"`) || strings.Contains(body, "phone_from") {
		t.Error(body)
	}
	if _, body := b.ask("GET", "/apis/portal/statistics?dateTo=2020-01-01T00:00:00Z", ""); body != "[]" {
		t.Error(body)
	}
}
