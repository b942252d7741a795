package voximplant

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

const customNumber = `{"phone":"79004443322","name":"Анна"}`

// started is what StartScenarios answered, or a failed test.
func (d *desk) started(v map[string]any) (session, secure string) {
	d.t.Helper()
	n, ok := v["call_session_history_id"].(json.Number)
	if v["result"] != json.Number("1") || !ok {
		d.t.Fatalf("%v", v)
	}
	return n.String(), v["media_session_access_secure_url"].(string)
}

func TestStartScenariosIsACallInEveryFormOfRequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *facadeSettings) { s.RepeatWindow = 0 }) // the requests say the same
	query := url.Values{"rule_id": {"1"}, "script_custom_data": {customNumber}, "account_id": {"12345678"}, "api_key": {d.apiKey}}
	withKey := func(account string) string {
		q := url.Values{"rule_id": {"1"}, "script_custom_data": {customNumber}, "api_key": {d.apiKey}, "cmd": {"StartScenarios"}}
		name, value, _ := strings.Cut(account, "=")
		q.Set(name, value)
		return q.Encode()
	}
	form := func(target, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	for name, r := range map[string]*http.Request{
		"GET":               httptest.NewRequest(http.MethodGet, "/platform_api/StartScenarios/?"+query.Encode(), nil),
		"GET, no slash":     httptest.NewRequest(http.MethodGet, "/platform_api/StartScenarios?"+query.Encode(), nil),
		"POST form":         form("/platform_api/StartScenarios/", query.Encode()),
		"POST with cmd":     form("/platform_api", withKey("account_id=12345678")),
		"by name":           form("/platform_api/", withKey("account_name="+accountName("12345678"))),
		"by email":          form("/platform_api", withKey("account_email="+accountEmail("12345678"))),
		"POST with query":   httptest.NewRequest(http.MethodPost, "/platform_api/StartScenarios/?"+query.Encode(), nil),
		"multipart and JWT": d.multipartRequest("cmd", "StartScenarios", "rule_id", "1", "script_custom_data", customNumber),
	} {
		before := len(d.calls())
		d.started(d.decoded(r))
		list := d.calls()
		if len(list) != before+1 {
			t.Fatalf("%s: %d calls", name, len(list)-before)
		}
		c := list[0]
		if c.To != "79004443322" || c.Flow.Record != "1460168" || len(c.Flow.Digits) != 1 || c.Account != calls.MainAccount {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestAStartThatIsRepeatedRingsOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ask := func(data string) string {
		session, _ := d.started(d.ask("StartScenarios", "rule_id", "1", "script_custom_data", data))
		return session
	}
	first := ask(`{"phone":"79004443322","name":"Анна"}`)
	for _, same := range []string{`{"phone":"79004443322","name":"Анна"}`, `{"name":"Анна", "phone":"+7 900 444-33-22"}`} {
		if got := ask(same); got != first {
			t.Errorf("%s: session %s, want %s", same, got, first)
		}
	}
	for _, other := range []string{`{"phone":"79004443322","name":"Олег"}`, `{"phone":"79004443323","name":"Анна"}`} {
		if got := ask(other); got == first {
			t.Errorf("%s was taken for a repetition", other)
		}
	}
	if n := len(d.calls()); n != 3 {
		t.Errorf("%d calls", n)
	}
	d.clock.Advance(providers.RepeatWindow)
	if got := ask(`{"phone":"79004443322","name":"Анна"}`); got == first {
		t.Error("an order that comes later is no repetition")
	}
}

func TestEveryMethodAsksForTheRoleOfWhatItDoes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	files := map[calls.Permission]credentials{}
	for i, role := range []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin} {
		files[role] = d.issue(strconv.Itoa(2000+i), calls.MainAccount, role)
	}
	providerstest.KeepsToNeeds(t, System().Needs, nil, func(name string, role calls.Permission) bool {
		d.file = files[role]
		v := d.ask(name)
		body, _ := v["error"].(map[string]any)
		return errorOf(v) == 104 && body["msg"] == "The method is forbidden for this key: it needs the role "+string(needs[name].Role())+"."
	})
	if len(needs) != len(answered) {
		t.Errorf("%d methods have needs, %d are answered", len(needs), len(answered))
	}
}

