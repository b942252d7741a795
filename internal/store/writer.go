package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
)

const (
	maxBatch = 256 // units that share one COMMIT
	// maxQueue bounds the units of Update that wait; beyond it the caller is
	// told to come back. Observe is never refused: what it tells has happened.
	maxQueue = 16384
)

// The states of a unit: whoever moves it on from waiting owns its fate.
const (
	unitWaiting int32 = iota
	unitTaken         // by the writer
	unitGone          // by a caller whose context ended
)

// unit is one unit of work on its way through the writer.
type unit struct {
	fn    func(calls.Tx) error
	done  func(error)
	state atomic.Int32
	err   error // of fn, until the batch is decided
}

// queue is the one line in which Update and Observe wait. Unbounded by itself.
type queue struct {
	mu     sync.Mutex
	units  []*unit
	closed bool
	wake   chan struct{} // holds one token while there is something to see
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.units)
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
	q.poke()
	return nil
}

// take gives up to n units and whether more can ever come.
func (q *queue) take(n int) (batch []*unit, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.units))
	batch = append(batch, q.units[:n]...)
	q.units = append(q.units[:0], q.units[n:]...)
	return batch, !q.closed || len(q.units) > 0
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

// Update implements calls.Store. If ctx ends before the writer has come to the
// unit, nothing of it happens; once it has, Update waits for the truth.
func (s *Store) Update(ctx context.Context, fn func(calls.Tx) error) error {
	result := make(chan error, 1)
	u := &unit{fn: fn, done: func(err error) { result <- err }}
	if err := s.queue.put(u, maxQueue); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		if u.state.CompareAndSwap(unitWaiting, unitGone) {
			return ctx.Err()
		}
		return <-result
	}
}

// Observe implements calls.Store. After Close, done is called at once, on the
// caller's goroutine, with ErrClosed.
func (s *Store) Observe(fn func(calls.Tx) error, done func(error)) {
	if done == nil {
		done = func(err error) {
			if err != nil {
				s.log.Error("an observed fact could not be stored", "error", err)
			}
		}
	}
	if err := s.queue.put(&unit{fn: fn, done: done}, 0); err != nil {
		done(err)
	}
}

// write is the writer's goroutine: it ends when the queue is closed and empty.
func (s *Store) write() {
	defer close(s.done)
	for {
		batch, more := s.queue.take(maxBatch)
		if len(batch) == 0 {
			if !more {
				return
			}
			<-s.queue.wake
			continue
		}
		s.runBatch(batch)
	}
}

// runBatch runs the units in one transaction and answers each of them once its
// fate is certain.
func (s *Store) runBatch(batch []*unit) {
	taken := batch[:0]
	for _, u := range batch {
		if u.state.CompareAndSwap(unitWaiting, unitTaken) {
			taken = append(taken, u)
		}
	}
	if len(taken) == 0 {
		return
	}
	start := time.Now()
	notify, err := s.commit(taken)
	if err != nil {
		s.log.Error("a batch of units was not committed", "units", len(taken), "error", err)
	}
	s.metrics.batch(len(taken), time.Since(start), err)
	if notify {
		s.changed.tell()
	}
	for _, u := range taken {
		res := u.err
		if err != nil {
			res = fmt.Errorf("store: not committed: %w", err)
		}
		s.metrics.unit(res)
		u.done(res)
	}
}

// commit runs the units between BEGIN and COMMIT. An error means that nothing
// of any of them remains.
func (s *Store) commit(units []*unit) (notify bool, err error) {
	ctx := context.Background() // a batch has many callers; none of them may end it
	if _, err := s.writeConn.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	for _, u := range units {
		told, err := s.runUnit(ctx, u)
		if err != nil {
			_, _ = s.writeConn.exec(ctx, "ROLLBACK") // the transaction may be gone already
			return false, err
		}
		notify = notify || told
	}
	if _, err := s.writeConn.exec(ctx, "COMMIT"); err != nil {
		_, _ = s.writeConn.exec(ctx, "ROLLBACK")
		return false, err
	}
	return notify, nil
}

// runUnit runs one unit in a savepoint. Its own error stays in u.err; an error
// returned means that the transaction around it is lost: on a full disk or an
// I/O error SQLite rolls back everything by itself, and then there is no
// savepoint left to end.
func (s *Store) runUnit(ctx context.Context, u *unit) (notify bool, err error) {
	if _, err := s.writeConn.exec(ctx, "SAVEPOINT unit"); err != nil {
		return false, err
	}
	t := &tx{ctx: ctx, s: s, c: s.writeConn}
	u.err = s.call(u.fn, t)
	t.over = true
	if u.err != nil {
		if _, err := s.writeConn.exec(ctx, "ROLLBACK TO unit"); err != nil {
			return false, errors.Join(u.err, err)
		}
	}
	if _, err := s.writeConn.exec(ctx, "RELEASE unit"); err != nil {
		return false, err
	}
	return t.notify && u.err == nil, nil
}

// call runs fn and turns a panic of it into an error: one faulty unit must not
// take the memory of the daemon with it.
func (s *Store) call(fn func(calls.Tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a unit of work panicked", "panic", p, "stack", string(debug.Stack()))
			err = &calls.Error{Code: calls.CodeInternal, Detail: "a unit of work failed unexpectedly; nothing of it was stored",
				Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	return fn(t)
}
