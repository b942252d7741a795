package store

import (
	"errors"

	"zvonar/internal/calls"
)

// lateRows are the rows of calls that a batch has still to write. What is observed
// changes a call several times within one commit (it rings, is answered, is over);
// each row is then written once, as it is in the end. They are written before any
// other statement but the appending of an event runs, so nobody can tell. Only
// batches without savepoints are late: where a row is refused nobody knows whose
// it was, and the batch is run again carefully.
type lateRows struct {
	order []string
	rows  map[string]*lateRow
}

type lateRow struct {
	call  calls.Call
	isNew bool
}

func newLateRows() *lateRows { return &lateRows{rows: map[string]*lateRow{}} }

// errComesBack is an update of a call that is over by one that is not.
var errComesBack = errors.New("the call is over")

// put takes a row that is to be inserted, or else updated.
func (l *lateRows) put(c *calls.Call, isNew bool) error {
	old := l.rows[c.ID]
	switch {
	case old == nil:
		l.rows[c.ID] = &lateRow{call: *c, isNew: isNew}
		l.order = append(l.order, c.ID)
		return nil
	case isNew, old.call.Over() && !c.Over():
		return errComesBack
	}
	old.call = *c
	return nil
}

// refused notes an error of put: nothing of the unit may stay.
func (t *tx) refused(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}

// writeLate writes the rows that are due.
func (t *tx) writeLate() error {
	l := t.late
	if l == nil || len(l.order) == 0 {
		return nil
	}
	t.late = nil // what follows is not late
	defer func() { t.late = l }()
	order, rows := l.order, l.rows
	l.order, l.rows = nil, map[string]*lateRow{}
	for _, id := range order {
		r := rows[id]
		write := t.UpdateCall
		if r.isNew {
			write = t.InsertCall
		}
		if err := write(&r.call); err != nil {
			return t.refused(err)
		}
	}
	return nil
}
