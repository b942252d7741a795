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
	// laid; a broken rate spaces them (0.5: one in two seconds, 2.5: one in 0.4
	// seconds). 0 = no limit.
	MaxCPS float64
	// Account is whose calls it carries; "" = everybody's.
	Account string
	// Named: only calls that name it use it. It is no trunk but stands in for one where
	// a provider carries the calls by itself.
	Named bool
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

// Retake takes a channel of the trunk for a call that runs already: a former process
// began it. nil where nobody configured the trunk.
func (l *Limits) Retake(trunk string) *Slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, ok := l.trunks[trunk]
	if !ok {
		return nil
	}
	m.used++
	return &Slot{trunk: trunk, limits: l}
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
	if !ok || m.down || m.gone {
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
	permit   *permit // of a call that the dialer began; nil: of another leg
}

// Trunk names the trunk whose channel it is.
func (s *Slot) Trunk() string { return s.trunk }

// Confirm asks the gates once more, inside the unit of work that writes the attempt:
// units run one after another, on all nodes, so what it counts is all there is. Any
// error means that nobody may be rung now; ErrGateClosed that the call waits again.
func (s *Slot) Confirm(tx calls.ReadTx, call *calls.Call) error {
	if s.permit == nil {
		return nil
	}
	return s.permit.confirm(tx, call)
}

// Release gives the channel back, once however often it is called. The unit of
// rate is spent: the trunk may have seen an INVITE.
func (s *Slot) Release() {
	if s.released.Swap(true) {
		return
	}
	s.limits.mu.Lock()
	s.limits.trunks[s.trunk].used--
	s.limits.mu.Unlock()
	if s.permit != nil {
		s.permit.release()
	}
	s.limits.onFree()
}
