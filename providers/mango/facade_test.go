package mango

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers/providerstest"
)

// desk is our facade with a house behind it.
type desk struct {
	t testing.TB
	*providerstest.World
	clock   *clock.Fake
	handler http.Handler
	texts   *providerstest.Texts
}

func newDesk(t testing.TB, change func(*facadeSettings)) *desk {
	t.Helper()
	fake := clock.NewFake(noon)
	w := providerstest.New(fake)
	texts := &providerstest.Texts{}
	w.House.Texts, w.Captures, w.TrunkNumbers = texts, providerstest.Captures{}, func(string) []string { return []string{"74951234567"} }
	w.Keys.Add(calls.FacadeKey{ID: "key_1", Account: "main", Kind: Kind, Public: testKey, Secret: testSalt, Roles: []calls.Permission{calls.PermOperator}})
	w.Keys.Add(calls.FacadeKey{ID: "key_2", Account: "main", Kind: Kind, Public: "viewer", Secret: testSalt, Roles: []calls.Permission{calls.PermViewer}})
	w.Memory.Employees = []*calls.Employee{
		{ID: "emp_1", Account: "main", Name: "Анна", Extension: "201", Phone: "79160000201", Caller: "74951234567", Trunk: "office", Method: calls.MethodAPI},
		{ID: "emp_2", Account: "main", Name: "Boris", Extension: "202", SIPUser: "boris", Method: calls.MethodAPI}}
	w.Memory.GroupRows = []*calls.Group{{Account: "main", Name: "300", Members: []string{"emp_1", "emp_2"}}}
	h, err := newFacade(w.House, providerstest.Settings{Fill: func(into any) {
		if change != nil {
			change(into.(*facadeSettings))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, World: w, clock: fake, handler: w.Journalled(Kind, "", h), texts: texts}
}

// send sends a form to a path below /compat/mango/.
func (d *desk) send(path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	rec := httptest.NewRecorder()
	d.handler.ServeHTTP(rec, r)
	return rec
}

const urlencoded = "application/x-www-form-urlencoded"

// ask sends a signed request and gives the answer's members. The clock goes on, so
// that limits are no matter.
func (d *desk) ask(path, body string) map[string]any {
	d.t.Helper()
	d.clock.Advance(3 * time.Second)
	return d.answer(d.send("vpbx/"+path, urlencoded, signedBody(body)))
}

func (d *desk) answer(rec *httptest.ResponseRecorder) (out map[string]any) {
	d.t.Helper()
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		d.t.Fatalf("%d %q: %v", rec.Code, rec.Body, err)
	}
	return out
}

func signedBody(body string) string {
	return string(form{Key: testKey, JSON: body, Sign: sign(testKey, body, testSalt)}.encode())
}

func TestRequestsAreTakenAsClientsSpellThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	body := `{"command_id":"c%d","from":{"extension":"201"},"to_number":"74955404444"}`
	for i, path := range []string{"vpbx/commands/callback", "vpbx//commands/callback", "vpbx/commands/callback/", "/vpbx//commands//callback//", "commands/callback"} {
		d.clock.Advance(time.Second)
		json := fmt.Sprintf(body, i)
		f := form{Key: testKey, JSON: json, Sign: sign(testKey, json, testSalt)}
		kind, parts := multipartForm(t, f)
		rec := d.send(path, kind, string(parts))
		if rec.Code != 200 || rec.Body.String() != fmt.Sprintf(`{"command_id":"c%d","result":1000}`, i) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	escaped := `{"command_id":"u1","from":{"extension":201},"to_number":"\u0037\u0034\u0039\u0035\u0035\u0034\u0030\u0034\u0034\u0034\u0034"}`
	if got := d.ask("commands/callback", escaped); got["result"] != 1000.0 {
		t.Errorf("escapes and numbers: %v", got)
	}
	if got := d.Engine.Requests(); len(got) != 6 || got[5].To != "74955404444" {
		t.Errorf("%d calls: %+v", len(got), got)
	}
}

func TestGoldenRequestsAreTaken(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Vectors {
		d := newDesk(t, nil)
		d.Memory.Employees = append(d.Memory.Employees, &calls.Employee{ID: "emp_3", Account: "main", Extension: "222", Method: calls.MethodAPI},
			&calls.Employee{ID: "emp_4", Account: "main", Extension: "1234", Method: calls.MethodAPI})
		path, want := map[string]string{"callback": "commands/callback", "hangup": "commands/call/hangup", "sms_utf8": "commands/sms", "sms_escaped": "commands/sms"}[v.Name], 1000.0
		if path == "" {
			path = "audiofiles"
		}
		if v.Name == "hangup" {
			want = 3310 // there is no such call
		}
		rec := d.send("vpbx/"+path, urlencoded, string(form{Key: testKey, JSON: v.JSON, Sign: v.Sign}.encode()))
		if got := d.answer(rec); got["result"] != want {
			t.Errorf("%s: %v", v.Name, got)
		}
		for _, sms := range d.texts.All() {
			if sms.Text != "Привет" || sms.To != "74955404444" {
				t.Errorf("%s: %+v", v.Name, sms)
			}
		}
	}
}

func TestWrongRequestsGetWhatTheDialectSays(t *testing.T) {
	t.Parallel()
	good := `{"command_id":"c","from":{"extension":"201"},"to_number":"74955404444"}`
	wrong := func(f form) string { return string(f.encode()) }
	for name, x := range map[string]struct {
		kind, body string
		want       float64
	}{
		"a wrong signature":      {urlencoded, wrong(form{Key: testKey, JSON: good, Sign: sign(testKey, good, "other")}), 3102},
		"signed before spelling": {urlencoded, wrong(form{Key: testKey, JSON: good + " ", Sign: sign(testKey, good, testSalt)}), 3102},
		"upper-case":             {urlencoded, wrong(form{Key: testKey, JSON: good, Sign: strings.ToUpper(sign(testKey, good, testSalt))}), 3102},
		"no signature":           {urlencoded, wrong(form{Key: testKey, JSON: good}), 3103},
		"no json":                {urlencoded, wrong(form{Key: testKey, Sign: "x"}), 3103},
		"an unknown key":         {urlencoded, wrong(form{Key: "nobody", JSON: good, Sign: sign("nobody", good, testSalt)}), 3105},
		"JSON as the body":       {"application/json", good, 3104},
		"an XML bomb":            {"text/xml", `<!DOCTYPE l [<!ENTITY a "aa">]><l>&a;</l>`, 3104},
		"an over-long body":      {urlencoded, "json=" + strings.Repeat("a", maxBody+10), 3104},
		"broken JSON":            {urlencoded, signedBody(`{"from":`), 3400},
		"a JSON string":          {urlencoded, signedBody(`"x"`), 3400},
		"an empty PHP array":     {urlencoded, signedBody(`[]`), 3103},
		"a missing number":       {urlencoded, signedBody(`{"from":{"extension":"201"}}`), 3103},
		"a missing extension":    {urlencoded, signedBody(`{"from":{},"to_number":"74955404444"}`), 3103},
		"an unknown extension":   {urlencoded, signedBody(`{"from":{"extension":"999"},"to_number":"74955404444"}`), 3300},
		"a long command":         {urlencoded, signedBody(`{"command_id":"` + strings.Repeat("c", 129) + `","from":{"extension":"201"},"to_number":"7"}`), 3104},
	} {
		d := newDesk(t, nil)
		rec := d.send("vpbx/commands/callback", x.kind, x.body)
		if got := d.answer(rec); rec.Code != 200 || got["result"] != x.want {
			t.Errorf("%s: %d %v", name, rec.Code, got)
		}
		if n := len(d.Engine.Requests()); n != 0 {
			t.Errorf("%s: %d calls were placed", name, n)
		}
		if said := d.Journal.Exchanges(); len(said) != 1 || said[0].Fault == "" || said[0].Method != "commands/callback" {
			t.Errorf("%s: journal %+v", name, said)
		}
		if name == "a wrong signature" && d.World.Keys.WrongOnes() != 1 {
			t.Error("a wrong signature was not counted against its source")
		}
	}
	d := newDesk(t, func(s *facadeSettings) { s.ErrorStatus = 400 })
	if rec := d.send("vpbx/commands/nothing", urlencoded, signedBody(`{}`)); rec.Code != 400 || d.answer(rec)["result"] != 4001.0 {
		t.Errorf("an unknown method: %d %s", rec.Code, rec.Body)
	}
	r := httptest.NewRequest(http.MethodGet, "/vpbx/commands/callback", nil)
	rec := httptest.NewRecorder()
	d.handler.ServeHTTP(rec, r)
	if d.answer(rec)["result"] != 3101.0 {
		t.Errorf("a GET: %s", rec.Body)
	}
	d.World.Keys.Full(true)
	if rec := d.send("vpbx/audiofiles", urlencoded, signedBody(`{}`)); rec.Code != 401 {
		t.Errorf("a source that has guessed too often: %d", rec.Code)
	}
}

func TestTheHouseSaysNoInTheProvidersCodes(t *testing.T) {
	t.Parallel()
	body := `{"from":{"extension":"201"},"to_number":"74955404444"}`
	for code, want := range map[calls.Code]float64{
		calls.CodeInvalidNumber: 3200, calls.CodeDestinationForbidden: 2300, calls.CodeInvalidField: 3100,
		calls.CodeOverloaded: 5001, calls.CodeInternal: 5000, calls.CodeForbidden: 2300,
	} {
		d := newDesk(t, nil)
		d.Engine.Fail(calls.Errorf(code, "no"))
		if got := d.ask("commands/callback", body); got["result"] != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	d := newDesk(t, nil)
	viewer := string(form{Key: "viewer", JSON: body, Sign: sign("viewer", body, testSalt)}.encode())
	if got := d.answer(d.send("vpbx/commands/callback", urlencoded, viewer)); got["result"] != 2300.0 {
		t.Errorf("a key that may not call: %v", got)
	}
}

func TestOneCommandRingsOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	first := `{"command_id":"same","from":{"extension":"201"},"to_number":"74955404444"}`
	other := `{"command_id":"same","from":{"extension":"201"},"to_number":"74955404445"}`
	for _, body := range []string{first, first, other} {
		if got := d.ask("commands/callback", body); got["result"] != 1000.0 || got["command_id"] != "same" {
			t.Errorf("%v", got)
		}
	}
	got := d.Engine.Requests()
	if len(got) != 2 || got[0].Ref == got[1].Ref || commandOf(got[0].Ref) != "same" || commandOf(got[1].Ref) != "same" {
		t.Errorf("%+v", got)
	}
	if commandOf("order:5") != "" || commandOf("mango") != "" || commandOf(refOf("a:b#c", "X")) != "a:b#c" {
		t.Error("commands are read from refs that are none")
	}
}

func TestLimitsAndPenaltiesAreTheProviders(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	body := signedBody(`{"from":{"extension":"201"},"to_number":"74955404444"}`)
	for range 4 {
		if got := d.answer(d.send("vpbx/commands/callback", urlencoded, body)); got["result"] != 1000.0 {
			t.Fatal(got)
		}
	}
	rec := d.send("vpbx/commands/callback", urlencoded, body)
	if want := `{"code":0,"message":"Rate limit exceeded.","name":"Service Unavailable","status":429}`; rec.Code != 429 || rec.Body.String() != want {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	d.clock.Advance(time.Second)
	if got := d.answer(d.send("vpbx/commands/callback", urlencoded, body)); got["result"] != 1000.0 {
		t.Error(got)
	}
	for range 2 {
		d.ask("commands/callback", `{"from":{"extension":"201"}}`)
	}
	if rec := d.send("vpbx/commands/callback", urlencoded, body); rec.Code != 401 || rec.Body.Len() != 0 {
		t.Errorf("after two bad requests: %d %s", rec.Code, rec.Body)
	}
	elsewhere := httptest.NewRequest(http.MethodPost, "/vpbx/commands/callback", strings.NewReader(body))
	elsewhere.Header.Set("Content-Type", urlencoded)
	elsewhere.RemoteAddr = "198.51.100.7:4000"
	rec = httptest.NewRecorder()
	if d.handler.ServeHTTP(rec, elsewhere); rec.Code != 200 {
		t.Errorf("its owner elsewhere is shut out, too: %d", rec.Code)
	}
	d.clock.Advance(penaltyTime)
	if got := d.answer(d.send("vpbx/commands/callback", urlencoded, body)); got["result"] != 1000.0 {
		t.Error(got)
	}
	free := newDesk(t, func(s *facadeSettings) { s.Limits, s.Penalty = false, false })
	for range 30 {
		free.send("vpbx/commands/callback", urlencoded, signedBody(`{}`))
		if got := free.answer(free.send("vpbx/commands/callback", urlencoded, body)); got["result"] != 1000.0 {
			t.Fatal("limits that are off:", got)
		}
	}
}

func TestBodiesOfAnswersAreThoseOfTheReference(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	one, two := int64(1460168), int64(1460169)
	d.Memory.Clips = []*calls.Recording{{ID: "rec_1", Account: "main", Title: "Hello", State: calls.RecordingIsApproved, RecordID: &one},
		{ID: "rec_2", Account: "main", Title: "Draft", State: calls.RecordingPending, RecordID: &two}}
	d.Memory.NumberRows = []*calls.Number{{Account: "main", Number: "78005553535", Title: "Free", State: calls.NumberConfirmed}, {Account: "main", Number: "70000000000", State: calls.NumberPending}}
	var got strings.Builder
	for _, m := range []string{"config/users/request", "groups", "incominglines", "audiofiles", "account/balance"} {
		d.clock.Advance(3 * time.Second)
		fmt.Fprintf(&got, "%s %s\n", m, d.send("vpbx/"+m, urlencoded, signedBody(`{}`)).Body)
	}
	d.clock.Advance(3 * time.Second)
	fmt.Fprintf(&got, "one user %s\n", d.send("vpbx/config/users/request", urlencoded, signedBody(`{"extension":202}`)).Body)
	want, err := os.ReadFile("testdata/answers.txt")
	if err != nil || got.String() != string(want) {
		t.Errorf("%v\n%s", err, got.String())
	}
}
