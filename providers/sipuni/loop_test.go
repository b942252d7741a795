package sipuni

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// captures are files by call.
type captures map[string]string

// Path implements providers.Captures.
func (c captures) Path(_, call string) (string, error) {
	if c[call] == "" {
		return "", os.ErrNotExist
	}
	return c[call], nil
}

// deliver puts events through a sink as the outbox does: in order, with what it
// remembers.
func deliver(t testing.TB, s outbox.Sink, to *calls.Webhook, events ...calls.Event) (answers []outbox.Answer) {
	t.Helper()
	state := ""
	for _, e := range events {
		it := outbox.Item{To: to, Event: e, State: state}
		m, err := s.Map(it)
		if errors.Is(err, outbox.ErrNotWanted) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		a := s.Send(background, outbox.Exchange{Item: it, Message: m, Client: http.DefaultClient, Now: e.Time})
		if a.State != nil {
			state = *a.State
		}
		answers = append(answers, a)
	}
	return answers
}

// TestOurClientWorksWithOurFacade: an order of the client becomes a call in the
// facade's house, and the events that the facade's sink tells become its reports.
func TestOurClientWorksWithOurFacade(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	b := newBranch(t, nil, func(s *settings) { s.URL = d.url + "/api" })
	d.House.Captures = captures{}
	r := toJoin("201@pbx", calls.ClientFirst, nil)
	f := b.follow(t, r)
	placed, err := b.Place(background, r)
	if err != nil {
		t.Fatal(err)
	}
	f.placed <- placed
	asked := d.Engine.Requests()[0]
	if asked.To != r.To || asked.Bridge.Order != calls.ClientFirst || asked.Bridge.Manager != "employee:emp_1" {
		t.Errorf("asked for %+v", asked)
	}
	id, _ := callOfID(placed.ProviderCallID)
	call := d.Memory.CallByID("main", id)
	answered, ended := noon.Add(10*time.Second), noon.Add(40*time.Second)
	call.Employee, call.Line, call.Trunk = "emp_1", "74991234567", "main"
	call.AnsweredAt, call.EndedAt, call.Status, call.Outcome = &answered, &ended, calls.StatusCompleted, calls.OutcomeAnswered
	call.TalkMS = 30_000
	d.Memory.PutCall(call)
	d.House.Captures = captures{call.ID: "/nowhere"}
	at := func(s int, kind calls.EventType) calls.Event {
		return calls.ForCall("evt", noon.Add(time.Duration(s)*time.Second), call, kind, nil)
	}
	for _, a := range deliver(t, sink{d.House}, &calls.Webhook{URL: b.intake + "/?kept=1"}, at(0, calls.CallQueued), at(1, calls.CallDialing), at(2, calls.CallDialing),
		at(10, calls.CallAnswered), at(40, calls.CallCompleted)) {
		if a.Then != outbox.Delivered {
			t.Fatalf("%+v", a)
		}
	}
	<-f.done
	if got := f.states(0); got != "ringing manager answered joined record ended" {
		t.Error(got)
	}
	if end := f.last(); end.SIPCode != 200 || end.TalkMS != 30_000 {
		t.Errorf("%+v", end)
	}
	if record := f.told[4].RecordURL; !strings.HasPrefix(record, "http://zvonar.test/v1/calls/"+call.ID+"/recording?expires=") {
		t.Error(record)
	}
	tableOfTheLoop(t, d, b, call)
}

