package sip

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// recent keeps values for a while by key, some hundred thousand of them without a
// timer each. It is safe for concurrent use.
type recent[V any] struct {
	clock clock.Clock

	mu     sync.Mutex
	slots  [9]map[string]V // slots[now] takes what is new, the one after it goes next
	now    int
	n      int
	timer  clock.Timer // nil: nothing is kept
	closed bool
}

// slotPeriod makes each value stay for 8 to 9 slots: 32 to 36 s, 64*T1 at least.
const slotPeriod = 4 * time.Second

func newRecent[V any](clk clock.Clock) *recent[V] { return &recent[V]{clock: clk} }

func (r *recent[V]) keep(key string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.timer == nil {
		r.timer = r.clock.AfterFunc(slotPeriod, r.turn)
	}
	if r.slots[r.now] == nil {
		r.slots[r.now] = map[string]V{}
	}
	before := len(r.slots[r.now])
	r.slots[r.now][key] = v
	r.n += len(r.slots[r.now]) - before
}

func (r *recent[V]) get(key string) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; r.n > 0 && i < len(r.slots); i++ {
		if v, ok = r.slots[i][key]; ok {
			return v, true
		}
	}
	return v, false
}

// turn forgets the oldest slot.
func (r *recent[V]) turn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = (r.now + 1) % len(r.slots)
	r.n -= len(r.slots[r.now])
	r.slots[r.now] = nil
	r.timer = nil
	if r.n > 0 && !r.closed {
		r.timer = r.clock.AfterFunc(slotPeriod, r.turn)
	}
}

func (r *recent[V]) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// close keeps nothing any more.
func (r *recent[V]) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
}
