package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func changedFires(t *testing.T, s calls.Store) {
	fired := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	first, second := s.Changed(), s.Changed()
	update(t, s, func(tx calls.Tx) error { return tx.SetCursor("x", 1) })
	_ = s.Update(t.Context(), func(tx calls.Tx) error {
		e := calls.NewEvent("e1", testTime, "trunk:x", calls.TrunkUp, nil)
		return errors.Join(tx.AppendEvent(&e), errors.New("no"))
	})
	if fired(first) {
		t.Error("Changed fired although no event was committed")
	}
	update(t, s, func(tx calls.Tx) error {
		e := calls.NewEvent("e2", testTime, "trunk:x", calls.TrunkUp, nil)
		return tx.AppendEvent(&e)
	})
	if !fired(first) || !fired(second) {
		t.Error("Changed did not reach every listener")
	}
	if fired(s.Changed()) {
		t.Error("a channel taken after the event has fired")
	}
}

// logHasNoHoles lets a reader follow the log by pos while many units append:
// what it reads must be everything, in order, whatever it saw when.
func logHasNoHoles(t *testing.T, s calls.Store) {
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := s.Update(t.Context(), func(tx calls.Tx) error {
					e := calls.NewEvent(fmt.Sprintf("e%d-%d", w, i), testTime, fmt.Sprint("call:", w%3), calls.CallDigit, nil)
					e.CallID = fmt.Sprint(w % 3)
					if err := tx.AppendEvent(&e); err != nil {
						return err
					}
					if i%5 == 4 {
						return errors.New("changed my mind")
					}
					return nil
				})
				if (err == nil) == (i%5 == 4) {
					t.Errorf("writer %d unit %d: %v", w, i, err)
				}
			}
		})
	}
	seq := map[string]int64{}
	for pos, n := int64(0), 0; n < writers*each*4/5; {
		changed := s.Changed()
		var list []calls.Event
		view(t, s, func(r calls.ReadTx) (err error) {
			list, err = r.Events(calls.EventFilter{After: pos, Limit: 7})
			return err
		})
		for _, e := range list {
			seq[e.Subject]++
			if e.Pos <= pos || e.Seq != seq[e.Subject] {
				t.Fatalf("after pos %d came %d; %s has seq %d, want %d", pos, e.Pos, e.Subject, e.Seq, seq[e.Subject])
			}
			pos = e.Pos
			n++
		}
		if len(list) == 0 {
			<-changed
		}
	}
	wg.Wait()
}

func eventsRoundTrip(t *testing.T, s calls.Store) {
	e := *filled[calls.Event]()
	e.Subject, e.CallID = calls.CallSubject("c1"), "c1"
	odd := calls.NewEvent("e2", testTime.Add(456*time.Microsecond), "trunk:main", calls.TrunkDown, map[string]string{"why": "не отвечает"})
	update(t, s, func(tx calls.Tx) error { return errors.Join(tx.AppendEvent(&e), tx.AppendEvent(&odd)) })
	if e.Pos == 0 || e.Seq != 1 || odd.Pos <= e.Pos || odd.Account != calls.MainAccount {
		t.Errorf("given: pos %d seq %d, pos %d account %q", e.Pos, e.Seq, odd.Pos, odd.Account)
	}
	if odd.Timestamp != odd.Time.UnixMilli() || odd.Time.Nanosecond()%1e6 != 0 {
		t.Errorf("time %v, timestamp %d", odd.Time, odd.Timestamp)
	}
	for _, tc := range []struct {
		f    calls.EventFilter
		want []calls.Event
	}{
		{calls.EventFilter{}, []calls.Event{e, odd}},
		{calls.EventFilter{Limit: 1}, []calls.Event{e}},
		{calls.EventFilter{After: e.Pos}, []calls.Event{odd}},
		{calls.EventFilter{Account: e.Account}, []calls.Event{e}},
		{calls.EventFilter{Subject: "call:c1"}, []calls.Event{e}},
		{calls.EventFilter{Subject: "trunk:main"}, []calls.Event{odd}},
		{calls.EventFilter{Types: []calls.EventType{calls.TrunkUp, calls.TrunkDown}}, []calls.Event{odd}},
		{calls.EventFilter{Subject: "call:none"}, nil},
	} {
		view(t, s, func(r calls.ReadTx) error {
			got, err := r.Events(tc.f)
			same(t, fmt.Sprintf("%+v", tc.f), got, tc.want)
			return err
		})
	}
}

func aCallEndsOnce(t *testing.T, s calls.Store) {
	end := func(id string, typ calls.EventType) error {
		return s.Update(t.Context(), func(tx calls.Tx) error {
			e := calls.ForCall(id, testTime, &calls.Call{ID: "c1", Account: "main"}, typ, nil)
			return tx.AppendEvent(&e)
		})
	}
	if err := end("e1", calls.CallCompleted); err != nil {
		t.Fatal(err)
	}
	if err := end("e2", calls.CallCompleted); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("second end: %v; want wrong-state", err)
	}
	if err := end("e3", calls.SMSDelivered); err != nil {
		t.Errorf("a later fact: %v", err)
	}
	if err := end("e3", calls.SMSFailed); err == nil {
		t.Error("an event id was used twice")
	}
}

