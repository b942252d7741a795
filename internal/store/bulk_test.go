package store

import (
	"errors"
	"fmt"
	"testing"

	"zvonar/internal/calls"
)

// syncsAt is what a unit finds PRAGMA synchronous to be: 1 where its commit is not
// synced, 2 where it is.
func syncsAt(t *testing.T, tx calls.Tx) (level int64) {
	t.Helper()
	u := tx.(*unitTx)
	if err := u.c.query(u.ctx, func(sc scanner) error { return sc.Scan(&level) }, "PRAGMA synchronous"); err != nil {
		t.Error(err)
	}
	return level
}

type unitTx = tx

// TestABulkUnitIsSyncedByTheNextOther writes units in bulk, then one that changes
// nothing: its commit must write and sync all the same, or it would be answered
// while those before it are not on the disk.
func TestABulkUnitIsSyncedByTheNextOther(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	for n := range 3 {
		if err := s.Bulk(t.Context(), func(tx calls.Tx) error {
			if level := syncsAt(t, tx); level != 1 {
				t.Errorf("synchronous is %d in a unit of Bulk", level)
			}
			return tx.PutWebhook(&calls.Webhook{ID: fmt.Sprint("wh_", n), Account: "main", URL: "http://127.0.0.1/"})
		}); err != nil {
			t.Fatal(err)
		}
	}
	written := commitsSeen(t, s)
	before := written()
	update(t, s, func(tx calls.Tx) error {
		if level := syncsAt(t, tx); level != 2 {
			t.Errorf("synchronous is %d in a unit of Update", level)
		}
		return nil
	})
	after := written()
	if after == before {
		t.Error("the unit after those in bulk wrote nothing, so nothing was synced")
	}
	update(t, s, func(calls.Tx) error { return nil })
	if written() != after {
		t.Error("a unit that changes nothing has written")
	}
	view(t, s, func(tx calls.ReadTx) error {
		_, err := tx.Webhook("main", "wh_2")
		return err
	})
}

// TestABulkUnitInOtherCompanyIsSynced has the writer find both in its line.
func TestABulkUnitInOtherCompanyIsSynced(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	told := make(chan error, 2)
	var level int64
	update(t, s, func(calls.Tx) error { // both come while the writer is busy
		tell := func(err error) { told <- err }
		bulk := &unit{bulk: true, done: tell, fn: func(tx calls.Tx) error { level = syncsAt(t, tx); return nil }}
		if err := s.queue.put(bulk, 0); err != nil {
			return err
		}
		s.Observe(func(calls.Tx) error { return nil }, tell)
		return nil
	})
	if err := errors.Join(<-told, <-told); err != nil {
		t.Fatal(err)
	}
	if level != 2 {
		t.Errorf("synchronous is %d in a batch with a fact that was observed", level)
	}
}

// TestABulkUnitThatFailsLeavesNothing is the promise of Update, which Bulk shares.
func TestABulkUnitThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	wrong := errors.New("no")
	err := s.Bulk(t.Context(), func(tx calls.Tx) error {
		return errors.Join(tx.PutWebhook(&calls.Webhook{ID: "wh_1", Account: "main", URL: "http://127.0.0.1/"}), wrong)
	})
	if !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
	view(t, s, func(tx calls.ReadTx) error {
		if _, err := tx.Webhook("main", "wh_1"); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("the row is there: %v", err)
		}
		return nil
	})
}

// commitsSeen gives a number that changes with every commit that has written.
func commitsSeen(t *testing.T, s *Store) func() int64 {
	t.Helper()
	c, err := s.db.connect(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return func() (version int64) {
		t.Helper()
		if err := c.query(t.Context(), func(sc scanner) error { return sc.Scan(&version) }, "PRAGMA data_version"); err != nil {
			t.Fatal(err)
		}
		return version
	}
}
