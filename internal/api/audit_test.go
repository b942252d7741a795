package api

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// sample is a request that changes something.
type sample struct {
	path, body string // body "form" is an upload
	// object is what the audit entry must name; "" is the id in the answer.
	object string
	prep   func(h *house) // makes what the request changes
}

func aCall(ref string) func(*house) {
	return func(h *house) {
		if got := h.do("POST", "/v1/calls", `{"to":"79004443322","record_id":"1460168","ref":"`+ref+`"}`); got.code != 202 {
			h.t.Fatalf("%d %s", got.code, got.body)
		}
	}
}

// before asks for something else first.
func before(path, body string) func(*house) {
	return func(h *house) {
		if got := h.do("POST", path, body); got.code != 200 {
			h.t.Fatalf("%d %s", got.code, got.body)
		}
	}
}

func anAnsweredCall(h *house) {
	at := noon
	h.put(func(tx calls.Tx) error {
		return tx.InsertCall(&calls.Call{ID: "call_answered", Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusCompleted, Trunk: "main",
			To: "79004443322", Verdict: calls.VerdictHuman, CreatedAt: noon, AnsweredAt: &at, EndedAt: &at})
	})
}

func anAnnouncement(h *house) {
	h.put(func(tx calls.Tx) error {
		return tx.InsertFingerprint(&calls.Fingerprint{ID: "fp_own", Account: calls.MainAccount, Title: "own", Meaning: calls.MeansBusy, Print: []byte("x"), CreatedAt: noon})
	})
}

// aWebhook makes one, and an event from before it was there.
func aWebhook(h *house) {
	h.put(func(tx calls.Tx) error {
		e := calls.NewEvent("evt_old", noon, "number:1", calls.NumberBlocked, nil)
		e.Account = calls.MainAccount
		return errors.Join(tx.AppendEvent(&e), tx.PutWebhook(&calls.Webhook{ID: "wh_1", Account: calls.MainAccount, URL: "https://93.184.215.14/", Secret: newWebhookSecret()}))
	})
}

// somebody makes an employee, a group of him and a number of ours.
func somebody(h *house) {
	h.put(func(tx calls.Tx) error {
		return errors.Join(tx.PutEmployee(&calls.Employee{ID: "emp_1", Account: calls.MainAccount, Name: "Ann", Extension: "201", CreatedAt: noon}),
			tx.PutGroup(&calls.Group{Account: calls.MainAccount, Name: "sales", Members: []string{"emp_1"}, CreatedAt: noon}),
			tx.PutNumber(&calls.Number{Account: calls.MainAccount, Number: "79004443300", Kind: calls.NumberOwn, State: calls.NumberPending, CreatedAt: noon}),
			tx.PutAttention(&calls.Attention{ID: "evt_1", Account: calls.MainAccount, CallID: "call_x", Kind: "missed", State: calls.AttentionOpen, CreatedAt: noon}))
	})
}

