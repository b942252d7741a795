package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// eventually waits for something another goroutine does; how long is not judged.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 12000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// openReal opens a store on the real clock.
func openReal(t *testing.T, dir string, reserve int64) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: filepath.Join(dir, "zvonar.db"), Clock: clock.System(), Reserve: reserve})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func refused(t *testing.T, what string, err error, words string) {
	t.Helper()
	if calls.CodeOf(err) != calls.CodeOverloaded || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v; want overloaded with %q", what, err, words)
	}
}

func TestALockedDatabaseRefusesCallersAndKeepsWhatWasObserved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	clk := clock.NewFake(testTime)
	s, err := Open(t.Context(), Config{Path: path, Clock: clk, wall: clk})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	shell, err := openSQLite(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer shell.close()
	if err := shell.run(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}

	observed, asked := make(chan error, 1), make(chan error, 1)
	s.Observe(func(tx calls.Tx) error { return tx.SetCursor("observed", 1) }, func(err error) { observed <- err })
	eventually(t, "the writer to begin", func() bool {
		s.health.mu.Lock()
		defer s.health.mu.Unlock()
		return s.health.stage == stageBegin
	})
	go func() { asked <- s.Update(t.Context(), func(tx calls.Tx) error { return tx.SetCursor("asked", 1) }) }()
	eventually(t, "both units to wait", func() bool { return s.queue.len() == 2 })
	clk.Advance(slowAfter)
	refused(t, "the caller who waited", <-asked, "try again")
	refused(t, "the state", s.Failing(), "another process")
	refused(t, "a later caller", s.Update(t.Context(), func(calls.Tx) error { return nil }), "another process")

	if err := shell.run(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-observed; err != nil {
		t.Errorf("the observation: %v", err)
	}
	eventually(t, "the store to be well", func() bool { clk.Advance(longestPause); return s.Failing() == nil })
	update(t, s, func(calls.Tx) error { return nil })
	if o, a := readCursor(t, s, "observed"), readCursor(t, s, "asked"); o != 1 || a != 0 {
		t.Errorf("observed %d, asked %d; want 1 and 0: a refused unit must not happen", o, a)
	}
}

// failing is a unit that meets a full disk n times before it succeeds.
func failing(n int, fn func(calls.Tx) error) func(calls.Tx) error {
	return func(c calls.Tx) error {
		if n--; n >= 0 {
			c.(*tx).fault = &faultError{faultFull, errors.New("disk is full")}
			return nil // a unit that hides the error changes nothing
		}
		return fn(c)
	}
}

func TestWhatWasObservedIsWrittenInOrderOnceTheStoreWritesAgain(t *testing.T) {
	t.Parallel()
	s := openReal(t, t.TempDir(), 0)
	var got []int
	note := func(n int) func(calls.Tx) error {
		return func(tx calls.Tx) error { got = append(got, n); return nil }
	}
	errs := together(s,
		func(calls.Tx) error { return nil },
		failing(2, func(tx calls.Tx) error { return note(1)(tx) }),
		note(2),
		note(3))
	for i, err := range errs {
		if err != nil {
			t.Errorf("unit %d: %v", i, err)
		}
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("the units ran in the order %v", got)
	}
	// Those who waited are told first, and then the store is found well.
	eventually(t, "the store to be well", func() bool { return s.Failing() == nil })
}

func TestACallerIsToldAtOnceThatTheDiskIsFull(t *testing.T) {
	t.Parallel()
	s := openReal(t, t.TempDir(), 0)
	err := s.Update(t.Context(), failing(1, func(calls.Tx) error { return nil }))
	refused(t, "the caller", err, "disk under data_dir is full")
	// With nothing to write the store probes, and is well again.
	eventually(t, "the store to be well", func() bool { return s.Failing() == nil })
}

func TestOnlyTheUnitThatTookTheTransactionWithItIsTold(t *testing.T) {
	t.Parallel()
	s := openReal(t, t.TempDir(), 0)
	errs := together(s,
		func(tx calls.Tx) error { return tx.SetCursor("a", 1) },
		func(c calls.Tx) error { _, err := c.(*tx).c.exec(context.Background(), "ROLLBACK"); return err },
		func(tx calls.Tx) error { return tx.SetCursor("b", 1) })
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("errors %v; want only the second", errs)
	}
	if a, b := readCursor(t, s, "a"), readCursor(t, s, "b"); a != 1 || b != 1 {
		t.Errorf("a %d, b %d; want both written", a, b)
	}
}

func TestClosingAStoreThatFailsEndsWithWords(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	s.Observe(failing(1<<30, nil), func(err error) { lost <- err })
	eventually(t, "the store to fail", func() bool { return s.Failing() != nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err == nil {
		t.Error("Close of a store with a fact that is not written tells nothing")
	}
	if err := <-lost; err == nil {
		t.Error("the lost fact was acknowledged")
	}
	<-s.done
	eventually(t, "the data directory to be free", func() bool {
		l, err := lockDir(filepath.Dir(s.path))
		if err == nil {
			_ = l.release()
		}
		return err == nil
	})
}

// smallDisk mounts a disk of size bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// stuff fills the disk to the last byte and returns the file that does it.
func stuff(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "stuff")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return name
}

func TestOnAFullDiskRunningCallsAreWrittenToTheReserveAndNewOnesRefused(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 6<<20)
	s := openReal(t, dir, 2<<20)
	for i := range 8 {
		insertCall(t, s, fmt.Sprint("call_", i), "")
	}
	full := stuff(t, dir)
	var mu sync.Mutex
	stored := 0
	tell := func(i int) {
		c := &calls.Call{ID: fmt.Sprint("call_", i%8), Account: "main"}
		e := calls.ForCall(fmt.Sprint("evt_", i), testTime, c, calls.CallDigit, map[string]string{"x": strings.Repeat("x", 1000)})
		s.Observe(func(tx calls.Tx) error { return tx.AppendEvent(&e) }, func(err error) {
			if err != nil {
				t.Errorf("event %d: %v", i, err)
			}
			mu.Lock()
			defer mu.Unlock()
			stored++
		})
	}
	told := 0
	eventually(t, "the disk to be full", func() bool {
		tell(told)
		told++
		return s.Failing() != nil
	})
	refused(t, "the state", s.Failing(), "disk under data_dir")
	eventually(t, "the reserve to serve", func() bool { mu.Lock(); defer mu.Unlock(); return stored == told })
	if err := s.Failing(); err == nil {
		t.Error("new calls are taken although there is no reserve any more")
	}
	// The reserve is used up as well: what comes now waits in memory.
	eventually(t, "the reserve to be used up", func() bool {
		tell(told)
		told++
		return s.health.broken() != nil
	})
	refused(t, "a caller", s.Update(t.Context(), func(calls.Tx) error { return nil }), "make room")
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything to be written", func() bool { mu.Lock(); defer mu.Unlock(); return stored == told })
	eventually(t, "the reserve to be made anew", func() bool { return s.Failing() == nil })
	view(t, s, func(r calls.ReadTx) error {
		last, err := r.LastPos()
		if last != int64(told) {
			t.Errorf("%d events are in the log; %d were told", last, told)
		}
		return err
	})
}

func TestWithoutRoomForTheReserveNoCallIsTaken(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 4<<20)
	s := openReal(t, dir, 64<<20)
	refused(t, "the state", s.Failing(), "store_reserve")
	update(t, s, func(calls.Tx) error { return nil }) // all else works
}
