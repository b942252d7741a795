package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/numbering"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memStore answers what the gates ask. What it does not answer panics.
type memStore struct {
	calls.Store
	calls.ReadTx
	mu       sync.Mutex
	blocked  map[string]bool
	attempts map[string][]time.Time
	talks    map[string][]time.Time // those of them that were talks
	rows     map[string]*calls.Call
	clips    map[string]calls.Standing // "rec/version"
	views    int
	fail     error
}

func (m *memStore) View(_ context.Context, fn func(calls.ReadTx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.views++
	if m.fail != nil {
		return m.fail
	}
	return fn(m)
}

func (m *memStore) BlockedFor(q calls.BlockQuery) (*calls.BlockEntry, error) {
	if m.blocked[q.Number] {
		return &calls.BlockEntry{Number: q.Number}, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) ClipStanding(id string, version int) (calls.Standing, error) {
	if s, ok := m.clips[fmt.Sprintf("%s/%d", id, version)]; ok {
		return s, nil
	}
	return calls.Standing{}, calls.ErrNotFound
}

func (m *memStore) ChargedSince(_, number string, since time.Time, limit int) (list []time.Time, _ error) {
	for _, at := range slices.Backward(m.attempts[number]) { // they are written oldest first
		if !at.Before(since) && len(list) < limit {
			list = append(list, at)
		}
	}
	return list, nil
}

func (m *memStore) TalksSince(_, number string, since time.Time, limit int) (list []time.Time, _ error) {
	for _, at := range slices.Backward(m.talks[number]) {
		if !at.Before(since) && len(list) < limit {
			list = append(list, at)
		}
	}
	return list, nil
}

func (m *memStore) Call(_, id string) (*calls.Call, error) {
	if c, ok := m.rows[id]; ok {
		return c.Clone(), nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) block(number string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocked[number] = true
}

// log is a Starter that writes decisions down: "begin a main", "held a window".
type log struct {
	mu    sync.Mutex
	lines []string
	slots map[string]*Slot
	holds map[string]calls.Hold
	note  func(string) // runs with each line
}

func (l *log) add(line string) {
	l.mu.Lock()
	l.lines = append(l.lines, line)
	l.mu.Unlock()
	if l.note != nil {
		l.note(line)
	}
}

func (l *log) Begin(c *calls.Call, s *Slot) {
	c.Status = calls.StatusDialing // as the engine does: the race detector watches
	l.mu.Lock()
	l.slots[c.ID] = s
	l.mu.Unlock()
	l.add("begin " + c.ID + " " + s.Trunk())
}

func (l *log) Held(c *calls.Call, h calls.Hold) {
	c.Status, c.Hold = calls.StatusHeld, &h
	l.mu.Lock()
	l.holds[c.ID] = h
	l.mu.Unlock()
	l.add("held " + c.ID + " " + string(h.Gate))
}

func (l *log) Expired(c *calls.Call) {
	c.Status = calls.StatusCompleted
	l.add("expired " + c.ID)
}

func (l *log) Blocked(c *calls.Call, _ calls.BlockEntry) {
	c.Status = calls.StatusCompleted
	l.add("blocked " + c.ID)
}

func (l *log) Refused(c *calls.Call, reason calls.Reason) {
	c.Status = calls.StatusCompleted
	l.add("refused " + c.ID + " " + string(reason))
}

// take returns the lines since the last take.
func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// noon in Moscow.
var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// bench is a dialer whose passes the test makes itself.
type bench struct {
	*testing.T
	d     *Dialer
	clock *clock.Fake
	store *memStore
	log   *log
	up    map[string]bool // trunks that are down: false
	next  time.Time       // when the last pass wants to look again
}

func newBench(t *testing.T, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{T: t, clock: clock.NewFake(noon), up: map[string]bool{}, log: &log{slots: map[string]*Slot{}, holds: map[string]calls.Hold{}},
		store: &memStore{blocked: map[string]bool{}, attempts: map[string][]time.Time{}, talks: map[string][]time.Time{}, rows: map[string]*calls.Call{}}}
	cfg := Config{Store: b.store, Clock: b.clock, Log: slog.New(slog.DiscardHandler), Starter: b.log,
		Trunks: []TrunkLimits{{Name: "main", Numbers: []string{"100"}}, {Name: "spare", Numbers: []string{"200"}}},
		Window: calls.Window{From: "00:00", To: "24:00"}, Zones: zonesOf, Country: func(string) string { return "RU" }, OpenAt: openAt,
		TrunkUp: func(name string) bool { up, told := b.up[name]; return up || !told }}
	for _, f := range change {
		f(&cfg)
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.d = d
	return b
}

// zonesOf: numbers of the tests begin with their zone.
func zonesOf(number string) []string {
	switch number[0] {
	case 'm':
		return []string{"Europe/Moscow"}
	case 'k':
		return []string{"Asia/Kamchatka"}
	case 'b':
		return []string{"Europe/Moscow", "Asia/Kamchatka"}
	}
	return nil
}

// openAt is the real one without holidays.
func openAt(ws []calls.Window, _ string, zones []string, now time.Time) (bool, time.Time) {
	return numbering.OpenAt(ws, "XX", zones, now)
}

// call makes a queued call that is due now.
func (b *bench) call(id, to string, change ...func(*calls.Call)) *calls.Call {
	c := &calls.Call{ID: id, Account: "main", To: to, Status: calls.StatusQueued, CreatedAt: b.clock.Now(), DueAt: b.clock.Now()}
	for _, f := range change {
		f(c)
	}
	b.store.mu.Lock()
	b.store.rows[id] = c.Clone()
	b.store.mu.Unlock()
	return c
}

func (b *bench) enqueue(id, to string, change ...func(*calls.Call)) {
	b.d.Enqueue(b.call(id, to, change...))
}

// pass lets the dialer look once and compares what it decided.
func (b *bench) pass(want ...string) {
	b.Helper()
	b.next = b.d.pass(context.Background())
	if got := b.log.take(); !slices.Equal(got, want) {
		b.Fatalf("at %s the dialer decided %q, want %q", b.clock.Now().Format("15:04:05.000"), got, want)
	}
}

// wait moves the clock to the moment of the next look, which must be in d.
func (b *bench) wait(d time.Duration) {
	b.Helper()
	if got := b.next.Sub(b.clock.Now()); got != d {
		b.Fatalf("the dialer wants to look again in %s, want %s", got, d)
	}
	b.clock.Advance(d)
}

// confirm asks what the unit of work of an attempt asks, and writes the attempt where
// it may be.
func (b *bench) confirm(id string, want bool) {
	b.Helper()
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c := b.store.rows[id]
	err := b.log.slots[id].Confirm(b.store, c)
	if err != nil && !errors.Is(err, calls.ErrGateClosed) || want != (err == nil) {
		b.Fatalf("the attempt of %s: %v, want it written: %v", id, err, want)
	}
	if err == nil {
		b.store.attempts[c.To] = append(b.store.attempts[c.To], b.clock.Now())
	}
}
