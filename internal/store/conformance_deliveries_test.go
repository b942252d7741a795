package store

import (
	"errors"
	"fmt"
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

// sinkStatesHealthAndCredentials keep what they are given.
func sinkStatesHealthAndCredentials(t *testing.T, s calls.Store) {
	a, b := twoDeliveries(t, s)
	a.State, a.SentAt = calls.DeliveryDelivered, stored(testTime)
	b.NextAt = stored(testTime.Add(time.Hour))
	settle(t, s, calls.Settlement{Delivery: *a, State: ptr("note 1")}, calls.Settlement{Delivery: *b, State: ptr("note 2")})
	h := filled[calls.DestinationHealth]()
	h.Destination = "w1"
	update(t, s, func(tx calls.Tx) error {
		c := calls.Credential{Account: "main", Name: "amo", Doc: `{"a":1}`, UpdatedAt: testTime}
		return errors.Join(tx.PutCredential(c), tx.PutCredential(c), tx.PutHealth(*h))
	})
	view(t, s, func(r calls.ReadTx) error {
		state, err := r.SinkState("w1", "call:1")
		same(t, "state", state, "note 2")
		none, err2 := r.SinkState("w1", "call:2")
		same(t, "state of another subject", none, "")
		c, err3 := r.Credential("main", "amo")
		same(t, "credential", *c, calls.Credential{Account: "main", Name: "amo", Doc: `{"a":1}`, Changes: 2, UpdatedAt: stored(testTime)})
		if _, err := r.Credential("other", "amo"); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("a foreign account reads a credential: %v", err)
		}
		list, err4 := r.UnwellDestinations()
		same(t, "unwell", list, []calls.DestinationHealth{*h})
		return errors.Join(err, err2, err3, err4)
	})
	if n := len(headsOf(t, s)); n != 0 {
		t.Errorf("%d heads before the time", n)
	}
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.Recovered("w1", testTime), tx.DeleteCredential("main", "amo"))
	})
	if n := len(headsOf(t, s)); n != 1 {
		t.Errorf("%d heads after the destination recovered; want 1", n)
	}
	view(t, s, func(r calls.ReadTx) error {
		if _, err := r.Health("w1"); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("health after recovery: %v", err)
		}
		return nil
	})
}

func givingUpTakesTheOldestHeads(t *testing.T, s calls.Store) {
	twoDeliveries(t, s)
	update(t, s, func(tx calls.Tx) error {
		n, err := tx.GiveUp("w1", testTime, testTime, "too old", 10)
		if n != 0 {
			t.Errorf("%d given up that are not older", n)
		}
		n, err2 := tx.GiveUp("w1", testTime.Add(time.Second), testTime, "too old", 10)
		if n != 1 {
			t.Errorf("%d given up; want the head", n)
		}
		return errors.Join(err, err2)
	})
	view(t, s, func(r calls.ReadTx) error {
		lanes, err := r.DueLanes("w1", testTime, nil, 10, 10)
		if len(lanes) != 1 || !lanes[0].Gap || lanes[0].Items[0].Delivery.EventID != "e2" {
			t.Errorf("lanes %+v; want e2 next, with a gap before it", lanes)
		}
		dead, err2 := r.DeadLetters()
		same(t, "dead letters", dead, 1)
		return errors.Join(err, err2)
	})
}

// positionsAreFoundByTime looks a moment up in a log with holes.
func positionsAreFoundByTime(t *testing.T, s calls.Store) {
	update(t, s, func(tx calls.Tx) (err error) {
		for i := range 100 {
			e := calls.NewEvent(fmt.Sprint("e", i), testTime.Add(time.Duration(i)*time.Minute), "trunk:x", calls.TrunkUp, nil)
			err = errors.Join(err, tx.AppendEvent(&e))
		}
		return err
	})
	view(t, s, func(r calls.ReadTx) (err error) {
		for i, want := range map[int]int64{-5: 1, 0: 1, 17: 18, 99: 100, 500: 101} {
			got, err2 := r.PosAt(testTime.Add(time.Duration(i) * time.Minute))
			if err = errors.Join(err, err2); got != want {
				t.Errorf("minute %d is at %d; want %d", i, got, want)
			}
		}
		list, err2 := r.EventPositions("main", []string{"e7", "nothing", "e3"})
		if len(list) != 2 || list[0].Pos != 4 || list[1].Pos != 8 {
			t.Errorf("positions %+v", list)
		}
		return errors.Join(err, err2)
	})
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
	b.State, b.DoneAt, b.Gap, b.Response, b.LastError = calls.DeliveryDead, ptr(stored(testTime)), true, "no", "HTTP 400"
	b.LastStatus, b.Attempts, b.SentAt, b.Took = 400, 3, stored(testTime), 7*time.Millisecond
	settle(t, s, calls.Settlement{Delivery: *b})
	for _, tc := range []struct {
		f    calls.DeliveryFilter
		want []calls.Delivery
	}{
		{calls.DeliveryFilter{}, []calls.Delivery{*b, *a}},
		{calls.DeliveryFilter{Limit: 1}, []calls.Delivery{*b}},
		{calls.DeliveryFilter{Before: b.ID}, []calls.Delivery{*a}},
		{calls.DeliveryFilter{State: calls.DeliveryDead}, []calls.Delivery{*b}},
		{calls.DeliveryFilter{State: calls.DeliveryPending}, []calls.Delivery{*a}},
		{calls.DeliveryFilter{Subject: "call:1"}, []calls.Delivery{*b, *a}},
		{calls.DeliveryFilter{Subject: "call:2"}, nil},
		{calls.DeliveryFilter{EventID: "e1"}, []calls.Delivery{*a}},
	} {
		view(t, s, func(r calls.ReadTx) error {
			got, err := r.Deliveries("w1", tc.f)
			same(t, fmt.Sprintf("%+v", tc.f), got, tc.want)
			return err
		})
	}
}
