package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func webhooksStartAtTheEnd(t *testing.T, s calls.Store) {
	happen := func(id string) {
		update(t, s, func(tx calls.Tx) error {
			e := calls.NewEvent(id, testTime, "trunk:x", calls.TrunkUp, nil)
			return tx.AppendEvent(&e)
		})
	}
	happen("e1")
	w := filled[calls.Webhook]()
	w.CallID, w.Disabled = "", false
	ofCall := filled[calls.Webhook]()
	ofCall.ID, ofCall.CallID, ofCall.Disabled = "w2", "c1", false
	update(t, s, func(tx calls.Tx) error { return errors.Join(tx.PutWebhook(w), tx.PutWebhook(ofCall)) })
	cursor := calls.WebhookCursor(w.ID)
	put := func(disabled bool, want int64) {
		t.Helper()
		w.Disabled = disabled
		update(t, s, func(tx calls.Tx) error { return tx.PutWebhook(w) })
		if got := readCursor(t, s, cursor); got != want {
			t.Errorf("cursor %d; want %d", got, want)
		}
	}
	put(false, 1)
	happen("e2")
	put(false, 1) // changed, not new
	put(true, 1)
	put(false, 2) // enabled again: from now on
	if got := readCursor(t, s, calls.WebhookCursor("w2")); got != 0 {
		t.Errorf("the webhook of one call has a cursor of its own at %d", got)
	}
	view(t, s, func(r calls.ReadTx) error {
		all, err := r.Webhooks("")
		same(t, "lasting webhooks", all, []*calls.Webhook{w})
		of, err2 := r.CallWebhooks(ofCall.Account, "c1")
		same(t, "webhooks of the call", of, []*calls.Webhook{ofCall})
		return errors.Join(err, err2)
	})
}

// lanesModel is a slow, plain model of the lanes.
type lanesModel struct {
	list     []*calls.Delivery
	disabled map[string]bool
}

func (m *lanesModel) heads(now time.Time) []int64 {
	first := map[[2]string]*calls.Delivery{}
	for _, d := range m.list {
		key := [2]string{d.WebhookID, d.Subject}
		if d.State == calls.DeliveryPending && (first[key] == nil || d.ID < first[key].ID) {
			first[key] = d
		}
	}
	var due []*calls.Delivery
	for _, d := range first {
		if !d.NextAt.After(now) && !m.disabled[d.WebhookID] {
			due = append(due, d)
		}
	}
	sort.Slice(due, func(i, j int) bool {
		if !due[i].NextAt.Equal(due[j].NextAt) {
			return due[i].NextAt.Before(due[j].NextAt)
		}
		return due[i].ID < due[j].ID
	})
	out := []int64{}
	for _, d := range due {
		out = append(out, d.ID)
	}
	return out
}

// lanesGiveHeads lets chance insert, retry, finish and replay deliveries and
// switch webhooks, and compares with the model after every step.
func lanesGiveHeads(t *testing.T, s calls.Store) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, seed))
	m := &lanesModel{disabled: map[string]bool{}}
	hooks := []string{"w0", "w1"}
	for _, id := range hooks {
		update(t, s, func(tx calls.Tx) error { return tx.PutWebhook(&calls.Webhook{ID: id, Account: "main"}) })
	}
	for step := range 400 {
		var what string
		update(t, s, func(tx calls.Tx) (err error) { what, err = lanesStep(tx, m, rnd, step, hooks); return err })
		now := testTime.Add(time.Duration(rnd.IntN(12)) * time.Second)
		view(t, s, func(r calls.ReadTx) error {
			list, err := r.LaneHeads(now, 1000)
			got := []int64{}
			for _, d := range list {
				got = append(got, d.ID)
			}
			if fmt.Sprint(got) != fmt.Sprint(m.heads(now)) {
				t.Fatalf("step %d (%s): heads %v; want %v", step, what, got, m.heads(now))
			}
			pending, oldest, err2 := r.Backlog()
			wantPending, wantOldest := m.backlog()
			if pending != wantPending || !oldest.Equal(wantOldest) {
				t.Fatalf("step %d (%s): backlog %d since %v; want %d since %v", step, what, pending, oldest, wantPending, wantOldest)
			}
			return errors.Join(err, err2)
		})
	}
}

func (m *lanesModel) backlog() (n int, oldest time.Time) {
	for _, d := range m.list {
		if d.State != calls.DeliveryPending {
			continue
		}
		if n++; oldest.IsZero() || d.CreatedAt.Before(oldest) {
			oldest = d.CreatedAt
		}
	}
	return n, oldest
}

