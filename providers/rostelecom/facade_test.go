package rostelecom

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

func TestWhoMayAskTheFacade(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	const body = `{"request_number":"+79161234567","from_pin":"317"}`
	good := sign(simID, []byte(body), simKey)
	for name, c := range map[string]struct {
		method, body, id, sign string
		status                 int
	}{
		"a signed request":     {methodCallBack, body, simID, good, 200},
		"a wrong signature":    {methodCallBack, body, simID, strings.Repeat("0", 64), 401},
		"a signature of less":  {methodCallBack, body + " ", simID, good, 401},
		"none":                 {methodCallBack, body, simID, "", 401},
		"an unknown id":        {methodCallBack, body, "x", sign("x", []byte(body), simKey), 401},
		"no id":                {methodCallBack, body, "", "", 401},
		"a key without rights": {methodCallBack, body, "VIEWER", sign("VIEWER", []byte(body), simKey), 403},
		"which may look":       {methodUsersInfo, "{}", "VIEWER", sign("VIEWER", []byte("{}"), simKey), 200},
		"an over-long body":    {methodCallBack, strings.Repeat(" ", maxBody+1), simID, good, 413},
		"no such method":       {"call_everybody", body, simID, good, 404},
		"the address alone":    {"", body, simID, good, 404},
	} {
		rec := o.sends(c.method, c.body, c.id, c.sign)
		if rec.Code != c.status {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if strings.Contains(rec.Body.String(), simKey) {
			t.Errorf("%s: the key is told", name)
		}
	}
	if n := len(o.Engine.Requests()); n != 1 {
		t.Errorf("%d calls were asked for", n)
	}
	if o.Keys.WrongOnes() != 5 {
		t.Errorf("%d wrong signatures were told", o.Keys.WrongOnes())
	}
	o.Keys.Full(true)
	if rec := o.asks(methodUsersInfo, "{}"); rec.Code != http.StatusTooManyRequests {
		t.Errorf("a source that guesses gets %d", rec.Code)
	}
	r := o.Journal.Exchanges()
	if len(r) < 10 || r[0].Kind != Kind {
		t.Errorf("the journal has %d exchanges", len(r))
	}
}

func TestACallbackThatIsRepeatedRingsOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	first := o.asks(methodCallBack, `{"request_number":"+79161234567","from_pin":"317"}`).Body.String()
	for _, same := range []string{`{"request_number":"+79161234567","from_pin":"317"}`, `{"from_sipuri":"sip:anna@d", "request_number":"89161234567"}`} {
		if got := o.asks(methodCallBack, same).Body.String(); got != first || !strings.Contains(got, "session_id") {
			t.Errorf("%s: %s, want %s", same, got, first)
		}
	}
	if got := o.asks(methodCallBack, `{"request_number":"+79161234567","from_pin":"318"}`).Body.String(); got == first {
		t.Error("another employee's call was taken for a repetition")
	}
	o.clock.Advance(providers.RepeatWindow)
	if got := o.asks(methodCallBack, `{"request_number":"+79161234567","from_pin":"317"}`).Body.String(); got == first {
		t.Error("an order that comes later is no repetition")
	}
}

func TestEveryMethodAsksForTheRoleOfWhatItDoes(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	for _, role := range []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin} {
		o.Keys.Add(calls.FacadeKey{ID: "key_of_" + string(role), Account: "main", Kind: Kind, Public: string(role), Secret: simKey, Roles: []calls.Permission{role}})
	}
	providerstest.KeepsToNeeds(t, System().Needs, []string{methodGetRecord}, func(method string, role calls.Permission) bool {
		rec := o.sends(method, "{}", string(role), sign(string(role), []byte("{}"), simKey))
		return rec.Code == http.StatusForbidden && strings.Contains(rec.Body.String(), "it needs the role "+string(needs[method].Role()))
	})
	if len(needs) != len(methods) {
		t.Errorf("%d methods have needs, %d are answered", len(needs), len(methods))
	}
}

