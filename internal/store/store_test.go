package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

var testTime = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)

func openTest(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path, Node: "a", Clock: clock.NewFake(testTime), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

func newTest(t *testing.T) *Store {
	t.Helper()
	s := openTest(t, filepath.Join(t.TempDir(), "zvonar.db"))
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func TestSQLiteConforms(t *testing.T) {
	t.Parallel()
	runConformance(t, func(t *testing.T) calls.Store { return newTest(t) })
}

func TestASecondDaemonIsRefusedInWords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "zvonar.db")
	s := openTest(t, path)
	_, err := Open(t.Context(), Config{Path: path, Clock: clock.System()})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second Open: %v; want ErrLocked naming process %d", err, os.Getpid())
	}
	closeStore(t, s)
	closeStore(t, openTest(t, path)) // free again
}

func TestTheDatabaseIsReadableByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, path)
	defer closeStore(t, s)
	insertCall(t, s, "call_1", "")
	for _, f := range []string{path, path + "-wal"} {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v; want 0600", filepath.Base(f), st.Mode().Perm())
		}
	}
}

func TestDurabilityIsSwitchedOn(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.writer.query(t.Context(), func(sc scanner) error {
			got = fmt.Sprint(sc.(sqliteRow)[0])
			return nil
		}, "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %s; want %s", pragma, got, want)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	err := s.View(t.Context(), func(r calls.ReadTx) error {
		return r.(calls.Tx).SetCursor("x", 1)
	})
	if err == nil {
		t.Error("a View wrote")
	}
}

func TestEveryRunFencesTheOneBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, path)
	insertCall(t, s, "call_1", "")
	closeStore(t, s)

	s = openTest(t, path)
	defer closeStore(t, s)
	node, fence := s.Node()
	c := readCall(t, s, "call_1")
	if c.Node != node || c.Fence != fence-1 || !c.LeaseUntil.Equal(stored(testTime.Add(leaseTime))) {
		t.Errorf("call of the last run carries %s/%d/%v; this run is %s/%d", c.Node, c.Fence, c.LeaseUntil, node, fence)
	}
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.UpdateCall(c) }); err != nil {
		t.Fatal(err)
	}
	if c = readCall(t, s, "call_1"); c.Fence != fence {
		t.Errorf("after an update the call carries fence %d; want %d", c.Fence, fence)
	}
}

func TestADatabaseIsCopiedBeforeAMigrationAndAFailedOneLeavesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, path)
	insertCall(t, s, "call_1", "")
	steps, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	next := migration{version: len(steps) + 1, name: "next", sql: `CREATE TABLE fresh (x INTEGER); INSERT INTO nowhere VALUES (1)`}
	log := slog.New(slog.DiscardHandler)
	if err := migrate(t.Context(), s.db, s.writer, append(steps, next), clock.System(), log); err == nil {
		t.Fatal("a faulty migration passed")
	}
	next.sql = `CREATE TABLE fresh (x INTEGER)` // fails if the faulty one left its table
	if err := migrate(t.Context(), s.db, s.writer, append(steps, next), clock.System(), log); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)

	copied := filepath.Join(t.TempDir(), "zvonar.db")
	text, err := os.ReadFile(fmt.Sprintf("%s.before-%04d", path, next.version))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, copied)
	defer closeStore(t, s)
	readCall(t, s, "call_1")
}

func TestMigrationsMustBeNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	_, err := readMigrations(fstest.MapFS{"migrations/0001_a.sql": {}, "migrations/0003_c.sql": {}})
	if err == nil || !strings.Contains(err.Error(), "0003_c.sql") {
		t.Errorf("got %v; want an error naming 0003_c.sql", err)
	}
}