func TestSessionsAreNumberedFromOneAndControlled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	one, _ := d.started(d.ask("StartScenarios", "rule_id", "1", "script_custom_data", customNumber))
	two, address := d.started(d.ask("StartScenarios", "rule_id", "1", "script_custom_data", "79004443323"))
	if one != "1" || two != "2" || !strings.HasPrefix(address, "http://example.com/session/12345678/call_") {
		t.Fatal(one, two, address)
	}
	path := strings.TrimPrefix(address, "http://example.com")
	for body, want := range map[string]int{`{"cmd":"dance"}`: 400, "": 400, `{"cmd":"play","record":"1460168"}`: 410} {
		if code, text := d.send(httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))); code != want {
			t.Errorf("%q: %d %s", body, code, text)
		}
	}
	if code, text := d.send(httptest.NewRequest(http.MethodPost, path, strings.NewReader(`{"cmd":"hangup"}`))); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	if c := d.calls()[0]; c.Outcome != calls.OutcomeCanceled {
		t.Fatalf("%+v", c)
	}
	for _, wrong := range []string{path + "0", path[:len(path)-1] + "x", "/session/1/2", "/session/12345678/call_x/" + seal("another", "call_x")} {
		if code, _ := d.send(httptest.NewRequest(http.MethodPost, wrong, strings.NewReader("hangup"))); code != 404 {
			t.Errorf("%s: %d", wrong, code)
		}
	}
}

func TestCustomDataAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *facadeSettings) {
		s.CustomData.To, s.CustomData.Columns = []string{"to", "client.phone"}, []string{"name", "to"}
	})
	for data, ok := range map[string]bool{
		`{"to":79004443322}`: true, `{"client":{"phone":"+7 900 444-33-22"}}`: true, "Anna;89004443322": true, `"Anna; 79004443322"`: true,
		`{}`: false, "": false, "Anna": false, "[1,2]": false, `{"to":"12"}`: false, `{"to":{"x":1}}`: false, "null": false,
	} {
		v := d.ask("StartScenarios", "rule_id", "1", "script_custom_data", data)
		if ok != (errorOf(v) == 0) || !ok && errorOf(v) != 101 {
			t.Errorf("%q: %v", data, v)
		}
		if ok && d.calls()[0].To != "79004443322" {
			t.Errorf("%q: %s", data, d.calls()[0].To)
		}
	}
}