// changes has a sample for every operation that changes something, by its
// operationId. {call} in a path is the id of the newest call.
var changes = map[string]sample{
	"cancel-calls":          {path: "/v1/calls?ref=r1", object: "ref:r1", prep: aCall("r1")},
	"hangup-call":           {path: "/v1/calls/{call}/hangup", object: "{call}", prep: aCall("r2")},
	"add-recording":         {path: "/v1/recordings", body: "form"},
	"approve-recording":     {path: "/v1/recordings/rec_pending/approve", object: "rec_pending"},
	"reject-recording":      {path: "/v1/recordings/rec_pending/reject", body: `{"reason":"too loud"}`, object: "rec_pending"},
	"claim-next-recording":  {path: "/v1/recordings/claim", object: "rec_pending"},
	"claim-recording":       {path: "/v1/recordings/rec_pending/claim", object: "rec_pending"},
	"release-recording":     {path: "/v1/recordings/rec_pending/release", object: "rec_pending", prep: before("/v1/recordings/rec_pending/claim", "")},
	"archive-recording":     {path: "/v1/recordings/rec_ok/archive", object: "rec_ok"},
	"restore-recording":     {path: "/v1/recordings/rec_ok/restore", object: "rec_ok", prep: before("/v1/recordings/rec_ok/archive", "")},
	"revoke-recording":      {path: "/v1/recordings/rec_ok/revoke", body: `{"reason":"a law"}`, object: "rec_ok"},
	"undo-recording":        {path: "/v1/recordings/rec_ok/undo", object: "rec_ok", prep: before("/v1/recordings/rec_ok/revoke", `{"reason":"a law"}`)},
	"import-recording":      {path: "/v1/recordings/import", body: "import"},
	"add-recording-version": {path: "/v1/recordings/rec_ok/versions", body: "file", object: "rec_ok"},
	"label-call":            {path: "/v1/calls/call_answered/amd/label", body: `{"label":"machine"}`, object: "call_answered", prep: anAnsweredCall},
	"watch-number":          {path: "/v1/watched-numbers/79004443322", object: "number:79004443322"},
	"unwatch-number":        {path: "/v1/watched-numbers/79004443322", object: "number:79004443322"},
	"add-fingerprint":       {path: "/v1/fingerprints", body: "announcement"},
	"delete-fingerprint":    {path: "/v1/fingerprints/fp_own", object: "fp_own", prep: anAnnouncement},
	"put-blacklist":         {path: "/v1/blacklist/79004443322", body: `{"reason":"asked"}`, object: "number:79004443322"},
	"delete-blacklist": {path: "/v1/blacklist/79004443322", object: "number:79004443322", prep: func(h *house) {
		h.do("PUT", "/v1/blacklist/79004443322", "")
	}},
	"import-blacklist":   {path: "/v1/blacklist/import", body: "79004443322,asked\n", object: "blacklist"},
	"create-employee":    {path: "/v1/employees", body: `{"name":"Ann","extension":"202"}`},
	"put-employee":       {path: "/v1/employees/emp_1", body: `{"name":"Ann"}`, object: "emp_1", prep: somebody},
	"subscribe-employee": {path: "/v1/employees/emp_1/subscribe", object: "emp_1", prep: somebody},
	"delete-employee":    {path: "/v1/employees/emp_1", object: "emp_1", prep: somebody},
	"create-group":       {path: "/v1/groups", body: `{"name":"night","members":["201"]}`, object: "group:night", prep: somebody},
	"put-group":          {path: "/v1/groups/sales", body: `{"members":["201"]}`, object: "group:sales", prep: somebody},
	"delete-group":       {path: "/v1/groups/sales", object: "group:sales", prep: somebody},
	"create-number":      {path: "/v1/numbers", body: `{"number":"79004443301"}`, object: "number:79004443301"},
	"put-number":         {path: "/v1/numbers/79004443300", body: `{"title":"x"}`, object: "number:79004443300", prep: somebody},
	"delete-number":      {path: "/v1/numbers/79004443300", object: "number:79004443300", prep: somebody},
	"confirm-number":     {path: "/v1/numbers/79004443300/confirm", body: `{"by":"operator"}`, object: "number:79004443300", prep: somebody},
	"take-attention":     {path: "/v1/attention/evt_1/take", object: "evt_1", prep: somebody},
	"finish-attention":   {path: "/v1/attention/evt_1/done", body: `{"note":"called back"}`, object: "evt_1", prep: somebody},
	"create-token":       {path: "/v1/tokens", body: `{"name":"bot","roles":["caller"]}`},
	"rotate-token":       {path: "/v1/tokens/tok_main_viewer/rotate", object: "tok_main_viewer"},
	"revoke-token":       {path: "/v1/tokens/tok_main_viewer", object: "tok_main_viewer"},
	"create-webhook":     {path: "/v1/webhooks", body: `{"url":"https://93.184.215.14/hook"}`},
	"delete-webhook":     {path: "/v1/webhooks/wh_1", object: "wh_1", prep: aWebhook},
	"change-webhook":     {path: "/v1/webhooks/wh_1", body: `{"url":"https://93.184.215.14/new"}`, object: "wh_1", prep: aWebhook},
	"rotate-webhook":     {path: "/v1/webhooks/wh_1/rotate", object: "wh_1", prep: aWebhook},
	"test-webhook":       {path: "/v1/webhooks/wh_1/test", body: `{"type":"call.ringing"}`, object: "wh_1", prep: aWebhook},
	"replay-webhook":     {path: "/v1/webhooks/wh_1/replay", body: `{"ids":["evt_old"]}`, object: "wh_1", prep: aWebhook},
	"create-erasure":     {path: "/v1/erasures", body: `{"number":"79004443322"}`, object: "erasure:{id}"},
}

