package beeline

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/engine"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

// facadeToken is the token of most requests: it may also listen. tokenOf is one that has
// a role alone.
const facadeToken = "zv_crm"

func tokenOf(role calls.Permission) string { return "zv_" + string(role) }

// memKeys are the tokens.
type memKeys struct{ providers.Keys }

func (memKeys) Token(_ *http.Request, plain string) (*calls.Token, error) {
	switch role, ours := strings.CutPrefix(plain, "zv_"); {
	case plain == facadeToken:
		return &calls.Token{ID: "tok_1", Account: calls.MainAccount, Name: "crm", Roles: []calls.Permission{calls.PermOperator}}, nil
	case ours:
		return &calls.Token{ID: "tok_" + role, Account: calls.MainAccount, Roles: []calls.Permission{calls.Permission(role)}}, nil
	case plain == "guess":
		return nil, calls.Errorf(calls.CodeOverloaded, "too many wrong tokens came from this address")
	}
	return nil, calls.ErrNotFound
}

// memCaptures are files of a folder.
type memCaptures string

func (d memCaptures) Path(_, call string) (string, error) {
	file := filepath.Join(string(d), call+".wav")
	if _, err := os.Stat(file); err != nil {
		return "", calls.ErrNotFound
	}
	return file, nil
}

// Submit writes the call as the engine does.
func (e *fakeEngine) Submit(ctx context.Context, r engine.CallRequest) (*calls.Call, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return nil, false, e.fail
	}
	e.asked = append(e.asked, r)
	now := time.Now()
	c := &calls.Call{ID: e.ids.New("call_"), Account: r.Account, Direction: calls.Out, Status: calls.StatusQueued, To: r.To, From: r.From, Employee: r.Employee, CreatedAt: now, DueAt: now}
	return c, false, e.store.Update(ctx, func(tx calls.Tx) error { return tx.InsertCall(c) })
}

func (e *fakeEngine) Transfer(_ context.Context, _, id, target string) (*calls.Call, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.transfers = append(e.transfers, id+" "+target)
	return &calls.Call{}, nil
}

// portalBench is a facade with two employees behind it.
type portalBench struct {
	t      *testing.T
	engine *fakeEngine
	store  calls.Store
	house  *providers.House
	server *httptest.Server
	dir    string
}

func newPortal(t *testing.T, settings string) *portalBench {
	t.Helper()
	b := &portalBench{t: t, store: testStore(t), dir: t.TempDir()}
	c := clock.System()
	ids := clock.NewIDs(c, nil)
	b.engine = &fakeEngine{opened: make(chan *told1, 20), ids: ids, store: b.store}
	b.house = &providers.House{Engine: b.engine, Store: b.store, Keys: memKeys{}, Clock: c, IDs: ids, Log: quietLog(), Captures: memCaptures(b.dir),
		Links: calls.CaptureLinks{Key: []byte("0123456789abcdef0123456789abcdef"), Base: "https://zvonar.example"}, PublicURL: "https://zvonar.example",
		TrunkNumbers: func(string) []string { return []string{"78005553535"} },
		CheckURL: func(_ context.Context, u string) error {
			if !strings.HasPrefix(u, "http") || strings.Contains(u, "169.254.") {
				return calls.Errorf(calls.CodeForbiddenURL, "this address may not be used")
			}
			return nil
		}}
	h, err := newFacade(b.house, fields(settings))
	if err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(http.StripPrefix("/compat/beeline", h))
	t.Cleanup(b.server.Close)
	put(t, b.store, func(tx calls.Tx) error {
		if err := tx.PutEmployee(&calls.Employee{ID: "emp_1", Account: calls.MainAccount, Name: "Anna Ivanova", Extension: "201", Trunk: "office", Phone: "79333221100", Caller: "78005553535", Method: calls.MethodAPI}); err != nil {
			return err
		}
		if err := tx.PutEmployee(&calls.Employee{ID: "emp_9", Account: "other", Name: "Stranger", Extension: "999", Method: calls.MethodAPI}); err != nil {
			return err
		}
		return tx.PutEmployee(&calls.Employee{ID: "emp_2", Account: calls.MainAccount, Name: "Boris", Method: calls.MethodAPI, Provider: "pbx", Subscriber: "9333221101@mpbx.sip.beeline.ru"})
	})
	return b
}

