package engine

import (
	"context"
	"slices"
	"testing"

	"zvonar/internal/calls"
)

func TestRecoveryLosesWhatMayHaveRungAndQueuesTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	attempt := calls.Attempt{ID: "a1", CallID: "c1", State: calls.AttemptAnswered, Dialog: []byte("d1")}
	b.store.attempts["a1"] = attempt
	b.store.rows["c1"] = &calls.Call{ID: "c1", Account: "main", Status: calls.StatusAnswered, Attempts: []calls.Attempt{attempt}}
	b.store.rows["c2"] = &calls.Call{ID: "c2", Account: "main", Status: calls.StatusHeld}
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := <-b.line.orphans; got != "d1" {
		t.Errorf("BYE for %q", got)
	}
	if got := b.over("c1"); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost || b.store.attempts["a1"].State != calls.AttemptLost {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	if _, ok := b.queue.queued["c2"]; !ok || len(b.line.dialled) != 0 {
		t.Error("the held call must be queued, and nobody rung")
	}
}

// left puts a call into the store as a former process left it.
func (b *bench) left(c calls.Call, attempts ...calls.Attempt) {
	c.Account, c.Attempts = "main", attempts
	b.store.rows[c.ID] = &c
	for _, a := range attempts {
		b.store.attempts[a.ID] = a
	}
}

func TestRecoveryNeverRingsWhoeverMayHaveRung(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.left(calls.Call{ID: "dialing", Status: calls.StatusDialing}, calls.Attempt{ID: "a1", State: calls.AttemptDialing})
	b.left(calls.Call{ID: "bridged", Status: calls.StatusBridged},
		calls.Attempt{ID: "a2", State: calls.AttemptAnswered, Dialog: []byte("customer")},
		calls.Attempt{ID: "a3", State: calls.AttemptOver, Dialog: nil},
		calls.Attempt{ID: "a4", State: calls.AttemptAnswered, Dialog: []byte("manager")})
	b.left(calls.Call{ID: "inbound", Status: calls.StatusAnswered, Direction: calls.In, Dialog: []byte("caller")})
	b.left(calls.Call{ID: "odd", Status: calls.StatusQueued}, calls.Attempt{ID: "a5", State: calls.AttemptDialing})
	b.left(calls.Call{ID: "fresh", Status: calls.StatusQueued})
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"dialing", "bridged", "inbound", "odd"} {
		if got := b.over(id); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost || got.Dialog != nil {
			t.Errorf("%s ended %s/%s", id, got.Outcome, got.Reason)
		}
	}
	var byes []string
	for range 3 {
		byes = append(byes, <-b.line.orphans)
	}
	slices.Sort(byes)
	if !slices.Equal(byes, []string{"caller", "customer", "manager"}) {
		t.Errorf("BYE to %v", byes)
	}
	for id, a := range b.store.attempts {
		if a.Open() || a.Dialog != nil {
			t.Errorf("attempt %s is %s", id, a.State)
		}
	}
	if _, ok := b.queue.queued["fresh"]; !ok || len(b.queue.queued) != 1 || len(b.line.dialled) != 0 {
		t.Errorf("queued %v", b.queue.queued)
	}
}

// stopLine never gets an answer to its BYE.
type stopLine struct {
	*memLine
	asked chan string
}

func (l *stopLine) HangupOrphan(ctx context.Context, dialog []byte) error {
	l.asked <- string(dialog)
	<-ctx.Done()
	return ctx.Err()
}

func TestRecoveryKilledInTheMiddleIsDoneAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.left(calls.Call{ID: "c1", Status: calls.StatusAnswered}, calls.Attempt{ID: "a1", State: calls.AttemptAnswered, Dialog: []byte("d1")})
	line := &stopLine{b.line, make(chan string, 1)}
	b.e.line = line
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-line.asked
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.e.Stop(gone); err != nil { // does not wait for the BYE either
		t.Fatal(err)
	}
	if c := b.store.rows["c1"]; c.Over() || string(c.Attempts[0].Dialog) != "d1" {
		t.Fatal("the call is over although its leg may still talk")
	}
	next := newBench(t)
	next.left(*b.store.rows["c1"], b.store.attempts["a1"])
	if err := next.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := <-next.line.orphans; got != "d1" {
		t.Errorf("BYE to %s", got)
	}
	if got := next.over("c1"); got.Outcome != calls.OutcomeLost {
		t.Errorf("ended %s", got.Outcome)
	}
}
