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

// lanesModel is a slow, plain model of the lanes.
type lanesModel struct {
	list     []*calls.Delivery // in the order of the log
	disabled map[string]bool
}

// lanes lists the pending deliveries of the lanes that are due, by lane, in the
// order in which these are due.
func (m *lanesModel) lanes(webhook string, now time.Time) []string {
	type found struct {
		head *calls.Delivery
		all  string
	}
	bySubject := map[string]*found{}
	for _, d := range m.list {
		if d.State != calls.DeliveryPending || d.WebhookID != webhook || m.disabled[webhook] {
			continue
		}
		if bySubject[d.Subject] == nil {
			bySubject[d.Subject] = &found{head: d, all: fmt.Sprintf("gap=%v", m.gap(d))}
		}
		bySubject[d.Subject].all += " " + d.EventID
	}
	var due []*found
	for _, f := range bySubject {
		if !f.head.NextAt.After(now) {
			due = append(due, f)
		}
	}
	sort.Slice(due, func(i, j int) bool {
		if !due[i].head.NextAt.Equal(due[j].head.NextAt) {
			return due[i].head.NextAt.Before(due[j].head.NextAt)
		}
		return due[i].head.ID < due[j].head.ID
	})
	out := []string{}
	for _, f := range due {
		out = append(out, f.all)
	}
	return out
}

// gap tells whether something before d in its lane was given up untold.
func (m *lanesModel) gap(d *calls.Delivery) bool {
	for _, x := range m.list {
		if x.WebhookID == d.WebhookID && x.Subject == d.Subject && x.EventPos < d.EventPos && x.Gap {
			return true
		}
	}
	return false
}

// lanesGiveHeads lets chance queue, settle and replay deliveries and switch
// webhooks, and compares with the model after every step.
func lanesGiveHeads(t *testing.T, s calls.Store) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, seed))
	m := &lanesModel{disabled: map[string]bool{}}
	hooks := []string{"w0", "w1"}
	for _, id := range hooks {
		update(t, s, func(tx calls.Tx) error { return tx.PutWebhook(&calls.Webhook{ID: id, Account: "main"}) })
	}
	for step := range 500 {
		var what string
		update(t, s, func(tx calls.Tx) (err error) { what, err = lanesStep(tx, m, rnd, step, hooks); return err })
		now := testTime.Add(time.Duration(rnd.IntN(12)) * time.Second)
		view(t, s, func(r calls.ReadTx) error {
			return m.compare(t, r, fmt.Sprintf("step %d (%s)", step, what), hooks, now)
		})
	}
}

func (m *lanesModel) compare(t *testing.T, r calls.ReadTx, when string, hooks []string, now time.Time) error {
	live := map[string]bool{}
	dests, err := r.LiveDestinations()
	if err != nil {
		return err
	}
	for _, d := range dests {
		live[d.Destination] = true
	}
	for _, id := range hooks {
		lanes, err2 := r.DueLanes(id, now, nil, 1000, 1000)
		got := []string{}
		for _, l := range lanes {
			text := fmt.Sprintf("gap=%v", l.Gap)
			for _, it := range l.Items {
				text += " " + it.Delivery.EventID
			}
			got = append(got, text)
		}
		want := m.lanes(id, now)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: lanes of %s %v; want %v", when, id, got, want)
		}
		if any := len(m.lanes(id, now.AddDate(1, 0, 0))) > 0; any != live[id] {
			t.Fatalf("%s: %s is live %v; want %v", when, id, live[id], any)
		}
		err = errors.Join(err, err2)
	}
	pending, oldest, err3 := r.Backlog()
	wantPending, wantOldest := m.backlog()
	if pending != wantPending || !oldest.Equal(wantOldest) {
		t.Fatalf("%s: backlog %d since %v; want %d since %v", when, pending, oldest, wantPending, wantOldest)
	}
	return errors.Join(err, err3)
}

// backlog is what is pending; the oldest of a lane is its head.
func (m *lanesModel) backlog() (n int, oldest time.Time) {
	seen := map[[2]string]bool{}
	for _, d := range m.list {
		if d.State != calls.DeliveryPending {
			continue
		}
		n++
		if l := [2]string{d.WebhookID, d.Subject}; !seen[l] {
			seen[l] = true
			if oldest.IsZero() || d.CreatedAt.Before(oldest) {
				oldest = d.CreatedAt
			}
		}
	}
	return n, oldest
}

