package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// begin begins the writer's transaction. Whatever keeps it from beginning is a
// fault of the memory: nothing of any unit has run.
func (s *Store) begin(ctx context.Context) error {
	err := s.writer.begin(ctx)
	if err != nil && faultOf(err) == faultNone {
		f := faultIO
		if s.cfg.URL != "" {
			f = faultGone
		}
		err = &faultError{f, err}
	}
	return err
}

func (s *Store) rollback(ctx context.Context) {
	s.writer.rollback(ctx) // the transaction may be gone already
}

// errRefused is why a batch without savepoints has to be run again with them: one
// of its units failed for reasons of its own.
var errRefused = errors.New("a unit of the batch failed")

// carefully reports whether each unit needs a savepoint. What was observed hardly
// ever fails and may run again, so a batch of nothing else goes without, which
// spares SQLite a copy of every page that each unit touches.
func carefully(units []*unit) bool {
	for _, u := range units {
		if !u.observed {
			return true
		}
	}
	return false
}

// commit runs the units, each in a savepoint where that is asked for, and commits.
// With more, units that came meanwhile share such a commit: all has those too. An
// error means that nothing of any of them remains.
func (s *Store) commit(ctx context.Context, units []*unit, careful, more bool) (all []*unit, notify bool, err error) {
	defer func() {
		if err != nil {
			s.rollback(ctx)
		}
	}()
	s.health.at(stageUnits)
	if err := s.verifyFence(ctx); err != nil {
		return units, false, err
	}
	late, first := newLateRows(), len(units)
	if careful {
		late = nil
	}
	for i := 0; i < len(units); i++ {
		told, err := s.runUnit(ctx, units[i], late, len(units) > 1)
		if err != nil {
			return units, false, err
		}
		notify = notify || told
		if careful && more && i == first-1 && first < maxBatch {
			units = append(slices.Clip(units), s.queue.take(maxBatch-first)...)
		}
	}
	if err := s.writeLate(ctx, late); err != nil {
		return units, false, err
	}
	s.health.at(stageCommit)
	if err := failpoint.Err(failpoint.StoreCommit); err != nil {
		return units, false, &faultError{faultIO, err}
	}
	if err := s.writer.commit(ctx, notify); err != nil {
		return units, false, err
	}
	failpoint.Hit(failpoint.StoreCommitted)
	return units, notify, nil
}

// writeLate writes what is left when all units have run.
func (s *Store) writeLate(ctx context.Context, late *lateRows) error {
	t := &tx{ctx: ctx, s: s, c: s.writer, late: late}
	err := t.writeLate()
	switch {
	case t.fault != nil:
		return t.fault
	case err != nil:
		return errRefused
	}
	return nil
}

// runUnit runs one unit, in a savepoint where nothing is late; shared: with others
// of its batch. Its own error stays in u.err;
// an error returned means that the transaction around it is lost: on a full disk
// or an I/O error SQLite rolls back everything by itself, and then there is no
// savepoint left to end; without one any error of the unit is errRefused.
func (s *Store) runUnit(ctx context.Context, u *unit, late *lateRows, shared bool) (notify bool, err error) {
	careful := late == nil
	if careful {
		if err := s.writer.savepoint(ctx); err != nil {
			return false, err
		}
	}
	t := &tx{ctx: ctx, s: s, c: s.writer, late: late, shared: shared}
	u.err = s.call(u.fn, t)
	t.over = true
	if t.fault != nil {
		return false, t.fault // whatever fn made of it
	}
	if u.err == nil && t.failed != nil {
		// PostgreSQL runs nothing after a statement that failed, so such a unit
		// fails on every database, whatever fn made of it.
		u.err = fmt.Errorf("store: %w", t.failed)
	}
	switch {
	case !careful && u.err != nil:
		return false, errRefused
	case !careful:
		return t.notify, nil
	case u.err != nil:
		if err := s.writer.rollbackTo(ctx); err != nil {
			return false, errors.Join(u.err, err)
		}
	}
	if err := s.writer.release(ctx); err != nil {
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