// ask sends a request with the token and gives status and body.
func (b *portalBench) ask(method, path, body string, header ...string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequest(method, b.server.URL+"/compat/beeline"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set(tokenHeader, facadeToken)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// wants checks an answer whole.
func (b *portalBench) wants(method, path, body string, code int, want string) {
	b.t.Helper()
	if got, text := b.ask(method, path, body); got != code || text != want {
		b.t.Errorf("%s %s %s\n got %d %s\nwant %d %s", method, path, body, got, text, code, want)
	}
}

func TestTheFacadeAnswersAsThePortal(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "")
	const anna = `{"userId":"emp_1","phone":"9333221100","firstName":"Anna","lastName":"Ivanova","email":"","department":"","extension":"201"}`
	const boris = `{"userId":"emp_2","phone":"","firstName":"Boris","lastName":"","email":"","department":"","extension":""}`
	const unsupported = `{"errorCode":"NotSupported","description":"zvonar has no such service; see docs/providers.md for what it answers"}`
	const noMethod = `{"errorCode":"MethodNotFound","description":"there is no such method, or not with this HTTP verb"}`
	const unknown = `{"errorCode":"AbonentNotFound","description":"there is no employee with this user id, number or extension"}`
	for _, c := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/apis/portal/abonents", "", 200, "[" + anna + "," + boris + "]"},
		{"GET", "/abonents/", "", 200, "[" + anna + "," + boris + "]"},
		{"GET", "/apis/portal//abonents//201", "", 200, anna},
		{"GET", "/apis/portal/abonents/9333221100", "", 200, anna},
		{"GET", "/apis/portal/abonents/emp_1", "", 200, anna},
		{"GET", "/apis/portal/abonents/9333221101@mpbx.sip.beeline.ru", "", 200, boris},
		{"GET", "/apis/portal/abonents/999", "", 404, unknown},
		{"GET", "/apis/portal/abonents/201/agent", "", 200, `"ONLINE"`},
		{"PUT", "/apis/portal/abonents/201/agent", `{"status":"BREAK"}`, 200, `"BREAK"`},
		{"GET", "/apis/portal/abonents/201/agent", "", 200, `"BREAK"`},
		{"PUT", "/apis/portal/abonents/201/agent", `{"status":"ASLEEP"}`, 400, `{"errorCode":"ParameterInvalid","description":"status is ONLINE, OFFLINE or BREAK"}`},
		{"GET", "/apis/portal/abonents/201/recording", "", 200, `"OFF"`},
		{"PUT", "/apis/portal/abonents/201/recording", "", 200, `"ON"`},
		{"GET", "/apis/portal/abonents/201/recording", "", 200, `"ON"`},
		{"DELETE", "/apis/portal/abonents/201/recording", "", 200, `"OFF"`},
		{"GET", "/apis/portal/numbers", "", 200, `[{"numberId":"78005553535","phone":"8005553535"}]`},
		{"GET", "/apis/portal/numbers/8005553535", "", 200, `{"numberId":"78005553535","phone":"8005553535"}`},
		{"GET", "/apis/portal/numbers/1", "", 404, `{"errorCode":"NumberNotFound","description":"there is no such number here"}`},
		{"GET", "/apis/portal//icr/route", "", 501, unsupported},
		{"PUT", "/apis/portal/icr/numbers", "[]", 501, unsupported},
		{"GET", "/apis/portal/abonents/201/cfb", "", 501, unsupported},
		{"POST", "/apis/portal/abonents/201/bwl/7", "", 501, unsupported},
		{"PUT", "/apis/portal/vc/start/1", "", 501, unsupported},
		{"GET", "/apis/portal/records", "", 200, `[]`},
		{"GET", "/apis/portal/v2/statistics", "", 200, `[]`},
		{"GET", "/apis/portal/statistics?pageSize=101", "", 400, `{"errorCode":"ParameterInvalid","description":"pageSize is a number from 0 to 100"}`},
		{"GET", "/apis/portal/records?dateFrom=yesterday", "", 400, `{"errorCode":"ParameterInvalid","description":"dateFrom is a time like 2026-11-21T09:30:00Z"}`},
		{"GET", "/apis/portal/v2/records/77", "", 404, `{"errorCode":"RecordNotFound","description":"there is no such record"}`},
		{"GET", "/apis/portal/subscription?subscriptionId=x", "", 404, `{"errorCode":"SubscriptionNotFound","description":"there is no such subscription, or it has ended"}`},
		{"GET", "/apis/portal/nothing", "", 404, noMethod},
		{"PATCH", "/apis/portal/abonents", "", 404, noMethod},
		{"GET", "/", "", 404, noMethod},
		{"GET", "/apis/portal/../../abonents/%2e%2e/x", "", 404, noMethod},
	} {
		b.wants(c.method, c.path, c.body, c.code, c.want)
	}
}

func TestEveryMethodAsksForTheRoleOfWhatItDoes(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "")
	listens := []string{"GET /records/{id}/download", "GET /v2/records/{id}/download", "GET /records/{id}/reference", "GET /v2/records/{id}/reference",
		"GET /v2/records/{ext}/{user}/download", "GET /records/{ext}/{user}/reference", "GET /v2/records/{ext}/{user}/reference"}
	providerstest.KeepsToNeeds(t, System().Needs, listens, func(pattern string, role calls.Permission) bool {
		verb, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{p}", "201", "{id}", "1", "{ext}", "call_0", "{user}", "201").Replace(path)
		code, body := b.ask(verb, path, "", tokenHeader, tokenOf(role))
		return code == 403 && failureOf([]byte(body)).ErrorCode == "AccessDenied"
	})
}

