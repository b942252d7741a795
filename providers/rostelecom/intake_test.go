package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/providers/providerstest"
)

func TestWhatIsNotSignedIsNotHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	good := sign(simID, []byte(sampleEvent), simKey)
	for name, c := range map[string]struct {
		method, body, id, sign string
		want                   int
	}{
		"signed":             {methodCallEvents, sampleEvent, simID, good, 200},
		"its id small":       {methodCallEvents, sampleEvent, strings.ToLower(simID), sign(strings.ToLower(simID), []byte(sampleEvent), simKey), 200},
		"signed in capitals": {methodCallEvents, sampleEvent, simID, strings.ToUpper(good), 200},
		"a wrong signature":  {methodCallEvents, sampleEvent, simID, strings.Repeat("0", 64), 401},
		"none":               {methodCallEvents, sampleEvent, simID, "", 401},
		"another id":         {methodCallEvents, sampleEvent, "x", sign("x", []byte(sampleEvent), simKey), 401},
		"a changed body":     {methodCallEvents, strings.Replace(sampleEvent, "new", "end", 1), simID, good, 401},
		"over-long":          {methodCallEvents, `{"session_id":"` + strings.Repeat("x", maxBody) + `"}`, simID, good, 413},
		"no such method":     {"call_everybody", sampleEvent, simID, good, 404},
		"not JSON":           {methodCallEvents, "state=new", simID, sign(simID, []byte("state=new"), simKey), 400},
		"no session":         {methodCallEvents, `{"state":"new"}`, simID, sign(simID, []byte(`{"state":"new"}`), simKey), 400},
		"an empty body":      {methodCallEvents, "", simID, sign(simID, nil, simKey), 400},
		"a history's name":   {methodHistoryReady, `{"order_id":7}`, simID, sign(simID, []byte(`{"order_id":7}`), simKey), 200},
		"a history's none":   {methodHistoryReady, `{}`, simID, sign(simID, []byte(`{}`), simKey), 400},
	} {
		rec := w.posts(c.method, c.body, c.id, c.sign)
		if rec.Code != c.want {
			t.Errorf("%s: %d %s, want %d", name, rec.Code, rec.Body, c.want)
		}
		if !signed(simID, rec.Body.Bytes(), []string{simKey}, rec.Header().Get(headerSign)) {
			t.Errorf("%s: the answer is not signed", name)
		}
	}
}

// staff gives the house's store a caller whom Ivan talked to.
func staff(w *providerstest.World) {
	w.Memory.Employees = append(w.Memory.Employees,
		&calls.Employee{ID: "emp_1", Account: "main", Name: "Анна", Extension: "317", Phone: "79160000001"},
		&calls.Employee{ID: "emp_2", Account: "main", Name: "Пётр", Extension: "318", Provider: "rt", Subscriber: "555"})
	put := func(id, to, employee, metadata string) {
		w.Memory.PutCall(&calls.Call{ID: id, Account: "main", Direction: calls.Out, To: to, Employee: employee, Metadata: json.RawMessage(metadata), Status: calls.StatusCompleted})
	}
	put("call_01AAAAAAAAAAAAAAAAAAAAAAA1", "79771234567", "emp_2", `{}`)
	put("call_01AAAAAAAAAAAAAAAAAAAAAAA2", "79771234567", "emp_1", `{"name":"Иван Петров"}`)
	put("call_01AAAAAAAAAAAAAAAAAAAAAAA3", "79771234567", "", `{}`)
	put("call_01AAAAAAAAAAAAAAAAAAAAAAA4", "79770000001", "", `{"name":"Никто"}`)
	put("call_01AAAAAAAAAAAAAAAAAAAAAAA5", "79770000002", "emp_2", ``)
	put("call_01AAAAAAAAAAAAAAAAAAAAAAA6", "79770000003", "emp_gone", ``)
}

func TestWhoIsResponsibleForACallerIsAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ settings, body, want string }{
		"who talked to him last": {"number_info: {on: true, budget: 10s}", sampleNumber, `{"result":0,"resultMessage":"","displayName":"Иван Петров","PIN":"317"}`},
		"his pin at this provider": {"number_info: {on: true, budget: 10s}", `{"from_number":"+79770000002","request_number":"+74951234567"}`,
			`{"result":0,"resultMessage":"","displayName":"","PIN":"555"}`},
		"an exception": {"number_info: {on: true, budget: 10s, except: [\"317\"]}", sampleNumber, `{"result":3,"resultMessage":"calls are not redirected to 317","displayName":null,"PIN":null}`},
		"nobody's": {"number_info: {on: true, budget: 10s}", `{"from_number":"sip:+79770000001@d","request_number":""}`,
			`{"result":2,"resultMessage":"nobody is responsible for the caller","displayName":null,"PIN":null}`},
		"of one who left": {"number_info: {on: true, budget: 10s}", `{"from_number":"sip:+79770000003@d","request_number":""}`,
			`{"result":2,"resultMessage":"nobody is responsible for the caller","displayName":null,"PIN":null}`},
		"not known":    {"number_info: {on: true, budget: 10s}", `{"from_number":"+79779999999"}`, `{"result":1,"resultMessage":"the caller is not known","displayName":null,"PIN":null}`},
		"whose line":   {"number_info: {on: true, budget: 10s}", `{"from_number":"+79779999999","request_number":"sip:+78005550002@d"}`, `{"result":0,"resultMessage":"","displayName":"","PIN":"317"}`},
		"no number":    {"number_info: {on: true, budget: 10s}", `{"from_number":"anonymous"}`, `{"result":1,"resultMessage":"the caller shows no number","displayName":null,"PIN":null}`},
		"switched off": {"", sampleNumber, `{"result":4,"resultMessage":"number_info is switched off","displayName":null,"PIN":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.settings)
			staff(w.house)
			w.p.house.Store = numbered{Store: w.house.Memory}
			for _, method := range []string{methodNumberInfo, methodNumberInfoShort} {
				rec := w.hears(method, c.body)
				if rec.Code != http.StatusOK || rec.Body.String() != c.want {
					t.Errorf("answered %d %s", rec.Code, rec.Body)
				}
				if !signed(simID, rec.Body.Bytes(), []string{simKey}, rec.Header().Get(headerSign)) {
					t.Error("the answer is not signed")
				}
			}
		})
	}
}

// numbered is the house's store with one number that is Anna's.
type numbered struct{ *providerstest.Store }

func (n numbered) View(ctx context.Context, f func(calls.ReadTx) error) error {
	return n.Store.View(ctx, func(tx calls.ReadTx) error { return f(numberedTx{tx}) })
}

type numberedTx struct{ calls.ReadTx }

func (n numberedTx) Number(account, number string) (*calls.Number, error) {
	if number == "78005550002" {
		return &calls.Number{Account: account, Number: number, Employee: "emp_1"}, nil
	}
	return nil, calls.ErrNotFound
}

// hanging is a store that never answers, or one that fails.
type hanging struct {
	calls.Store
	err error
}

func (h hanging) View(ctx context.Context, _ func(calls.ReadTx) error) error {
	if h.err != nil {
		return h.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestAStoreThatHangsOrFailsLeavesTheCallerToThePBX(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]calls.Store{"hangs": hanging{}, "fails": hanging{err: errors.New("disk")}} {
		w := newWorld(t, "number_info: {on: true, budget: 20ms}")
		w.p.house.Store = store
		rec := w.hears(methodNumberInfo, sampleNumber)
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `"result":5`) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestTheContactManagerDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found  *contact
		except []string
		result int
		pin    string
	}{
		"nobody":                       {nil, nil, 1, ""},
		"a contact without a manager":  {&contact{name: "Иван"}, nil, 2, ""},
		"a contact with one":           {&contact{name: "Иван", pin: "317"}, nil, 0, "317"},
		"with one who is excepted":     {&contact{name: "Иван", pin: "317"}, []string{"201", "317"}, 3, ""},
		"with one who is not excepted": {&contact{pin: "317"}, []string{"31", "3170"}, 0, "317"},
	} {
		got := contactManager(c.found, c.except)
		if got.Result != c.result || (got.PIN == nil) != (c.pin == "") || got.PIN != nil && (*got.PIN != c.pin || *got.DisplayName != c.found.name) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
