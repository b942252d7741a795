package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

// voxFacade is a facade whose rule 1 plays the first clip; 3 puts the callee on the blacklist.
const voxFacade = `egress: {allow: [127.0.0.0/8]}
facades:
  - kind: voximplant
    settings: {rules: {"1": {name: promo, flow: {record: 1000001, digits: [{}, {}, {}, {needBlock: "1"}]}}}}
`

// voxProvider is a provider that asks at url, with more settings.
func voxProvider(url, more string) string {
	return fmt.Sprintf(`providers:
  - name: vox
    kind: voximplant
    numbers: ["78005553535"]
    intake: {secret: 0123456789abcdef0123456789abcdef}
    settings:
      url: %q
      rule_id: 1
      lead_rule: {window: {from: "00:00", to: "24:00"}}
%s`, url, more)
}

// TestVoximplantsClientCallsThroughItsOwnFacade: the client starts a session at our own
// facade, which calls over the trunk; what becomes of that call comes back as callbacks of
// a scenario and makes the first call what it is.
func TestVoximplantsClientCallsThroughItsOwnFacade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(voxFacade)
	record := w.clip()
	var key struct {
		Shown map[string]string `json:"shown"`
	}
	err := w.api.Do(t.Context(), "POST", "/v1/keys", map[string]any{"kind": "voximplant", "name": "bot", "roles": []string{"operator"}}, &key)
	if err != nil || key.Shown["credentials"] == "" {
		t.Fatalf("%+v %v", key, err)
	}
	file := filepath.Join(w.dir, "voximplant.json")
	if err := os.WriteFile(file, []byte(key.Shown["credentials"]), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Stop()
	w.start(voxFacade + voxProvider(w.base+"/compat/voximplant/platform_api", fmt.Sprintf("      credentials_file: %q\n", file)))
	body := map[string]any{"to": "79005551203", "record_id": record, "provider": "vox", "digits": []any{struct{}{}, struct{}{}, struct{}{}, struct{}{}}}
	id := w.asks("/v1/calls", body)
	got := w.ended(id, "answered")
	if got.ProviderCallID == nil || *got.ProviderCallID != "1" || len(got.Digits) != 1 || got.Digits[0].Digit != "3" || got.TalkMS <= 0 {
		t.Errorf("the call is %+v; told %s", got, w.trail(id))
	}
	var list struct{ Items []calls.CallView }
	if err := w.api.Do(t.Context(), "GET", "/v1/calls?to=79005551203", nil, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 2 || list.Items[0].Reason == nil || *list.Items[0].Reason != calls.ReasonBlockedByDigit {
		t.Errorf("the facade's call is %+v", list.Items)
	}
	w.leadIsLeftToPeople(record)
}

// leadIsLeftToPeople asks for a number of twelve characters.
func (w *world) leadIsLeftToPeople(record int64) {
	w.t.Helper()
	id := w.asks("/v1/calls", map[string]any{"to": "+79005552000", "record_id": record, "provider": "vox"})
	if got := w.ended(id, "canceled/for_person"); len(got.Attempts) != 0 {
		w.t.Errorf("%+v", got.Attempts)
	}
	w.Eventually("a person to be told", func() bool {
		var open struct {
			Items []struct {
				CallID string `json:"call_id"`
				Why    string `json:"why"`
			}
		}
		if err := w.api.Do(context.Background(), "GET", "/v1/attention", nil, &open); err != nil {
			w.t.Fatal(err)
		}
		return len(open.Items) == 1 && open.Items[0].CallID == id && strings.Contains(open.Items[0].Why, "12 characters")
	})
}

// voximplant is the service: sessions that it starts do as the test says.
type voximplant struct {
	w       *world
	session func(task voxTask) // runs when one was started
	fault   string             // what StartScenarios answers instead; "": a session

	mu      sync.Mutex
	started int
	hungUp  int
}

// voxTask is what a scenario needs of its custom data.
type voxTask struct{ Call, Attempt, To, Callback, SIP string }

func (v *voximplant) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/session/"):
		v.hungUp++
	case strings.HasSuffix(r.URL.Path, "/GetCallHistory/"):
		fmt.Fprint(rw, `{"result":[],"count":0}`)
	case v.fault != "":
		v.started++
		fmt.Fprint(rw, v.fault)
	default:
		v.started++
		var task voxTask
		if err := json.Unmarshal([]byte(r.FormValue("script_custom_data")), &task); err != nil || r.FormValue("api_key") != "key-of-tests" {
			v.w.t.Errorf("%v in %v", err, r.Form)
		}
		fmt.Fprintf(rw, `{"result":1,"call_session_history_id":4711,"media_session_access_secure_url":"http://%s/session/1"}`, r.Host)
		go v.session(task)
	}
}

