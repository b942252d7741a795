package mango

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers/providerstest"
)

// receiver is an external system: it checks what it is sent and keeps it.
type receiver struct {
	t    testing.TB
	http *httptest.Server
	mu   sync.Mutex
	got  []received
	fail int // how many requests are answered 503 first
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{t: t}
	r.http = httptest.NewServer(r)
	t.Cleanup(r.http.Close)
	return r
}

// ServeHTTP is the external system.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f, err := readForm(req.Header.Get("Content-Type"), req.Body)
	if err != nil || f.Key != testKey || f.Sign != sign(testKey, f.JSON, testSalt) {
		r.t.Errorf("%s: %v, %+v", req.URL.Path, err, f)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		w.WriteHeader(503)
		return
	}
	r.got = append(r.got, received{strings.TrimPrefix(req.URL.Path, "/crm/"), f.JSON})
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func TestCallbacksBecomeCallsBetweenTwoParties(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		path, body, to, from, employee string
		bridge                         calls.Bridge
	}{
		"an employee": {"commands/callback", `{"command_id":"c","from":{"extension":"201"},"to_number":"74955404444","line_number":"74951234567"}`,
			"74955404444", "74951234567", "emp_1", calls.Bridge{Manager: "employee:emp_1", Order: calls.ManagerFirst}},
		"an employee elsewhere": {"commands/callback", `{"command_id":"c","from":{"extension":"201","number":"79160000009"},"to_number":"74955404444"}`,
			"74955404444", "", "emp_1", calls.Bridge{Manager: "79160000009", Order: calls.ManagerFirst}},
		"his SIP line": {"commands/callback", `{"command_id":"c","from":{"extension":"201","number":"sip:u@x.mangosip.ru"},"to_number":"74955404444"}`,
			"74955404444", "", "emp_1", calls.Bridge{Manager: "employee:emp_1", Order: calls.ManagerFirst}},
		"a colleague": {"commands/callback", `{"command_id":"c","from":{"extension":"202"},"to_number":"201"}`,
			"79160000201", "", "emp_2", calls.Bridge{Manager: "employee:emp_2", Order: calls.ManagerFirst}},
		"a group first": {"commands/callback_group", `{"command_id":"c","from":"300","to":"74955404444","line_number":"74951234567"}`,
			"74955404444", "74951234567", "", calls.Bridge{Manager: "group:300", Order: calls.ManagerFirst}},
		"a group for a client": {"commands/callback_group", `{"command_id":"c","from":"74955404444","to":"300","line_number":"74951234567"}`,
			"74955404444", "74951234567", "", calls.Bridge{Manager: "group:300", Order: calls.ClientFirst}},
	} {
		d := newDesk(t, nil)
		if got := d.ask(x.path, x.body); got["result"] != 1000.0 || got["command_id"] != "c" {
			t.Errorf("%s: %v", name, got)
			continue
		}
		r := d.Engine.Requests()[0]
		if r.Account != "main" || r.To != x.to || r.From != x.from || r.Employee != x.employee || r.Bridge == nil || *r.Bridge != x.bridge || r.Ref != "mango:c" {
			t.Errorf("%s: %+v %+v", name, r, r.Bridge)
		}
	}
	d := newDesk(t, nil)
	if got := d.ask("commands/callback_group", `{"from":"301","to":"74955404444","line_number":"7"}`); got["result"] != 3300.0 {
		t.Errorf("no group: %v", got)
	}
}

func TestACallbackThatIsRepeatedRingsOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	rung := func() (ids []string) {
		for _, r := range d.Engine.Requests() {
			if !slices.Contains(ids, r.IdempotencyKey) {
				ids = append(ids, r.IdempotencyKey)
			}
		}
		return ids
	}
	for _, same := range []string{`{"from":{"extension":"201"},"to_number":"74955404444"}`, `{"to_number":"+7 495 540-44-44","from":{"extension":201}}`} {
		if got := d.ask("commands/callback", same); got["result"] != 1000.0 {
			t.Errorf("%s: %v", same, got)
		}
	}
	if n := len(rung()); n != 1 {
		t.Errorf("one order rang %d times", n)
	}
	for _, other := range []string{`{"from":{"extension":"202"},"to_number":"74955404444"}`, `{"command_id":"2","from":{"extension":"201"},"to_number":"74955404444"}`} {
		d.ask("commands/callback", other)
	}
	if n := len(rung()); n != 3 {
		t.Errorf("three orders rang %d times", n)
	}
}