func TestARefOfALiveCallIsNotCalledTwice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	data := `{"phone":"79004443322","ref":"10.0.0.1"}`
	one, _ := d.started(d.ask("StartScenarios", "rule_id", "1", "script_custom_data", data))
	if again, _ := d.started(d.ask("StartScenarios", "rule_id", "1", "script_custom_data", data)); again != one {
		t.Errorf("the same task is another session: %s, %s", one, again)
	}
	if v := d.ask("StartScenarios", "rule_id", "1", "script_custom_data", `{"phone":"79004443323","ref":"10.0.0.1"}`); errorOf(v) != 101 {
		t.Errorf("another task with the ref: %v", v)
	}
	if n := len(d.calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestWhatIsWrongIsToldInTheCodesOfTheAPI(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.issue("22222222", calls.MainAccount, calls.PermViewer)
	ok := []string{"rule_id", "1", "script_custom_data", customNumber}
	for name, c := range map[string]struct {
		got  map[string]any
		want int64
	}{
		"no rule":           {d.ask("StartScenarios", "script_custom_data", customNumber), 101},
		"another's rule":    {d.ask("StartScenarios", "rule_id", "2", "script_custom_data", customNumber), 101},
		"no such rule":      {d.ask("StartScenarios", "rule_id", "9", "script_custom_data", customNumber), 101},
		"a callback inside": {d.ask("StartScenarios", "rule_id", "1", "script_custom_data", `{"phone":"79004443322","callback":"http://127.0.0.1/x"}`), 101},
		"a long one":        {d.ask("StartScenarios", "rule_id", "1", "script_custom_data", `{"phone":"79004443322","x":"`+strings.Repeat("x", maxCustomData)+`"}`), 101},
		"abroad":            {d.ask("StartScenarios", "rule_id", "1", "script_custom_data", `{"phone":"+12125551234"}`), 101},
		"unknown":           {d.ask("DanceScenarios", ok...), 103},
		"no list":           {d.ask("GetCallListDetails", "list_id", "77"), 251},
		"xls":               {d.ask("GetCallHistory", "output", "csv"), 105},
		"no cmd":            {d.decoded(d.multipartRequest("rule_id", "1")), 102},
	} {
		if errorOf(c.got) != c.want {
			t.Errorf("%s: %v", name, c.got)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/platform_api/StartScenarios/?account_id=22222222&api_key="+d.apiKey+"&rule_id=1", nil)
	if v := d.decoded(r); errorOf(v) != 104 {
		t.Errorf("a viewer: %v", v)
	}
	if n := len(d.calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestNobodyIsLetInWithoutProof(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := d.issue("33333333", calls.MainAccount, calls.PermOperator)
	mixed := d.file
	mixed.PrivateKey = other.PrivateKey
	stranger := d.file
	stranger.AccountID = 99999999
	otherKey := d.file
	otherKey.KeyID = other.KeyID
	bearer := func(f credentials, at time.Duration, life time.Duration) string {
		key, err := readPrivateKey(f.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		text, err := (&signer{account: f.AccountID, keyID: f.KeyID, key: key, life: life}).token(d.clock.Now().Add(at))
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	minute := 64 * time.Second
	for name, head := range map[string]string{
		"another's key": bearer(mixed, 0, minute), "another account": bearer(stranger, 0, minute), "another key id": bearer(otherKey, 0, minute),
		"over": bearer(d.file, -3*time.Minute, minute), "to come": bearer(d.file, 2*time.Minute, minute), "of two hours": bearer(d.file, 0, 2*time.Hour),
		"basic": "Basic YTpi", "nothing": "Bearer ", "junk": "Bearer a.b.c",
	} {
		r := httptest.NewRequest(http.MethodPost, "/platform_api/GetAccountInfo/", nil)
		r.Header.Set("Authorization", head)
		if v := d.decoded(r); errorOf(v) != 100 {
			t.Errorf("%s: %v", name, v)
		}
	}
	for _, query := range []string{"", "account_id=12345678", "api_key=" + d.apiKey, "account_id=12345678&api_key=wrong", "account_id=1&api_key=" + d.apiKey,
		"account_name=&api_key=" + d.apiKey, "account_id=12345678&session_id=1"} {
		if v := d.decoded(httptest.NewRequest(http.MethodGet, "/platform_api/GetAccountInfo/?"+query, nil)); errorOf(v) != 100 {
			t.Errorf("%q: %v", query, v)
		}
	}
	if d.keys.WrongOnes() == 0 {
		t.Error("wrong proofs are not counted")
	}
	for name, head := range map[string]string{"a little early": bearer(d.file, 30*time.Second, minute), "a little late": bearer(d.file, -100*time.Second, minute), "an hour": bearer(d.file, 0, time.Hour)} {
		r := httptest.NewRequest(http.MethodPost, "/platform_api/GetAccountInfo/", nil)
		r.Header.Set("Authorization", head)
		if v := d.decoded(r); errorOf(v) != 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
	d.keys.Full(true)
	if code, _ := d.send(httptest.NewRequest(http.MethodGet, "/platform_api/GetAccountInfo/?account_id=12345678&api_key=x", nil)); code != http.StatusTooManyRequests {
		t.Errorf("a source that guesses: %d", code)
	}
}

func TestRequestsOfNoFormAreBorne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	request := func(kind, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/platform_api/StartScenarios/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return r
	}
	for name, r := range map[string]*http.Request{
		"json":        request("application/json", "{}"),
		"xml":         request("text/xml", "<a/>"),
		"bad type":    request("a/b/c;=", "x"),
		"bad form":    request("application/x-www-form-urlencoded", "%zz=1"),
		"long form":   request("application/x-www-form-urlencoded", "a="+strings.Repeat("x", maxForm)),
		"no boundary": request("multipart/form-data", "x"),
		"cut":         request("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"),
		"bad query":   httptest.NewRequest(http.MethodGet, "/platform_api/StartScenarios/?a=%25%zz", nil),
		"long query":  httptest.NewRequest(http.MethodGet, "/platform_api/StartScenarios/?a="+strings.Repeat("x", maxQuery), nil),
	} {
		if v := d.decoded(r); errorOf(v) != 101 {
			t.Errorf("%s: %v", name, v)
		}
	}
	for path, want := range map[string]int{"/": 404, "/other": 404, "/platform_api/a/b": 404, "/session": 404} {
		if code, _ := d.send(httptest.NewRequest(http.MethodPost, path, nil)); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _ := d.send(httptest.NewRequest(http.MethodDelete, "/platform_api", nil)); code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", code)
	}
}

func TestTooManyAtATimeAreToldToWait(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *facadeSettings) { s.Concurrent = 1 })
	f := d.handler.(*facade)
	f.starting <- struct{}{} // another is being answered
	r := d.multipartRequest("cmd", "StartScenarios", "rule_id", "1", "script_custom_data", customNumber)
	if code, _ := d.send(r); code != http.StatusTooManyRequests {
		t.Errorf("%d", code)
	}
	<-f.starting
	d.started(d.ask("StartScenarios", "rule_id", "1", "script_custom_data", customNumber))
}

func TestTextsAreSentAndCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.ask("SendSmsMessage", "source", "78005553535", "destination", "79004443322", "sms_body", strings.Repeat("я", 71))
	if v["result"] != json.Number("1") || v["message_id"] != json.Number("1") || v["fragments_count"] != json.Number("2") || len(d.texts.sent) != 1 {
		t.Fatalf("%v", v)
	}
	for _, body := range []string{"", strings.Repeat("x", maxSMS+1)} {
		if v := d.ask("SendSmsMessage", "source", "1", "destination", "2", "sms_body", body); errorOf(v) != 101 {
			t.Errorf("%d characters: %v", len(body), v)
		}
	}
	for text, want := range map[string]int{"a": 1, strings.Repeat("a", 160): 1, strings.Repeat("a", 161): 2, strings.Repeat("€", 80): 1, strings.Repeat("€", 81): 2, strings.Repeat("я", 70): 1, "я" + strings.Repeat("a", 134): 3} {
		if got := fragments(text); got != want {
			t.Errorf("%d characters: %d, want %d", len(text), got, want)
		}
	}
}

func TestTheAccountIsThereAndHasMoney(t *testing.T) {
	t.Parallel()
	v := newDesk(t).ask("GetAccountInfo")
	info := v["result"].(map[string]any)
	if info["account_id"] != json.Number("12345678") || info["active"] != true || info["balance"] != json.Number("1000") || info["currency"] != "RUB" {
		t.Fatalf("%v", v)
	}
}

func FuzzCustomData(f *testing.F) {
	s, err := readFacade(yamlSettings("skew: 1m\n"))
	if err != nil {
		f.Fatal(err)
	}
	for _, data := range []string{customNumber, "79004443322;x", `"a;b"`, "{", `{"to":{"a":[1]}}`, `{"":1,"to":"\u0000"}`} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		a := s.CustomData.read(data)
		for _, text := range []string{a.to, a.from, a.ref, a.callback, a.attempt, a.call} {
			if !calls.Printable(text) || len(text) > 2048 {
				t.Fatalf("%q was let through", text)
			}
		}
	})
}