func TestOnlyWhoIsKnownMayAsk(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "")
	for token, want := range map[string]struct {
		code int
		name string
	}{"": {401, "AuthTokenNotFound"}, "wrong": {401, "AuthTokenInvalid"}, "guess": {503, "Overloaded"}} {
		for _, path := range []string{"/apis/portal/abonents", "/apis/portal/nothing"} {
			code, body := b.ask("GET", path, "", tokenHeader, token)
			var f Failure
			if err := json.Unmarshal([]byte(body), &f); err != nil || code != want.code || f.ErrorCode != want.name || f.Description == "" {
				t.Errorf("%q at %s: %d %s", token, path, code, body)
			}
		}
	}
}

func TestACallThroughTheFacadeIsATalkOfOurs(t *testing.T) {
	t.Parallel()
	b := newPortal(t, "call_answer: object")
	b.ask("PUT", "/abonents/201/recording", "")
	for _, c := range []struct{ path, body string }{
		{"/apis/portal/abonents/201/call", `{"phoneNumber":"9220001122"}`},
		{"/apis/portal/abonents/emp_1/call", `{"phoneNumber":9220001122}`},
		{"/apis/portal/abonents/9333221100/call?phoneNumber=9220001122", ""},
		{"/apis/portal/v2/abonents/201/call", `{"phoneNumber":"+7 922 000-11-22"}`},
	} {
		code, body := b.ask("POST", c.path, c.body)
		id := bare([]byte(body))
		if strings.Contains(c.path, "v2") {
			id = named([]byte(body), "callId")
		}
		if code != 200 || !strings.HasPrefix(id, "call_") {
			t.Fatalf("%s: %d %s", c.path, code, body)
		}
		r := b.engine.asked[len(b.engine.asked)-1]
		if r.To != "79220001122" || r.From != "78005553535" || r.Employee != "emp_1" || r.Account != calls.MainAccount || r.TokenID != "tok_1" || !r.Capture || r.Provider != "" ||
			r.Bridge == nil || r.Bridge.Manager != "employee:emp_1" || r.Bridge.Order != calls.ManagerFirst {
			t.Errorf("%s: %+v", c.path, r)
		}
	}
	if code, _ := b.ask("POST", "/abonents/9333221101@mpbx.sip.beeline.ru/call", `{"phoneNumber":"9220001122"}`); code != 200 || b.engine.asked[4].Provider != "pbx" {
		t.Errorf("whom only his provider can ring: %d %+v", code, b.engine.asked[4])
	}
	order := b.engine.asked[0].IdempotencyKey
	for i, r := range b.engine.asked { // the same order, however it is written; of another employee it is another
		if order == "" || (r.IdempotencyKey == order) != (i < 4) || r.IdempotencyLife != providers.RepeatWindow {
			t.Errorf("order %d: key %q for %s, the first has %q", i, r.IdempotencyKey, r.IdempotencyLife, order)
		}
	}
	b.wants("POST", "/abonents/201/call", `<call><phoneNumber>9220001122</phoneNumber></call>`, 400, `{"errorCode":"BadRequest","description":"the body is not the JSON that this method takes"}`)
	b.wants("POST", "/abonents/201/call", `{}`, 400, `{"errorCode":"PhoneNumberInvalid","description":"phoneNumber is needed: ten digits"}`)
	b.wants("POST", "/abonents/201/call", `{"phoneNumber":`, 400, `{"errorCode":"BadRequest","description":"the body is not the JSON that this method takes"}`)
	b.wants("POST", "/abonents/201/call", `"`+strings.Repeat("x", maxAsked)+`"`, 413, `{"errorCode":"BadRequest","description":"the body is longer than 65536 bytes"}`)
	b.wants("POST", "/abonents/201/callTransfer", `{"callId":"call_1","phoneNumber":"9004443322"}`, 200, `"OK"`)
	b.wants("POST", "/abonents/201/callTransfer", `{"callId":"call_1","phoneNumber":"201"}`, 200, `"OK"`)
	b.wants("POST", "/abonents/201/callTransfer", `{"phoneNumber":"9004443322"}`, 400, `{"errorCode":"ParameterInvalid","description":"callId is needed"}`)
	if got := strings.Join(b.engine.transfers, ","); got != "call_1 79004443322,call_1 employee:emp_1" {
		t.Error(got)
	}
	for err, want := range map[error]struct {
		code int
		name string
	}{
		calls.Errorf(calls.CodeInvalidNumber, "no number"):        {400, "PhoneNumberInvalid"},
		calls.Errorf(calls.CodeDestinationForbidden, "not there"): {403, "CallNotAllowed"},
		calls.Errorf(calls.CodeOverloaded, "full"):                {503, "Overloaded"},
		calls.Errorf(calls.CodeWrongState, "the method is off"):   {409, "WrongState"},
		io.ErrUnexpectedEOF: {500, "InternalError"},
	} {
		b.engine.mu.Lock()
		b.engine.fail = err
		b.engine.mu.Unlock()
		code, body := b.ask("POST", "/abonents/201/call", `{"phoneNumber":"9220001122"}`)
		if failureOf([]byte(body)).ErrorCode != want.name || code != want.code || strings.Contains(body, "EOF") {
			t.Errorf("%v: %d %s", err, code, body)
		}
	}
}
