package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// openNode opens a node on the one database of a test; it is closed with the test.
type openNode func(node, home string) (*Store, *clock.Fake, error)

// runNodes holds stores that share a database to calls.Nodes.
func runNodes(t *testing.T, database func(*testing.T) openNode) {
	for name, test := range map[string]func(*testing.T, openNode){
		"a node is held until its lease ends":                heldUntilTheLeaseEnds,
		"a lapsed node is taken over by exactly one":         lapsedIsTakenOnce,
		"after an outage the others have a lease to return":  outageTakesNobody,
		"a fenced run stores nothing and is told":            fencedStoresNothing,
		"a live node is not taken over":                      liveIsLeftAlone,
		"a takeover in the middle of a return takes no more": returnEndsTheTakeover,
		"one node leads a work until it stops or is fenced":  oneLeads,
		"a name is refused while its lease lives elsewhere":  twinIsRefused,
		"calls of a node are listed apart":                   unfinishedOfANode,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

func TestNodesOnSQLite(t *testing.T) {
	t.Parallel()
	runNodes(t, func(t *testing.T) openNode {
		path := filepath.Join(t.TempDir(), "zvonar.db")
		return func(node, home string) (*Store, *clock.Fake, error) {
			clk := clock.NewFake(testTime)
			s, err := Open(t.Context(), Config{Path: path, Node: node, Home: home, Clock: clk, shared: true})
			if err != nil {
				return nil, nil, err
			}
			t.Cleanup(func() { _ = s.Close(t.Context()) })
			return s, clk, nil
		}
	})
}

func mustNode(t *testing.T, open openNode, name string) (*Store, *clock.Fake) {
	t.Helper()
	s, clk, err := open(name, "/home/"+name)
	if err != nil {
		t.Fatalf("open node %s: %v", name, err)
	}
	return s, clk
}

// insertCalls stores n calls of s's node, of which one has an open attempt.
func insertCalls(t *testing.T, s *Store, prefix string, n int) {
	t.Helper()
	update(t, s, func(tx calls.Tx) error {
		for i := range n {
			c := &calls.Call{ID: fmt.Sprintf("call_%s%04d", prefix, i), Account: "main", Direction: calls.Out, Status: calls.StatusQueued, CreatedAt: testTime}
			if err := tx.InsertCall(c); err != nil {
				return err
			}
		}
		return tx.InsertAttempt(&calls.Attempt{ID: "att_" + prefix, CallID: "call_" + prefix + "0000", Account: "main", N: 1,
			Role: calls.RoleCustomer, SentAt: testTime, State: calls.AttemptDialing})
	})
}

// lapse makes the lease of node end long ago, as the database sees it.
func lapse(t *testing.T, s *Store, node string) {
	t.Helper()
	update(t, s, func(tx calls.Tx) error {
		return changedOne(tx.(*unitOfWork).exec(`UPDATE nodes SET lease_until = 1 WHERE node = ?`, node))
	})
}

// unitOfWork names the concrete unit of work for tests.
type unitOfWork = tx

// taker collects what a node takes over.
type taker struct {
	from []string
	left []*calls.Call
}

func (k *taker) take(from string, left []*calls.Call) {
	k.from = append(k.from, from)
	k.left = append(k.left, left...)
}

func heldUntilTheLeaseEnds(t *testing.T, open openNode) {
	s, clk := mustNode(t, open, "a")
	if err := s.Held(); err != nil {
		t.Fatalf("held after the start: %v", err)
	}
	clk.Advance(3 * leaseTime) // renewed on the way
	if err := s.Held(); err != nil {
		t.Fatalf("held after renewals: %v", err)
	}
	s.keeper.stop()
	clk.Advance(leaseTime)
	if err := s.Held(); !errors.Is(err, calls.ErrLapsed) {
		t.Fatalf("nobody renewed, and Held says %v", err)
	}
	refused(t, "a new call meanwhile", s.Failing(), "lease")
	s.keeper.stopped = false
	s.keeper.tick() // the store is back, and nobody took over
	if err := s.Held(); err != nil {
		t.Fatalf("renewed, and Held says %v", err)
	}
	if err := s.Failing(); err != nil {
		t.Fatalf("renewed, and new calls are refused: %v", err)
	}
}

func outageTakesNobody(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	insertCalls(t, a, "a", 1)
	a.keeper.stop()
	b, clk := mustNode(t, open, "b")
	var k taker
	b.OnTaken(k.take)
	b.keeper.stop()
	clk.Advance(leaseTime) // the database is away for both
	lapse(t, b, "a")
	lapse(t, b, "b")
	b.keeper.stopped = false
	b.keeper.tick()
	clk.Advance(leaseTime - b.keeper.period())
	if len(k.left) != 0 {
		t.Fatalf("the first node to come back took %d calls of the other", len(k.left))
	}
	clk.Advance(b.keeper.period())
	if len(k.left) != 1 {
		t.Fatalf("%d calls were taken of a node that did not come back", len(k.left))
	}
}

func lapsedIsTakenOnce(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	insertCalls(t, a, "a", takePage+3)
	a.keeper.stop()
	var takers [2]taker
	var nodes [2]*Store
	for i, name := range []string{"b", "c"} {
		nodes[i], _ = mustNode(t, open, name)
		nodes[i].OnTaken(takers[i].take)
	}
	lapse(t, nodes[0], "a")
	done := make(chan struct{})
	for _, s := range nodes {
		go func() { s.keeper.tick(); done <- struct{}{} }()
	}
	<-done
	<-done
	if n := len(takers[0].left) + len(takers[1].left); n != takePage+3 || len(takers[0].left)*len(takers[1].left) != 0 {
		t.Fatalf("b took %d and c took %d of %d calls", len(takers[0].left), len(takers[1].left), takePage+3)
	}
	winner, won := nodes[0], &takers[0]
	if len(won.left) == 0 {
		winner, won = nodes[1], &takers[1]
	}
	name, _ := winner.Node()
	for _, c := range won.left {
		if c.Node != name {
			t.Fatalf("call %s is still of node %s", c.ID, c.Node)
		}
	}
	if c := won.left[0]; len(c.Attempts) != 1 || !c.Attempts[0].Open() {
		t.Error("the attempts of a taken call did not come with it")
	}
	view(t, winner, func(tx calls.ReadTx) error {
		rest, err := tx.UnfinishedOf("a", "", 10)
		if len(rest) != 0 {
			t.Errorf("%d calls are left to the lost node", len(rest))
		}
		return err
	})
	winner.keeper.tick()
	if len(won.from) != 2 { // two parts, once
		t.Errorf("taken in %d parts", len(won.from))
	}
}

func fencedStoresNothing(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	insertCalls(t, a, "a", 1)
	b, _ := mustNode(t, open, "b")
	b.OnTaken((&taker{}).take)
	lapse(t, b, "a")
	b.keeper.tick()
	failed := make(chan error, 1)
	a.Observe(func(tx calls.Tx) error {
		return tx.UpdateCall(&calls.Call{ID: "call_a0000", Account: "main", Status: calls.StatusAnswered})
	}, func(err error) { failed <- err })
	if err := <-failed; !errors.Is(err, calls.ErrFenced) {
		t.Fatalf("a fenced run stored something: %v", err)
	}
	<-a.Fenced()
	if err := a.Held(); !errors.Is(err, calls.ErrFenced) {
		t.Errorf("Held says %v", err)
	}
	view(t, b, func(tx calls.ReadTx) error {
		c, err := tx.Call("", "call_a0000")
		if err == nil && (c.Node != "b" || c.Status != calls.StatusQueued) {
			t.Errorf("the call is of node %s and %s", c.Node, c.Status)
		}
		return err
	})
	again, _ := mustNode(t, open, "a") // the next run of the node is welcome
	update(t, again, func(calls.Tx) error { return nil })
}

func liveIsLeftAlone(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	insertCalls(t, a, "a", 3)
	b, _ := mustNode(t, open, "b")
	var k taker
	b.OnTaken(k.take)
	b.keeper.tick()
	if len(k.left) != 0 {
		t.Fatalf("%d calls of a live node were taken", len(k.left))
	}
	update(t, a, func(calls.Tx) error { return nil })
}

func returnEndsTheTakeover(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	insertCalls(t, a, "a", takePage+3)
	b, _ := mustNode(t, open, "b")
	lapse(t, b, "a")
	took := 0
	b.OnTaken(func(_ string, left []*calls.Call) {
		took += len(left)
		back, _ := mustNode(t, open, "a") // between the first part and the second
		_, fence := back.Node()
		if fence != 3 {
			t.Errorf("the node came back with fence %d", fence)
		}
	})
	b.keeper.tick()
	if took != takePage {
		t.Errorf("%d calls were taken although the node came back after %d", took, takePage)
	}
}

func oneLeads(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	b, _ := mustNode(t, open, "b")
	b.OnTaken((&taker{}).take)
	leads := func(s *Store) bool {
		s.Lead("outbox")
		s.keeper.tick()
		ok, _ := s.Lead("outbox")
		return ok
	}
	if !leads(a) || leads(b) || !leads(a) {
		t.Fatal("the first to ask must lead, and keep it")
	}
	_, changed := b.Lead("outbox")
	lapse(t, b, "a")
	b.keeper.tick() // fences a off …
	b.keeper.tick() // … and leads from then on
	<-changed
	if !leads(b) {
		t.Fatal("the work of a lost node is led by nobody")
	}
	if err := a.Update(t.Context(), func(calls.Tx) error { return nil }); !errors.Is(err, calls.ErrFenced) {
		t.Fatalf("the former leader stored something: %v", err)
	}
	c, _ := mustNode(t, open, "c")
	if leads(c) {
		t.Fatal("two lead")
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !leads(c) {
		t.Fatal("a clean stop must leave the work to others at once")
	}
}

func twinIsRefused(t *testing.T, open openNode) {
	first, _ := mustNode(t, open, "a")
	if _, _, err := open("a", "/elsewhere"); !errors.Is(err, ErrNodeAlive) {
		t.Fatalf("a second node a was let in: %v", err)
	}
	update(t, first, func(calls.Tx) error { return nil })
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved, _, err := open("a", "/elsewhere")
	if err != nil {
		t.Fatalf("a node that stopped may move: %v", err)
	}
	again, _, err := open("a", "/elsewhere") // as after a kill -9: its data directory is free, so it is gone
	if err != nil {
		t.Fatalf("the node was not let in where it ran before: %v", err)
	}
	if err := moved.Update(t.Context(), func(calls.Tx) error { return nil }); !errors.Is(err, calls.ErrFenced) {
		t.Fatalf("the former run still stores: %v", err)
	}
	lapse(t, again, "a")
	if _, _, err := open("a", "/home/a"); err != nil {
		t.Fatalf("a lapsed name was refused: %v", err)
	}
}

func unfinishedOfANode(t *testing.T, open openNode) {
	a, _ := mustNode(t, open, "a")
	insertCalls(t, a, "a", 3)
	b, _ := mustNode(t, open, "b")
	insertCalls(t, b, "b", 1)
	update(t, a, func(tx calls.Tx) error {
		at := testTime.Add(time.Second)
		return tx.UpdateCall(&calls.Call{ID: "call_a0001", Account: "main", Status: calls.StatusCompleted, EndedAt: &at})
	})
	var ids []string
	view(t, b, func(tx calls.ReadTx) error {
		for after := ""; ; {
			page, err := tx.UnfinishedOf("a", after, 1)
			if err != nil || len(page) == 0 {
				return err
			}
			after = page[0].ID
			ids = append(ids, after)
		}
	})
	same(t, "calls of node a", ids, []string{"call_a0000", "call_a0002"})
}