// tableOfTheLoop reads the facade's tables and lists with the client.
func tableOfTheLoop(t *testing.T, d *desk, b *branch, call *calls.Call) {
	t.Helper()
	a, err := b.Test(background, methodStatistic, []byte(`{"from":"21.11.2026","to":"21.11.2026","type":"2","state":"2","tree":""}`))
	if err != nil {
		t.Fatal(err)
	}
	table, err := readTable(a.Body)
	if err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	rows := table.rows(b.zone)
	if len(rows) != 1 || rows[0].order != orderID(call.ID) || rows[0].to != call.To || rows[0].talk != 30*time.Second ||
		rows[0].answeredBy != "201" || rows[0].status != "Отвечен" || !rows[0].at.Equal(noon) || rows[0].record != eventID(call.ID) || !rows[0].recordIsStored {
		t.Errorf("%+v", rows)
	}
	for body, want := range map[string]int{
		`{"from":"21.11.2026","to":"21.11.2026","type":"1","state":"0"}`: 0, `{"from":"21.11.2026","to":"21.11.2026","type":"3","state":"0"}`: 0,
		`{"from":"20.11.2026","to":"20.11.2026"}`: 0, `{"from":"","to":""}`: 1, `{"from":"21.11.2026","to":"21.11.2026","timeFrom":"12:01"}`: 0,
		`{"from":"21.11.2026","to":"21.11.2026","toNumber":"89161234567","toAnswer":"201"}`: 1, `{"from":"21.11.2026","to":"21.11.2026","state":"1"}`: 0,
	} {
		a, err := b.Test(background, methodStatistic, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		table, err := readTable(a.Body)
		if err != nil || len(table.cells) != want {
			t.Errorf("%s: %s", body, a.Body)
		}
	}
	a, err = b.Test(background, methodOperators, []byte(`{}`))
	if err != nil || string(a.Body) != bom+"Номер;Имя;Статус\n201;Анна;online\n100001;'=1+1;offline\n" {
		t.Errorf("%q, %v", a.Body, err)
	}
	a, err = b.Test(background, methodSchemes, []byte(`{"type":"1"}`))
	if err != nil || string(a.Body) != `{"data":[{"id":"000658610","name":"Опрос","type":"1","createdAt":""}],"success":true}` {
		t.Errorf("%s, %v", a.Body, err)
	}
	a, err = b.Test(background, methodEverything, []byte(`{"limit":"1","order":"asc","page":"2"}`))
	if err != nil || len(strings.Split(strings.TrimSpace(string(a.Body)), "\n")) != 1 {
		t.Errorf("%s, %v", a.Body, err)
	}
}

func TestARecordIsSentToWhoMayHearItAndLeavesATrace(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.orderOK(d.post("/callback/call_number", sent(number(), "secret")))
	var call *calls.Call
	for id := range d.Memory.CallRows {
		call = d.Memory.CallByID("main", id)
	}
	file := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(file, []byte("RIFF-sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.House.Captures = captures{call.ID: file}
	for _, id := range []string{eventID(call.ID), orderID(call.ID), call.ID} {
		if status, body := d.post("/api/statistic/record", sent(params{"id": id, "user": "078332"}, "secret")); status != 200 || body != "RIFF-sound" {
			t.Errorf("%s: %d %s", id, status, body)
		}
	}
	if log := d.Memory.Audited(); len(log) != 3 || log[0].Action != "call.listen" || log[0].Object != call.ID {
		t.Errorf("%+v", log)
	}
	for _, id := range []string{"1419783130.15593", "x", eventID("call_01ARZ3NDEKTSV4RRFFQ69G5FAV")} {
		if _, body := d.post("/statistic/record", sent(params{"id": id, "user": "078332"}, "secret")); !strings.Contains(body, "no such call") {
			t.Errorf("%s: %s", id, body)
		}
	}
	if _, body := d.post("/statistic/record", sent(params{"id": eventID(call.ID), "user": "500500"}, "secret")); !strings.Contains(body, "may not") {
		t.Error(body)
	}
}

func TestOrdersAreTakenBackAndCallsHungUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	id := d.orderOK(d.post("/callback/call_number", sent(number(), "secret")))
	name, _ := callOfID(id)
	d.orderOK(d.post("/callback/cancel", sent(params{"callbackId": id, "user": "078332"}, "secret")))
	call := d.Memory.CallByID("main", name)
	call.AnsweredAt, call.Status = &noon, calls.StatusAnswered
	d.Memory.PutCall(call)
	if _, body := d.post("/callback/cancel", sent(params{"callbackId": id, "user": "078332"}, "secret")); !strings.Contains(body, "answered") {
		t.Error(body)
	}
	d.orderOK(d.post("/events/call/hangup", sent(params{"callId": eventID(name), "user": "078332"}, "secret")))
	call.Status = calls.StatusCompleted
	d.Memory.PutCall(call)
	if _, body := d.post("/events/call/hangup", sent(params{"callId": eventID(name), "user": "078332"}, "secret")); !strings.Contains(body, "over") {
		t.Error(body)
	}
	if ended := d.Engine.HungUp(); len(ended) != 2 || ended[0] != name {
		t.Errorf("%v", ended)
	}
	call.Account = "other"
	d.Memory.PutCall(call)
	if _, body := d.post("/events/call/hangup", sent(params{"callId": eventID(name), "user": "078332"}, "secret")); !strings.Contains(body, "no such call") {
		t.Error("somebody else's call: " + body)
	}
}

func TestEventsGoOutAsTheServiceSendsThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	var got []url.Values
	var methods []string
	answer, status := `{"success":true}`, 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got, methods = append(got, r.Form), append(methods, r.Method)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(srv.Close)
	call := &calls.Call{ID: "call_01ARZ3NDEKTSV4RRFFQ69G5FAV", Account: "main", Direction: calls.In, Status: calls.StatusCompleted, Outcome: calls.OutcomeMissed,
		From: "79220001122", To: "74991234567", Line: "74991234567", CreatedAt: noon}
	d.Memory.PutCall(call)
	at := func(kind calls.EventType) calls.Event { return calls.ForCall("evt", noon, call, kind, nil) }
	s := sink{d.House}
	to := &calls.Webhook{URL: srv.URL + "/?token=1", Settings: json.RawMessage(`{"user":"012345"}`)}
	deliver(t, s, to, at(calls.CallRinging), at(calls.CallDigit), at(calls.CallCompleted))
	if len(got) != 2 || methods[0] != "GET" {
		t.Fatalf("%v", got)
	}
	for name, want := range map[string]string{"event": "1", "token": "1", "call_id": eventID(call.ID), "src_num": "79220001122", "src_type": "1", "dst_type": "2",
		"dst_num": "012345", "pbxdstnum": "74991234567", "timestamp": "1795251600"} {
		if got[0].Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got[0].Get(name), want)
		}
	}
	if got[1].Get("status") != "NOANSWER" || got[1].Get("call_answer_timestamp") != "0" || got[1].Has("call_record_link") || got[1].Has("callbackId") {
		t.Errorf("%v", got[1])
	}
	// A call that was never dialled is told to nobody.
	never := *call
	never.ID, never.Direction = "call_01ARZ3NDEKTSV4RRFFQ69G5FAW", calls.Out
	d.Memory.PutCall(&never)
	if n := deliver(t, s, to, calls.ForCall("evt", noon, &never, calls.CallQueued, nil), calls.ForCall("evt", noon, &never, calls.CallCompleted, nil)); len(n) != 0 {
		t.Errorf("%v", n)
	}
	to.Settings = json.RawMessage(`{"method":"POST"}`)
	for _, c := range []struct {
		answer string
		status int
		want   outbox.Then
	}{{`{"success":true}`, 200, outbox.Delivered}, {"OK", 200, outbox.Retry}, {`{"success":false}`, 200, outbox.Retry}, {"", 503, outbox.Retry}, {"", 410, outbox.Disable}} {
		answer, status = c.answer, c.status
		if a := deliver(t, s, to, at(calls.CallAnswered)); a[0].Then != c.want || methods[len(methods)-1] != "POST" {
			t.Errorf("%d %s: %+v", c.status, c.answer, a)
		}
	}
	answer, status = "OK", 200
	to.Settings = json.RawMessage(`{"lenient":true}`)
	if a := deliver(t, s, to, at(calls.CallAnswered)); a[0].Then != outbox.Delivered {
		t.Errorf("%+v", a)
	}
	srv.Close()
	if a := deliver(t, s, to, at(calls.CallAnswered)); a[0].Then != outbox.Retry || strings.Contains(a[0].Error, "token") {
		t.Errorf("%+v", a)
	}
}

