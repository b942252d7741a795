package retention

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T, c clock.Clock) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "z.db"), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s calls.Store, fn func(calls.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// over stores n calls to a number that ended at a time, each with one event.
func over(t *testing.T, s calls.Store, prefix, number string, n int, ended time.Time) {
	t.Helper()
	put(t, s, func(tx calls.Tx) error {
		for i := range n {
			c := &calls.Call{ID: fmt.Sprintf("%s%04d", prefix, i), Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusCompleted, To: number, CreatedAt: ended, EndedAt: &ended}
			e := calls.ForCall("evt_"+c.ID, ended, c, calls.CallCompleted, map[string]string{"to": number})
			if err := errors.Join(tx.InsertCall(c), tx.AppendEvent(&e)); err != nil {
				return err
			}
			if err := tx.SetCursor(calls.OutboxCursor, e.Pos); err != nil {
				return err
			}
		}
		return nil
	})
}

func count(t *testing.T, s calls.Store) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(r calls.ReadTx) error {
		list, err := r.Calls(calls.CallFilter{Limit: 500})
		n = len(list)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// until advances the clock until done, for Retention waits on it in between.
func until(t *testing.T, c *clock.Fake, step time.Duration, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !done() {
		select {
		case <-tick.C:
			c.Advance(step)
		case <-deadline:
			t.Fatal("it never came to it")
		}
	}
}

func TestOldCallsAreRemovedInPortionsAndYoungOnesKept(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	over(t, s, "old", "79004443322", portion+7, noon.Add(-31*24*time.Hour))
	over(t, s, "young", "79004443322", 5, noon)
	reg := prometheus.NewRegistry()
	r, err := New(Config{Events: 30 * 24 * time.Hour, Store: s, Clock: c, Metrics: reg})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, c, pause, func() bool { return count(t, s) == 5 })
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf(`# HELP zvonar_retention_removed_total Rows that were removed because they were older than is kept, by table.
# TYPE zvonar_retention_removed_total counter
zvonar_retention_removed_total{table="calls"} %d
zvonar_retention_removed_total{table="events"} %d
`, portion+7, portion+7)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "zvonar_retention_removed_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg, "zvonar_retention_oldest_seconds"); n != 2 || err != nil {
		t.Errorf("%d ages, %v; want 2", n, err)
	}
}

