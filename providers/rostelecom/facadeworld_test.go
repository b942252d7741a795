package rostelecom

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers/providerstest"
)

// office is our facade with the house behind it.
type office struct {
	*providerstest.World
	t      testing.TB
	clock  *clock.Fake
	facade http.Handler
	store  *officeStore
	dir    string // of captures
}

// officeStore is the shared store with the few more tables that the facade reads.
type officeStore struct {
	*providerstest.Store
	mu    sync.Mutex
	kept  map[string]calls.IdempotencyRecord
	hooks []*calls.Webhook
	fail  error
}

func (s *officeStore) View(ctx context.Context, f func(calls.ReadTx) error) error {
	if s.fail != nil {
		return s.fail
	}
	return s.Store.View(ctx, func(tx calls.ReadTx) error { return f(officeTx{tx.(calls.Tx), s}) })
}

func (s *officeStore) Update(ctx context.Context, f func(calls.Tx) error) error {
	if s.fail != nil {
		return s.fail
	}
	return s.Store.Update(ctx, func(tx calls.Tx) error { return f(officeTx{tx, s}) })
}

type officeTx struct {
	calls.Tx
	s *officeStore
}

func (t officeTx) EmployeeBySIPUser(user string) (*calls.Employee, error) {
	for _, e := range t.s.Employees {
		if e.SIPUser == user && user != "" {
			own := *e
			return &own, nil
		}
	}
	return nil, calls.ErrNotFound
}

func (t officeTx) Number(string, string) (*calls.Number, error) { return nil, calls.ErrNotFound }

func (t officeTx) Webhooks(string) ([]*calls.Webhook, error) { return t.s.hooks, nil }

func (t officeTx) Idempotent(account, key string) (*calls.IdempotencyRecord, error) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if r, ok := t.s.kept[account+" "+key]; ok {
		return &r, nil
	}
	return nil, calls.ErrNotFound
}

func (t officeTx) PutIdempotent(r calls.IdempotencyRecord) error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.kept[r.Account+" "+r.Key] = r
	return nil
}

// Path implements providers.Captures.
func (o *office) Path(_, call string) (string, error) {
	path := filepath.Join(o.dir, call)
	if _, err := os.Stat(path); err != nil {
		return "", calls.ErrNotFound
	}
	return path, nil
}

func newOffice(t testing.TB, settings string) *office {
	t.Helper()
	fake := clock.NewFake(noon)
	o := &office{World: providerstest.New(fake), t: t, clock: fake, dir: t.TempDir()}
	o.store = &officeStore{Store: o.Memory, kept: map[string]calls.IdempotencyRecord{}}
	o.House.Store, o.House.Captures = o.store, o
	o.Memory.Employees = []*calls.Employee{
		{ID: "emp_1", Account: "main", Name: "Анна", Extension: "317", SIPUser: "anna", Method: calls.MethodAPI},
		{ID: "emp_2", Account: "main", Name: "Пётр", Extension: "318", Method: calls.MethodAPI},
		{ID: "emp_3", Account: "main", Name: "Никита"},
		{ID: "emp_9", Account: "shop", Name: "Чужая", Extension: "900", SIPUser: "other"},
	}
	o.Keys.Add(calls.FacadeKey{ID: "key_1", Account: "main", Kind: Kind, Public: simID, Secret: simKey, Roles: []calls.Permission{calls.PermOperator}})
	o.Keys.Add(calls.FacadeKey{ID: "key_2", Account: "main", Kind: Kind, Public: "VIEWER", Secret: simKey, Roles: []calls.Permission{calls.PermViewer}})
	var err error
	if o.facade, err = newFacade(o.House, yamlText("domain: d.20.rt.ru\npublic_url: http://127.0.0.1/compat/rostelecom\n"+settings)); err != nil {
		t.Fatal(err)
	}
	o.facade = o.House.Journalled(Kind, "", o.facade)
	return o
}

// asks sends a signed request.
func (o *office) asks(method, body string) *httptest.ResponseRecorder {
	return o.sends(method, body, simID, sign(simID, []byte(body), simKey))
}

func (o *office) sends(method, body, id, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/"+method, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(headerID, id)
	r.Header.Set(headerSign, signature)
	r.RemoteAddr = "203.0.113.10:5000"
	rec := httptest.NewRecorder()
	o.facade.ServeHTTP(rec, r)
	return rec
}

// fetches opens a link from an address.
func (o *office) fetches(method, path, from string) (int, string) {
	r := httptest.NewRequest(method, "/"+path, nil)
	r.RemoteAddr = from + ":5000"
	rec := httptest.NewRecorder()
	o.facade.ServeHTTP(rec, r)
	body, _ := io.ReadAll(rec.Body)
	return rec.Code, string(body)
}

// put stores a call that is over; its sound lies in the captures where it is recorded.
func (o *office) put(c *calls.Call, recorded bool) string {
	o.t.Helper()
	c.ID, c.Account, c.Status = o.IDs.New("call_"), "main", calls.StatusCompleted
	if c.CreatedAt.IsZero() {
		c.CreatedAt = o.clock.Now()
	}
	o.Memory.PutCall(c)
	if recorded {
		if err := os.WriteFile(filepath.Join(o.dir, c.ID), []byte("RIFF sound"), 0o600); err != nil {
			o.t.Fatal(err)
		}
	}
	return sessionOf(c.ID)
}
