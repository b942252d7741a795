package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (calls.Store, *Ledger) {
	t.Helper()
	fake := clock.NewFake(noon)
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Node: "a", Clock: fake})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	l, err := New(Config{Store: s, Clock: fake})
	if err != nil {
		t.Fatal(err)
	}
	return s, l
}

// happened puts a call with an event into the store.
func happened(t *testing.T, s calls.Store, c calls.Call, typ calls.EventType, data any) {
	t.Helper()
	c.Account, c.Status = "main", calls.StatusCompleted
	if data == nil {
		data = calls.View(&c)
	}
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		e := calls.ForCall("evt_"+c.ID, noon, &c, typ, data)
		noise := calls.ForCall("evt_n"+c.ID, noon, &c, calls.CallDigit, nil)
		return errors.Join(tx.InsertCall(&c), tx.AppendEvent(&noise), tx.AppendEvent(&e))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, s calls.Store) map[string]*calls.Attention {
	t.Helper()
	out := map[string]*calls.Attention{}
	err := s.View(t.Context(), func(tx calls.ReadTx) error {
		list, err := tx.Attentions(calls.AttentionFilter{Account: "main", Limit: 500})
		for _, a := range list {
			out[a.CallID] = a
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhoNeedsAPersonIsFoundOnce(t *testing.T) {
	t.Parallel()
	s, l := open(t)
	answered := noon
	forward := func(result string) []calls.ActionResult {
		return []calls.ActionResult{{Action: string(calls.ActionManager), Result: result}}
	}
	happened(t, s, calls.Call{ID: "asks", Direction: calls.Out, To: "7900"}, calls.CallNeedsAttention, map[string]string{"why": "look at it"})
	happened(t, s, calls.Call{ID: "missed", Direction: calls.In, From: "7901", Outcome: calls.OutcomeMissed}, calls.CallCompleted, nil)
	happened(t, s, calls.Call{ID: "elsewhere", Direction: calls.In, From: "7902", Outcome: calls.OutcomeMissed, Reason: calls.ReasonElsewhere}, calls.CallCompleted, nil)
	happened(t, s, calls.Call{ID: "nobody", Direction: calls.In, From: "7903", Outcome: calls.OutcomeAnswered, AnsweredAt: &answered, Actions: forward("failed")}, calls.CallCompleted, nil)
	happened(t, s, calls.Call{ID: "spoke", Direction: calls.In, From: "7904", Outcome: calls.OutcomeAnswered, AnsweredAt: &answered, Actions: append(forward("failed"), forward("ok")...)}, calls.CallCompleted, nil)
	happened(t, s, calls.Call{ID: "busy", Direction: calls.Out, To: "7905", Outcome: calls.OutcomeBusy}, calls.CallCompleted, nil)
	for range 2 {
		if err := l.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := listed(t, s)
	if len(got) != 3 || got["asks"] == nil || got["missed"] == nil || got["nobody"] == nil {
		t.Fatalf("listed: %v", got)
	}
	if a := got["asks"]; a.Kind != "attention" || a.Why != "look at it" || a.Number != "7900" {
		t.Errorf("%+v", a)
	}
	if a := got["missed"]; a.Kind != calls.AttentionMissed || a.Number != "7901" || a.State != calls.AttentionOpen || !a.CreatedAt.Equal(noon) {
		t.Errorf("%+v", a)
	}
}

func TestNumbersAreCountedOnceOverManyPages(t *testing.T) {
	t.Parallel()
	s, l := open(t)
	const n = 2*page + 7
	for i := range n {
		c := calls.Call{ID: fmt.Sprintf("c%05d", i), Direction: calls.Out, From: "7800", To: "7900", Outcome: calls.OutcomeNoAnswer, TalkMS: 0}
		if i%4 == 0 {
			c.Outcome, c.TalkMS = calls.OutcomeAnswered, 1000
		}
		if i != 1 { // nobody was rung in that one
			c.Attempts = []calls.Attempt{{Role: calls.RoleCustomer, Charged: true}}
		}
		happened(t, s, c, calls.CallCompleted, nil)
		if i%300 == 0 {
			if err := l.catchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, err := New(Config{Store: s, Clock: clock.NewFake(noon)}) // a next process
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := again.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	err = s.View(t.Context(), func(tx calls.ReadTx) error {
		days, err := tx.NumberDays("main", "7800", 0)
		if len(days) != 1 || days[0].Dialled != n-1 || days[0].Answered != (n+3)/4 || days[0].TalkMS != int64((n+3)/4*1000) {
			t.Errorf("counted %+v of %d", days, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestANodeThatDoesNotLeadCountsNothing(t *testing.T) {
	t.Parallel()
	s, l := open(t)
	l.cfg.Lead = func() (bool, <-chan struct{}) { return false, nil }
	happened(t, s, calls.Call{ID: "missed", Direction: calls.In, Outcome: calls.OutcomeMissed}, calls.CallCompleted, nil)
	if err := errors.Join(l.Start(t.Context()), l.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}
