package trace

import (
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Watch knows which numbers somebody looks at closely for a while, and which
// calls are theirs. Safe for concurrent use; asking costs nothing while nobody
// is watched.
type Watch struct {
	clock clock.Clock
	any   atomic.Bool

	mu      sync.Mutex
	numbers map[string]time.Time // until when
	calls   map[string]time.Time
}

// maxWatched bounds the numbers that are watched at once.
const maxWatched = 100

// stays is how long a call of a watched number is watched, at most.
const stays = 4 * time.Hour

// NewWatch makes a Watch that watches nobody.
func NewWatch(c clock.Clock) *Watch {
	return &Watch{clock: c, numbers: map[string]time.Time{}, calls: map[string]time.Time{}}
}

// Number watches a number for so long, or no longer where that is 0. false: too
// many are watched.
func (w *Watch) Number(number string, span time.Duration) (until time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	if span <= 0 {
		delete(w.numbers, number)
		w.sweep()
		return time.Time{}, true
	}
	if _, known := w.numbers[number]; !known && len(w.numbers) >= maxWatched {
		return time.Time{}, false
	}
	until = w.clock.Now().Add(span)
	w.numbers[number] = until
	w.any.Store(true)
	return until, true
}

// Numbers are the numbers that are watched now.
func (w *Watch) Numbers() []calls.WatchedNumber {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	list := make([]calls.WatchedNumber, 0, len(w.numbers))
	for n, until := range w.numbers {
		list = append(list, calls.WatchedNumber{Number: n, Until: until})
	}
	return list
}

// began notes that a call has these numbers.
func (w *Watch) began(call string, numbers []string) {
	if !w.any.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	for _, n := range numbers {
		if _, watched := w.numbers[n]; watched && n != "" {
			w.calls[call] = w.clock.Now().Add(stays)
		}
	}
}

// Call reports whether a call is watched.
func (w *Watch) Call(id string) bool {
	if !w.any.Load() {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	until, ok := w.calls[id]
	return ok && w.clock.Now().Before(until)
}

// Any reports whether anybody is watched, or was a moment ago.
func (w *Watch) Any() bool { return w.any.Load() }

// sweep forgets what is over.
func (w *Watch) sweep() {
	now := w.clock.Now()
	for _, m := range []map[string]time.Time{w.numbers, w.calls} {
		for k, until := range m {
			if !now.Before(until) {
				delete(m, k)
			}
		}
	}
	w.any.Store(len(w.numbers)+len(w.calls) > 0)
}