func lanesStep(tx calls.Tx, m *lanesModel, rnd *rand.Rand, step int, hooks []string) (string, error) {
	later := stored(testTime.Add(time.Duration(rnd.IntN(10)) * time.Second))
	switch n := rnd.IntN(10); {
	case n < 4 || len(m.list) == 0:
		d := &calls.Delivery{WebhookID: hooks[rnd.IntN(2)], EventPos: int64(step + 1), EventID: fmt.Sprint("e", step),
			Subject: fmt.Sprint("call:", rnd.IntN(3)), State: calls.DeliveryPending, NextAt: later, CreatedAt: later}
		m.list = append(m.list, d)
		_, err := tx.QueueDeliveries([]calls.Delivery{*d}, later)
		found, err2 := tx.Deliveries(d.WebhookID, calls.DeliveryFilter{Limit: 1})
		if err = errors.Join(err, err2); err == nil {
			d.ID = found[0].ID
		}
		return "queue " + d.EventID, err
	case n < 5:
		id := hooks[rnd.IntN(2)]
		m.disabled[id] = !m.disabled[id]
		for _, d := range m.list { // enabled: what waited for a later time is due now, which is testTime
			if !m.disabled[id] && d.WebhookID == id && m.isHead(d) && d.NextAt.After(testTime) {
				d.NextAt = stored(testTime)
			}
		}
		return "switch " + id, tx.PutWebhook(&calls.Webhook{ID: id, Account: "main", Disabled: m.disabled[id]})
	case n < 6:
		d := m.list[rnd.IntN(len(m.list))]
		d.State, d.NextAt, d.Gap = calls.DeliveryPending, later, false
		_, err := tx.ReplayDeliveries(d.WebhookID, []calls.LogEntry{{Pos: d.EventPos, ID: d.EventID, Subject: d.Subject}}, later)
		return "replay " + d.EventID, err
	default:
		return m.settle(tx, rnd, later)
	}
}

// settle lets an attempt at a head end in one of three ways.
func (m *lanesModel) settle(tx calls.Tx, rnd *rand.Rand, later time.Time) (string, error) {
	var heads []*calls.Delivery
	for _, d := range m.list {
		if d.State == calls.DeliveryPending && m.isHead(d) {
			heads = append(heads, d)
		}
	}
	if len(heads) == 0 {
		return "nothing", nil
	}
	d := heads[rnd.IntN(len(heads))]
	d.State = []calls.DeliveryState{calls.DeliveryPending, calls.DeliveryDelivered, calls.DeliveryDead}[rnd.IntN(3)]
	d.Gap = d.State == calls.DeliveryDead
	told := d.State == calls.DeliveryDelivered && m.gap(d)
	if told {
		for _, x := range m.list {
			if x.WebhookID == d.WebhookID && x.Subject == d.Subject && x.EventPos < d.EventPos {
				x.Gap = false
			}
		}
	}
	d.NextAt = later
	_, err := tx.SettleDeliveries([]calls.Settlement{{Delivery: *d, GapTold: told}})
	return fmt.Sprintf("make %s %s", d.EventID, d.State), err
}

func (m *lanesModel) isHead(d *calls.Delivery) bool {
	for _, x := range m.list {
		if x.WebhookID == d.WebhookID && x.Subject == d.Subject && x.State == calls.DeliveryPending {
			return x == d // the first
		}
	}
	return false
}

// twoDeliveries makes webhook w1 with two deliveries of one lane.
func twoDeliveries(t *testing.T, s calls.Store) (a, b *calls.Delivery) {
	t.Helper()
	update(t, s, func(tx calls.Tx) error {
		err := tx.PutWebhook(&calls.Webhook{ID: "w1", Account: "main"})
		for i, id := range []string{"e1", "e2"} {
			e := calls.NewEvent(id, testTime, "call:1", calls.CallDigit, nil)
			d := calls.Delivery{WebhookID: "w1", EventPos: int64(i + 1), EventID: id, Subject: "call:1"}
			_, err2 := tx.QueueDeliveries([]calls.Delivery{d, d}, testTime) // twice is once
			err = errors.Join(err, tx.AppendEvent(&e), err2)
		}
		return err
	})
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Deliveries("w1", calls.DeliveryFilter{})
		if err == nil && len(list) != 2 {
			t.Fatalf("%d deliveries; want 2", len(list))
		}
		a, b = &list[1], &list[0]
		return err
	})
	return a, b
}

// headsOf lists the deliveries that are due first, of every lane of w1.
func headsOf(t *testing.T, s calls.Store) (list []calls.Delivery) {
	t.Helper()
	view(t, s, func(r calls.ReadTx) error {
		lanes, err := r.DueLanes("w1", testTime, nil, 10, 10)
		for _, l := range lanes {
			if l.Items[0].Event.ID != l.Items[0].Delivery.EventID {
				t.Errorf("delivery of %s came with event %q", l.Items[0].Delivery.EventID, l.Items[0].Event.ID)
			}
			list = append(list, l.Items[0].Delivery)
		}
		return err
	})
	return list
}

func settle(t *testing.T, s calls.Store, list ...calls.Settlement) {
	t.Helper()
	update(t, s, func(tx calls.Tx) error { _, err := tx.SettleDeliveries(list); return err })
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
	a.State, a.DoneAt = calls.DeliveryDelivered, ptr(stored(testTime))
	settle(t, s, calls.Settlement{Delivery: *a})
	same(t, "heads after the first is delivered", headsOf(t, s), []calls.Delivery{*b})
	changed := s.Changed()
	update(t, s, func(tx calls.Tx) error {
		n, err := tx.ReplayDeliveries("w1", []calls.LogEntry{{Pos: 1, ID: "e1", Subject: "call:1"}}, testTime)
		if n != 1 {
			t.Errorf("%d deliveries are due again; want 1", n)
		}
		return err
	})
	<-changed // whoever delivers is told
	a.State, a.DoneAt, a.Replays = calls.DeliveryPending, nil, 1
	same(t, "heads after the first is replayed", headsOf(t, s), []calls.Delivery{*a})
}
