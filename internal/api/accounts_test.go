package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// What belongs to another account. Everything in it that could leak carries one
// of foreignMarks.
const (
	foreign       = "foreign"
	foreignNumber = "79990001122"
	foreignLine   = "78009990000"
	foreignRecord = 7700077
)

// foreignMarks are bytes that no answer to anybody else may hold.
var foreignMarks = []string{foreign, foreignNumber, foreignLine, "7700077"}

// A request for what is not the asker's: where its id goes, and what it sends.
// Every operation of the API with a path parameter or a body is in
// foreignRequests; one that is not there fails the test, so that nobody adds an
// endpoint without thinking of whose data it gives.
type foreignRequest struct {
	path string            // the path with the foreign id in it; "" where the operation has none
	body string            // a valid body; "" is none
	more map[string]string // bodies, or header pairs as "Name: value", that name a foreign id, with a word of the expected problem
	want int               // 0: 404
	why  string            // where want is no refusal
}

const freeCall = `"to":"79004443322"`

var foreignRequests = map[string]foreignRequest{
	"GET /v1/calls/{id}":         {path: "/v1/calls/foreign-call"},
	"GET /v1/calls/{id}/events":  {path: "/v1/calls/foreign-call/events"},
	"POST /v1/calls/{id}/hangup": {path: "/v1/calls/foreign-call/hangup"},
	"POST /v1/calls/{id}/transfer": {path: "/v1/calls/foreign-call/transfer", body: `{"target":"74951234567"}`,
		more: map[string]string{`{"target":"201@foreign-trunk"}`: "bad-action"}},
	"POST /v1/calls/{id}/play":            {path: "/v1/calls/foreign-call/play", body: `{"record_id":"own-recording"}`},
	"POST /v1/calls/{id}/dtmf":            {path: "/v1/calls/foreign-call/dtmf", body: `{"digits":"1"}`},
	"POST /v1/calls/{id}/record":          {path: "/v1/calls/foreign-call/record", body: `{"on":true}`},
	"POST /v1/calls/{id}/amd/rescore":     {path: "/v1/calls/foreign-call/amd/rescore"},
	"PUT /v1/calls/{id}/amd/label":        {path: "/v1/calls/foreign-call/amd/label", body: `{"label":"human"}`},
	"GET /v1/calls/{id}/amd/audio":        {path: "/v1/calls/foreign-call/amd/audio"},
	"GET /v1/calls/{id}/trace":            {path: "/v1/calls/foreign-call/trace"},
	"PUT /v1/watched-numbers/{number}":    {path: "/v1/watched-numbers/79004443322"},
	"DELETE /v1/watched-numbers/{number}": {path: "/v1/watched-numbers/79004443322"},
	"GET /v1/calls/{id}/recording":        {path: "/v1/calls/foreign-call/recording"},
	"POST /v1/calls/{id}/hold":            {path: "/v1/calls/foreign-call/hold", body: `{"on":true}`},
	"POST /v1/employees/{id}/subscribe":   {path: "/v1/employees/emp_foreign/subscribe"},
	"POST /v1/bot/beeline_call":           {body: `{"client_phone":"79004443322","user":"9990001122"}`, want: 200, why: "nobody of ours has that number: status 0"},
	"POST /v1/bridges": {body: `{"first":"74951234567","second":"79004443322"}`, want: 202, why: "a call of ours",
		more: map[string]string{
			`{"first":"201@foreign-trunk","second":"79004443322"}`:                   "bad-action",
			`{"first":"74951234567","second":"79004443322","record_id":7700077}`:     "unknown-recording",
			`{"first":"74951234567","second":"79004443322","trunk":"foreign-trunk"}`: "invalid-field",
			`{"first":"74951234567","second":"79004443322","from":"78009990000"}`:    "invalid-field",
		}},
	"POST /v1/calls": {body: `{` + freeCall + `,"recording_id":"own-recording","ref":"foreign-ref"}`, want: 202, why: "a ref is unique in an account: the foreign live call of this ref is none of ours",
		more: map[string]string{
			`{` + freeCall + `,"record_id":7700077}`:                                                                                        "unknown-recording",
			`{` + freeCall + `,"recording_id":"foreign-recording"}`:                                                                         "unknown-recording",
			`{` + freeCall + `,"recording_id":"own-recording","digits":[{"record":"7700077"}]}`:                                             "unknown-recording",
			`{` + freeCall + `,"recording_id":"own-recording","digits":[{"managerPhone":"201@foreign-trunk"}]}`:                             "bad-action",
			`{` + freeCall + `,"recording_id":"own-recording","trunk":"foreign-trunk"}`:                                                     "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","from":"78009990000"}`:                                                        "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","employee":"emp_foreign"}`:                                                    "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","from":"` + foreignNumber + `"}`:                                              "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","digits":[{"managerPhone":"group:foreign-group"}]}`:                           "bad-action",
			`{` + freeCall + `,"recording_id":"own-recording","provider":"foreign-provider"}`:                                               "invalid-field",
			`{` + freeCall + `,"flow":{"record":"own-recording","sms_record":7700077}}`:                                                     "unknown-recording",
			`{` + freeCall + `,"flow":{"record":"own-recording","manager":{"busy_record":7700077}}}`:                                        "unknown-recording",
			`{` + freeCall + `,"flow":{"record":"own-recording","digits":[{},{"record":"own-recording","digits":[{"record":"7700077"}]}]}}`: "unknown-recording",
		}},
	"DELETE /v1/calls":                                 {path: "/v1/calls?ref=foreign-ref", want: 200, why: "an empty list: nothing of this ref is ours"},
	"GET /v1/recordings/{id}":                          {path: "/v1/recordings/7700077"},
	"GET /v1/recordings/{id}/audio":                    {path: "/v1/recordings/foreign-recording/audio"},
	"GET /v1/recordings/{id}/peaks":                    {path: "/v1/recordings/7700077/peaks"},
	"POST /v1/recordings/{id}/approve":                 {path: "/v1/recordings/foreign-pending/approve"},
	"POST /v1/recordings/{id}/reject":                  {path: "/v1/recordings/foreign-pending/reject", body: `{"reason":"mine now"}`},
	"POST /v1/recordings/{id}/claim":                   {path: "/v1/recordings/foreign-pending/claim"},
	"POST /v1/recordings/{id}/release":                 {path: "/v1/recordings/foreign-pending/release"},
	"POST /v1/recordings/{id}/archive":                 {path: "/v1/recordings/foreign-recording/archive"},
	"POST /v1/recordings/{id}/restore":                 {path: "/v1/recordings/foreign-recording/restore"},
	"POST /v1/recordings/{id}/revoke":                  {path: "/v1/recordings/7700077/revoke", body: `{"reason":"mine now"}`},
	"POST /v1/recordings/{id}/undo":                    {path: "/v1/recordings/foreign-recording/undo"},
	"GET /v1/recordings/{id}/versions":                 {path: "/v1/recordings/foreign-recording/versions"},
	"GET /v1/recordings/{id}/history":                  {path: "/v1/recordings/foreign-recording/history"},
	"GET /v1/recordings/{id}/versions/{version}/audio": {path: "/v1/recordings/foreign-recording/versions/1/audio"},
	"POST /v1/recordings/import":                       {want: 422, why: "a form that names nothing that is there; this test sends none"},
	"POST /v1/recordings/{id}/versions":                {path: "/v1/recordings/foreign-recording/versions"},
	"POST /v1/recordings":                              {want: 422, why: "a form that names nothing that is there; this test sends none"},
	"POST /v1/fingerprints":                            {want: 422, why: "a form that names nothing that is there; this test sends none"},
	"POST /v1/fingerprints/test":                       {want: 422, why: "the same"},
	"DELETE /v1/fingerprints/{id}":                     {path: "/v1/fingerprints/foreign-fingerprint"},
	"GET /v1/blacklist/{number}":                       {path: "/v1/blacklist/" + foreignNumber},
	"DELETE /v1/blacklist/{number}":                    {path: "/v1/blacklist/" + foreignNumber},
	"PUT /v1/blacklist/{number}":                       {path: "/v1/blacklist/79990001133", body: `{"reason":"mine"}`, want: 201, why: "an entry of ours; the foreign one of the same number stays"},
	"POST /v1/blacklist/import":                        {body: "79990001144,mine\n", want: 200, why: "entries of ours; the foreign one of the same number stays"},
	"DELETE /v1/recordings/{id}":                       {path: "/v1/recordings/foreign-pending"},
	"GET /v1/employees/{id}":                           {path: "/v1/employees/emp_foreign"},
	"PUT /v1/employees/{id}":                           {path: "/v1/employees/emp_foreign", body: `{"name":"mine"}`},
	"DELETE /v1/employees/{id}":                        {path: "/v1/employees/emp_foreign"},
	"POST /v1/employees":                               {body: `{"name":"x","extension":"299"}`, want: 201, why: "an employee of ours; the foreign one of this extension stays", more: map[string]string{`{"name":"x","trunk":"foreign-trunk"}`: "invalid-field", `{"name":"x","record_id":"foreign-recording"}`: "unknown-recording"}},
	"GET /v1/groups/{id}":                              {path: "/v1/groups/foreign-group"},
	"PUT /v1/groups/{id}":                              {path: "/v1/groups/foreign-group", body: `{"members":["299"]}`},
	"DELETE /v1/groups/{id}":                           {path: "/v1/groups/foreign-group"},
	"POST /v1/groups":                                  {body: `{"name":"foreign-group","members":["emp_foreign"]}`, want: 422, why: "his employee is none of ours"},
	"GET /v1/numbers/{number}":                         {path: "/v1/numbers/" + foreignNumber},
	"PUT /v1/numbers/{number}":                         {path: "/v1/numbers/" + foreignNumber, body: `{"title":"mine"}`},
	"DELETE /v1/numbers/{number}":                      {path: "/v1/numbers/" + foreignNumber},
	"POST /v1/numbers/{number}/confirm":                {path: "/v1/numbers/" + foreignNumber + "/confirm", body: `{"by":"operator"}`},
	"POST /v1/numbers":                                 {body: `{"number":"79990001133","employee":"emp_foreign"}`, want: 422, why: "his employee is none of ours"},
	"POST /v1/attention/{id}/take":                     {path: "/v1/attention/evt_foreign/take"},
	"POST /v1/attention/{id}/done":                     {path: "/v1/attention/evt_foreign/done"},
	"DELETE /v1/webhooks/{id}":                         {path: "/v1/webhooks/foreign-webhook"},
	"GET /v1/webhooks/{id}/deliveries":                 {path: "/v1/webhooks/foreign-webhook/deliveries"},
	"POST /v1/webhooks/{id}/replay":                    {path: "/v1/webhooks/foreign-webhook/replay", body: `{"ids":["foreign-event"]}`},
	"POST /v1/webhooks/{id}/test":                      {path: "/v1/webhooks/foreign-webhook/test", body: `{}`},
	"POST /v1/webhooks/{id}/rotate":                    {path: "/v1/webhooks/foreign-webhook/rotate"},
	"PUT /v1/webhooks/{id}":                            {path: "/v1/webhooks/foreign-webhook", body: `{"url":"https://example.com/mine"}`},
	"PATCH /v1/webhooks/{id}":                          {path: "/v1/webhooks/foreign-webhook", body: `{"disabled":true}`},
	"GET /v1/webhooks/{id}":                            {path: "/v1/webhooks/foreign-webhook"},
	"POST /v1/webhooks":                                {body: `{"url":"https://192.0.2.1/mine"}`, want: 422, why: "the guard refuses the address; the body names nothing that is there"},
	"POST /v1/tokens/{id}/rotate":                      {path: "/v1/tokens/tok_foreign/rotate"},
	"DELETE /v1/tokens/{id}":                           {path: "/v1/tokens/tok_foreign"},
	"POST /v1/tokens":                                  {body: `{"name":"x","roles":["viewer"],"account":"foreign"}`, want: 422, why: "another account looks like none"},
	"GET /v1/sms/{id}":                                 {path: "/v1/sms/foreign-text"},
	"POST /v1/sms/{id}/report":                         {path: "/v1/sms/foreign-text/report", body: `{"state":"delivered"}`},
	"POST /v1/erasures":                                {body: `{"number":"` + "79990001133" + `"}`, want: -1, why: "erases in the asker's account only; the foreign rows are compared afterwards"},
}