// talkIsNeeded: what can be done to a call that talks is done in test/peers, which
// looks for the entries.
const talkIsNeeded = "an entry that names the call, seen in test/peers"

// recordedElsewhere are the operations whose change is its own record.
var recordedElsewhere = map[string]string{
	"create-call":       "the call has the id of the token that asked, and call.queued tells of it",
	"create-bridge":     "as create-call",
	"bot-beeline-call":  "as create-call",
	"bot-zvonobot-call": "as create-call", "bot-zvonobot-digits-call": "as create-call",
	"transfer-call": talkIsNeeded, "play-call": talkIsNeeded, "dtmf-call": talkIsNeeded, "hold-call": talkIsNeeded, "record-call": talkIsNeeded,
	"report-text":       "the text and its sms.delivered or sms.failed; it is the sender that speaks, once for every text",
	"test-fingerprints": "it changes nothing",
	"sign-for-provider": "it changes nothing",
	"cancel-recording":  "recording.end in the unit that ends it, seen in recordings; recording.cancel besides",
	"rescore-call":      "an entry in the unit that keeps the verdict, seen in internal/hearing",
}

func TestEveryChangeLeavesAnAuditEntry(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for path, operations := range describe(t, newHouse(t)).Paths {
		for method, op := range operations {
			if method == "get" || recordedElsewhere[op.ID] != "" {
				continue
			}
			seen[op.ID] = true
			c, known := changes[op.ID]
			if !known {
				c, known = campaignChanges[op.ID]
			}
			if !known {
				c, known = providerChanges[op.ID]
			}
			if !known {
				t.Errorf("%s %s (%s) has no sample in changes: give it one, and let it leave an audit entry", method, path, op.ID)
				continue
			}
			t.Run(op.ID, func(t *testing.T) {
				t.Parallel()
				c.leavesAnEntry(newHouse(t), strings.ToUpper(method))
			})
		}
	}
	for id := range changes {
		if !seen[id] {
			t.Errorf("there is a sample for %s, and no such operation", id)
		}
	}
}

func (c sample) leavesAnEntry(h *house, method string) {
	h.t.Helper()
	if c.prep != nil {
		c.prep(h)
	}
	call := ""
	before := h.audit(&call)
	path, object := strings.ReplaceAll(c.path, "{call}", call), strings.ReplaceAll(c.object, "{call}", call)
	got := c.send(h, method, path)
	if got.code >= 300 {
		h.t.Fatalf("%d %s", got.code, got.body)
	}
	id, _ := got.doc["id"].(string)
	if object = strings.ReplaceAll(object, "{id}", id); object == "" {
		object = id
	}
	after := h.audit(&call)
	if len(after) != len(before)+1 {
		h.t.Fatalf("%d entries before and %d after; want one more", len(before), len(after))
	}
	if e := after[0]; e.Actor != "admin" || e.Object != object || !strings.Contains(e.Action, ".") || !e.At.Equal(noon) || e.Account != calls.MainAccount {
		h.t.Errorf("entry %+v; want one of admin about %q", e, object)
	}
}

func (c sample) send(h *house, method, path string) reply {
	fields := map[string]string{"title": "hello"}
	switch c.body {
	case "form":
	case "announcement":
		fields["meaning"] = "busy"
	case "file":
		fields = nil
	case "import":
		fields = map[string]string{"recording": `{"recording_id":"rec_01J00000000000000000000000","title":"x","state":"pending"}`}
	default:
		return h.do(method, path, c.body)
	}
	body, contentType := form(h.t, fields, wav(8))
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermAdmin])
	return h.send(r)
}

