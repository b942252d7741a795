package beeline

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/engine"
	"zvonar/internal/store"
	"zvonar/providers"
)

// fakeEngine notes what it is asked, and what is told of foreign calls.
type fakeEngine struct {
	engine.API
	mu      sync.Mutex
	foreign []*told1
	opened  chan *told1

	ids       *clock.IDs
	store     calls.Store
	fail      error
	asked     []engine.CallRequest
	transfers []string
}

// told1 is one foreign call with its reports.
type told1 struct {
	call    calls.ForeignCall
	reports chan calls.ProviderReport
}

// Foreign implements engine.API: the first report makes the call.
func (e *fakeEngine) Foreign(ctx context.Context, f calls.ForeignCall, r calls.ProviderReport) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	e.mu.Lock()
	i := slices.IndexFunc(e.foreign, func(t *told1) bool { return t.call.ProviderCallID == f.ProviderCallID })
	if i < 0 {
		t := &told1{f, make(chan calls.ProviderReport, 50)}
		i, e.foreign = len(e.foreign), append(e.foreign, t)
		e.opened <- t
	}
	t := e.foreign[i]
	e.mu.Unlock()
	t.reports <- r
	return "call_" + f.ProviderCallID, nil
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fields are settings of a provider as the configuration holds them.
type fields string

func (f fields) Decode(into any) error {
	if f == "" {
		return nil
	}
	return yaml.UnmarshalWithOptions([]byte(f), into, yaml.Strict())
}

// bench is a client of the simulator in a house of its own.
type bench struct {
	t      *testing.T
	sim    *simulator
	engine *fakeEngine
	store  calls.Store
	house  *providers.House
	client *Client
	anna   *calls.Employee
}

func testStore(t *testing.T) calls.Store {
	t.Helper()
	st, err := store.Open(context.Background(), store.Config{Path: filepath.Join(t.TempDir(), "z.db"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return st
}

func put(t *testing.T, st calls.Store, f func(calls.Tx) error) {
	t.Helper()
	if err := st.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// newBench starts a client; settings are added to those that make tests quick.
func newBench(t *testing.T, settings string) *bench {
	t.Helper()
	b := &bench{t: t, sim: newSimulator(t), engine: &fakeEngine{opened: make(chan *told1, 20)}, store: testStore(t)}
	b.anna = &calls.Employee{ID: "emp_anna", Account: calls.MainAccount, Name: "Anna Ivanova", Extension: "201", Phone: "79333221100", Method: calls.MethodAPI,
		Provider: "pbx", Subscriber: "9333221100", UpdatedAt: time.Now()}
	put(t, b.store, func(tx calls.Tx) error { return tx.PutEmployee(b.anna) })
	c := clock.System()
	b.house = &providers.House{Engine: b.engine, Store: b.store, Clock: c, IDs: clock.NewIDs(c, nil), Log: quietLog(),
		IntakeURL: func(string) string { return b.sim.hook }}
	b.client = b.open(settings)
	return b
}

func (b *bench) open(settings string) *Client {
	b.t.Helper()
	all := "url: " + b.sim.server.URL + "/apis/portal\ntoken: " + simToken + "\ncheck: 100ms\nsettle: 20ms\nrate: 100\n" + settings
	if !strings.Contains(settings, "records:") {
		all += "\nrecords: [10ms, 20ms, 40ms, 80ms]"
	}
	p, err := open(b.house, "pbx", fields(all))
	if err != nil {
		b.t.Fatal(err)
	}
	return p.(*Client)
}

// start runs the client and lets the simulator reach it.
func (b *bench) start() *bench {
	b.t.Helper()
	b.run(b.client)
	return b
}

func (b *bench) run(c *Client) {
	b.t.Helper()
	b.sim.reach(c.Intake())
	if err := c.Start(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { stop(b.t, c) })
}

func stop(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// wait gets what comes, or fails.
func wait[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatalf("%s did not come", what)
	}
	return v
}

// waitState waits until a report of this state comes, and gives all up to it.
func waitState(t *testing.T, c <-chan calls.ProviderReport, state calls.ReportState) (list []calls.ProviderReport) {
	t.Helper()
	for {
		r := wait(t, c, string(state))
		list = append(list, r)
		if r.State == state {
			return list
		}
	}
}
