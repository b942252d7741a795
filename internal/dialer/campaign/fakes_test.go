package campaign

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon in Moscow.
var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// memGate remembers what it was told.
type memGate struct {
	mu    sync.Mutex
	rules map[string]calls.CampaignRule
	load  calls.CampaignLoad
	held  map[calls.Gate]int
}

func (g *memGate) SetCampaign(id string, r calls.CampaignRule) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rules[id] = r
}

func (g *memGate) DropCampaign(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.rules, id)
}

func (g *memGate) CampaignHeld(string) map[calls.Gate]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held
}

func (g *memGate) CampaignLoad(string) calls.CampaignLoad {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.load
}

// memCaller makes calls of contacts in the store alone.
type memCaller struct {
	store     calls.Store
	mu        sync.Mutex
	called    []string // numbers, in order
	refuse    map[string]error
	after     error // told once the call is durable
	withdrawn []string
}

func (m *memCaller) CallContact(ctx context.Context, c *calls.Campaign, t *calls.Contact, within func(calls.Tx, *calls.Call) error) (*calls.Call, error) {
	m.mu.Lock()
	err, after := m.refuse[t.Number], m.after
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	call := &calls.Call{ID: c.ID + "/" + t.Number, Account: c.Account, To: t.Number, Ref: t.Ref, CampaignID: c.ID, Contact: t.N, Status: calls.StatusQueued, Direction: calls.Out}
	err = m.store.Update(ctx, func(tx calls.Tx) error {
		if err := tx.InsertCall(call); err != nil {
			return err
		}
		return within(tx, call)
	})
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.called = append(m.called, t.Number)
	return call, after
}

func (m *memCaller) Withdraw(_ context.Context, _, campaign string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.withdrawn = append(m.withdrawn, campaign)
	return nil
}

// take gives the numbers called since the last take, sorted: several are admitted
// at a time.
func (m *memCaller) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	called := m.called
	m.called = nil
	slices.Sort(called)
	return called
}

// bench is a runner whose looks the test makes itself.
type bench struct {
	*testing.T
	clock  *clock.Fake
	store  *store.Store
	gate   *memGate
	caller *memCaller
	r      *Runner
	desk   *Desk
	bad    map[calls.ClipID]error
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, clock: clock.NewFake(noon), gate: &memGate{rules: map[string]calls.CampaignRule{}}, bad: map[calls.ClipID]error{}}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "z.db"), Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b.store, b.caller = st, &memCaller{store: st, refuse: map[string]error{}}
	b.restart()
	return b
}

// restart makes a runner that knows nothing of the one before.
func (b *bench) restart() {
	b.Helper()
	r, err := New(Config{Store: b.store, Gate: b.gate, Caller: b.caller, Opens: openByDay, Clock: b.clock, IDs: clock.NewIDs(b.clock, nil), Log: slog.New(slog.DiscardHandler),
		Resolve: func(_ calls.ReadTx, _ string, id calls.ClipID) error { return b.bad[id] }})
	if err != nil {
		b.Fatal(err)
	}
	b.r, b.desk = r, r.Desk()
}

// openByDay is open from nine to nine at the callee, whose zone is its number's
// first letter: m is Moscow, k Kamchatka.
func openByDay(number, timezone string, _ *calls.Window, now time.Time) (bool, time.Time) {
	if timezone == "" {
		timezone = map[byte]string{'m': "Europe/Moscow", 'k': "Asia/Kamchatka"}[number[0]]
	}
	zone, err := time.LoadLocation(timezone)
	if err != nil || timezone == "" {
		return false, time.Time{}
	}
	local := now.In(zone)
	if h := local.Hour(); h >= 9 && h < 21 {
		return true, now
	}
	next := time.Date(local.Year(), local.Month(), local.Day(), 9, 0, 0, 0, zone)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return false, next
}

// campaign makes one with contacts, "m1 k2".
func (b *bench) campaign(change func(*calls.Campaign), numbers string) *calls.Campaign {
	b.Helper()
	c := &calls.Campaign{Account: "main", Name: "test", Flow: calls.DefaultFlow(), CreatedBy: "test"}
	c.Flow.Record = "1"
	if change != nil {
		change(c)
	}
	if err := b.desk.Create(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	b.add(c, numbers)
	return c
}

func (b *bench) add(c *calls.Campaign, numbers string) {
	b.Helper()
	var list []*calls.Contact
	for _, n := range strings.Fields(numbers) {
		zone := map[byte]string{'m': "Europe/Moscow", 'k': "Asia/Kamchatka", 'x': "?"}[n[0]]
		list = append(list, &calls.Contact{Number: n, Zones: zone})
	}
	for len(list) > 0 {
		b.do(func(tx calls.Tx) error {
			taken, _, err := tx.AddContacts("main", c.ID, list)
			list = list[taken:]
			return err
		})
	}
}

func (b *bench) do(fn func(calls.Tx) error) {
	b.Helper()
	if err := b.store.Update(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) move(c *calls.Campaign, m calls.CampaignMove) {
	b.Helper()
	if _, err := b.desk.Move(b.Context(), "main", c.ID, m, "", "test"); err != nil {
		b.Fatal(err)
	}
}

// look makes the runner look, and compares whom it called.
func (b *bench) look(want ...string) (next time.Time) {
	b.Helper()
	next, err := b.r.look(b.Context(), true)
	if err != nil {
		b.Fatal(err)
	}
	if got := b.caller.take(); !slices.Equal(got, want) {
		b.Fatalf("at %s it called %q, want %q", b.clock.Now().Format("15:04"), got, want)
	}
	return next
}

// over ends the call of a number.
func (b *bench) over(c *calls.Campaign, number string) {
	b.Helper()
	b.do(func(tx calls.Tx) error {
		call, err := tx.Call("main", c.ID+"/"+number)
		if err != nil {
			return err
		}
		now := b.clock.Now()
		call.Status, call.Outcome, call.EndedAt = calls.StatusCompleted, calls.OutcomeAnswered, &now
		return errors.Join(tx.UpdateCall(call), tx.SettleContact(call))
	})
}

// state reads a campaign as it is.
func (b *bench) state(c *calls.Campaign) (now *calls.Campaign, counts calls.CampaignCounts) {
	b.Helper()
	err := b.store.View(b.Context(), func(tx calls.ReadTx) (err error) {
		if now, err = tx.Campaign("main", c.ID); err == nil {
			counts, err = tx.CampaignCounts("main", c.ID)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return now, counts
}

// events lists the types of the campaign's events.
func (b *bench) events(c *calls.Campaign) (types []string) {
	b.Helper()
	err := b.store.View(b.Context(), func(tx calls.ReadTx) error {
		list, err := tx.Events(calls.EventFilter{Account: "main", Subject: calls.CampaignSubject(c.ID), Limit: 100})
		for _, e := range list {
			types = append(types, string(e.Type))
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return types
}
