package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// tx is one unit of work, or one snapshot to read from. It belongs to the
// function it was given to and is dead once that function has returned.
type tx struct {
	ctx    context.Context
	s      *Store
	c      conn
	late   *lateRows // nil: every row is written at once
	shared bool      // with other units of its batch
	over   bool
	notify bool  // something a listener of Changed waits for was written
	fault  error // the memory failed: the unit must be run again, if it may
	failed error // the first statement that failed: nothing of the unit may stay
}

var _ calls.Tx = (*tx)(nil)

var errTxOver = errors.New("store: the unit of work is over; a Tx must not be kept")

// awaited reports whether others wait for this unit to end: those of its batch, or
// one in the line that is in a hurry.
func (t *tx) awaited() bool { return t.shared || t.s.queue.hurried() }

func (t *tx) exec(query string, args ...any) (int64, error) {
	if t.over {
		return 0, errTxOver
	}
	if err := t.writeLate(); err != nil {
		return 0, err
	}
	n, err := t.c.exec(t.ctx, query, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	return n, nil
}

// query calls row for every row of the result.
func (t *tx) query(row func(scanner) error, query string, args ...any) error {
	if t.over {
		return errTxOver
	}
	if err := t.writeLate(); err != nil {
		return err
	}
	if err := t.c.query(t.ctx, row, query, args...); err != nil {
		return t.fail(err)
	}
	return nil
}

// one reads a single row; none is calls.ErrNotFound.
func one[T any](t *tx, read func(scanner) (T, error), query string, args ...any) (v T, err error) {
	found := false
	err = t.query(func(sc scanner) (err error) {
		if !found {
			v, err = read(sc)
			found = true
		}
		return err
	}, query, args...)
	if err == nil && !found {
		err = calls.ErrNotFound
	}
	return v, err
}

// many reads all rows of a query.
func many[T any](t *tx, read func(scanner) (T, error), query string, args ...any) (list []T, err error) {
	err = t.query(func(sc scanner) error {
		v, err := read(sc)
		if err == nil {
			list = append(list, v)
		}
		return err
	}, query, args...)
	return list, err
}

// fail notes an error of the database, and words it for the unit.
func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	if t.fault == nil && faultOf(err) != faultNone {
		t.fault = err
	}
	return fmt.Errorf("store: %w", err)
}

// scalar reads one value of one row.
func scalar[T any](sc scanner) (v T, err error) {
	err = sc.Scan(&v)
	return v, err
}

// where collects conditions that are all required.
type where struct {
	conds []string
	args  []any
}

// add requires cond, a text of ours with one place for each of args.
func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

// equal requires column = value, unless value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

func (w *where) sql() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// limited clamps what a caller asked for to 1–most; 0 is the default of 100.
func limited(n, most int) int {
	if n <= 0 {
		n = 100
	}
	return min(n, most)
}

// changedOne turns "no row was touched" into ErrNotFound.
func changedOne(n int64, err error) error {
	if err == nil && n == 0 {
		return calls.ErrNotFound
	}
	return err
}

// micros writes a time; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros reads what micros wrote.
func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func microsPtr(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return micros(*t)
}

func fromMicrosPtr(n int64) *time.Time {
	if n == 0 {
		return nil
	}
	t := fromMicros(n)
	return &t
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
