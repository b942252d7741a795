package dialer

import (
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// TrunkLimits is what the dialer must know of a trunk.
type TrunkLimits struct {
	Name    string
	Numbers []string // caller numbers it owns
	// MaxCalls is how many legs may use it at once; 0 = no limit.
	MaxCalls int
	// MaxCPS is how many legs may begin within one second, however the second is
	// laid; below 1 it spaces them (0.5: one in two seconds). 0 = no limit.
	MaxCPS float64
	// Account is whose calls it carries; "" = everybody's.
	Account string
}

// Limits gives out the channels of trunks at no more than their rate. Safe for
// concurrent use.
type Limits struct {
	clock  clock.Clock
	onFree func() // a channel was given back; called without the lock

	mu     sync.Mutex
	trunks map[string]*meter
}

// NewLimits makes limits for trunks. A Dialer makes its own (Dialer.Limits).
func NewLimits(c clock.Clock, trunks []TrunkLimits) *Limits {
	l := &Limits{clock: c, onFree: func() {}, trunks: map[string]*meter{}}
	for _, t := range trunks {
		l.trunks[t.Name] = newMeter(t)
	}
	return l
}

// Acquire takes one channel and one unit of rate of the trunk. Where it cannot,
// slot is nil and gate says what is used up: channels, cps, or trunk_down for a
// trunk nobody configured. retryAfter is when the rate allows the next one; 0
// where that is not known, because a channel must be given back first.
func (l *Limits) Acquire(trunk string) (slot *Slot, gate calls.Gate, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if gate, retryAfter = l.check(trunk, now); gate != "" {
		return nil, gate, retryAfter
	}
	l.trunks[trunk].take(now)
	return &Slot{trunk: trunk, limits: l}, "", 0
}

// Check says what Acquire would say now, without taking anything.
func (l *Limits) Check(trunk string) (gate calls.Gate, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.check(trunk, l.clock.Now())
}

// SetDown closes a trunk that cannot be used, or opens it again: until then its
// calls are held as trunk_down. Those that run are not touched.
func (l *Limits) SetDown(trunk string, down bool) {
	l.mu.Lock()
	m, ok := l.trunks[trunk]
	opened := ok && m.down && !down
	if ok {
		m.down = down
	}
	l.mu.Unlock()
	if opened {
		l.onFree()
	}
}

func (l *Limits) check(trunk string, now time.Time) (calls.Gate, time.Duration) {
	m, ok := l.trunks[trunk]
	if !ok || m.down {
		return calls.GateTrunkDown, 0
	}
	return m.check(now)
}

// InUse is the number of channels of the trunk that are taken.
func (l *Limits) InUse(trunk string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m, ok := l.trunks[trunk]; ok {
		return m.used
	}
	return 0
}

// Slot is one channel of a trunk.
type Slot struct {
	trunk    string
	limits   *Limits
	released atomic.Bool
}

// Trunk names the trunk whose channel it is.
func (s *Slot) Trunk() string { return s.trunk }

// Release gives the channel back, once however often it is called. The unit of
// rate is spent: the trunk may have seen an INVITE.
func (s *Slot) Release() {
	if s.released.Swap(true) {
		return
	}
	s.limits.mu.Lock()
	s.limits.trunks[s.trunk].used--
	s.limits.mu.Unlock()
	s.limits.onFree()
}

// meter counts one trunk. It remembers when the last legs began, as many as the
// rate allows in a window: the next may begin once the oldest of them has left
// the window, so no window ever holds more.
type meter struct {
	down       bool // calls are not dialled over it
	used, most int
	window     time.Duration
	began      []time.Time // ring; empty: no limit of rate
	next       int         // the oldest, to be overwritten
}

func newMeter(t TrunkLimits) *meter {
	m := &meter{most: t.MaxCalls, window: time.Second}
	switch {
	case t.MaxCPS >= 1:
		m.began = make([]time.Time, int(t.MaxCPS))
	case t.MaxCPS > 0:
		m.began = make([]time.Time, 1)
		m.window = time.Duration(float64(time.Second) / t.MaxCPS)
	}
	return m
}

func (m *meter) check(now time.Time) (calls.Gate, time.Duration) {
	if m.most > 0 && m.used >= m.most {
		return calls.GateChannels, 0
	}
	if len(m.began) == 0 {
		return "", 0
	}
	oldest := m.began[m.next]
	if wait := m.window - now.Sub(oldest); !oldest.IsZero() && wait > 0 {
		return calls.GateCPS, wait
	}
	return "", 0
}

func (m *meter) take(now time.Time) {
	m.used++
	if len(m.began) > 0 {
		m.began[m.next] = now
		m.next = (m.next + 1) % len(m.began)
	}
}