func TestIDsOfCallsAreTheSameInEachForm(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"call_01ARZ3NDEKTSV4RRFFQ69G5FAV", "call_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "call_00000000010000000000000000"} {
		for _, form := range []string{orderID(id), eventID(id), id} {
			if back, ok := callOfID(form); !ok || back != id {
				t.Errorf("%s: %s leads to %s", id, form, back)
			}
		}
	}
	for _, s := range []string{"", "x", "1.x", "1.-1", "99999999999999999999.1", "1." + strings.Repeat("9", 40), strings.Repeat("g", 32)} {
		if back, ok := callOfID(s); ok {
			t.Errorf("%q is %s", s, back)
		}
	}
}

func FuzzTableAndIDs(f *testing.F) {
	f.Add(bom + "Тип;Время;Откуда;Куда\nИсходящий;21.11.2026 12:00:04;201;+7916\n")
	f.Add("1419783130.15593")
	f.Fuzz(func(t *testing.T, s string) {
		if table, err := readTable([]byte(s)); err == nil {
			for _, r := range table.rows(time.UTC) {
				if strings.Trim(r.from+r.to, "0123456789") != "" || r.total < 0 {
					t.Fatalf("%+v", r)
				}
			}
		}
		if id, ok := callOfID(s); ok && orderID(id) == "" {
			t.Fatal(id)
		}
	})
}
