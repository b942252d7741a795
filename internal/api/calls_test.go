package api

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

var update = flag.Bool("update", false, "write the golden files")

func TestACallIsAcceptedShownAndListed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.do("POST", "/v1/calls", `{"to":"+7 (900) 444-33-22","record_id":1460168,"ref":"r1","series":"s1","metadata":{"a":1},"amd":"off","from":null}`, as(h.tokens[calls.PermCaller])...)
	id, _ := made.doc["id"].(string)
	if made.code != 202 || id == "" || made.header.Get("Location") != "/v1/calls/"+id || made.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("%d %v %s", made.code, made.header, made.body)
	}
	if made.doc["to"] != "79004443322" || made.doc["status"] != "queued" || made.doc["outcome"] != nil {
		t.Errorf("call %s", made.body)
	}
	for _, path := range []string{"/v1/calls?ref=r1", "/v1/calls?series=s1", "/v1/calls?to=8-900-444-33-22", "/v1/calls?status=queued"} {
		if got := h.do("GET", path, ""); !strings.Contains(got.body, id) || got.code != 200 {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	if got := h.do("GET", "/v1/calls?status=completed", ""); strings.Contains(got.body, id) || !strings.Contains(got.body, `{"items":[],"next":null}`) {
		t.Errorf("a queued call among the completed: %s", got.body)
	}
	// Shown is what was made, and why it is not dialled yet.
	hold := `"hold":{"gate":"turn","until":null,"text":"it waits for its turn"}`
	if got := h.do("GET", "/v1/calls/"+id, ""); strings.Replace(got.body, hold, `"hold":null`, 1) != made.body || !strings.Contains(got.body, hold) {
		t.Errorf("shown:\n%s\nmade:\n%s", got.body, made.body)
	}
	events := h.do("GET", "/v1/calls/"+id+"/events", "")
	if !strings.Contains(events.body, `"type":"call.queued"`) || !strings.Contains(events.body, `"time":"2026-11-21T12:00:00.000Z"`) {
		t.Errorf("events %s", events.body)
	}
}

func TestRefAndIdempotencyKeyAreReplayedOrRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.do("POST", "/v1/calls", `{"to":"79004443322","record_id":"1460168","ref":"r"}`, "Idempotency-Key", "k")
	if first.code != 202 {
		t.Fatal(first.body)
	}
	same := ` { "ref" : "r", "record_id":"1460168","to":"79004443322" } `
	for _, header := range [][]string{nil, {"Idempotency-Key", "k"}} {
		again := h.do("POST", "/v1/calls", same, header...)
		if again.code != 200 || again.header.Get("Idempotency-Replayed") != "true" || again.doc["id"] != first.doc["id"] {
			t.Errorf("%v: %d %s", header, again.code, again.body)
		}
	}
	other := `{"to":"79004443323","record_id":"1460168","ref":"r"}`
	if got := h.do("POST", "/v1/calls", other); got.code != 409 || got.problem() != "ref-conflict" {
		t.Errorf("ref: %d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/calls", goodCall, "Idempotency-Key", "k"); got.code != 409 || got.problem() != "idempotency-conflict" {
		t.Errorf("key: %d %s", got.code, got.body)
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 5 {
		h.clock.Advance(time.Second)
		if got := h.do("POST", "/v1/calls", goodCall); got.code != 202 {
			t.Fatal(got.body)
		}
	}
	seen, path := map[any]bool{}, "/v1/calls?limit=2"
	for pages := 0; path != ""; pages++ {
		got := h.do("GET", path, "")
		items, _ := got.doc["items"].([]any)
		if got.code != 200 || pages > 3 {
			t.Fatalf("%d %s", got.code, got.body)
		}
		for _, item := range items {
			seen[item.(map[string]any)["id"]] = true
		}
		path = ""
		if next, ok := got.doc["next"].(string); ok {
			path = "/v1/calls?limit=2&cursor=" + next
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d calls on all pages, want 5", len(seen))
	}
}

func TestAnotherAccountSeesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, _ := h.do("POST", "/v1/calls", goodCall).doc["id"].(string)
	h.do("PUT", "/v1/blacklist/79004443324", "")
	hook, _ := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/x"}`).doc["id"].(string)
	stranger := as(h.token("other", "admin", calls.PermAdmin))
	for _, path := range []string{"GET /v1/calls/" + id, "GET /v1/calls/" + id + "/events", "POST /v1/calls/" + id + "/hangup", "GET /v1/recordings/rec_ok",
		"GET /v1/recordings/1460168", "GET /v1/recordings/rec_ok/audio", "POST /v1/recordings/rec_pending/approve", "GET /v1/blacklist/79004443324",
		"DELETE /v1/blacklist/79004443324", "DELETE /v1/tokens/tok_main_viewer", "POST /v1/tokens/tok_main_viewer/rotate",
		"DELETE /v1/webhooks/" + hook, "GET /v1/webhooks/" + hook + "/deliveries", "GET /v1/webhooks/" + hook,
		"POST /v1/webhooks/" + hook + "/rotate"} {
		method, url, _ := strings.Cut(path, " ")
		if got := h.do(method, url, "", stranger...); got.code != 404 {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	for path, body := range map[string]string{"PUT /v1/webhooks/" + hook: `{"url":"https://93.184.216.34/y"}`, "POST /v1/webhooks/" + hook + "/replay": `{"from":1}`} {
		method, url, _ := strings.Cut(path, " ")
		if got := h.do(method, url, body, stranger...); got.code != 404 {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	for _, path := range []string{"/v1/calls", "/v1/recordings", "/v1/blacklist", "/v1/webhooks", "/v1/events"} {
		if got := h.do("GET", path, "", stranger...); got.code != 200 || !strings.Contains(got.body, `"items":[]`) {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	if got := h.do("POST", "/v1/calls", goodCall, stranger...); got.problem() != "unknown-recording" {
		t.Errorf("a clip of another account: %d %s", got.code, got.body)
	}
	if got := h.do("DELETE", "/v1/calls?ref=r", "", stranger...); got.code != 200 {
		t.Errorf("cancel: %d %s", got.code, got.body)
	}
}

// deafEngine answers what it is told.
type deafEngine struct {
	Engine
	err  error
	last engine.CallRequest
}

func (d *deafEngine) Submit(_ context.Context, r engine.CallRequest) (*calls.Call, bool, error) {
	d.last = r
	if d.err != nil {
		return nil, false, d.err
	}
	return &calls.Call{ID: "call_1", Status: calls.StatusQueued}, false, nil
}

func TestTheEngineIsAskedForWhatTheBodySays(t *testing.T) {
	t.Parallel()
	d := &deafEngine{}
	h := newHouse(t, func(c *Config) { c.Engine = d })
	got := h.do("POST", "/v1/calls", `{"to":79004443322,"from":"78005553535","flow":{"record":1460168,"digits":[{},{"needBlock":"1"}],"loop":true},"series":"s",
		"trunk":"main","not_before":"2026-11-22T10:00:00+03:00","priority":5,"window":{"from":"10:00","to":"20:00"},"ring_timeout":"40s","max_duration":"2m",
		"metadata":{"k":"v"},"capture":false}`, append(as(h.tokens[calls.PermCaller]), "Idempotency-Key", "key-1")...)
	r := d.last
	if got.code != 202 || r.Account != "main" || r.TokenID != "tok_main_caller" || r.To != "79004443322" || r.From != "78005553535" || r.Flow == nil {
		t.Fatalf("%d %s %+v", got.code, got.body, r)
	}
	if !r.Flow.Loop || r.Flow.Record != "1460168" || len(r.Flow.Digits.Lookup('1')) != 1 || r.Clip != "" {
		t.Errorf("flow %+v", r.Flow)
	}
	if r.RingTimeout != 40*time.Second || r.MaxDuration != 2*time.Minute || r.Window == nil || r.Window.From != "10:00" || r.Priority != 5 || r.Series != "s" || r.Trunk != "main" {
		t.Errorf("%+v", r)
	}
	if r.NotBefore == nil || !r.NotBefore.Equal(time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)) || string(r.Metadata) != `{"k":"v"}` || r.IdempotencyKey != "key-1" || len(r.BodyHash) != 64 {
		t.Errorf("%+v", r)
	}
}

func TestErrorsOfTheEngineKeepTheirWordsOrLoseThem(t *testing.T) {
	t.Parallel()
	d := &deafEngine{}
	h := newHouse(t, func(c *Config) { c.Engine = d })
	d.err = calls.Errorf(calls.CodeOverloaded, "the queue is full")
	if got := h.do("POST", "/v1/calls", goodCall); got.code != 503 || got.problem() != "overloaded" || got.header.Get("Retry-After") == "" {
		t.Errorf("overloaded: %d %v %s", got.code, got.header, got.body)
	}
	d.err = os.ErrPermission // not for strangers
	got := h.do("POST", "/v1/calls", goodCall)
	if got.code != 500 || got.problem() != "internal" || strings.Contains(got.body, "permission") {
		t.Errorf("internal: %d %s", got.code, got.body)
	}
	wellFormed(t, got)
	d.err = &calls.Error{Code: calls.CodeRecordingTooShort, Detail: "too short", Extra: map[string]any{"measured_ms": 6900}}
	if got := h.do("POST", "/v1/calls", goodCall); got.code != 422 || got.doc["measured_ms"] != 6900.0 {
		t.Errorf("extra members: %d %s", got.code, got.body)
	}
}

func TestAPanicIsAProblem(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Engine = nopanic{} })
	got := h.do("POST", "/v1/calls", goodCall)
	if got.code != 500 || got.problem() != "internal" {
		t.Errorf("%d %s", got.code, got.body)
	}
	wellFormed(t, got)
	if len(h.server.busy) != 0 {
		t.Error("a panic keeps its place among the requests in progress")
	}
}

// nopanic panics on every call: its methods are nil.
type nopanic struct{ Engine }

func TestCallsLookAsPublished(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at := noon.Add(1500 * time.Microsecond)
	number := int64(1460168)
	c := &calls.Call{ID: "call_golden", Account: calls.MainAccount, Ref: "order-17", Direction: calls.Out, Status: calls.StatusCompleted,
		Outcome: calls.OutcomeAnswered, Reason: calls.ReasonHangup, To: "79004443322", From: "78005553535", Line: "78005553535", Trunk: "main",
		Recording: &calls.RecordingRef{RecordingID: "rec_ok", RecordID: number, SHA256: strings.Repeat("a", 64)},
		CreatedAt: noon, DueAt: noon, RingingAt: &at, AnsweredAt: &at, EndedAt: &at, RingMS: 1200, TalkMS: 3400, BillableMS: 4000, SIPCode: 200, Q850: 16,
		HangupBy: calls.ByCustomer, Digits: []calls.DigitPress{{Digit: "1", At: at, Leg: calls.RoleCustomer, Via: "rfc4733", Action: "smsText"}},
		Actions:  []calls.ActionResult{{Digit: "1", Action: "smsText", Value: "hi", Result: "ok"}},
		Legs:     []calls.LegFacts{{ID: "leg_1", Role: calls.RoleCustomer, Codec: "PCMA", RX: 170}},
		Metadata: json.RawMessage(`{"order":17}`)}
	h.put(func(tx calls.Tx) error {
		if err := tx.InsertCall(c); err != nil {
			return err
		}
		return tx.InsertAttempt(&calls.Attempt{ID: "att_1", CallID: c.ID, Account: c.Account, N: 1, Role: calls.RoleCustomer, Trunk: "main",
			Target: "127.0.0.1:5070", To: c.To, SIPCallID: "x@y", SentAt: noon, SIPCode: 200, Charged: true, State: calls.AttemptOver})
	})
	got := h.do("GET", "/v1/calls/call_golden", "")
	var pretty strings.Builder
	enc := json.NewEncoder(&pretty)
	enc.SetIndent("", "  ")
	if err := enc.Encode(json.RawMessage(got.body)); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/call.golden.json"
	if *update {
		if err := os.WriteFile(golden, []byte(pretty.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if pretty.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", pretty.String(), want)
	}
}
