package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
)

// together runs units that wait in line while the writer is busy, so that they
// share a batch, and returns their errors.
func together(s calls.Store, units ...func(calls.Tx) error) []error {
	entered, release := make(chan struct{}), make(chan struct{})
	s.Observe(func(calls.Tx) error { close(entered); <-release; return nil }, nil)
	<-entered
	errs := make([]error, len(units))
	var done sync.WaitGroup
	for i, fn := range units {
		done.Add(1)
		s.Observe(fn, func(err error) { errs[i] = err; done.Done() })
	}
	close(release)
	done.Wait()
	return errs
}

func failingUnitLeavesNothing(t *testing.T, s calls.Store) {
	mine := errors.New("mine")
	errs := together(s,
		func(tx calls.Tx) error { return tx.SetCursor("before", 1) },
		func(tx calls.Tx) error {
			e := calls.NewEvent("e1", testTime, "trunk:x", calls.TrunkUp, nil)
			return errors.Join(tx.SetCursor("failed", 1), tx.AppendEvent(&e), mine)
		},
		func(tx calls.Tx) error { return tx.SetCursor("after", 1) },
	)
	if errs[0] != nil || !errors.Is(errs[1], mine) || errs[2] != nil {
		t.Errorf("errors %v; want only the second, and that its own", errs)
	}
	for name, want := range map[string]int64{"before": 1, "failed": 0, "after": 1} {
		if got := readCursor(t, s, name); got != want {
			t.Errorf("cursor %s = %d; want %d", name, got, want)
		}
	}
	if err := s.Update(t.Context(), func(calls.Tx) error { return mine }); err != mine {
		t.Errorf("Update gives %v; want the unit's error itself", err)
	}
	view(t, s, func(r calls.ReadTx) error {
		if last, err := r.LastPos(); last != 0 || err != nil {
			t.Errorf("an event of the failed unit remains at %d, %v", last, err)
		}
		return nil
	})
}

func seqGoesOnAfterAFailedUnit(t *testing.T, s calls.Store) {
	c := insertCall(t, s, "call_1", "")
	tell := func(id string, err error) func(calls.Tx) error {
		return func(tx calls.Tx) error {
			e := calls.ForCall(id, testTime, c, calls.CallDigit, nil)
			return errors.Join(tx.AppendEvent(&e), err)
		}
	}
	together(s, tell("e1", nil), tell("e2", errors.New("mine")), tell("e3", nil))
	together(s, tell("e4", nil))
	var seqs []string
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Events(calls.EventFilter{Subject: "call:call_1"})
		for _, e := range list {
			seqs = append(seqs, fmt.Sprint(e.ID, e.Seq))
		}
		return err
	})
	if got := strings.Join(seqs, " "); got != "e11 e32 e43" {
		t.Errorf("ids with seq %s; want e1, e3, e4 with 1, 2, 3", got)
	}
}

// callsChangeWithinACommit: what shares a commit is as if each unit had one of its own.
func callsChangeWithinACommit(t *testing.T, s calls.Store) {
	at := func(id, ref string, status calls.Status) *calls.Call {
		c := &calls.Call{ID: id, Account: "main", Ref: ref, CreatedAt: testTime, DueAt: testTime}
		if c.Status = status; status == calls.StatusCompleted {
			c.Outcome, c.EndedAt = calls.OutcomeAnswered, ptr(testTime)
		}
		return c
	}
	insert := func(c *calls.Call) func(calls.Tx) error {
		return func(tx calls.Tx) error { return tx.InsertCall(c) }
	}
	change := func(c *calls.Call) func(calls.Tx) error {
		return func(tx calls.Tx) error { return tx.UpdateCall(c) }
	}
	var between calls.Status
	errs := together(s, insert(at("call_1", "r", calls.StatusDialing)), change(at("call_1", "r", calls.StatusRinging)),
		func(tx calls.Tx) error {
			c, err := tx.Call("", "call_1")
			if err == nil {
				between = c.Status
			}
			return err
		},
		change(at("call_1", "r", calls.StatusAnswered)), change(at("call_1", "r", calls.StatusCompleted)))
	if err := errors.Join(errs...); err != nil || between != calls.StatusRinging {
		t.Errorf("a call within one commit: %v, in its middle %q", err, between)
	}
	if c := readCall(t, s, "call_1"); c.Status != calls.StatusCompleted || c.Outcome != calls.OutcomeAnswered {
		t.Errorf("it ended %s/%s", c.Status, c.Outcome)
	}
	errs = together(s, insert(at("call_2", "r", calls.StatusDialing)), change(at("call_2", "r", calls.StatusCompleted)), change(at("call_2", "r", calls.StatusAnswered)),
		insert(at("call_3", "q", calls.StatusDialing)), insert(at("call_4", "q", calls.StatusDialing)), change(at("call_5", "", calls.StatusAnswered)))
	for i, want := range []calls.Code{"", "", calls.CodeWrongState, "", calls.CodeRefConflict} {
		if got := calls.CodeOf(errs[i]); (errs[i] == nil) != (want == "") || errs[i] != nil && got != want {
			t.Errorf("unit %d: %v; want %q", i, errs[i], want)
		}
	}
	if !errors.Is(errs[5], calls.ErrNotFound) {
		t.Errorf("an update of a call that is not there: %v", errs[5])
	}
	for id, want := range map[string]calls.Status{"call_2": calls.StatusCompleted, "call_3": calls.StatusDialing} {
		if c := readCall(t, s, id); c.Status != want {
			t.Errorf("%s is %s; want %s", id, c.Status, want)
		}
	}
}

