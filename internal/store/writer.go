package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

const (
	maxBatch = 256 // units that share one COMMIT
	// company is how long after the beginning of a batch the next one begins where
	// nobody waits for it (docs/decisions/032).
	company = 10 * time.Millisecond
	// maxQueue bounds the units of Update that wait; beyond it the caller is
	// told to come back. Observe is never refused: what it tells has happened.
	maxQueue = 16384
)

// Update implements calls.Store. If ctx ends, or slowAfter passes, before the
// writer has come to the unit, nothing of it happens; once it has, Update waits
// for the truth. While the store cannot write it is refused at once.
func (s *Store) Update(ctx context.Context, fn func(calls.Tx) error) error {
	if err := s.health.broken(); err != nil {
		return err
	}
	result, late := make(chan error, 1), make(chan struct{})
	u := &unit{fn: fn, done: func(err error) { result <- err }}
	if err := s.queue.put(u, maxQueue); err != nil {
		return err
	}
	patience := s.cfg.wall.AfterFunc(slowAfter, func() { close(late) })
	defer patience.Stop()
	why := ctx.Err
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	case <-late:
		why = tired
	}
	if u.state.CompareAndSwap(unitWaiting, unitGone) {
		return why()
	}
	return <-result
}

// Observe implements calls.Store. After Close, done is called at once, on the
// caller's goroutine, with ErrClosed.
func (s *Store) Observe(fn func(calls.Tx) error, done func(error)) { s.observe(fn, done, false) }

// Note implements calls.Store; of Close and done it is as Observe.
func (s *Store) Note(fn func(calls.Tx) error, done func(error)) { s.observe(fn, done, true) }

func (s *Store) observe(fn func(calls.Tx) error, done func(error), patient bool) {
	if done == nil {
		done = func(err error) {
			if err != nil {
				s.log.Error("an observed fact could not be stored", "error", err)
			}
		}
	}
	if err := s.queue.put(&unit{fn: fn, done: done, observed: true, patient: patient}, 0); err != nil {
		done(err)
	}
}

// write is the writer's goroutine: it ends when the queue is closed and empty.
// While the store fails it tries again and again, so that what was observed is
// written as soon as that is possible, in its order; with nothing to write it
// probes.
func (s *Store) write() {
	defer close(s.done)
	var last fault
	pause := firstPause
	var began time.Time
	for s.queue.wait(last != faultNone) {
		if last == faultNone {
			s.gather(began)
		}
		began = s.cfg.wall.Now()
		s.health.enter()
		done, err := s.round(last != faultNone)
		if last = faultOf(err); last == faultGone {
			s.readers.renew()
		}
		s.health.leave(last, err, done)
		switch {
		case last == faultNone:
			pause = firstPause
		case last == faultFull && s.reserve.giveUp():
			// The reserve makes room for the next try.
		default:
			s.health.crowded(s.queue.len())
			if s.pause(pause) {
				s.abandon(err)
			}
			pause = min(2*pause, longestPause)
		}
	}
}

// gather waits for more to write, unless the batch before began long ago.
func (s *Store) gather(before time.Time) {
	rest := company - s.cfg.wall.Now().Sub(before)
	if rest <= 0 {
		return
	}
	over := make(chan struct{})
	t := s.cfg.wall.AfterFunc(rest, func() { close(over) })
	defer t.Stop()
	s.queue.gather(maxBatch, over)
}

// pause waits before the next try; true where Close no longer wants one.
func (s *Store) pause(d time.Duration) (over bool) {
	next := make(chan struct{})
	t := s.cfg.wall.AfterFunc(d, func() { close(next) })
	defer t.Stop()
	select {
	case <-next:
		return false
	case <-s.hurry:
		return true
	}
}

// abandon answers everything that waits with what keeps it from being written:
// the process is about to end.
func (s *Store) abandon(cause error) {
	lost := 0
	for units := s.queue.take(maxBatch); len(units) > 0; units = s.queue.take(maxBatch) {
		lost += len(units)
		s.answer(units, cause)
	}
	if lost > 0 {
		s.log.Error("units of work were not written before the end of the process", "units", lost, "error", cause)
	}
}

