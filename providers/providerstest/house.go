package providerstest

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// World is a house and what stands behind it.
type World struct {
	*providers.House
	Engine  *Engine
	Memory  *Store
	Keys    *Keys
	Journal *Journal
}

// New makes a house whose clock and ids are clk's; clk nil is the system's.
func New(clk clock.Clock) *World {
	if clk == nil {
		clk = clock.System()
	}
	ids := clock.NewIDs(clk, nil)
	memory := &Store{CallRows: map[string]*calls.Call{}}
	w := &World{
		Engine: &Engine{ids: ids, clock: clk, store: memory}, Memory: memory,
		Keys: &Keys{}, Journal: &Journal{},
	}
	w.House = &providers.House{
		Engine: w.Engine, Store: memory, Keys: w.Keys, Journal: w.Journal, Guarded: http.DefaultClient, Trusted: http.DefaultClient,
		PublicURL: "http://zvonar.test", IntakeURL: func(name string) string { return "http://zvonar.test/intake/" + name + "/x" },
		ProviderOf: func(string, string) string { return "" }, Country: "RU", Countries: []string{"RU"},
		Links: calls.CaptureLinks{Key: []byte("0123456789abcdef0123456789abcdef"), Base: "http://zvonar.test"},
		Clock: clk, IDs: ids, Log: slog.New(slog.DiscardHandler),
	}
	return w
}

// Engine takes every call and remembers what was asked.
type Engine struct {
	engine.API
	ids   *clock.IDs
	clock clock.Clock
	store *Store

	mu       sync.Mutex
	requests []engine.CallRequest
	hungUp   []string
	foreign  []Told
	asked    []string
	fail     error
	orders   map[string]order // by account and idempotency key
}

// order is what an idempotency key stands for.
type order struct {
	call, body string
	until      time.Time
}

// Fail makes every request end with err; nil: no longer.
func (e *Engine) Fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = err
}

// Requests are what was submitted, in order.
func (e *Engine) Requests() []engine.CallRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]engine.CallRequest(nil), e.requests...)
}

// HungUp are the ids of the calls that were ended.
func (e *Engine) HungUp() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.hungUp...)
}

// Submit implements engine.API.
func (e *Engine) Submit(_ context.Context, r engine.CallRequest) (*calls.Call, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return nil, false, e.fail
	}
	now := e.clock.Now()
	if o := e.orders[r.Account+" "+r.IdempotencyKey]; r.IdempotencyKey != "" && o.until.After(now) {
		if o.body != r.BodyHash {
			return nil, false, calls.Errorf(calls.CodeIdempotencyConflict, "the key was used with another body")
		}
		return e.store.CallByID(r.Account, o.call), true, nil
	}
	if old := e.store.live(r.Account, r.Ref); old != nil {
		if old.BodyHash == r.BodyHash {
			return old, true, nil
		}
		return nil, false, calls.Errorf(calls.CodeRefConflict, "a call with this ref is not over yet and was asked for with another body")
	}
	e.requests = append(e.requests, r)
	c := &calls.Call{ID: e.ids.New("call_"), Account: r.Account, Ref: r.Ref, Series: r.Series, Direction: calls.Out, Status: calls.StatusQueued,
		To: r.To, From: r.From, Employee: r.Employee, Metadata: r.Metadata, BodyHash: r.BodyHash, CreatedAt: now, DueAt: now}
	e.store.PutCall(c)
	if r.IdempotencyKey != "" {
		if e.orders == nil {
			e.orders = map[string]order{}
		}
		e.orders[r.Account+" "+r.IdempotencyKey] = order{c.ID, r.BodyHash, now.Add(cmp.Or(r.IdempotencyLife, 24*time.Hour))}
	}
	return c.Clone(), false, nil
}

// Hangup implements engine.API.
func (e *Engine) Hangup(_ context.Context, account, id string) (*calls.Call, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return nil, e.fail
	}
	c := e.store.CallByID(account, id)
	if c == nil {
		return nil, calls.ErrNotFound
	}
	e.hungUp = append(e.hungUp, id)
	return c, nil
}

// Told is one report of a call that nobody asked for.
type Told struct {
	Call   calls.ForeignCall
	Report calls.ProviderReport
}

// Foreign implements engine.API. As the store, it takes nothing once ctx has ended.
func (e *Engine) Foreign(ctx context.Context, f calls.ForeignCall, r calls.ProviderReport) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if e.fail != nil {
		return "", e.fail
	}
	e.foreign = append(e.foreign, Told{f, r})
	return "call_of_" + f.ProviderCallID, nil
}

// Foreigns is what was told of calls that nobody asked for.
func (e *Engine) Foreigns() []Told {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Told(nil), e.foreign...)
}

// Keys are the keys of a facade.
type Keys struct {
	mu    sync.Mutex
	list  []*calls.FacadeKey
	wrong int
	full  bool
}

// Add issues a key.
func (k *Keys) Add(key calls.FacadeKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, &key)
}

// Full makes every source one that has guessed too often.
func (k *Keys) Full(full bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = full
}

// WrongOnes is how many wrong signatures were told.
func (k *Keys) WrongOnes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.wrong
}

// Find implements providers.Keys.
func (k *Keys) Find(_ *http.Request, kind, public string) (*calls.FacadeKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.full {
		return nil, calls.Errorf(calls.CodeOverloaded, "too many wrong keys came from this address")
	}
	for _, key := range k.list {
		if key.Kind == kind && key.Public == public {
			own := *key
			return &own, nil
		}
	}
	return nil, calls.ErrNotFound
}

// Token implements providers.Keys.
func (k *Keys) Token(*http.Request, string) (*calls.Token, error) { return nil, calls.ErrNotFound }

// Wrong implements providers.Keys.
func (k *Keys) Wrong(*http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong++
}

// Journal keeps exchanges.
type Journal struct {
	mu   sync.Mutex
	list []calls.Exchange
}

// Note implements providers.Journal.
func (j *Journal) Note(x calls.Exchange) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, x)
}

// Exchanges are those that were noted.
func (j *Journal) Exchanges() []calls.Exchange {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]calls.Exchange(nil), j.list...)
}

// Settings are filled in by a function, or cannot be read (Err).
type Settings struct {
	Fill func(into any)
	Err  error
}

// Decode implements providers.Settings.
func (s Settings) Decode(into any) error {
	if s.Fill != nil {
		s.Fill(into)
	}
	return s.Err
}