func TestCloseMakesEverythingQueuedDurable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, path)
	var answered sync.WaitGroup
	for i := range 500 {
		answered.Add(1)
		s.Observe(func(tx calls.Tx) error { return tx.SetCursor("n", int64(i+1)) }, func(err error) {
			defer answered.Done()
			if err != nil {
				t.Errorf("unit %d: %v", i, err)
			}
		})
	}
	closeStore(t, s)
	answered.Wait()
	closeStore(t, s) // a second time

	if err := s.Update(t.Context(), func(calls.Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
	if err := s.View(t.Context(), func(calls.ReadTx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("View after Close: %v", err)
	}
	var told error
	s.Observe(func(calls.Tx) error { return nil }, func(err error) { told = err })
	if !errors.Is(told, ErrClosed) {
		t.Errorf("Observe after Close: %v", told)
	}

	s = openTest(t, path)
	defer closeStore(t, s)
	if n := readCursor(t, s, "n"); n != 500 {
		t.Errorf("cursor after reopening is %d; want 500", n)
	}
}

func TestAViewThatOutlivesCloseStillGivesItsConnectionBack(t *testing.T) {
	t.Parallel()
	s := openTest(t, filepath.Join(t.TempDir(), "zvonar.db"))
	view(t, s, func(r calls.ReadTx) error {
		closeStore(t, s)
		_, err := r.LastPos()
		return err
	})
	if _, err := os.Stat(s.path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the write-ahead log stays: %v; a connection was not closed", err)
	}
}

func TestUnitsThatWaitTogetherShareOneCommit(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	entered, release := make(chan struct{}), make(chan struct{})
	s.Observe(func(calls.Tx) error { close(entered); <-release; return nil }, nil)
	<-entered
	var done sync.WaitGroup
	var mu sync.Mutex
	batches := map[int64]int{} // units by the number of changes committed before their batch
	for range 2*maxBatch + 10 {
		done.Add(1)
		var before int64
		s.Observe(func(tx calls.Tx) error {
			return s.View(t.Context(), func(r calls.ReadTx) (err error) { // committed state, so the same for a whole batch
				if before, err = r.Cursor("n"); err != nil {
					return err
				}
				n, err := tx.Cursor("n")
				return errors.Join(err, tx.SetCursor("n", n+1))
			})
		}, func(err error) {
			defer done.Done()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			batches[before]++
		})
	}
	close(release)
	done.Wait()
	want := map[int64]int{0: maxBatch, maxBatch: maxBatch, 2 * maxBatch: 10}
	if fmt.Sprint(batches) != fmt.Sprint(want) {
		t.Errorf("batches %v; want %v", batches, want)
	}
}

func TestWhatNobodyWaitsForIsCommittedWithWhatSomebodyWaitsFor(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Clock: clock.System(), wall: clock.NewFake(testTime)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	update(t, s, func(calls.Tx) error { return nil }) // the batch before began now, and time stands still
	var seen []int64                                  // what was committed when each unit ran
	unit := func(tx calls.Tx) error {
		n, err := tx.Cursor("n")
		if err := errors.Join(err, tx.SetCursor("n", n+1)); err != nil {
			return err
		}
		return s.View(t.Context(), func(r calls.ReadTx) error {
			committed, err := r.Cursor("n")
			seen = append(seen, committed)
			return err
		})
	}
	s.Note(unit, nil)
	s.Note(unit, nil)
	update(t, s, unit)
	if fmt.Sprint(seen) != "[0 0 0]" || readCursor(t, s, "n") != 3 {
		t.Errorf("the units saw %v committed; want them to share one commit", seen)
	}
}

func TestAFullQueueRefusesUpdatesButNeverObservations(t *testing.T) {
	t.Parallel()
	q := newQueue()
	for range 3 {
		if err := q.put(&unit{}, 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.put(&unit{}, 3); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Errorf("fourth unit: %v; want overloaded", err)
	}
	if err := q.put(&unit{}, 0); err != nil {
		t.Errorf("observation: %v", err)
	}
}

func TestAFailedCommitFailsEveryUnitOfTheBatch(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	units := []*unit{
		{fn: func(tx calls.Tx) error { return tx.SetCursor("a", 1) }},
		// What SQLite does by itself on a full disk: the transaction is gone.
		{fn: func(tx calls.Tx) error { _, err := s.writer.exec(t.Context(), "ROLLBACK"); return err }},
		{fn: func(tx calls.Tx) error { return tx.SetCursor("b", 1) }},
	}
	var errs []error
	for _, u := range units {
		u.done = func(err error) { errs = append(errs, err) }
	}
	s.queue.close()
	<-s.done // from here on this goroutine is the writer
	s.queue.units = units
	if _, err := s.round(false); err != nil {
		t.Errorf("a lost batch is told of as a fault of the store: %v", err)
	}
	if len(errs) != 3 {
		t.Fatalf("%d units were answered; want 3", len(errs))
	}
	for i, err := range errs {
		if err == nil {
			t.Errorf("unit %d was acknowledged although its transaction was lost", i)
		}
	}

	errs = nil
	again := &unit{fn: func(tx calls.Tx) error {
		for _, name := range []string{"a", "b"} {
			if n, err := tx.Cursor(name); err != nil || n != 0 {
				t.Errorf("cursor %s = %d, %v remains of a lost batch", name, n, err)
			}
		}
		return nil
	}, done: units[0].done}
	s.queue.units = []*unit{again}
	if done, err := s.round(false); !done || err != nil {
		t.Errorf("the next batch: %v, %v", done, err)
	}
	if errs[0] != nil {
		t.Errorf("the writer did not recover: %v", errs[0])
	}
}

func insertCall(t *testing.T, s calls.Store, id, ref string) *calls.Call {
	t.Helper()
	c := &calls.Call{ID: id, Account: "main", Ref: ref, Status: calls.StatusQueued, CreatedAt: testTime, DueAt: testTime}
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.InsertCall(c) }); err != nil {
		t.Fatal(err)
	}
	return c
}

func readCall(t *testing.T, s calls.Store, id string) (c *calls.Call) {
	t.Helper()
	err := s.View(t.Context(), func(r calls.ReadTx) (err error) { c, err = r.Call("main", id); return err })
	if err != nil {
		t.Fatalf("call %s: %v", id, err)
	}
	return c
}

func readCursor(t *testing.T, s calls.Store, name string) (n int64) {
	t.Helper()
	err := s.View(t.Context(), func(r calls.ReadTx) (err error) { n, err = r.Cursor(name); return err })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