// foreignQueries says what a query parameter may name. Each parameter of every
// list is tried with it; one that is not here fails the test.
var foreignQueries = map[string]string{
	"cursor": "foreign-zzz", "format": "json", "for": "10m", "limit": "500", "after": "0", "event": "foreign-event", "before": "9999", "types": "call.queued,sms.sent", "status": "queued", "outcome": "busy", "state": "pending", "order": "oldest",
	"to": foreignNumber, "ref": "foreign-ref", "series": "foreign-series", "campaign": "foreign-campaign", "call": "foreign-call", "account": foreign,
	"kind": "missed", "scope": "account", "days": "30", "group_by": "trunk,metadata.key", "zone": "UTC",
	"provider": "foreign-provider", "method": "foreign-method", "direction": "in", "call_id": "foreign-call",
	"trunk": "foreign-trunk", "rate": "16000", "points": "100",
	"actor": "foreign-actor", "action": "foreign", "object": "foreign-call", "number": foreignNumber, "from": "2026-01-01T00:00:00Z", "since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "subject": "call:foreign-call",
}

// seedForeign puts one of everything into another account.
func (h *house) seedForeign() {
	h.t.Helper()
	record := int64(foreignRecord)
	flow := calls.DefaultFlow()
	flow.Record = "7700077"
	hook := &calls.Webhook{ID: "foreign-webhook", Account: foreign, URL: "https://foreign.example/hook", Secret: outbox.TokenSecret("foreign"), CreatedAt: noon}
	event := func(id, subject string, typ calls.EventType) calls.Event {
		e := calls.NewEvent(id, noon, subject, typ, map[string]string{"to": foreignNumber, "text": foreign})
		e.Account, e.CallID, e.Ref = foreign, "foreign-call", "foreign-ref"
		return e
	}
	h.put(func(tx calls.Tx) error {
		steps := []error{
			tx.InsertCall(&calls.Call{ID: "foreign-call", Account: foreign, TokenID: "tok_foreign", Ref: "foreign-ref", Series: "foreign-series", CampaignID: "foreign-campaign",
				Direction: calls.Out, Status: calls.StatusQueued, To: foreignNumber, From: foreignLine, CreatedAt: noon, DueAt: noon, Flow: flow, BodyHash: "foreign"}),
			tx.InsertAttempt(&calls.Attempt{ID: "foreign-attempt", CallID: "foreign-call", N: 1, Role: calls.RoleCustomer, To: foreignNumber, SIPCallID: "foreign@zvonar", SentAt: noon, Charged: true}),
			tx.InsertFingerprint(&calls.Fingerprint{ID: "foreign-fingerprint", Account: foreign, Title: foreign, Meaning: calls.MeansBusy, Print: []byte(foreign), CreatedAt: noon}),
			tx.InsertRecording(&calls.Recording{ID: "foreign-recording", Account: foreign, Title: foreign, State: calls.RecordingIsApproved, RecordID: &record, SHA256: strings.Repeat("f", 64), DurationMS: 8000, CreatedAt: noon}),
			tx.InsertRecording(&calls.Recording{ID: "foreign-pending", Account: foreign, Title: foreign, State: calls.RecordingPending, SHA256: strings.Repeat("e", 64), DurationMS: 8000, CreatedAt: noon}),
			tx.PutWebhook(hook), seedForeignCampaign(tx), seedForeignProvider(tx),
			tx.InsertSMS(&calls.SMS{ID: "foreign-text", Account: foreign, CallID: "foreign-call", To: foreignNumber, Text: foreign, State: calls.SMSIsSent, CreatedAt: noon}),
			tx.PutIdempotent(calls.IdempotencyRecord{Account: foreign, Key: "foreign-key", BodyHash: "foreign", CallID: "foreign-call", ExpiresAt: noon.Add(24 * time.Hour)}),
			tx.PutEmployee(&calls.Employee{ID: "emp_foreign", Account: foreign, Name: foreign, Extension: "299", Phone: foreignNumber, Method: calls.MethodAPI}),
			tx.PutGroup(&calls.Group{Account: foreign, Name: "foreign-group", Strategy: calls.Sequential, Members: []string{"emp_foreign"}}),
			tx.PutNumber(&calls.Number{Account: foreign, Number: foreignNumber, State: calls.NumberPending}),
			tx.PutAttention(&calls.Attention{ID: "evt_foreign", Account: foreign, CallID: "foreign-call", Kind: "missed", Why: foreign, Number: foreignNumber, State: calls.AttentionOpen}),
			tx.Audit(calls.AuditEntry{Account: foreign, Actor: "foreign-actor", Action: "foreign", Object: "foreign-call", At: noon, Detail: foreign}),
		}
		for _, number := range []string{foreignNumber, "79990001133"} {
			_, err := tx.Block(calls.BlockEntry{Account: foreign, Number: number, Reason: foreign, Source: "api", CreatedAt: noon})
			steps = append(steps, err)
		}
		for i, typ := range []calls.EventType{calls.CallQueued, calls.SMSSent} {
			e := event(fmt.Sprintf("foreign-event-%d", i), calls.CallSubject("foreign-call"), typ)
			steps = append(steps, tx.AppendEvent(&e))
			_, err := tx.QueueDeliveries([]calls.Delivery{{WebhookID: hook.ID, EventPos: e.Pos, EventID: e.ID, Subject: e.Subject}}, noon)
			steps = append(steps, err)
		}
		for _, err := range steps {
			if err != nil {
				return err
			}
		}
		return nil
	})
	h.token(foreign, "foreign", allRoles...)
	h.put(func(tx calls.Tx) error {
		return tx.PutToken(&calls.Token{ID: "tok_foreign", Account: foreign, Name: foreign, Roles: allRoles, Hash: HashToken("zv_foreign"), CreatedAt: noon})
	})
}