func panickingUnitIsAnError(t *testing.T, s calls.Store) {
	errs := together(s,
		func(tx calls.Tx) error {
			if err := tx.SetCursor("p", 1); err != nil {
				return err
			}
			panic("boom")
		},
		func(tx calls.Tx) error { return tx.SetCursor("after", 1) })
	if errs[0] == nil || errs[1] != nil {
		t.Errorf("errors %v; want only the first", errs)
	}
	if p, after := readCursor(t, s, "p"), readCursor(t, s, "after"); p != 0 || after != 1 {
		t.Errorf("p=%d after=%d; want 0 and 1", p, after)
	}
}

func abandonedUnitDoesNotHappen(t *testing.T, s calls.Store) {
	entered, release := make(chan struct{}), make(chan struct{})
	s.Observe(func(calls.Tx) error { close(entered); <-release; return nil }, nil)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(ctx, func(tx calls.Tx) error { return tx.SetCursor("x", 1) })
	close(release)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v; want context.Canceled", err)
	}
	update(t, s, func(calls.Tx) error { return nil }) // behind it in line
	if n := readCursor(t, s, "x"); n != 0 {
		t.Error("the abandoned unit happened")
	}
}

func oneLine(t *testing.T, s calls.Store) {
	var got []int // written by the units, which run one after another
	for i := range 50 {
		unit := func(calls.Tx) error { got = append(got, i); return nil }
		switch {
		case i%10 == 9:
			update(t, s, unit)
		case i%3 == 0:
			s.Note(unit, nil)
		default:
			s.Observe(unit, nil)
		}
	}
	for i, n := range got {
		if i != n {
			t.Fatalf("order %v", got)
		}
	}
	if len(got) != 50 {
		t.Errorf("%d units ran; want 50", len(got))
	}
}

func viewIsASnapshot(t *testing.T, s calls.Store) {
	update(t, s, func(tx calls.Tx) error { return tx.SetCursor("x", 1) })
	view(t, s, func(r calls.ReadTx) error {
		before, err := r.Cursor("x")
		if err != nil {
			return err
		}
		update(t, s, func(tx calls.Tx) error { return tx.SetCursor("x", 2) })
		after, err := r.Cursor("x")
		if before != 1 || after != 1 {
			t.Errorf("the same View read %d, then %d", before, after)
		}
		return err
	})
	if n := readCursor(t, s, "x"); n != 2 {
		t.Errorf("a later View reads %d; want 2", n)
	}
}

func txDiesWithItsUnit(t *testing.T, s calls.Store) {
	var kept calls.Tx
	update(t, s, func(tx calls.Tx) error { kept = tx; return nil })
	if err := kept.SetCursor("x", 1); err == nil {
		t.Error("a kept Tx wrote")
	}
	if _, err := kept.Cursor("x"); err == nil {
		t.Error("a kept Tx read")
	}
}

func swallowedErrorsFail(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "")
	errs := together(s,
		func(tx calls.Tx) error {
			_ = tx.InsertAttempt(&calls.Attempt{ID: "a1", CallID: "nowhere", Account: "main"}) // there is no such call
			_ = tx.SetCursor("after", 1)
			return nil
		},
		func(tx calls.Tx) error { return tx.SetCursor("other", 1) })
	if errs[0] == nil || errs[1] != nil {
		t.Errorf("errors %v; want only the first", errs)
	}
	if after, other := readCursor(t, s, "after"), readCursor(t, s, "other"); after != 0 || other != 1 {
		t.Errorf("after=%d other=%d; want 0 and 1", after, other)
	}
}

// refConflictIsNoEnd: a refused ref leaves the unit able to look for the call
// that has it.
func refConflictIsNoEnd(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "order-7")
	update(t, s, func(tx calls.Tx) error {
		err := tx.InsertCall(&calls.Call{ID: "c2", Account: "main", Ref: "order-7", Status: calls.StatusQueued})
		if calls.CodeOf(err) != calls.CodeRefConflict {
			t.Errorf("second live call: %v; want ref-conflict", err)
		}
		c, err := tx.LiveCallByRef("main", "order-7")
		if err == nil && c.ID != "c1" {
			t.Errorf("the live call is %s", c.ID)
		}
		return errors.Join(err, tx.SetCursor("went on", 1))
	})
	if n := readCursor(t, s, "went on"); n != 1 {
		t.Error("the unit did not go on")
	}
}

func oddTextsAreKept(t *testing.T, s calls.Store) {
	const ref = "Ünï ☎ \x00 \xff end"
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: "7900", Reason: ref})
		return err
	})
	view(t, s, func(r calls.ReadTx) error {
		b, err := r.Blocked("main", "7900")
		if err == nil && (!strings.HasPrefix(b.Reason, "Ünï ☎ ") || !strings.HasSuffix(b.Reason, " end")) {
			t.Errorf("the text came back as %q", b.Reason)
		}
		return err
	})
}

// manyTextsAreKept runs more texts of statements than a connection keeps.
func manyTextsAreKept(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "")
	look := func(r calls.ReadTx) error {
		for n := range maxStmts + 20 {
			got, err := one(r.(*tx), scalar[int64], fmt.Sprintf("SELECT %d FROM calls WHERE id = ?", n), "c1")
			if err != nil || got != int64(n) {
				return fmt.Errorf("statement %d: %d, %w", n, got, err)
			}
		}
		return nil
	}
	view(t, s, look)
	update(t, s, func(tx calls.Tx) error { return look(tx) })
	view(t, s, look)
}
