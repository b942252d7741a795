package dialer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// patience bounds the wait for what must happen; the machine may be busy.
const patience = time.Minute

func stop(t *testing.T, d *Dialer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestCancelOrBeginExactlyOne removes calls while the dialer begins them.
func TestCancelOrBeginExactlyOne(t *testing.T) {
	t.Parallel()
	const n = 500
	b := newBench(t)
	if err := b.d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	var removed atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		id := fmt.Sprint("c", i)
		c := b.call(id, "m1")
		wg.Go(func() {
			b.d.Enqueue(c)
			if mine, ok := b.d.Remove(id); ok {
				if mine != nil {
					mine.Status = calls.StatusCompleted // its owner may write: the race detector watches
				}
				removed.Add(1)
			}
		})
	}
	wg.Wait()
	stop(t, b.d)
	for i := range n { // Stop may have left some
		if _, ok := b.d.Remove(fmt.Sprint("c", i)); ok {
			removed.Add(1)
		}
	}
	if begun := len(b.log.take()); begun+int(removed.Load()) != n {
		t.Errorf("%d begun and %d removed of %d", begun, removed.Load(), n)
	}
}

// TestHeldCallsMayBeRemovedWhileTheyAreTold races Held against Remove.
func TestHeldCallsMayBeRemovedWhileTheyAreTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Window = calls.Window{From: "13:00", To: "21:00"} })
	if err := b.d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var removed atomic.Int64
	for i := range 200 {
		id := fmt.Sprint("c", i)
		c := b.call(id, "m1")
		wg.Go(func() {
			b.d.Enqueue(c)
			b.d.Kick()
			if mine, ok := b.d.Remove(id); ok {
				if mine != nil { // its window is closed: the dialer may have let go of it already
					mine.Status, mine.Hold = calls.StatusCompleted, nil
				}
				removed.Add(1)
			}
		})
	}
	wg.Wait()
	stop(t, b.d)
	if removed.Load() != 200 {
		t.Errorf("%d of 200 held calls could be removed", removed.Load())
	}
}

func TestTheGoroutineWakesByItself(t *testing.T) {
	t.Parallel()
	begun := make(chan string, 10)
	b := newBench(t, func(c *Config) {
		c.Clock = clock.System()
		c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}}
	})
	b.log.note = func(line string) { begun <- line }
	want := func(line string) {
		t.Helper()
		select {
		case got := <-begun:
			if got != line {
				t.Fatalf("%q, want %q", got, line)
			}
		case <-time.After(patience):
			t.Fatalf("%q did not come", line)
		}
	}
	dueIn := func(d time.Duration) func(*calls.Call) {
		return func(c *calls.Call) { c.DueAt = time.Now().Add(d) }
	}
	b.enqueue("before Start", "m1", dueIn(20*time.Millisecond))
	if err := b.d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	want("begin before Start main")
	b.enqueue("after", "m2", dueIn(0))
	want("held after channels")
	b.log.slots["before Start"].Release()
	want("begin after main")
	stop(t, b.d)
}

func TestNothingIsBegunAfterStop(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop(t, b.d) // without Start
	if err := b.d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := b.d.Start(context.Background()); err == nil {
		t.Error("a second Start was accepted")
	}
	stop(t, b.d)
	stop(t, b.d)
	b.enqueue("a", "m1")
	if lines := b.log.take(); len(lines) > 0 {
		t.Errorf("after Stop the dialer decided %q", lines)
	}
	if _, ok := b.d.Remove("a"); !ok {
		t.Error("a call that came after Stop is not in the queue")
	}
}

func TestADialerWithoutAStarterDoesNotStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Starter = nil })
	if err := b.d.Start(context.Background()); err == nil {
		t.Error("started")
	}
	b.d.Bind(b.log)
	if err := b.d.Start(context.Background()); err != nil {
		t.Error(err)
	}
	stop(t, b.d)
}
