package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// placeRequest is the call of the golden task.
func placeRequest() calls.PlaceRequest {
	flow, err := calls.ParseFlow(json.RawMessage(`{"record":"1460168","digits":[{},{"record":"1460169"},{"managerPhone":"74242490764"},{"smsText":"спасибо"},{"needBlock":"1"}],
		"amd":{"mode":"async","on_machine":"hangup"},"capture":true}`), "flow")
	if err != nil {
		panic(err)
	}
	flow.Clips = map[calls.ClipID]calls.RecordingRef{
		"1460168": {RecordingID: "rec_1", RecordID: 1460168, SHA256: clipHash, Version: 1},
		"1460169": {RecordingID: "rec_2", Text: "Анна, ваш заказ & готов", Voice: "ru-female"},
	}
	return calls.PlaceRequest{Account: "main", CallID: "call_1", Attempt: "att_1", To: "79004443322", From: "78005553535", Ref: "lead-7", Flow: flow, RingTimeout: 30 * time.Second}
}

func newTestClient(t *testing.T, s *simulator, c clock.Clock, more string) (*client, *memJournal) {
	t.Helper()
	h, j := testHouse(t, c)
	p, err := newClient(h, "vox", settingsOf(t, s.url(), more))
	if err != nil {
		t.Fatal(err)
	}
	return p.(*client), j
}

// golden compares with a file of testdata; UPDATE=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/"+name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := fixture(t, name); string(got) != want {
		t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
	}
}

func TestPlaceStartsOneSessionWithTheGoldenTask(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, testSigner(t))
	p, j := newTestClient(t, s, c, "server_location: eu\namd: {model: RU}\nvoices: {female: Tatyana}\n")
	got, err := p.Place(t.Context(), placeRequest())
	if err != nil || got.ProviderCallID != "4711" {
		t.Fatal(got, err)
	}
	asked := s.came("StartScenarios")
	if len(asked) != 1 || asked[0].form["rule_id"] != "7" || asked[0].form["server_location"] != "eu" {
		t.Fatalf("%+v", asked)
	}
	golden(t, "task.json", []byte(asked[0].form["script_custom_data"]))
	x := j.all()
	if len(x) != 1 || x[0].Method != "StartScenarios" || x[0].Correlation != "call_1" || !x[0].Outgoing || x[0].Status != 200 {
		t.Fatalf("%+v", x)
	}
	for _, secret := range []string{"s3cretpath", "Bearer ey"} {
		if strings.Contains(x[0].Request+x[0].Answer, secret) {
			t.Errorf("the journal tells %q: %s", secret, x[0].Request)
		}
	}
}

func TestAnAPIKeyIsSentAlongWithTheAccount(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, nil)
	h, j := testHouse(t, c)
	p, err := newClient(h, "vox", yamlSettings("url: "+s.url()+"\nrule_id: 7\naccount_id: 1\napi_key: the-api-key\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Place(t.Context(), placeRequest()); err != nil {
		t.Fatal(err)
	}
	if x := j.all(); len(x) != 1 || strings.Contains(x[0].Request, "the-api-key") {
		t.Fatalf("%+v", x)
	}
}

// TestFaultsRefuseOrLeaveInDoubt: whatever goes wrong, one request was sent, and it is
// told whether somebody may ring.
func TestFaultsRefuseOrLeaveInDoubt(t *testing.T) {
	t.Parallel()
	for fault, refuses := range map[string]bool{
		"html": false, "429": true, "500": false, "502": false, "503": true, "401": true, "302": true, "hang": false, "long": false, "cut": false,
		"no result": false, "errors": true, "100": true, "101": true, "5": true, "109": true, "1": false, "2": false, "15": false, "777": false, "888": true,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			c := clock.NewFake(noon)
			s := newSimulator(t, c, testSigner(t))
			timeout := "1m"
			if fault == "hang" {
				timeout = "3s"
			}
			p, _ := newTestClient(t, s, c, "timeout: "+timeout+"\nerror_codes: {888: refused}\n")
			s.set(fault)
			_, err := p.Place(t.Context(), placeRequest())
			var no *calls.PlaceRefused
			var doubt *calls.PlaceUnknown
			if refuses && !errors.As(err, &no) || !refuses && !errors.As(err, &doubt) {
				t.Errorf("%v", err)
			}
			if n := len(s.came("StartScenarios")); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestNobodyIsAskedWhereTheServiceIsNotThereOrTheTaskCannotBe(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, testSigner(t))
	var no *calls.PlaceRefused
	p, _ := newTestClient(t, s, c, "max_custom_data: 1000\n")
	r := placeRequest()
	r.Flow.Digits = calls.DigitMap{{{Kind: calls.ActionManager, Value: "group:sales"}}}
	if _, err := p.Place(t.Context(), r); !errors.As(err, &no) || !strings.Contains(no.Reason, "group:sales") {
		t.Errorf("a group: %v", err)
	}
	r = placeRequest()
	r.Ref = strings.Repeat("x", 1000)
	if _, err := p.Place(t.Context(), r); !errors.As(err, &no) || !strings.Contains(no.Reason, "max_custom_data") {
		t.Errorf("a long task: %v", err)
	}
	p.house.IntakeURL = func(string) string { return "" }
	if _, err := p.Place(t.Context(), placeRequest()); !errors.As(err, &no) || !strings.Contains(no.Reason, "public_url") {
		t.Errorf("no callbacks: %v", err)
	}
	if n := len(s.came("StartScenarios")); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	away, _ := newTestClient(t, &simulator{server: &httptest.Server{URL: "http://127.0.0.1:1"}}, c, "")
	if _, err := away.Place(t.Context(), placeRequest()); !errors.As(err, &no) {
		t.Errorf("nobody listens there: %v", err)
	}
}

func TestCancelSpeaksToTheSession(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, testSigner(t))
	p, j := newTestClient(t, s, c, "")
	r := placeRequest()
	var doubt *calls.PlaceUnknown
	if err := p.Cancel(t.Context(), r, calls.PlaceResult{}); !errors.As(err, &doubt) {
		t.Fatalf("a call that nobody placed: %v", err)
	}
	placed, err := p.Place(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Cancel(t.Context(), r, placed); err != nil {
		t.Fatal(err)
	}
	if len(s.commands) != 1 || s.commands[0] != `{"attempt":"att_1","call":"call_1","cmd":"hangup"}` {
		t.Fatal(s.commands)
	}
	if x := j.all(); len(x) != 2 || x[1].Method != "HttpRequest" || strings.Contains(x[1].Request, "/session/4711") {
		t.Fatalf("the address of a session is as good as a key: %+v", x)
	}
	s.set("500")
	if err := p.Cancel(t.Context(), r, placed); !errors.As(err, &doubt) {
		t.Fatalf("%v", err)
	}
}

func TestOverSIPTheTaskSaysWhereToBringTheCall(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, testSigner(t))
	p, _ := newTestClient(t, s, c, "answers: sip\nsip_uri: sip:100@pbx.example.com\n")
	if can := p.Can(); can.Plays || !can.MatchCaller {
		t.Fatalf("%+v", can)
	}
	if _, err := p.Place(t.Context(), placeRequest()); err != nil {
		t.Fatal(err)
	}
	golden(t, "task_sip.json", []byte(s.came("StartScenarios")[0].form["script_custom_data"]))
}

