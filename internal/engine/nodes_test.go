package engine

import (
	"context"
	"testing"

	"zvonar/internal/calls"
)

// shared is a bench whose node shares its store with others.
func shared(t *testing.T) (*bench, *memNodes) {
	b := newBench(t)
	n := &memNodes{name: "a", fence: 7}
	b.e.nodes = n
	return b, n
}

func TestNobodyIsRungWithoutTheLease(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		status calls.Status
		reason calls.Reason
	}{
		"fenced": {calls.ErrFenced, calls.StatusCompleted, calls.ReasonNodeLost},
		"lapsed": {calls.ErrLapsed, calls.StatusQueued, ""}, // it may be renewed yet
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, n := shared(t)
			n.lose(tc.err)
			c := b.submit()
			b.release(c, "main")
			wait := b.over
			if tc.status == calls.StatusQueued {
				wait = b.putBack
			}
			if got := wait(c.ID); got.Status != tc.status || got.Reason != tc.reason || got.Attempts[0].Charged || got.Attempts[0].Open() {
				t.Errorf("is %s/%s, attempt %+v", got.Status, got.Reason, got.Attempts[0])
			}
			if b.queue.Has(c.ID) != (tc.status == calls.StatusQueued) {
				t.Error("only a call that is still ours goes back to the queue")
			}
			asked := b.submit(viaCloud, func(r *CallRequest) { r.To = "79161234568" })
			b.release(asked, "pbx")
			wait(asked.ID)
			if len(b.line.dialled) != 0 || len(b.place.asked) != 0 {
				t.Error("somebody was rung, or a provider asked")
			}
		})
	}
}

func TestNoManagerIsRungWithoutTheLease(t *testing.T) {
	t.Parallel()
	b, n := shared(t)
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	})
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	n.lose(calls.ErrLapsed)
	leg.emit(press('1'))
	b.until(leg, "play 1001") // back in the menu: the talk itself goes on
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); len(b.line.dialled) != 0 || got.Actions[0].Result != "failed" || got.Attempts[1].Charged {
		t.Errorf("actions %+v", got.Actions)
	}
}

func TestCallsOfALostNodeAreQueuedOrLost(t *testing.T) {
	t.Parallel()
	b, n := shared(t)
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.left(calls.Call{ID: "fresh", Status: calls.StatusHeld, Node: "a", Fence: 7})
	b.left(calls.Call{ID: "dialing", Status: calls.StatusDialing, Node: "a", Fence: 7}, calls.Attempt{ID: "a1", State: calls.AttemptDialing})
	b.left(calls.Call{ID: "talking", Status: calls.StatusAnswered, Node: "a", Fence: 7},
		calls.Attempt{ID: "a2", State: calls.AttemptAnswered, Dialog: []byte("d2")})
	left, _ := b.store.UnfinishedOf("a", "", 10)
	n.take("b", left)
	if got := <-b.line.orphans; got != "d2" {
		t.Errorf("BYE for %q", got)
	}
	for _, id := range []string{"dialing", "talking"} {
		if got := b.over(id); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost {
			t.Errorf("%s ended %s/%s", id, got.Outcome, got.Reason)
		}
	}
	if !b.queue.Has("fresh") || len(b.line.dialled) != 0 {
		t.Error("the call that nobody was rung for must wait here now")
	}
}

func TestARestartLeavesTheCallsOfOtherNodesAlone(t *testing.T) {
	t.Parallel()
	b, _ := shared(t)
	b.left(calls.Call{ID: "theirs", Status: calls.StatusAnswered, Node: "b"}, calls.Attempt{ID: "a1", State: calls.AttemptAnswered, Dialog: []byte("d")})
	b.left(calls.Call{ID: "their queue", Status: calls.StatusQueued, Node: "b"})
	b.left(calls.Call{ID: "just accepted", Status: calls.StatusQueued, Node: "a", Fence: 7}) // by this run: Submit is about to queue it
	b.left(calls.Call{ID: "ours", Status: calls.StatusDialing, Node: "a", Fence: 6}, calls.Attempt{ID: "a2", State: calls.AttemptDialing})
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.over("ours")
	if len(b.line.orphans) != 0 || len(b.queue.queued) != 0 || b.store.rows["theirs"].Over() {
		t.Errorf("%d BYEs, queued %v", len(b.line.orphans), b.queue.queued)
	}
	for range 3 {
		b.clock.Advance(patrolEvery)
	}
	if b.store.rows["theirs"].Over() || b.queue.Has("their queue") {
		t.Error("the watchdog touched another node's calls")
	}
}

func TestACallOfAnotherNodeIsNotEndedHere(t *testing.T) {
	t.Parallel()
	b, _ := shared(t)
	b.left(calls.Call{ID: "theirs", Status: calls.StatusAnswered, Series: "s", Node: "b"})
	_, err := b.e.Hangup(context.Background(), "main", "theirs")
	if calls.CodeOf(err) != calls.CodeWrongState || err.(*calls.Error).Extra["node"] != "b" {
		t.Errorf("hangup: %v", err)
	}
	ours := b.submit(func(r *CallRequest) { r.Series = "s" })
	ended, err := b.e.Cancel(context.Background(), "main", "", "s")
	if calls.CodeOf(err) != calls.CodeWrongState || len(ended) != 1 || ended[0].ID != ours.ID {
		t.Errorf("%d calls were ended: %v", len(ended), err)
	}
}

func TestRecoveryGoesOnBeyondItsFirstPage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.stream = nil
	const waiting, dead = recoveryPage, recoveryPage + lostBatch/2
	for i := range waiting {
		b.left(calls.Call{ID: "w" + string(rune(0x4e00+i)), Status: calls.StatusQueued})
	}
	for i := range dead {
		b.left(calls.Call{ID: "d" + string(rune(0x4e00+i)), Status: calls.StatusRinging})
	}
	b.left(calls.Call{ID: "over already", Status: calls.StatusCompleted})
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.e.wg.Wait()
	completed := map[string]int{}
	for _, ev := range b.store.events {
		if ev.Type == calls.CallCompleted {
			completed[ev.CallID]++
		}
	}
	if len(b.queue.queued) != waiting || len(completed) != dead || len(b.store.events) != dead {
		t.Errorf("%d queued, %d completed by %d events", len(b.queue.queued), len(completed), len(b.store.events))
	}
}

func TestTheLateInviteOfALostProviderCallIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.left(calls.Call{ID: "c1", Status: calls.StatusDialing, Provider: "cloud", To: "79161234567"}, calls.Attempt{ID: "a1", State: calls.AttemptDialing})
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.over("c1")
	b.told(b.ring("late"), "reject")
	b.clock.Advance(lateInvite)
	next := b.submit(viaCloud) // the extension is free for the next call
	b.release(next, "pbx")
	<-b.place.asked
	leg := b.ring("next")
	b.told(leg, "answer")
	leg.end(calls.Ending{Q850: 17})
	b.over(next.ID)
}
