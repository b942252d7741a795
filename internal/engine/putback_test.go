package engine

import (
	"context"
	"testing"

	"zvonar/internal/calls"
)

// late lets an attempt wait for the store for longer than the gates' words
// count, and gives the store's later units.
func late(t *testing.T, b *bench, c *calls.Call) (units chan func()) {
	t.Helper()
	slow := &stuckStore{b.store, make(chan func(), 10)}
	b.e.store = slow
	b.release(c, "main")
	attempt := <-slow.units
	b.clock.Advance(gatesHold + 1)
	attempt()
	return slow.units
}

func TestAnAttemptThatWaitedLongForTheStoreRingsNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	(<-late(t, b, c))()
	got := b.putBack(c.ID)
	if len(b.line.dialled) != 0 || got.Status != calls.StatusQueued || got.Trunk != "" || got.From != "" || !b.queue.Has(c.ID) {
		t.Fatalf("%d were rung; the call is %s on trunk %q", len(b.line.dialled), got.Status, got.Trunk)
	}
	if a := got.Attempts[0]; a.Charged || a.Open() {
		t.Errorf("the attempt that rang nobody is %+v", a)
	}
	b.e.store = b.store
	leg := b.start(c, "main") // the gates are open
	leg.end(calls.Ending{Code: 486, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || len(got.Attempts) != 2 || !got.Attempts[1].Charged {
		t.Errorf("ended %s after %+v", got.Outcome, got.Attempts)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.CallDialing, calls.CallCompleted)
}

func TestACallIsCancelledOnItsWayBackToTheQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	back := <-late(t, b, c)
	if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
		t.Fatal(err)
	}
	b.settle(c.ID)
	b.e.store = b.store
	back()
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || b.queue.Has(c.ID) || got.Attempts[0].Charged {
		t.Errorf("ended %s, queued %v", got.Outcome, b.queue.Has(c.ID))
	}
}