// audit reads the audit log, and the id of the newest call.
func (h *house) audit(call *string) (list []calls.AuditEntry) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(r calls.ReadTx) (err error) {
		newest, err := r.Calls(calls.CallFilter{Limit: 1})
		if len(newest) > 0 {
			*call = newest[0].ID
		}
		var err2 error
		list, err2 = r.AuditEntries(calls.AuditFilter{Limit: 500})
		return errors.Join(err, err2)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestTheAuditLogIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, action := range []string{"call.hangup", "token.create", "call.hangup"} {
		h.put(func(tx calls.Tx) error {
			return tx.Audit(calls.AuditEntry{Account: calls.MainAccount, Actor: "ann", Action: action, Object: "o" + string(rune('0'+i)), At: noon.Add(time.Duration(i) * time.Hour)})
		})
	}
	h.put(func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: "other", Actor: "eve", Action: "call.hangup", Object: "foreign", At: noon})
	})
	objects := func(query string) (out []string) {
		got := h.do("GET", "/v1/audit"+query, "")
		if got.code != 200 {
			t.Fatalf("%s: %d %s", query, got.code, got.body)
		}
		items, _ := got.doc["items"].([]any)
		for _, i := range items {
			out = append(out, i.(map[string]any)["object"].(string))
		}
		return out
	}
	for query, want := range map[string][]string{
		"":                              {"o2", "o1", "o0"},
		"?action=call.hangup":           {"o2", "o0"},
		"?actor=bob":                    nil,
		"?object=o1":                    {"o1"},
		"?since=2026-11-21T13:00:00Z":   {"o2", "o1"},
		"?until=2026-11-21T13:00:00Z":   {"o0"},
		"?limit=1":                      {"o2"},
		"?limit=1&cursor=3":             {"o1"},
		"?actor=ann&action=call.hangup": {"o2", "o0"},
	} {
		if got := objects(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v; want %v", query, got, want)
		}
	}
	if got := h.do("GET", "/v1/audit?cursor=x", ""); got.code != 422 {
		t.Errorf("a wrong cursor: %d", got.code)
	}
}

func TestANumberIsErasedByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aCall("r1")(h)
	got := h.do("POST", "/v1/erasures", `{"number":"+7 900 444-33-22"}`)
	if got.code != 409 || got.problem() != "wrong-state" || !strings.Contains(got.body, "is not over") {
		t.Fatalf("with a live call: %d %s", got.code, got.body)
	}
	h.do("DELETE", "/v1/calls?ref=r1", "")
	h.do("PUT", "/v1/blacklist/79004443322", `{"reason":"asked"}`)
	got = h.do("POST", "/v1/erasures", `{"number":"89004443322"}`)
	erased, _ := got.doc["erased"].(map[string]any)
	if got.code != 200 || erased["calls"] != 1.0 || erased["blocked"] != true || !strings.Contains(got.body, "kept on the blacklist") || strings.Contains(got.body, "79004443322") {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/calls?to=79004443322", ""); !strings.Contains(got.body, `"items":[]`) {
		t.Errorf("found by its number: %s", got.body)
	}
	if got := h.do("GET", "/v1/calls?ref=r1", ""); !strings.Contains(got.body, `"to":"erased"`) || !strings.Contains(got.body, `"outcome":"canceled"`) {
		t.Errorf("the call: %s", got.body)
	}
	if got := h.do("GET", "/v1/events", ""); strings.Contains(got.body, "79004443322") {
		t.Errorf("events: %s", got.body)
	}
	if got := h.do("GET", "/v1/blacklist/79004443322", ""); got.code != 200 {
		t.Errorf("the block: %d %s", got.code, got.body)
	}
	got = h.do("POST", "/v1/erasures", `{"number":"79004443322","blocked":"erase"}`)
	if got.code != 200 || h.do("GET", "/v1/blacklist/79004443322", "").code != 404 {
		t.Errorf("with the block: %d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/audit", ""); strings.Contains(got.body, "79004443322") || !strings.Contains(got.body, "7900***3322") {
		t.Errorf("audit: %s", got.body)
	}
	for _, number := range []string{"12", "hello", "79004443322x", strings.Repeat("9", 16)} {
		if got := h.do("POST", "/v1/erasures", `{"number":"`+number+`"}`); got.code != 422 {
			t.Errorf("%s: %d %s", number, got.code, got.body)
		}
	}
}