func TestClipsAreServedToWhoeverWasToldOfThem(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, testSigner(t))
	p, _ := newTestClient(t, s, c, "")
	address := p.clips.address(calls.RecordingRef{SHA256: clipHash})
	path, ok := strings.CutPrefix(address, "https://pbx.example.com/intake/vox/s3cretpath")
	if !ok {
		t.Fatal(address)
	}
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		p.Intake().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	w := get(http.MethodGet, path)
	if w.Code != 200 || w.Header().Get("Content-Type") != "audio/wav" || w.Body.Len() != 44+6 || w.Body.String()[:4] != "RIFF" {
		t.Fatalf("%d %q", w.Code, w.Body.String())
	}
	other := p.clips.address(calls.RecordingRef{SHA256: strings.Repeat("b", 64)})
	for _, path := range []string{"/clips/" + clipHash + ".wav", "/clips/" + clipHash + "-0000.wav", "/clips/..%2f..", strings.TrimPrefix(other, "https://pbx.example.com/intake/vox/s3cretpath")} {
		if w := get(http.MethodGet, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(http.MethodPost, path); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	h, _ := testHouse(t, clock.NewFake(noon))
	key := "account_id: 1\napi_key: k-k-k\n"
	for key, text := range map[string]string{
		"credentials":                  "rule_id: 1\n",
		"rule_id":                      key,
		"account_id":                   "rule_id: 1\napi_key: k\n",
		"answers":                      key + "rule_id: 1\nanswers: both\n",
		"sip_uri":                      key + "rule_id: 1\nanswers: sip\n",
		"play":                         key + "rule_id: 1\nplay: song\n",
		"url":                          key + "rule_id: 1\nurl: ftp://x\n",
		"token_life":                   key + "rule_id: 1\ntoken_life: 2h\n",
		"amd.timeout":                  key + "rule_id: 1\namd: {timeout: 21s}\n",
		"error_codes.x":                key + "rule_id: 1\nerror_codes: {x: refused}\n",
		"failed_codes.486":             key + "rule_id: 1\nfailed_codes: {\"486\": {outcome: great}}\n",
		"callbacks.paths.colour":       key + "rule_id: 1\ncallbacks: {paths: {colour: x}}\n",
		"callbacks.events.weggegangen": key + "rule_id: 1\ncallbacks: {events: {weggegangen: gone}}\n",
		"lead_rule.window":             key + "rule_id: 1\nlead_rule: {window: {from: \"9\", to: \"21:00\"}}\n",
		"nonsense":                     key + "rule_id: 1\nnonsense: 1\n",
	} {
		if _, err := newClient(h, "vox", yamlSettings(text)); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestTheConsoleSendsCallListsAsFiles(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newSimulator(t, c, testSigner(t))
	p, j := newTestClient(t, s, c, "")
	body := `{"rule_id":1,"priority":0,"max_simultaneous":2,"num_attempts":3,"name":"October","is_cancelled":true,
		"contacts":[{"phone":"79004443322","name":"a;b","__task_uuid":"u-1","__start_at":1763710200},{"phone":79004443323}]}`
	if a, err := p.Test(t.Context(), "CreateCallList", []byte(body)); err != nil || a.Status != 200 {
		t.Fatal(a, err)
	}
	form := s.came("CreateCallList")[0].form
	want := "__start_at;__task_uuid;name;phone\n1763710200;u-1;\"a;b\";79004443322\n;;;79004443323\n"
	if form["file_content"] != want || form["is_cancelled"] != "true" || form["num_attempts"] != "3" {
		t.Fatalf("%q", form)
	}
	if x := j.all(); len(x) != 1 || !x[0].Test {
		t.Fatalf("%+v", x)
	}
	for method, body := range map[string]string{"DeleteAccount": "{}", "GetAccountInfo": "[", "CreateCallList": `{"contacts":[{"__task_uuid":"bad uuid"}]}`, "AppendToCallList": `{"contacts":[]}`, "StartScenarios": `{"rule_id":{}}`} {
		if _, err := p.Test(context.Background(), method, []byte(body)); err == nil {
			t.Errorf("%s %s was sent", method, body)
		}
	}
}