func lanesStep(tx calls.Tx, m *lanesModel, rnd *rand.Rand, step int, hooks []string) (string, error) {
	later := testTime.Add(time.Duration(rnd.IntN(10)) * time.Second)
	switch n := rnd.IntN(10); {
	case n < 4 || len(m.list) == 0:
		d := &calls.Delivery{WebhookID: hooks[rnd.IntN(2)], EventPos: int64(step + 1), EventID: fmt.Sprint("e", step),
			Subject: fmt.Sprint("call:", rnd.IntN(3)), State: calls.DeliveryPending, NextAt: later, CreatedAt: testTime.Add(time.Duration(step) * time.Second)}
		m.list = append(m.list, d)
		return "insert", tx.InsertDelivery(d)
	case n < 5:
		id := hooks[rnd.IntN(2)]
		m.disabled[id] = !m.disabled[id]
		return "switch " + id, tx.PutWebhook(&calls.Webhook{ID: id, Account: "main", Disabled: m.disabled[id]})
	default:
		d := m.list[rnd.IntN(len(m.list))]
		d.State = []calls.DeliveryState{calls.DeliveryPending, calls.DeliveryDelivered, calls.DeliveryDead}[rnd.IntN(3)]
		d.NextAt = later
		return fmt.Sprintf("make %d %s", d.ID, d.State), tx.UpdateDelivery(d)
	}
}

// twoDeliveries makes webhook w1 with two deliveries of one lane.
func twoDeliveries(t *testing.T, s calls.Store) (a, b *calls.Delivery) {
	t.Helper()
	a, b = filled[calls.Delivery](), filled[calls.Delivery]()
	update(t, s, func(tx calls.Tx) error {
		errs := []error{tx.PutWebhook(&calls.Webhook{ID: "w1", Account: "main"})}
		for i, d := range []*calls.Delivery{a, b} {
			d.WebhookID, d.Subject, d.State, d.EventPos, d.NextAt, d.DoneAt = "w1", "call:1", calls.DeliveryPending, int64(i+1), testTime, nil
			errs = append(errs, tx.InsertDelivery(d))
		}
		return errors.Join(errs...)
	})
	return a, b
}

func headsOf(t *testing.T, s calls.Store) (list []calls.Delivery) {
	t.Helper()
	view(t, s, func(r calls.ReadTx) (err error) { list, err = r.LaneHeads(testTime, 10); return err })
	return list
}

func disabledLanesArePark(t *testing.T, s calls.Store) {
	a, _ := twoDeliveries(t, s)
	same(t, "heads", headsOf(t, s), []calls.Delivery{*a})
	for _, disabled := range []bool{true, false} {
		update(t, s, func(tx calls.Tx) error {
			return tx.PutWebhook(&calls.Webhook{ID: "w1", Account: "main", Disabled: disabled})
		})
		if got := len(headsOf(t, s)); (got == 0) != disabled {
			t.Errorf("disabled %v: %d heads", disabled, got)
		}
	}
}

func replayTakesItsPlace(t *testing.T, s calls.Store) {
	a, b := twoDeliveries(t, s)
	a.State, a.DoneAt = calls.DeliveryDelivered, ptr(testTime)
	update(t, s, func(tx calls.Tx) error { return tx.UpdateDelivery(a) })
	same(t, "heads after the first is delivered", headsOf(t, s), []calls.Delivery{*b})
	a.State, a.DoneAt = calls.DeliveryPending, nil
	changed := s.Changed()
	update(t, s, func(tx calls.Tx) error { return tx.UpdateDelivery(a) })
	<-changed // whoever delivers is told
	same(t, "heads after the first is replayed", headsOf(t, s), []calls.Delivery{*a})
}

func deletedWebhookIsGone(t *testing.T, s calls.Store) {
	twoDeliveries(t, s)
	update(t, s, func(tx calls.Tx) error { return tx.DeleteWebhook("main", "w1") })
	if got := headsOf(t, s); len(got) != 0 {
		t.Errorf("heads %v of a deleted webhook", got)
	}
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.DeleteWebhook("main", "w1") }); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("deleted twice: %v; want ErrNotFound", err)
	}
}

func deliveriesAreListed(t *testing.T, s calls.Store) {
	a, b := twoDeliveries(t, s)
	b.State, b.DoneAt = calls.DeliveryDead, ptr(stored(testTime))
	update(t, s, func(tx calls.Tx) error { return tx.UpdateDelivery(b) })
	for _, tc := range []struct {
		f    calls.DeliveryFilter
		want []calls.Delivery
	}{
		{calls.DeliveryFilter{}, []calls.Delivery{*b, *a}},
		{calls.DeliveryFilter{Limit: 1}, []calls.Delivery{*b}},
		{calls.DeliveryFilter{Before: b.ID}, []calls.Delivery{*a}},
		{calls.DeliveryFilter{State: calls.DeliveryDead}, []calls.Delivery{*b}},
	} {
		view(t, s, func(r calls.ReadTx) error {
			got, err := r.Deliveries("w1", tc.f)
			same(t, fmt.Sprintf("%+v", tc.f), got, tc.want)
			return err
		})
	}
	twice := *a
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.InsertDelivery(&twice) }); err == nil {
		t.Error("one event was put on its way to one webhook twice")
	}
}
