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