// reports posts what a scenario would, in the order that is given.
func (v *voximplant) reports(task voxTask, list ...string) {
	for _, one := range list {
		v.w.Tells(func() {
			v.report(task.Callback, fmt.Sprintf(`{"v":1,"call":%q,"attempt":%q,"session":"4711",%s}`, task.Call, task.Attempt, one))
		})
	}
}

func (v *voximplant) report(url, body string) {
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		v.w.t.Error(err)
		return
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		v.w.t.Errorf("%s: %d", body, res.StatusCode)
	}
}

const voxKey = "      account_id: 1\n      api_key: key-of-tests\n"

func TestReportsOfAScenarioMakeTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := &voximplant{w: w}
	v.session = func(task voxTask) { // doubled, and out of order
		v.reports(task, `"n":2,"event":"connected"`, `"n":1,"event":"ringing"`, `"n":2,"event":"connected"`, `"n":4,"event":"tone","digit":"7"`,
			`"n":3,"event":"amd","class":"HUMAN","confidence":90`, `"n":5,"event":"disconnected","by":"customer","talk_ms":1500`)
	}
	w.start(voxProvider(serve(t, v)+"/platform_api", voxKey))
	id := w.asks("/v1/calls", map[string]any{"to": "79005552000", "record_id": w.clip(), "provider": "vox"})
	got := w.ended(id, "answered")
	if len(got.Digits) != 1 || got.Digits[0].Digit != "7" || got.Verdict == nil || *got.Verdict != calls.VerdictHuman {
		t.Errorf("%+v; told %s", got, w.trail(id))
	}
	// An error of the API in a 200 refuses, and a person is shown the call.
	v.mu.Lock()
	if v.started != 1 {
		t.Errorf("%d sessions were asked for", v.started)
	}
	v.fault = `{"error":{"code":5,"msg":"No money"}}`
	v.mu.Unlock()
	id = w.asks("/v1/calls", map[string]any{"to": "79005552000", "record_id": *got.Recording.RecordID, "provider": "vox"})
	w.ended(id, "trunk_error/provider_failed")
	w.told(id, calls.CallNeedsAttention)
}

func TestVoximplantBringsTheClientToOurUserAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := &voximplant{w: w}
	v.session = func(task voxTask) {
		extension := strings.TrimPrefix(strings.Split(task.SIP, "@")[0], "sip:")
		_, err := w.carrier.Switch(carrier.SwitchRequest{From: task.To, CallbackRequest: carrier.CallbackRequest{Extension: extension, Phone: task.To, Order: carrier.ClientFirst}})
		if err != nil {
			t.Error(err)
		}
	}
	text := voxProvider(serve(t, v)+"/platform_api", voxKey+"      answers: sip\n      sip_uri: sip:"+extension+"@pbx.example.com\n")
	w.start(strings.Replace(text, "kind: voximplant\n", "kind: voximplant\n    trunk: pbx\n    extension: \""+extension+"\"\n", 1))
	id := w.asks("/v1/calls", map[string]any{"to": "79005551203", "record_id": w.clip(), "provider": "vox",
		"digits": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": 1}}})
	if got := w.ended(id, "answered/blocked_by_digit"); len(got.Digits) != 1 || got.Digits[0].Digit != "3" {
		t.Errorf("%+v", got)
	}
}