func TestEveryMethodAsksForTheRoleOfWhatItDoes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *facadeSettings) { s.Limits, s.Penalty = false, false })
	for _, role := range []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin} {
		d.Keys.Add(calls.FacadeKey{ID: "key_of_" + string(role), Account: "main", Kind: Kind, Public: string(role), Secret: testSalt, Roles: []calls.Permission{role}})
	}
	providerstest.KeepsToNeeds(t, System().Needs, []string{"queries/recording/post"}, func(path string, role calls.Permission) bool {
		m, _ := methodAt(path)
		there := map[string]any{}
		for _, name := range m.needs {
			there[name] = "1"
		}
		body, err := json.Marshal(there)
		if err != nil {
			t.Fatal(err)
		}
		rec := d.send(path, urlencoded, string(form{Key: string(role), JSON: string(body), Sign: sign(string(role), string(body), testSalt)}.encode()))
		return strings.Contains(rec.Body.String(), `"result":`+strconv.Itoa(codeForbidden))
	})
	if len(needs) != len(handlers) || len(needs) != len(methods) {
		t.Errorf("%d methods have needs, %d are answered", len(needs), len(handlers))
	}
}

func TestCommandsReachTheCallAndTheirResultsTheExternalSystem(t *testing.T) {
	t.Parallel()
	d, r := newDesk(t, nil), newReceiver(t)
	d.Memory.WebhookRows = []*calls.Webhook{{Account: "main", Kind: Kind, Key: "key_1", URL: r.http.URL + "/crm/"},
		{Account: "main", Kind: Kind, Key: "key_2", URL: "http://127.0.0.1:1/"}, {Account: "main", Kind: Kind, Key: "key_1", URL: "http://127.0.0.1:1/", Disabled: true}}
	d.Memory.PutCall(&calls.Call{ID: "call_1", Account: "main", Status: calls.StatusBridged})
	d.Memory.PutCall(&calls.Call{ID: "call_2", Account: "main", Status: calls.StatusCompleted})
	for _, x := range []struct {
		path, body string
		want       float64
	}{
		{"commands/transfer", `{"command_id":"c1","call_id":"call_1:2","method":"blind","to_number":"202","initiator":"201"}`, 1000},
		{"commands/transfer", `{"command_id":"c2","call_id":"call_1:2","method":"hold","to_number":"79161112233","initiator":"201"}`, 1000},
		{"commands/transfer", `{"command_id":"c3","call_id":"call_1:2","method":"warm","to_number":"202","initiator":"201"}`, 3100},
		{"commands/route", `{"command_id":"c4","call_id":"call_1","to_number":"300"}`, 1000},
		{"commands/play/start", `{"command_id":"c5","call_id":"call_1:1","internal_id":"1460168"}`, 1000},
		{"commands/play/start", `{"command_id":"c6","call_id":"call_1:1"}`, 3340},
		{"commands/recording/start", `{"command_id":"c7","call_id":"call_1:1","call_party_number":"201"}`, 1000},
		{"commands/call/hold/on", `{"command_id":"c8","call_id":"call_1:1","initiator":"201"}`, 1000},
		{"commands/route", `{"command_id":"c9","call_id":"call_2:1","to_number":"300"}`, 4100},
		{"commands/recording/start", `{"command_id":"c10","call_id":"call_9"}`, 3310},
		{"commands/call/hangup", `{"command_id":"c11","call_id":"call_1:1"}`, 1000},
		{"commands/sms", `{"command_id":"c12","text":"Привет","from_extension":"201","to_number":"79161112233"}`, 1000},
		{"commands/sms", `{"command_id":"c13","text":"` + strings.Repeat("я", mostCyrillic+1) + `","from_extension":"201","to_number":"79161112233"}`, 3100},
		{"commands/sms", `{"command_id":"c14","text":"x","from_extension":"201","to_number":"202"}`, 3200},
		{"commands/sms", `{"command_id":"c15","text":"x","from_extension":"209","to_number":"79161112233"}`, 3300},
	} {
		if got := d.ask(x.path, x.body); got["result"] != x.want {
			t.Errorf("%s %s: %v", x.path, x.body, got)
		}
		d.clock.Advance(penaltyTime)
	}
	want := []string{"transfer call_1 employee:202", "transfer call_1 79161112233", "transfer call_1 group:300", "play call_1 1460168", "record call_1 true", "hold call_1 customer true"}
	if got := d.Engine.Asked(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := d.Engine.HungUp(); !slices.Equal(got, []string{"call_1"}) {
		t.Errorf("%q", got)
	}
	if got := d.texts.All(); len(got) != 1 || got[0] != (calls.SMS{Account: "main", From: "74951234567", To: "79161112233", Text: "Привет"}) {
		t.Errorf("%+v", got)
	}
	told := r.all()
	if len(told) != 15 || told[0] != (received{"result/transfer", `{"command_id":"c1","result":1000}`}) ||
		told[4] != (received{"result/play/start", `{"command_id":"c5","result":1000}`}) || told[10] != (received{"result/call/hangup", `{"command_id":"c11","result":1000}`}) {
		t.Errorf("%d: %+v", len(told), told)
	}
}

func TestStatisticsAreHadAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	d, r := newDesk(t, func(s *facadeSettings) { s.StatsReady = calls.Duration(5 * time.Second) }), newReceiver(t)
	d.Memory.WebhookRows = []*calls.Webhook{{Account: "main", Kind: Kind, Key: "key_1", URL: r.http.URL + "/crm/"}}
	at := func(s int) *time.Time { x := noon.Add(time.Duration(s) * time.Second); return &x }
	d.World.House.Captures = providerstest.Captures{"call_1": "x"}
	apart := providerstest.KeepApart(d.World.House)
	t.Cleanup(func() {
		if n := apart.Within(); n > 0 {
			t.Errorf("%d captures were looked for within a view of the store", n)
		}
	})
	for _, c := range []*calls.Call{
		{ID: "call_1", Direction: calls.Out, Outcome: calls.OutcomeAnswered, HangupBy: calls.ByCustomer, To: "74955404444", From: "74951234567", Line: "74951234567", Employee: "emp_1", AnsweredAt: at(10), EndedAt: at(60)},
		{ID: "call_2", Direction: calls.In, Outcome: calls.OutcomeMissed, To: "74951234567", From: "79161112233", Line: "74951234567", EndedAt: at(30)},
		{ID: "call_3", Direction: calls.Out, Outcome: calls.OutcomeBusy, To: "7495;5404445", Line: "74951234567", EndedAt: at(5)},
		{ID: "call_4", Direction: calls.Out, Status: calls.StatusRinging, To: "74955404444"},
		{ID: "call_0", Direction: calls.Out, Outcome: calls.OutcomeBusy, To: "74955404444", CreatedAt: noon.Add(-48 * time.Hour), EndedAt: at(5)},
	} {
		c.Account = "main"
		if c.CreatedAt.IsZero() {
			c.CreatedAt = noon
		}
		if c.Outcome != "" {
			c.Status = calls.StatusCompleted
		}
		d.Memory.PutCall(c)
	}
	begin := noon.Unix()
	csv := func(fields string) string {
		t.Helper()
		d.clock.Advance(3 * time.Second)
		rec := d.send("vpbx/stats/request", urlencoded, signedBody(fmt.Sprintf(`{"date_from":"%d","date_to":%d%s}`, begin-60, begin+60, fields)))
		key, _ := d.answer(rec)["key"].(string)
		if key == "" {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		ask := signedBody(`{"key":"` + key + `"}`)
		if rec := d.send("vpbx/stats/result", urlencoded, ask); rec.Code != 204 || rec.Body.Len() != 0 {
			t.Errorf("too early: %d %s", rec.Code, rec.Body)
		}
		d.clock.Advance(5 * time.Second)
		rec = d.send("vpbx/stats/result/", urlencoded, ask)
		if rec.Code != 200 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	want := fmt.Sprintf("[call_1];%d;%d;%d;201;74951234567;;74955404444;1120;74951234567;abonent\n[];%d;%d;0;;79161112233;;74951234567;1110;74951234567;abonent\n[];%d;%d;0;;;;74955404445;1121;74951234567;abonent\n",
		begin, begin+60, begin+10, begin, begin+30, begin, begin+5)
	if got := csv(""); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := csv(`,"fields":"entry_id, to_number","call_party":{"number":"84955404444"}`); got != "call_1;74955404444\n" {
		t.Errorf("%q", got)
	}
	if got := csv(`,"fields":"entry_id","from":{"extension":"201"}`); got != "call_1\n" {
		t.Errorf("%q", got)
	}
	if rec := d.send("vpbx/stats/result", urlencoded, signedBody(`{"key":"nothing"}`)); rec.Code != 404 {
		t.Errorf("a key from nowhere: %d", rec.Code)
	}
	for _, wrong := range []string{`{"date_from":1,"date_to":5000000}`, `{"date_from":"a","date_to":"b"}`, `{"date_from":5,"date_to":6,"fields":"secret"}`,
		`{"date_from":5,"date_to":6,"from":{},"call_party":{}}`} {
		d.clock.Advance(penaltyTime)
		if got := d.ask("stats/request", wrong); got["result"] != 3100.0 {
			t.Errorf("%s: %v", wrong, got)
		}
	}
}

func TestReadyStatisticsAreToldToTheExternalSystem(t *testing.T) {
	t.Parallel()
	d, r := newDesk(t, nil), newReceiver(t)
	d.Memory.WebhookRows = []*calls.Webhook{{Account: "main", Kind: Kind, Key: "key_1", URL: r.http.URL + "/crm"}}
	key := d.ask("stats/request", `{"date_from":1,"date_to":2,"request_id":"q1"}`)["key"]
	if got := r.all(); len(got) != 1 || got[0] != (received{"result/stat", fmt.Sprintf(`{"key":"%s","request_id":"q1"}`, key)}) {
		t.Errorf("%+v", got)
	}
	if rec := d.send("vpbx/stats/result", urlencoded, signedBody(fmt.Sprintf(`{"key":"%s"}`, key))); rec.Code != 200 || rec.Body.Len() != 0 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestRecordingsAreHadByRequestAndByLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.World.House.Captures = providerstest.Captures{"call_1": "x"}
	rec := d.send("vpbx/queries/recording/post", urlencoded, signedBody(`{"recording_id":"call_1","action":"download"}`))
	if to := rec.Header().Get("Location"); rec.Code != 302 || !strings.HasPrefix(to, "http://zvonar.test/v1/calls/call_1/recording?expires=") {
		t.Errorf("%d %s", rec.Code, to)
	}
	if got := d.ask("queries/recording/post", `{"recording_id":"call_2","action":"download"}`); got["result"] != 3320.0 {
		t.Errorf("%v", got)
	}
	d.clock.Advance(penaltyTime)
	get := func(link string) int {
		r := httptest.NewRequest(http.MethodGet, strings.TrimPrefix(link, "http://z"), nil)
		rec := httptest.NewRecorder()
		d.handler.ServeHTTP(rec, r)
		return rec.Code
	}
	expires := d.clock.Now().Add(time.Hour)
	link := func(id, action string, until time.Time, salt string) string {
		return linkTo("http://z/vpbx/", id, action, testKey, until, signLink(testKey, until, id, salt))
	}
	for name, x := range map[string]struct {
		link string
		want int
	}{
		"a good one":          {link("call_1", "play", expires, testSalt), 302},
		"as the client does":  {strings.Replace(link("call_1", "play", expires, testSalt), "link/", "link//", 1), 302},
		"expired":             {link("call_1", "play", d.clock.Now(), testSalt), 403},
		"wrongly signed":      {link("call_1", "play", expires, "other"), 403},
		"of another":          {strings.Replace(link("call_1", "play", expires, testSalt), "call_1", "call_2", 1), 403},
		"of a lost recording": {link("call_2", "play", expires, testSalt), 404},
		"to do what?":         {link("call_1", "delete", expires, testSalt), 400},
		"not complete":        {"http://z/vpbx/queries/recording/link/call_1/play", 404},
	} {
		if got := get(x.link); got != x.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	off := newDesk(t, func(s *facadeSettings) { s.RecordLinks = false })
	off.World.House.Captures = providerstest.Captures{"call_1": "x"}
	d = off
	if got := get(link("call_1", "play", expires, testSalt)); got != 403 {
		t.Errorf("switched off: %d", got)
	}
}

func TestACommandOfAnIDThatIsInUseRingsOnceToo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	other := `{"command_id":"c","from":{"extension":"201"},"to_number":"74955405555"}`
	for _, body := range []string{`{"command_id":"c","from":{"extension":"201"},"to_number":"74955404444"}`, other, other} {
		if got := d.ask("commands/callback", body); got["result"] != 1000.0 {
			t.Errorf("%s: %v", body, got)
		}
	}
	asked := d.Engine.Requests()
	if len(asked) != 2 || asked[0].To == asked[1].To || commandOf(asked[1].Ref) != "c" {
		t.Errorf("%+v", asked)
	}
}