// foreignRows is everything of the other account, as text.
func (h *house) foreignRows() string {
	h.t.Helper()
	var all []any
	err := h.store.View(h.t.Context(), func(tx calls.ReadTx) error {
		keep := func(v any, err error) error { all = append(all, v); return err }
		for _, err := range []error{
			keep(tx.Calls(calls.CallFilter{Account: foreign, Limit: 500})),
			keep(tx.Events(calls.EventFilter{Account: foreign, Limit: 500})),
			keep(tx.Recordings(calls.RecordingFilter{Account: foreign, Limit: 500})),
			keep(tx.Webhooks(foreign)),
			keep(tx.FacadeKeys(foreign)),
			keep(tx.Exchanges(calls.ExchangeFilter{Account: foreign})),
			keep(tx.ProviderCertificates("foreign-provider")),
			keep(tx.Deliveries("foreign-webhook", calls.DeliveryFilter{Limit: 500})),
			keep(tx.BlockEntries(foreign, "", 500)),
			keep(tx.Employees(foreign, "", 500)),
			keep(tx.Groups(foreign, "", 500)),
			keep(tx.Numbers(foreign, "", 500)),
			keep(tx.Attentions(calls.AttentionFilter{Account: foreign})),
			keep(tx.Texts(calls.SMSFilter{Account: foreign, Limit: 500})),
			keep(tx.Token(foreign, "tok_foreign")),
			keep(tx.Idempotent(foreign, "foreign-key")),
			keep(tx.AuditEntries(calls.AuditFilter{Account: foreign, Limit: 500})),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := json.Marshal(all)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// operation is one operation of the OpenAPI document.
type operation struct {
	Parameters []struct{ Name, In string }
	Body       json.RawMessage `json:"requestBody"`
}

// TestNoAccountSeesOrTouchesWhatIsAnothers asks every operation of the OpenAPI
// document for what belongs to another account.
func TestNoAccountSeesOrTouchesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	for _, asker := range []string{calls.MainAccount, "shop"} {
		t.Run(asker, func(t *testing.T) {
			t.Parallel()
			h := textHouse(t, false)
			h.seedForeign()
			h.put(func(tx calls.Tx) error {
				r := recording("own-recording", 0, calls.RecordingIsApproved)
				r.Account = asker
				return tx.InsertRecording(r)
			})
			token := h.token(asker, "asker", allRoles...)
			if asker == calls.MainAccount { // an admin of main may see the tokens of others: that is his office
				token = h.token(asker, "asker", calls.PermOperator, calls.PermModerator)
			}
			before := h.foreignRows()
			n := 0
			paths := h.operations()
			for _, path := range slices.Sorted(maps.Keys(paths)) {
				// In this order what is deleted is not yet what POST and PUT made of our own.
				for _, method := range slices.Sorted(maps.Keys(paths[path])) {
					n++
					h.askForForeign(strings.ToUpper(method), path, paths[path][method], token)
				}
			}
			if n < 25 {
				t.Errorf("only %d operations were asked", n)
			}
			if after := h.foreignRows(); after != before {
				t.Errorf("foreign rows were changed:\n%s\nwere\n%s", after, before)
			}
		})
	}
}

func (h *house) operations() map[string]map[string]operation {
	h.t.Helper()
	var d struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal([]byte(h.do("GET", "/openapi.json", "", "Authorization", "").body), &d); err != nil {
		h.t.Fatal(err)
	}
	return d.Paths
}

// askForForeign tries one operation in every way it can name something.
func (h *house) askForForeign(method, path string, op operation, token string) {
	h.t.Helper()
	name := method + " " + path
	known, seeded := foreignRequests[name]
	if !seeded {
		known, seeded = foreignCampaigns[name]
	}
	if !seeded {
		known, seeded = foreignProviders[name]
	}
	needs := strings.Contains(path, "{") || len(op.Body) > 0
	if needs && !seeded {
		h.t.Errorf("%s is not in foreignRequests: say there how it names what belongs to another account", name)
		return
	}
	if seeded {
		h.askOnce(name, method, known, path, token)
	}
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		value, ok := foreignQueries[p.Name]
		if v, own := campaignQueries[name+" "+p.Name]; own {
			value, ok = v, true
		}
		if !ok {
			h.t.Errorf("%s: the parameter %s is not in foreignQueries", name, p.Name)
			continue
		}
		url, method := known.path, method
		if url == "" {
			url = path
		}
		if method != "GET" || strings.Contains(url, "{") {
			continue
		}
		got := h.do(method, url+"?"+p.Name+"="+value, "", as(token)...)
		h.withoutForeign(name+"?"+p.Name, got)
	}
}

// askOnce sends the request of the table and its variants.
func (h *house) askOnce(name, method string, known foreignRequest, path, token string) {
	h.t.Helper()
	url := known.path
	if url == "" {
		url = path
	}
	want := known.want
	if want == 0 {
		want = 404
	}
	if want < 404 && want > 0 && known.why == "" {
		h.t.Errorf("%s: say why this is no refusal", name)
	}
	header := as(token)
	if name != "POST /v1/bridges" { // whose calls are those of POST /v1/calls, which shows it
		header = append(header, "Idempotency-Key", "foreign-key")
	}
	got := h.do(method, url, known.body, header...)
	if got.code != want && want > 0 && got.code != 403 {
		h.t.Errorf("%s: %d, want %d: %s", name, got.code, want, got.body)
	}
	h.withoutForeign(name, got)
	for body, problem := range known.more {
		got := h.do(method, url, body, as(token)...)
		if got.code != 422 || got.problem() != problem {
			h.t.Errorf("%s with %s: %d %s; want 422 %s", name, body, got.code, got.body, problem)
		}
	}
}

// withoutForeign looks for foreign bytes in an answer. The asker's own words
// come back in ref and in the values of errors.
func (h *house) withoutForeign(name string, got reply) {
	h.t.Helper()
	if got.code >= 500 {
		h.t.Errorf("%s: %d %s", name, got.code, got.body)
	}
	text := strings.ReplaceAll(got.body, `"ref":"foreign-ref"`, "")
	if list, ok := got.doc["errors"].([]any); ok {
		for _, f := range list {
			if m, ok := f.(map[string]any); ok {
				text = strings.ReplaceAll(text, fmt.Sprintf("%q", m["value"]), "")
			}
		}
	}
	for _, mark := range foreignMarks {
		if strings.Contains(text, mark) {
			h.t.Errorf("%s shows %s of another account: %d %s", name, mark, got.code, got.body)
		}
	}
}

func TestALiveStreamShowsNothingOfOtherAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.listen(h.running(), "?after=0")
	l.next() // where it begins
	h.seedForeign()
	h.emit("evt_own")
	if m := l.next(); !strings.Contains(m.data, "evt_own") {
		t.Errorf("the stream of main shows %+v", m)
	}
}

func TestTheTestOfForeignDataWouldSeeALeak(t *testing.T) {
	t.Parallel()
	h := textHouse(t, false)
	h.seedForeign()
	r := httptest.NewRequest("GET", "/v1/sms", nil)
	r.Header.Set("Authorization", "Bearer zv_foreign")
	if got := h.send(r); !strings.Contains(got.body, foreignNumber) || !strings.Contains(got.body, "foreign-text") {
		t.Errorf("the owner does not see his own: %d %s", got.code, got.body)
	}
	for path, list := range map[string]string{"/v1/calls": "foreign-call", "/v1/events": "foreign-event-0", "/v1/recordings": "foreign-recording", "/v1/webhooks": "foreign-webhook",
		"/v1/webhooks/foreign-webhook/deliveries": "foreign-event-1", "/v1/blacklist": foreignNumber, "/v1/tokens": "tok_foreign", "/v1/trunks": "foreign-trunk"} {
		if got := h.do("GET", path, "", as("zv_foreign")...); !strings.Contains(got.body, list) {
			t.Errorf("%s does not show the owner %s: %d %s", path, list, got.code, got.body)
		}
	}
}
