package store

import (
	"slices"
	"sync"
	"sync/atomic"

	"zvonar/internal/calls"
)

// The states of a unit: whoever moves it on from waiting owns its fate.
const (
	unitWaiting int32 = iota
	unitTaken         // by the writer
	unitGone          // by a caller whose context ended
)

// unit is one unit of work on its way through the writer.
type unit struct {
	fn       func(calls.Tx) error
	done     func(error)
	observed bool // nobody waits for it, and it must not be lost
	patient  bool // observed, and in no hurry
	state    atomic.Int32
	err      error // of fn, until the batch is decided
}

// queue is the one line in which Update and Observe wait. Unbounded by itself.
type queue struct {
	mu     sync.Mutex
	units  []*unit
	hasty  int // how many of them are not patient
	enough int // patient units that gather waits for; 0: it does not wait
	closed bool
	wake   chan struct{} // holds one token while there is something to see
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.units)
}

// hurried reports whether a unit waits that is in a hurry.
func (q *queue) hurried() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.hasty > 0
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// put appends u unless the queue is closed or, with limit > 0, that long.
func (q *queue) put(u *unit, limit int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if limit > 0 && len(q.units) >= limit {
		return calls.Errorf(calls.CodeOverloaded, "the store has %d units of work waiting; try again in a moment", len(q.units))
	}
	q.units = append(q.units, u)
	q.hasty += flag(!u.patient)
	if q.hasty > 0 || len(q.units) >= q.enough {
		q.poke()
	}
	return nil
}

// gather waits until n units are there, or one that is in a hurry, or over.
func (q *queue) gather(n int, over <-chan struct{}) {
	for {
		q.mu.Lock()
		q.enough = n
		if q.hasty > 0 || len(q.units) >= n || q.closed {
			q.enough = 0
		}
		wait := q.enough > 0
		q.mu.Unlock()
		if !wait {
			return
		}
		select {
		case <-q.wake:
		case <-over:
			n = 0
		}
	}
}

// wait returns once there is a unit to take, or at once where the caller is in a
// hurry; false where none can ever come.
func (q *queue) wait(hurry bool) bool {
	for {
		q.mu.Lock()
		n, closed := len(q.units), q.closed
		q.mu.Unlock()
		switch {
		case n > 0:
			return true
		case closed:
			return false
		case hurry:
			return true
		}
		<-q.wake
	}
}

// take gives up to n units whose callers have not left.
func (q *queue) take(n int) (batch []*unit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	seen := 0
	for _, u := range q.units {
		if len(batch) == n {
			break
		}
		seen++
		q.hasty -= flag(!u.patient)
		if u.state.CompareAndSwap(unitWaiting, unitTaken) {
			batch = append(batch, u)
		}
	}
	q.units = append(q.units[:0], q.units[seen:]...)
	return batch
}

// putBack returns units that were taken to the head of the line, before or, with
// behind > 0, after the first ones there.
func (q *queue) putBack(units []*unit, behind int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, u := range units {
		u.err = nil
		q.hasty += flag(!u.patient)
		u.state.Store(unitWaiting)
	}
	q.units = slices.Insert(q.units, behind, units...)
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
