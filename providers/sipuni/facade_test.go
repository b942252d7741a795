package sipuni

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// desk is a facade on loopback with a key and some employees.
type desk struct {
	*providerstest.World
	t     testing.TB
	clock *clock.Fake
	url   string
}

func newDesk(t testing.TB, change func(*facadeSettings)) *desk {
	t.Helper()
	clk := clock.NewFake(noon)
	w := providerstest.New(clk)
	w.Keys.Add(calls.FacadeKey{ID: "key_1", Account: "main", Kind: Kind, Name: "crm", Public: "078332", Secret: "secret",
		OldSecret: "before", OldSecretUntil: noon.Add(time.Hour), Roles: []calls.Permission{calls.PermOperator}})
	w.Keys.Add(calls.FacadeKey{ID: "key_2", Account: "main", Kind: Kind, Public: "500500", Secret: "secret", Roles: []calls.Permission{calls.PermViewer}})
	w.Memory.Employees = []*calls.Employee{
		{ID: "emp_1", Account: "main", Name: "Анна", Extension: "201", Method: calls.MethodAPI},
		{ID: "emp_2", Account: "main", Name: "=1+1", Extension: "100001", Method: calls.MethodOff},
		{ID: "emp_3", Account: "other", Name: "Чужой", Extension: "300", Method: calls.MethodAPI},
	}
	flow := calls.DefaultFlow()
	flow.Record = "1460168"
	h, err := newFacade(w.House, providerstest.Settings{Fill: func(into any) {
		set := into.(*facadeSettings)
		set.Trees = map[string]tree{"000658610": {Name: "Опрос", Flow: &flow}, "000-123456": {Name: "Продажи", Type: "incoming", Target: "group:sales"},
			"000777": {Account: "other", Flow: &flow}}
		if change != nil {
			change(set)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(w.Journalled(Kind, "", h))
	t.Cleanup(s.Close)
	return &desk{World: w, t: t, clock: clk, url: s.URL}
}

// sent signs a request as the documented rule says.
func sent(p params, secret string) url.Values {
	form := url.Values{}
	for name, value := range p {
		form.Set(name, value)
	}
	form.Set(paramHash, sign(p, secret))
	return form
}

func (d *desk) post(path string, form url.Values) (int, string) {
	d.t.Helper()
	return d.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

func (d *desk) do(method, path, contentType, body string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// orderOK fails the test unless an answer is a success with an order id.
func (d *desk) orderOK(status int, body string) (id string) {
	d.t.Helper()
	var a struct {
		Success bool
		ID      string
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 200 || !a.Success || len(a.ID) != 32 {
		d.t.Fatalf("%d %s", status, body)
	}
	return a.ID
}

func number(more ...string) params {
	p := params{"antiaon": "0", "phone": "79161234567", "reverse": "0", "sipnumber": "201", "user": "078332"}
	for i := 0; i+1 < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

func TestGoldenRequestsBecomeCallsByTheirMeaning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, path string
		want       string
	}{
		{"call_number.txt", "/api/callback/call_number", "79161234567 employee:emp_1 manager_first false"},
		{"call_number_reverse_antiaon.txt", "/api/callback/call_number", "79161234567 employee:emp_1 client_first true"},
		{"call_tree.txt", "//callback//call_tree", "79161234567 plays 1460168 in the name of emp_1"},
		{"call_tree_target.txt", "/callback/call_tree", "79161234567 group:sales client_first false"},
		{"call_external.txt", "/api/callback/call_external", "79161234567 74991234567 manager_first false"},
		{"voicecall.txt", "/api/voicecall/call", "79161234567 female says Привет, заказ 1+1 готов"},
	} {
		raw, err := os.ReadFile(filepath.Join("testdata", "requests", c.file))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.TrimSpace(string(raw))
		for _, way := range []string{"form", "query"} {
			d := newDesk(t, nil)
			var id string
			if way == "form" {
				id = d.orderOK(d.do("POST", c.path, "application/x-www-form-urlencoded", body))
			} else {
				id = d.orderOK(d.do("GET", c.path+"?"+body, "", ""))
			}
			asked := d.Engine.Requests()
			if len(asked) != 1 {
				t.Fatalf("%s: %d calls", c.file, len(asked))
			}
			r, got := asked[0], ""
			switch {
			case r.Bridge != nil:
				got = fmt.Sprintf("%s %s %s %v", r.To, r.Bridge.Manager, r.Bridge.Order, r.Bridge.Anonymous)
			case r.Spoken != nil:
				got = fmt.Sprintf("%s %s says %s", r.To, r.Spoken.Voice, r.Spoken.Text)
			default:
				got = fmt.Sprintf("%s plays %s in the name of %s", r.To, r.Flow.Record, r.Employee)
			}
			if got != c.want || r.Account != "main" {
				t.Errorf("%s by %s: %s; want %s", c.file, way, got, c.want)
			}
			if name, ok := callOfID(id); !ok || d.Memory.CallByID("main", name) == nil {
				t.Errorf("%s: the id %s leads to no call", c.file, id)
			}
		}
	}
}

func TestSecondNumberOfCallExternalIsTheOneThatTheClientSees(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.Memory.Employees[1].Method = calls.MethodAPI
	p := params{"phoneFrom": "74991234567", "phoneTo": "79161234567", "sipnumber": "201", "sipnumber2": "078332100001", "user": "078332"}
	d.orderOK(d.post("/callback/call_external", sent(p, "secret")))
	p["sipnumber2"] = ""
	d.orderOK(d.post("/callback/call_external", sent(p, "secret")))
	asked := d.Engine.Requests()
	if asked[0].Employee != "emp_2" || asked[1].Employee != "emp_1" {
		t.Errorf("in the names of %s and %s", asked[0].Employee, asked[1].Employee)
	}
	p["sipnumber2"] = "999"
	if _, body := d.post("/callback/call_external", sent(p, "secret")); !strings.Contains(body, `"success":false`) {
		t.Error(body)
	}
}

func TestRequestsThatAreWrongAreRefusedAsTheDialectDoes(t *testing.T) {
	t.Parallel()
	good := sent(number(), "secret")
	with := func(name, value string) url.Values {
		v := url.Values{}
		for n := range good {
			v.Set(n, good.Get(n))
		}
		v.Set(name, value)
		return v
	}
	without := func(name string) url.Values { v := with(name, ""); v.Del(name); return v }
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, method, path, contentType, body string
		status                                int
		words                                 string
	}{
		{"a wrong hash", "POST", "/callback/call_number", form, with("hash", strings.Repeat("0", 32)).Encode(), 200, "user or hash is wrong"},
		{"no hash", "POST", "/callback/call_number", form, without("hash").Encode(), 200, "needed"},
		{"an unknown user", "POST", "/callback/call_number", form, with("user", "78332").Encode(), 200, "user or hash is wrong"},
		{"another phone than the one signed", "POST", "/callback/call_number", form, with("phone", "79161234568").Encode(), 200, "user or hash is wrong"},
		{"a phone with a plus", "POST", "/callback/call_number", form, with("phone", "+79161234567").Encode(), 200, "plus sign"},
		{"a parameter twice", "POST", "/callback/call_number?phone=79160000000", form, good.Encode(), 200, "twice"},
		{"a parameter missing", "POST", "/callback/call_number", form, sent(params{"phone": "79161234567", "user": "078332"}, "secret").Encode(), 200, "antiaon is needed"},
		{"a content type of another kind", "POST", "/callback/call_number", "text/xml", "<x/>", 200, "form or as JSON"},
		{"JSON cut off", "POST", "/callback/call_number", "application/json", `{"user":"078`, 200, "JSON"},
		{"too long", "POST", "/callback/call_number", form, "message=" + strings.Repeat("x", maxRequest), 413, "too long"},
		{"an unknown method", "POST", "/callback/play", form, good.Encode(), 404, "no such method"},
		{"a method that is not here", "POST", "/autocall/add_number", form, sent(params{"again": "1", "autocallId": "1", "number": "79161234567", "user": "078332"}, "secret").Encode(), 200, "not supported"},
		{"DELETE", "DELETE", "/callback/call_number", "", "", 405, "GET or POST"},
		{"an unknown internal number", "POST", "/callback/call_number", form, sent(number("sipnumber", "999"), "secret").Encode(), 200, "no internal number 999"},
		{"somebody else's internal number", "POST", "/callback/call_number", form, sent(number("sipnumber", "300"), "secret").Encode(), 200, "no internal number 300"},
		{"a key that may only read", "POST", "/callback/call_number", form, sent(number("user", "500500"), "secret").Encode(), 200, "may not"},
		{"somebody else's scheme", "POST", "/callback/call_tree", form, sent(params{"phone": "79161234567", "reverse": "0", "sipnumber": "201", "tree": "000777", "user": "078332"}, "secret").Encode(), 200, "no such scheme"},
		{"a number to hide that would show", "POST", "/callback/call_tree", form, sent(params{"antiaon": "1", "phone": "79161234567", "reverse": "0", "sipnumber": "201", "tree": "000658610", "user": "078332"}, "secret").Encode(), 200, "cannot hide"},
		{"the secret in lower case", "POST", "/callback/call_number", form, with("hash", "70aecd6936aed151466ae58e4036896c").Encode(), 200, "user or hash is wrong"},
	} {
		d := newDesk(t, nil)
		status, body := d.do(c.method, c.path, c.contentType, c.body)
		var a struct {
			Success *bool
			Message string
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != c.status || a.Success == nil || *a.Success || !strings.Contains(a.Message, c.words) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
		if asked := d.Engine.Requests(); len(asked) != 0 {
			t.Errorf("%s: somebody was called", c.name)
		}
		for _, x := range d.Journal.Exchanges() {
			if strings.Contains(x.Request+x.Answer, `secret`) || strings.Contains(x.Request, good.Get("hash")) {
				t.Errorf("%s: the journal shows a secret: %s", c.name, x.Request)
			}
		}
	}
}

func TestWrongSignaturesAreCountedAndAFloodIsShutOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.post("/callback/call_number", sent(number(), "guess"))
	if d.Keys.WrongOnes() != 1 {
		t.Error("a wrong signature was not counted")
	}
	d.orderOK(d.post("/callback/call_number", sent(number(), "before"))) // the secret of before a rotation
	d.clock.Advance(2 * time.Hour)
	if _, body := d.post("/callback/call_number", sent(number("phone", "79161234568"), "before")); !strings.Contains(body, "wrong") {
		t.Error("an old secret still holds")
	}
	d.Keys.Full(true)
	if status, _ := d.post("/callback/call_number", sent(number(), "secret")); status != http.StatusTooManyRequests {
		t.Errorf("status %d", status)
	}
}

func TestARepeatedOrderRingsNobodyASecondTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	form := sent(number(), "secret")
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, body := d.post("/callback/call_number", form)
			ids[i] = body
		}()
	}
	wg.Wait()
	for _, body := range ids {
		if body != ids[0] {
			t.Errorf("%s and %s", ids[0], body)
		}
	}
	if n := len(d.Engine.Requests()); n != 1 {
		t.Errorf("%d calls", n)
	}
	d.clock.Advance(providers.RepeatWindow)
	d.orderOK(d.post("/callback/call_number", form)) // the same person presses the button again
	if n := len(d.Engine.Requests()); n != 2 {
		t.Errorf("%d calls", n)
	}
}

// The old library does not sign the tree: whoever reads its order may name another.
func TestAnUnsignedTreeMakesNoOtherOrder(t *testing.T) {
	t.Parallel()
	form := func(tree string) url.Values {
		return url.Values{"phone": {"79161234567"}, "sipnumber": {"201"}, "user": {"078332"}, "tree": {tree},
			paramHash: {sum([]string{"79161234567", "201", "078332"}, "secret")}}
	}
	d := newDesk(t, nil)
	_, first := d.post("/callback/call_tree", form("000658610"))
	if _, again := d.post("/callback/call_tree", form("000-123456")); again != first || !strings.Contains(first, `"success":true`) {
		t.Errorf("%s, and with another tree %s", first, again)
	}
	if n := len(d.Engine.Requests()); n != 1 {
		t.Errorf("%d calls", n)
	}
	signed := func(tree string) url.Values {
		return sent(params{"phone": "79161234567", "reverse": "0", "sipnumber": "201", "tree": tree, "user": "078332"}, "secret")
	}
	d.orderOK(d.post("/callback/call_tree", signed("000658610")))
	d.orderOK(d.post("/callback/call_tree", signed("000-123456")))
	if n := len(d.Engine.Requests()); n != 3 {
		t.Errorf("%d calls, want one for each tree that is signed", n)
	}
	strict := newDesk(t, func(s *facadeSettings) { s.LegacyTree = false })
	if _, body := strict.post("/callback/call_tree", form("000658610")); body != `{"message":"user or hash is wrong","success":false}` || strict.Keys.WrongOnes() != 1 {
		t.Error(body)
	}
	strict.orderOK(strict.post("/callback/call_tree", signed("000658610")))
}

func TestEveryMethodAsksForTheRoleOfWhatItDoes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, role := range []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin} {
		d.Keys.Add(calls.FacadeKey{ID: "key_of_" + string(role), Account: "main", Kind: Kind, Public: string(role), Secret: "secret", Roles: []calls.Permission{role}})
	}
	providerstest.KeepsToNeeds(t, System().Needs, []string{methodRecord}, func(path string, role calls.Permission) bool {
		m, _ := methodOf(path)
		p := params{paramUser: string(role)}
		for _, name := range m.needs {
			p[name] = "1"
		}
		_, body := d.post("/"+path, sent(p, "secret"))
		return strings.Contains(body, "the key may not do this: it needs the role "+string(needs[path].Role()))
	})
}

func TestWhatTheHouseRefusesIsToldInWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.Engine.Fail(calls.Errorf(calls.CodeRecordingTooShort, "the clip is shorter than 7 s"))
	if _, body := d.post("/callback/call_number", sent(number(), "secret")); body != `{"message":"the clip is shorter than 7 s","success":false}` {
		t.Error(body)
	}
	d.Engine.Fail(fmt.Errorf("disk of 10.0.0.7 is gone"))
	if _, body := d.post("/callback/call_number", sent(number("phone", "79161234568"), "secret")); strings.Contains(body, "disk") {
		t.Error("an inner fault is shown: " + body)
	}
}

func TestOldLibrariesAreUnderstoodWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *facadeSettings) { s.Compatible, s.Trunk = true, "office" })
	d.Keys.Add(calls.FacadeKey{ID: "key_3", Account: "main", Kind: Kind, Public: "600600", Secret: "Secret.Key", Roles: []calls.Permission{calls.PermCaller}})
	p := params{"antion": "1", "phone": "79161234567", "reverse": "0", "sipnumber": "555", "user": "600600"}
	d.orderOK(d.post("/callback/call_number", sent(p, "secret.key")))
	if b := d.Engine.Requests()[0].Bridge; !b.Anonymous || b.Manager != "555@office" {
		t.Errorf("%+v", b)
	}
	strict := newDesk(t, nil)
	p["user"] = "078332"
	if _, body := strict.post("/callback/call_number", sent(p, "secret")); !strings.Contains(body, "antiaon") {
		t.Error(body)
	}
}