func TestNothingIsRemovedWhereNobodyConfiguredIt(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	over(t, s, "old", "79004443322", 3, noon.Add(-365*24*time.Hour))
	r, err := New(Config{Store: s, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	r.sweep(t.Context())
	if n := count(t, s); n != 3 {
		t.Errorf("%d calls are left; want 3", n)
	}
}

func TestEndedCampaignsAreRemovedWithTheirContacts(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	const contacts = 2*portion + 7
	put(t, s, func(tx calls.Tx) error {
		for i, ended := range []time.Time{noon.Add(-31 * 24 * time.Hour), noon} {
			if err := tx.InsertCampaign(&calls.Campaign{ID: fmt.Sprint("camp_", i), Account: calls.MainAccount, State: calls.CampaignIsStopped, EndedAt: ended}); err != nil {
				return err
			}
		}
		return nil
	})
	var list []*calls.Contact
	for i := range contacts {
		list = append(list, &calls.Contact{Number: fmt.Sprintf("7900%07d", i)})
	}
	for len(list) > 0 {
		put(t, s, func(tx calls.Tx) error {
			taken, _, err := tx.AddContacts(calls.MainAccount, "camp_0", list)
			list = list[taken:]
			return err
		})
	}
	reg := prometheus.NewRegistry()
	r, err := New(Config{Campaigns: 30 * 24 * time.Hour, Store: s, Clock: c, Metrics: reg})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, c, pause, func() bool {
		var left []*calls.Campaign
		if err := s.View(t.Context(), func(tx calls.ReadTx) (err error) { left, err = tx.Campaigns(calls.CampaignFilter{}); return err }); err != nil {
			t.Fatal(err)
		}
		return len(left) == 1 && left[0].ID == "camp_1"
	})
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf(`# HELP zvonar_retention_removed_total Rows that were removed because they were older than is kept, by table.
# TYPE zvonar_retention_removed_total counter
zvonar_retention_removed_total{table="campaigns"} 1
zvonar_retention_removed_total{table="contacts"} %d
`, contacts)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "zvonar_retention_removed_total"); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheNodeThatLeadsRemoves(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	over(t, s, "old", "79004443322", 3, noon.Add(-2*24*time.Hour))
	changed := make(chan struct{})
	asked := make(chan struct{}, 100)
	leads := make(chan bool, 100)
	leads <- false
	lead := func() (bool, <-chan struct{}) {
		asked <- struct{}{}
		select {
		case l := <-leads:
			return l, changed
		default:
			return true, nil // as Lead does where the answer never changes
		}
	}
	r, err := New(Config{Events: 24 * time.Hour, Store: s, Clock: c, Lead: lead})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-asked
	if n := count(t, s); n != 3 {
		t.Errorf("a node that does not lead left %d calls", n)
	}
	close(changed) // no clock is advanced: the change itself begins the sweep
	<-asked
	until(t, c, time.Nanosecond, func() bool { return count(t, s) == 0 })
	for range 2 {
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAnErasureTakesAllPortionsAndTellsNoNumber(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	const number = "79004443322"
	over(t, s, "c", number, portion+3, noon)
	e := NewEraser(s, c, clock.NewIDs(c, nil))
	id, n, err := e.Erase(t.Context(), Request{Account: calls.MainAccount, Actor: "ann", Number: number})
	if err != nil || n.Calls != portion+3 || n.Events != portion+3 {
		t.Fatalf("%+v, %v", n, err)
	}
	err = s.View(t.Context(), func(r calls.ReadTx) error {
		list, err := r.AuditEntries(calls.AuditFilter{})
		if len(list) != 1 || list[0].Object != "erasure:"+id || list[0].Actor != "ann" || strings.Contains(list[0].Detail, number) || !strings.Contains(list[0].Detail, "53 calls") {
			t.Errorf("audit %+v", list)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheFilesOfErasedCallsGoBeforeTheirRows(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	const number = "79004443322"
	over(t, s, "c", number, portion+3, noon)
	over(t, s, "other", "79995550011", 1, noon)
	broken := errors.New("the disk is read-only")
	gone := map[string]int{}
	forget := func(_ context.Context, call string) error {
		err := s.View(t.Context(), func(r calls.ReadTx) error {
			row, err := r.Call(calls.MainAccount, call)
			if err == nil && row.To != number {
				t.Errorf("%s was erased in the store before its files", call)
			}
			return err
		})
		if gone[call]++; len(gone) > portion {
			return broken
		}
		return err
	}
	e := NewEraser(s, c, clock.NewIDs(c, nil), forget)
	q := Request{Account: calls.MainAccount, Actor: "ann", Number: number}
	if _, _, err := e.Erase(t.Context(), q); !errors.Is(err, broken) {
		t.Fatalf("a file that stays: %v", err)
	}
	left := 0
	err := s.View(t.Context(), func(r calls.ReadTx) (err error) {
		list, err := r.CallsOf(calls.MainAccount, number, 500)
		left = len(list)
		return err
	})
	if err != nil || left != 3 {
		t.Errorf("%d calls still have the number, %v; want the 3 whose files are there", left, err)
	}
	e = NewEraser(s, c, clock.NewIDs(c, nil), func(_ context.Context, call string) error { gone[call]++; return nil })
	if _, _, err := e.Erase(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if len(gone) != portion+3 {
		t.Errorf("the files of %d calls went, want %d", len(gone), portion+3)
	}
	for call := range gone {
		if strings.HasPrefix(call, "other") {
			t.Error("the files of another number went")
		}
	}
}

func TestAnErasureWaitsForNoCall(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	s := newStore(t, c)
	over(t, s, "c", "79004443322", 1, noon)
	put(t, s, func(tx calls.Tx) error {
		return tx.InsertCall(&calls.Call{ID: "live", Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusRinging, To: "79004443322", CreatedAt: noon})
	})
	_, n, err := NewEraser(s, c, clock.NewIDs(c, nil)).Erase(t.Context(), Request{Account: calls.MainAccount, Number: "79004443322"})
	if calls.CodeOf(err) != calls.CodeWrongState || !strings.Contains(err.Error(), "live") || n.Calls+n.Events != 0 {
		t.Errorf("%+v, %v; want wrong-state that names the call", n, err)
	}
}