// round takes a batch of units, runs it in one transaction and answers each of
// them once its fate is certain. The transaction is begun first: as long as
// another process holds the database, callers may still give up. done says that
// something was committed. After an error that is a fault nothing of the batch
// remains, and what of it was observed is back at the head of the line.
func (s *Store) round(probing bool) (done bool, err error) {
	ctx := context.Background() // a batch has many callers; none of them may end it
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	units := s.queue.take(maxBatch)
	if len(units) == 0 && probing {
		units = []*unit{s.probe()}
	}
	if len(units) == 0 {
		s.rollback(ctx)
		return false, nil
	}
	units, err = s.runBatch(ctx, units, true)
	if err == nil || faultOf(err) != faultNone {
		return err == nil, err
	}
	if errors.Is(err, calls.ErrFenced) {
		s.answer(units, err)
		return false, nil
	}
	return s.oneByOne(ctx, units, err)
}

// probe is a unit that writes what is there already.
func (s *Store) probe() *unit {
	return &unit{done: func(error) {}, fn: func(t calls.Tx) error {
		_, err := t.(*tx).exec(`UPDATE nodes SET lease_until = ? WHERE node = ?`, micros(s.cfg.Clock.Now().Add(s.lease())), s.cfg.Node)
		return err
	}}
}

// runBatch runs units in the transaction that was begun, commits and answers. An
// error means that nothing of them remains: if it is a fault, callers of Update
// have been told and what was observed waits again; else nobody was told yet.
func (s *Store) runBatch(ctx context.Context, units []*unit, more bool) (all []*unit, err error) {
	start := time.Now()
	all, notify, err := s.commit(ctx, units, carefully(units), more)
	if errors.Is(err, errRefused) {
		if err = s.begin(ctx); err == nil {
			all, notify, err = s.commit(ctx, units, true, more)
		}
	}
	s.metrics.batch(len(all), time.Since(start), err)
	if err == nil {
		if notify {
			s.changed.tell()
		}
		s.answer(all, nil)
		return all, nil
	}
	if f := faultOf(err); f != faultNone {
		observed, asked := split(all)
		s.queue.putBack(observed, 0)
		s.health.found(f, err)
		s.answer(asked, &calls.Error{Code: calls.CodeOverloaded, Detail: f.words() + "; nothing was stored", Err: err})
	}
	return all, err
}

// oneByOne follows a batch in which a unit took the transaction with it. What was
// observed is run again, each unit alone, so that only the culprit is told.
func (s *Store) oneByOne(ctx context.Context, units []*unit, cause error) (done bool, err error) {
	s.log.Error("a batch of units was not committed", "units", len(units), "error", cause)
	observed, asked := split(units)
	s.answer(asked, cause)
	if len(units) == 1 {
		s.answer(observed, cause)
		return false, nil
	}
	for i := range observed {
		err := s.begin(ctx)
		if err != nil {
			s.queue.putBack(observed[i:], 0)
			return done, err
		}
		switch _, err := s.runBatch(ctx, observed[i:i+1], false); {
		case err == nil:
			done = true
		case faultOf(err) != faultNone:
			s.queue.putBack(observed[i+1:], 1)
			return done, err
		default:
			s.answer(observed[i:i+1], err)
		}
	}
	return done, nil
}

// split parts what must not be lost from what somebody waits for.
func split(units []*unit) (observed, asked []*unit) {
	for _, u := range units {
		if u.observed {
			observed = append(observed, u)
		} else {
			asked = append(asked, u)
		}
	}
	return observed, asked
}

// answer tells units their fate; err nil: what each came to by itself.
func (s *Store) answer(units []*unit, err error) {
	for _, u := range units {
		res := u.err
		if err != nil {
			res = fmt.Errorf("store: not committed: %w", err)
		}
		s.metrics.unit(res)
		u.done(res)
	}
}