func overStaysOver(t *testing.T, s calls.Store) {
	c := calls.Call{ID: "call_1", Account: "main", Direction: calls.Out, Status: calls.StatusAnswered, CreatedAt: testTime}
	late := c
	update(t, s, func(tx calls.Tx) error { return tx.InsertCall(&c) })
	c.Status, c.Outcome, c.EndedAt = calls.StatusCompleted, calls.OutcomeLost, ptr(testTime)
	update(t, s, func(tx calls.Tx) error { return tx.UpdateCall(&c) })
	c.Reason = calls.ReasonStuck // a later fact about it
	update(t, s, func(tx calls.Tx) error { return tx.UpdateCall(&c) })
	err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.UpdateCall(&late) })
	if calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("an update that has not heard of the end: %v; want wrong-state", err)
	}
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Call("", "call_1")
		if err == nil && (!got.Over() || got.Reason != calls.ReasonStuck) {
			t.Errorf("the call is %s/%s", got.Status, got.Reason)
		}
		return err
	})
}

func blacklistKeepsFirst(t *testing.T, s calls.Store) {
	b := calls.BlockEntry{Account: "main", Number: "7900", Scope: "account", Reason: "pressed 9", Source: "digit", CallID: "c1", CreatedAt: stored(testTime)}
	put := func(b calls.BlockEntry) (added bool) {
		update(t, s, func(tx calls.Tx) (err error) { added, err = tx.Block(b); return err })
		return added
	}
	second := b
	second.Reason = "import"
	if !put(b) || put(second) {
		t.Error("Block does not tell what is new")
	}
	for _, n := range []string{"7902", "7901"} {
		put(calls.BlockEntry{Account: "main", Number: n})
	}
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.Blocked("main", "7900")
		same(t, "entry", got, &b)
		list, err2 := r.BlockEntries("main", "7900", 1)
		if len(list) != 1 || list[0].Number != "7901" {
			t.Errorf("entries after 7900: %+v", list)
		}
		return errors.Join(err, err2)
	})
	for _, want := range []bool{true, false} {
		update(t, s, func(tx calls.Tx) error {
			removed, err := tx.Unblock("main", "7900")
			if removed != want {
				t.Errorf("Unblock: %v; want %v", removed, want)
			}
			return err
		})
	}
}

func recordingsRoundTrip(t *testing.T, s calls.Store) {
	r := filled[calls.Recording]()
	r.RecordID, r.State = nil, calls.RecordingPending
	update(t, s, func(tx calls.Tx) error { return tx.InsertRecording(r) })
	check := func() {
		t.Helper()
		view(t, s, func(tx calls.ReadTx) error {
			got, err := tx.Recording(r.Account, r.ID)
			same(t, "recording", got, r)
			return err
		})
	}
	check()
	draw := func(first int64) (n int64) {
		update(t, s, func(tx calls.Tx) (err error) { n, err = tx.NextRecordID(first); return err })
		return n
	}
	for i, step := range [][2]int64{{1000001, 1000001}, {1000001, 1000002}, {5, 1000003}, {2000000, 2000000}, {1, 2000001}} {
		if got := draw(step[0]); got != step[1] {
			t.Errorf("draw %d, starting at %d: %d; want %d", i, step[0], got, step[1])
		}
	}
	r.RecordID, r.State, r.DecidedAt = ptr(int64(1000001)), calls.RecordingIsApproved, ptr(testTime)
	update(t, s, func(tx calls.Tx) error { return tx.UpdateRecording(r) })
	check()
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.RecordingByRecordID(r.Account, 1000001)
		same(t, "by record_id", got, r)
		approved, err2 := tx.Recordings(calls.RecordingFilter{Account: r.Account, State: calls.RecordingIsApproved})
		pending, err3 := tx.Recordings(calls.RecordingFilter{Account: r.Account, State: calls.RecordingPending})
		if len(approved) != 1 || len(pending) != 0 {
			t.Errorf("%d approved and %d pending; want 1 and 0", len(approved), len(pending))
		}
		return errors.Join(err, err2, err3)
	})
}

func tokensRoundTrip(t *testing.T, s calls.Store) {
	k := filled[calls.Token]()
	k.LastUsedAt = time.Time{} // not PutToken's
	update(t, s, func(tx calls.Tx) error { return tx.PutToken(k) })
	k.RevokedAt, k.Hash = ptr(testTime.Add(time.Minute)), "another"
	update(t, s, func(tx calls.Tx) error { return tx.PutToken(k) })
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.Tokens()
		same(t, "tokens", got, []*calls.Token{k})
		if _, err := r.Token("another", k.ID); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("the token of another account: %v; want ErrNotFound", err)
		}
		return err
	})
	for _, minutes := range []int{5, 3} { // a use that is told late changes nothing
		update(t, s, func(tx calls.Tx) error {
			return tx.TouchToken(k.ID, testTime.Add(time.Duration(minutes)*time.Minute))
		})
	}
	update(t, s, func(tx calls.Tx) error { return tx.PutToken(k) })
	k.LastUsedAt = stored(testTime.Add(5 * time.Minute))
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.Token(k.Account, k.ID)
		same(t, "after its use", got, k)
		return err
	})
}

func idempotencyEnds(t *testing.T, s calls.Store) {
	live := calls.IdempotencyRecord{Account: "main", Key: "k1", BodyHash: "h", CallID: "c1", ExpiresAt: testTime.Add(time.Second)}
	past := calls.IdempotencyRecord{Account: "main", Key: "k2", ExpiresAt: testTime}
	update(t, s, func(tx calls.Tx) error { return errors.Join(tx.PutIdempotent(past), tx.PutIdempotent(live)) })
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.Idempotent("main", "k1")
		same(t, "record", got, &live)
		if _, gone := r.Idempotent("main", "k2"); !errors.Is(gone, calls.ErrNotFound) {
			t.Errorf("a record past its time: %v; want ErrNotFound", gone)
		}
		return err
	})
}