func TestACallbackCallsInTheEmployeesName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, manager, to string }{
		"by internal number":    {`{"request_number":"+79161234567","from_pin":"317"}`, "employee:emp_1", "79161234567"},
		"the guide's example":   {`{"request_number": "+74951234567","from_sipuri": "anna@cloudpbx.rt.ru"}`, "employee:emp_1", "74951234567"},
		"with a scheme":         {`{"request_number":"89161234567","from_sipuri":"sip:318@d.20.rt.ru","domain":"d.20.rt.ru"}`, "employee:emp_2", "79161234567"},
		"numbers for strings":   {`{"request_number":79161234567,"from_pin":317}`, "employee:emp_1", "79161234567"},
		"an employee of others": {`{"request_number":"+79161234567","from_sipuri":"other@d"}`, "", ""},
		"nobody":                {`{"request_number":"+79161234567","from_pin":"555"}`, "", ""},
		"no number":             {`{"request_number":"ivan","from_pin":"317"}`, "", ""},
		"no pin":                {`{"request_number":"+79161234567"}`, "", ""},
		"not JSON":              {`request_number=1`, "", ""},
	} {
		o := newOffice(t, "from: \"78005553535\"\ncapture: true")
		rec := o.asks(methodCallBack, c.body)
		var got struct {
			Result    string `json:"result"`
			SessionID string `json:"session_id"`
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != 200 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		asked := o.Engine.Requests()
		if c.to == "" {
			if len(asked) != 0 || got.Result == "0" || got.SessionID != "" {
				t.Errorf("%s: %s, asked %d", name, rec.Body, len(asked))
			}
			continue
		}
		if got.Result != "0" || callOf(got.SessionID) == "" || len(asked) != 1 {
			t.Errorf("%s: %s", name, rec.Body)
			continue
		}
		if r := asked[0]; r.To != c.to || r.Bridge == nil || r.Bridge.Manager != c.manager || r.Bridge.Order != calls.ManagerFirst || r.From != "78005553535" || !r.Capture || r.Account != "main" {
			t.Errorf("%s: asked for %+v", name, r)
		}
	}
}

func TestWhatTheHouseRefusesIsResult20(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "results: number")
	o.Engine.Fail(calls.Errorf(calls.CodeForbidden, "this employee calls from his own telephone"))
	if rec := o.asks(methodCallBack, `{"request_number":"+79161234567","from_pin":"317"}`); rec.Body.String() != `{"result":-20,"resultMessage":"this employee calls from his own telephone"}` {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	o.Engine.Fail(errors.New("disk full in /var/lib"))
	if rec := o.asks(methodCallBack, `{"request_number":"+79161234567","from_pin":"317"}`); rec.Code != 503 || strings.Contains(rec.Body.String(), "disk") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	o.store.fail = errors.New("no store")
	for _, method := range []string{methodUsersInfo, methodHistory, methodDownloadHistory, methodCallBack} {
		if rec := o.asks(method, `{"date_start":"2026-11-01 00:00:00","date_end":"2026-11-02 00:00:00","order_id":1,"request_number":"+79161234567","from_pin":"317"}`); rec.Code != 503 {
			t.Errorf("%s: %d %s", method, rec.Code, rec.Body)
		}
	}
}

func TestTheAddressBookIsThatOfTheEmployees(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	const all = `{"result":"0","resultMessage":"Операция выполнена успешно","users":[{"display_name":"Анна","name":"anna","pin":"317"},{"display_name":"Пётр","name":"318","pin":"318"}]}`
	if got := o.asks(methodUsersInfo, `{}`).Body.String(); got != all {
		t.Errorf("%s", got)
	}
	if got := o.asks(methodUsersInfo, `{"user_pin":"318"}`).Body.String(); strings.Contains(got, "317") || !strings.Contains(got, "318") {
		t.Errorf("%s", got)
	}
}

func TestACallIsToldAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	at := func(s int) *time.Time { t := noon.Add(time.Duration(s) * time.Second); return &t }
	talked := o.put(&calls.Call{Direction: calls.Out, To: "79161234567", From: "78005553535", Line: "78005553535", Employee: "emp_1", Outcome: calls.OutcomeAnswered, Reason: calls.ReasonBridgeEnd,
		AnsweredAt: at(5), EndedAt: at(23), TalkMS: 17400, SIPCode: 200, Flow: calls.Flow{Bridge: &calls.Bridge{}}}, true)
	busy := o.put(&calls.Call{Direction: calls.Out, To: "79161234567", From: "78005553535", Outcome: calls.OutcomeBusy, SIPCode: 486, EndedAt: at(3)}, false)
	in := o.put(&calls.Call{Direction: calls.In, To: "78005553535", Line: "78005553535", From: "79161234567", Employee: "emp_2", Outcome: calls.OutcomeAnswered, AnsweredAt: at(1), EndedAt: at(2), TalkMS: 1000}, false)
	for session, want := range map[string]string{
		talked: `{"call_type":3,"direction":2,"state":1,"orig_number":"sip:+78005553535@d.20.rt.ru","orig_pin":"317","dest_number":"sip:+79161234567@d.20.rt.ru","answering_sipuri":"sip:+79161234567@d.20.rt.ru","answering_pin":null,"start_call_date":"2026-11-21 12:00:00","duration":18,"session_log":"0:ct:79161234567;5:cc:79161234567;23:cd:79161234567;","is_voicemail":false,"is_record":true,"is_fax":false,"status_code":"0","status_string":"answered (bridge_end)"}`,
		busy:   `{"call_type":1,"direction":2,"state":2,"orig_number":"sip:+78005553535@d.20.rt.ru","orig_pin":null,"dest_number":"sip:+79161234567@d.20.rt.ru","answering_sipuri":null,"answering_pin":null,"start_call_date":"2026-11-21 12:00:00","duration":0,"session_log":"0:ct:79161234567;3:cd:79161234567;","is_voicemail":false,"is_record":false,"is_fax":false,"status_code":"486","status_string":"busy"}`,
		in:     `{"call_type":1,"direction":1,"state":1,"orig_number":"sip:+79161234567@d.20.rt.ru","orig_pin":null,"dest_number":"sip:+78005553535@d.20.rt.ru","answering_sipuri":"sip:318@d.20.rt.ru","answering_pin":"318","start_call_date":"2026-11-21 12:00:00","duration":1,"session_log":"0:ct:78005553535;1:cc:78005553535;2:cd:78005553535;","is_voicemail":false,"is_record":false,"is_fax":false,"status_code":"0","status_string":"answered"}`,
	} {
		if got := o.asks(methodCallInfo, `{"session_id":"`+session+`"}`).Body.String(); got != `{"result":"0","resultMessage":"Операция выполнена успешно","info":`+want+`}` {
			t.Errorf("told\n%s, want\n%s", got, want)
		}
	}
	for _, body := range []string{`{"session_id":"` + simSession + `"}`, `{"session_id":"x"}`, `{}`, `[]`} {
		if got := o.asks(methodCallInfo, body).Body.String(); strings.Contains(got, `"result":"0"`) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestARecordOpensOnceFromOneAddress(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "link_life: 10m")
	session := o.put(&calls.Call{Direction: calls.Out, To: "79161234567"}, true)
	link := func(body string) string {
		t.Helper()
		var got struct{ URL string }
		rec := o.asks(methodGetRecord, body)
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || !strings.HasPrefix(got.URL, "http://127.0.0.1/compat/rostelecom/"+recordPath) {
			t.Fatalf("%s", rec.Body)
		}
		return strings.TrimPrefix(got.URL, "http://127.0.0.1/compat/rostelecom/")
	}
	opens := func(path, from string, want int) {
		t.Helper()
		code, body := o.fetches(http.MethodGet, path, from)
		if code != want || want == 200 && body != "RIFF sound" {
			t.Errorf("%s from %s: %d %q, want %d", path, from, code, body, want)
		}
	}
	mine := link(`{"session_id":"` + session + `"}`)
	opens(mine, "198.51.100.1", 403)
	if code, _ := o.fetches(http.MethodHead, mine, "203.0.113.10"); code != 405 {
		t.Errorf("HEAD: %d", code)
	}
	opens(mine, "203.0.113.10", 200)
	if log := o.Memory.Audited(); len(log) != 1 || log[0].Action != "call.listen" || log[0].Object != callOf(session) || !strings.HasPrefix(log[0].Actor, "facade key ") {
		t.Errorf("who listened: %+v", log)
	}
	opens(mine, "203.0.113.10", 404)
	other := link(`{"session_id":"` + session + `","ip_adress":"198.51.100.1"}`)
	opens(other, "203.0.113.10", 403)
	opens(other, "198.51.100.1", 200)
	late := link(`{"session_id":"` + session + `"}`)
	o.clock.Advance(10 * time.Minute)
	opens(late, "203.0.113.10", 404)
	opens(recordPath+"nonsense/1", "203.0.113.10", 404)
	silent := o.put(&calls.Call{Direction: calls.Out, To: "79161234567"}, false)
	for _, body := range []string{`{"session_id":"` + silent + `"}`, `{"session_id":"` + session + `","ip_adress":"somewhere"}`} {
		if got := o.asks(methodGetRecord, body).Body.String(); strings.Contains(got, `"result":"0"`) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func FuzzFacade(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.Method, []byte(s.Body))
	}
	o := newOffice(f, "")
	f.Fuzz(func(t *testing.T, method string, body []byte) {
		if _, known := methods[method]; !known || len(body) > maxBody {
			return
		}
		rec := o.asks(method, string(body))
		if rec.Code >= 500 || rec.Code == 200 && rec.Body.Len() == 0 && method != methodDownloadHistory {
			t.Fatalf("%s %s: %d %s", method, body, rec.Code, rec.Body)
		}
	})
}
