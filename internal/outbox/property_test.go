package outbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
	"zvonar/internal/store"
)

// moody is a sink whose destinations fail by chance, and that remembers what
// came.
type moody struct {
	t *testing.T

	mu      sync.Mutex
	rnd     *rand.Rand
	outage  bool
	calm    bool
	poison  map[string]bool // events given up at once
	last    map[string]int64
	dead    map[string]map[int64]bool // by lane: seqs that were given up
	arrived map[string]int
}

func (*moody) Kind() string { return "moody" }

func (*moody) Rate(*calls.Webhook) Rate { return Rate{} }

func (*moody) Map(it Item) (Message, error) { return Message{Body: []byte(it.Event.ID)}, nil }

func (m *moody) Send(_ context.Context, x Exchange) Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := x.To.ID + " " + x.Event.ID
	lane := x.To.ID + " " + x.Event.Subject
	if m.outage {
		return Answer{Fault: Unreachable, Error: "outage"}
	}
	if _, asked := m.poison[key]; !asked {
		m.poison[key] = m.rnd.IntN(20) == 0
	}
	if m.poison[key] {
		if m.dead[lane] == nil {
			m.dead[lane] = map[int64]bool{}
		}
		m.dead[lane][x.Event.Seq] = true
		return Answer{Then: Dead, Error: "poison"}
	}
	if !m.calm && m.rnd.IntN(4) == 0 {
		return Answer{Fault: Unwell, Error: "a mood", After: time.Duration(m.rnd.IntN(3)) * time.Second}
	}
	m.arrived[key]++
	last := m.last[lane]
	if x.Event.Seq <= last {
		return Answer{Then: Delivered} // again, after a restart
	}
	gap := false
	for seq := last + 1; seq < x.Event.Seq; seq++ {
		if !m.dead[lane][seq] {
			m.t.Errorf("%s: seq %d came after %d", lane, x.Event.Seq, last)
		}
		gap = true
	}
	if gap != x.Gap {
		m.t.Errorf("%s: seq %d after %d with gap %v", lane, x.Event.Seq, last, x.Gap)
	}
	m.last[lane] = x.Event.Seq
	return Answer{Then: Delivered}
}

// TestLanesKeepTheirPromiseWhateverHappens lets chance fail, give up, take
// everything down and restart the process, and compares what arrived with what
// was promised: everything, in order, gaps told.
func TestLanesKeepTheirPromiseWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			promiseHolds(t, seed)
		})
	}
}

func promiseHolds(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	m := &moody{t: t, rnd: rand.New(rand.NewPCG(seed, 2)), poison: map[string]bool{}, last: map[string]int64{}, dead: map[string]map[int64]bool{}, arrived: map[string]int{}}
	clk := clock.NewFake(time.Now().Truncate(time.Second))
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(context.Background()) }()
	hooks := []string{"w0", "w1"}
	for _, id := range hooks {
		addHook(t, s, calls.Webhook{ID: id, Kind: "moody", URL: "x"})
	}
	begin := func() *Outbox {
		o, err := New(Config{Store: s, Clock: clk, IDs: testIDs, Client: egress.Trusted(), Sinks: []Sink{m}, Lanes: 5})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := begin()
	events := 0
	for range 120 {
		switch n := rnd.IntN(12); {
		case n < 5:
			happen(t, s, fmt.Sprint("c", rnd.IntN(8)), calls.CallDigit, calls.CallDigit)
			events += 2
		case n < 9:
			clk.Advance(time.Duration(rnd.IntN(40)) * time.Second)
		case n < 10:
			m.mu.Lock()
			m.outage = !m.outage
			m.mu.Unlock()
		default:
			ctx, cancel := context.WithCancel(t.Context())
			if rnd.IntN(2) == 0 {
				cancel() // what is under way is broken off
			}
			_ = o.Stop(ctx)
			cancel()
			o = begin()
		}
	}
	m.mu.Lock()
	m.outage, m.calm = false, true
	m.mu.Unlock()
	for _, id := range hooks {
		list := await(t, s, id, func(l []calls.Delivery) bool {
			clk.Advance(10 * time.Second)
			return len(l) == events && allDone(l)
		})
		for _, d := range list {
			m.mu.Lock()
			key := id + " " + d.EventID
			if got := m.arrived[key] > 0; got != (d.State == calls.DeliveryDelivered) || got == m.poison[key] {
				t.Errorf("%s: %s, arrived %d times, poison %v", key, d.State, m.arrived[key], m.poison[key])
			}
			m.mu.Unlock()
		}
	}
	if err := o.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
