package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// aWholeCall stores a call that ended at ended, with everything that can hang
// on one. The number is the customer's.
func aWholeCall(t *testing.T, s calls.Store, id, number string, ended time.Time) (last int64) {
	t.Helper()
	c := &calls.Call{ID: id, Account: "main", Ref: "ref-" + id, Direction: calls.Out, Status: calls.StatusCompleted, Outcome: calls.OutcomeAnswered,
		To: number, From: "78005553535", Line: "78005553535", CreatedAt: ended.Add(-time.Minute), DueAt: ended, EndedAt: &ended,
		Metadata: []byte(`{"phone":` + number + `,"name":"Ivan"}`), WebhookURL: "https://bot.example.net/?n=" + number, BodyHash: "hash",
		Actions: []calls.ActionResult{{Digit: "3", Action: "smsText", Value: "for " + number, Result: "ok"}},
		Flow:    calls.Flow{Record: "1460168", Digits: calls.DigitMap{{{Kind: calls.ActionSMS, Value: "text for Ivan"}}}}}
	dialog := []byte("To: <sip:" + number + "@carrier>")
	a := &calls.Attempt{ID: "att_" + id, CallID: id, Account: "main", N: 1, Role: calls.RoleCustomer, To: number, Charged: true, State: calls.AttemptOver, Dialog: dialog}
	m := &calls.SMS{ID: "sms_" + id, Account: "main", CallID: id, To: number, From: "78005553535", Text: "Dear Ivan, " + number, State: calls.SMSIsSent, CreatedAt: ended}
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.InsertCall(c), tx.InsertAttempt(a), tx.InsertSMS(m),
			tx.PutWebhook(&calls.Webhook{ID: "wh_" + id, Account: "main", CallID: id, URL: c.WebhookURL, CreatedAt: c.CreatedAt}))
	})
	update(t, s, func(tx calls.Tx) error {
		for i, e := range []calls.Event{
			calls.ForCall("e1"+id, ended, c, calls.CallQueued, map[string]any{"to": number, "from": c.From, "recording": map[string]any{"record_id": 1460168}}),
			calls.ForCall("e2"+id, ended, c, calls.SMSSent, map[string]any{"id": m.ID, "to": number, "text": m.Text}),
			calls.ForCall("e3"+id, ended, c, calls.CallCompleted, map[string]any{"id": id, "to": number, "outcome": "answered", "digits": "3", "talk_ms": 4000, "metadata": map[string]any{"phone": number}}),
		} {
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
			last = e.Pos
			d := calls.Delivery{WebhookID: "wh_" + id, EventPos: e.Pos, EventID: e.ID, Subject: e.Subject}
			_, err := tx.QueueDeliveries([]calls.Delivery{d}, ended)
			made, err2 := tx.Deliveries(d.WebhookID, calls.DeliveryFilter{Limit: 1})
			if err = errors.Join(err, err2); err != nil {
				return fmt.Errorf("delivery %d: %w", i, err)
			}
			made[0].State, made[0].DoneAt, made[0].LastError = calls.DeliveryDelivered, &ended, "told by "+number
			if _, err := tx.SettleDeliveries([]calls.Settlement{{Delivery: made[0]}}); err != nil {
				return err
			}
		}
		return tx.SetCursor(calls.OutboxCursor, last)
	})
	return last
}

// sweep goes through one kind with the smallest steps, and tells what went.
func sweep(t *testing.T, s calls.Store, e calls.Expiry) map[string]int {
	t.Helper()
	got := map[string]int{}
	for from, steps := (calls.ExpiryMark{}), 0; ; steps++ {
		var out calls.Expired
		update(t, s, func(tx calls.Tx) (err error) { out, err = tx.Expire(e, from, 1); return err })
		for k, n := range out.Rows {
			got[k] += n
		}
		if from = out.Next; !out.More {
			return got
		}
		if steps > 200 {
			t.Fatalf("the sweep of %s does not end", e.Kind)
		}
	}
}

func oldCallsGoWhole(t *testing.T, s calls.Store) {
	old, young := testTime.Add(-48*time.Hour), testTime.Add(-time.Hour)
	aWholeCall(t, s, "c1", "79004443322", old)
	top := aWholeCall(t, s, "c2", "79004443323", old.Add(time.Hour))
	aWholeCall(t, s, "c3", "79004443322", young)
	expiry := calls.Expiry{Kind: calls.ExpireCalls, Before: testTime.Add(-24 * time.Hour)}
	same(t, "removed", sweep(t, s, expiry), map[string]int{"calls": 2, "attempts": 2, "events": 6, "deliveries": 6, "sms": 2, "webhooks": 2})
	same(t, "removed again", sweep(t, s, expiry), map[string]int{})
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Calls(calls.CallFilter{})
		if got := ids(list); got != "c3" {
			t.Errorf("calls left: %q; want c3", got)
		}
		events, err2 := r.Events(calls.EventFilter{})
		if len(events) != 3 || events[0].Pos <= top || events[0].Seq != 1 {
			t.Errorf("events left: %+v; want the three of c3 as they were", events)
		}
		horizon, err3 := r.Horizon()
		if horizon != top {
			t.Errorf("horizon %d; want %d", horizon, top)
		}
		event, call, err4 := r.OldestKept()
		if !event.Equal(young.Truncate(time.Millisecond)) || !call.Equal(stored(young)) {
			t.Errorf("oldest kept: %v, %v; want %v", event, call, young)
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func whatIsOwedIsKept(t *testing.T, s calls.Store) {
	old := testTime.Add(-48 * time.Hour)
	aWholeCall(t, s, "c1", "79004443321", old)
	aWholeCall(t, s, "c2", "79004443322", old)
	aWholeCall(t, s, "c3", "79004443323", old)
	live := insertCall(t, s, "c4", "")
	update(t, s, func(tx calls.Tx) error {
		list, err := tx.Deliveries("wh_c1", calls.DeliveryFilter{})
		if err != nil {
			return err
		}
		m := &calls.SMS{ID: "late", Account: "main", CallID: "c2", To: "79004443322", State: calls.SMSIsQueued, CreatedAt: old}
		_, err = tx.ReplayDeliveries("wh_c1", []calls.LogEntry{{Pos: list[0].EventPos, ID: list[0].EventID, Subject: list[0].Subject}}, old)
		return errors.Join(err, tx.InsertSMS(m))
	})
	expiry := calls.Expiry{Kind: calls.ExpireCalls, Before: testTime}
	// A webhook that has not been given the end of c3 yet is owed it.
	update(t, s, func(tx calls.Tx) error { return tx.SetCursor(calls.OutboxCursor, 8) })
	same(t, "removed while all is owed", sweep(t, s, expiry), map[string]int{})
	update(t, s, func(tx calls.Tx) error { return tx.SetCursor(calls.OutboxCursor, 9) })
	if got := sweep(t, s, expiry); got["calls"] != 1 {
		t.Errorf("removed %v; want c3 alone", got)
	}
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Calls(calls.CallFilter{})
		if got := ids(list); got != "c4 c2 c1" || live.Over() {
			t.Errorf("calls left: %q; want c4 c2 c1", got)
		}
		return err
	})
}

func lastEventsStay(t *testing.T, s calls.Store) {
	old := testTime.Add(-48 * time.Hour)
	emit := func(id, subject string, at time.Time) (e calls.Event) {
		e = calls.NewEvent(id, at, subject, calls.NumberBlocked, nil)
		e.CallID = "c9" // blocked by a digit of a call
		update(t, s, func(tx calls.Tx) error { return tx.AppendEvent(&e) })
		return e
	}
	for i := range 3 {
		emit(fmt.Sprint("a", i), "number:79004443322", old)
	}
	emit("b0", "trunk:main", old)
	emit("c0", "recording:r1", old)
	emit("c1", "recording:r1", testTime)
	update(t, s, func(tx calls.Tx) error { return tx.SetCursor(calls.OutboxCursor, 99) })
	got := sweep(t, s, calls.Expiry{Kind: calls.ExpireEvents, Before: testTime.Add(-24 * time.Hour)})
	same(t, "removed", got, map[string]int{"events": 3})
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Events(calls.EventFilter{})
		var left []string
		for _, e := range list {
			left = append(left, e.ID)
		}
		same(t, "left", left, []string{"a2", "b0", "c1"})
		return err
	})
	if e := emit("a3", "number:79004443322", testTime); e.Seq != 4 {
		t.Errorf("the next event has seq %d; want 4", e.Seq)
	}
}

func finishedDeliveriesGo(t *testing.T, s calls.Store) {
	old := testTime.Add(-48 * time.Hour)
	aWholeCall(t, s, "c1", "79004443322", old)
	aWholeCall(t, s, "c2", "79004443322", testTime)
	day := testTime.Add(-24 * time.Hour)
	same(t, "webhooks before their deliveries", sweep(t, s, calls.Expiry{Kind: calls.ExpireWebhooks, Before: day}), map[string]int{})
	same(t, "deliveries", sweep(t, s, calls.Expiry{Kind: calls.ExpireDeliveries, Before: day}), map[string]int{"deliveries": 3})
	same(t, "webhooks", sweep(t, s, calls.Expiry{Kind: calls.ExpireWebhooks, Before: day}), map[string]int{"webhooks": 1})
	view(t, s, func(r calls.ReadTx) error {
		if _, err := r.Webhook("main", "wh_c1"); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("webhook of the old call: %v", err)
		}
		_, err := r.Webhook("main", "wh_c2")
		return err
	})
}

func keysAndAuditExpire(t *testing.T, s calls.Store) {
	for i := range 5 {
		at := testTime.Add(time.Duration(i-3) * time.Hour)
		update(t, s, func(tx calls.Tx) error {
			return errors.Join(tx.Audit(calls.AuditEntry{Account: "main", Action: fmt.Sprint(i), At: at}),
				tx.PutIdempotent(calls.IdempotencyRecord{Account: "main", Key: fmt.Sprint(i), ExpiresAt: at.Add(24 * time.Hour)}))
		})
	}
	same(t, "audit", sweep(t, s, calls.Expiry{Kind: calls.ExpireAudit, Before: testTime}), map[string]int{"audit": 3})
	same(t, "keys", sweep(t, s, calls.Expiry{Kind: calls.ExpireKeys, Before: testTime.Add(23 * time.Hour)}), map[string]int{"idempotency": 3})
}

func auditIsFiltered(t *testing.T, s calls.Store) {
	for i, a := range []calls.AuditEntry{
		{Actor: "bot", Action: "call.hangup", Object: "call:1"},
		{Actor: "ann", Action: "token.create", Object: "tok_1"},
		{Actor: "ann", Action: "call.hangup", Object: "call:2", Detail: "why not"},
		{Actor: "eve", Action: "call.hangup", Object: "call:1", Account: "other"},
	} {
		a.At = stored(testTime.Add(time.Duration(i) * time.Minute))
		if a.Account == "" {
			a.Account = "main"
		}
		update(t, s, func(tx calls.Tx) error { return tx.Audit(a) })
	}
	for _, tc := range []struct {
		f    calls.AuditFilter
		want []int64
	}{
		{calls.AuditFilter{Account: "main"}, []int64{3, 2, 1}},
		{calls.AuditFilter{Account: "main", Limit: 1}, []int64{3}},
		{calls.AuditFilter{Account: "main", Before: 3}, []int64{2, 1}},
		{calls.AuditFilter{Account: "main", Actor: "ann"}, []int64{3, 2}},
		{calls.AuditFilter{Account: "main", Action: "call.hangup"}, []int64{3, 1}},
		{calls.AuditFilter{Account: "main", Object: "call:1"}, []int64{1}},
		{calls.AuditFilter{Account: "main", Since: testTime.Add(time.Minute).Truncate(time.Microsecond)}, []int64{3, 2}},
		{calls.AuditFilter{Account: "main", Until: testTime.Add(time.Minute).Truncate(time.Microsecond)}, []int64{1}},
	} {
		view(t, s, func(r calls.ReadTx) error {
			list, err := r.AuditEntries(tc.f)
			var got []int64
			for _, a := range list {
				got = append(got, a.ID)
			}
			same(t, fmt.Sprintf("%+v", tc.f), got, tc.want)
			return err
		})
	}
}

func endedCampaignsGoWithTheirContacts(t *testing.T, s calls.Store) {
	long, lately := testTime.Add(-48*time.Hour), testTime.Add(-time.Hour)
	type made struct {
		id    string
		state calls.CampaignState
		ended time.Time
	}
	for _, m := range []made{{"camp_1", calls.CampaignIsStopped, long}, {"camp_2", calls.CampaignIsFinished, lately}, {"camp_3", calls.CampaignIsRunning, time.Time{}},
		{"camp_4", calls.CampaignIsFinished, long}, {"camp_5", calls.CampaignIsFinished, long}, {"camp_6", calls.CampaignIsStopped, long}} {
		update(t, s, func(tx calls.Tx) error {
			return tx.InsertCampaign(&calls.Campaign{ID: m.id, Account: "main", State: m.state, EndedAt: m.ended})
		})
		if m.id != "camp_5" { // the others have contacts that wait: camp_4 was given them after its end
			addContacts(t, s, m.id, []*calls.Contact{{Number: "79004443322", Zones: "x"}, {Number: "79004443323", Zones: "x"}})
		}
	}
	update(t, s, func(tx calls.Tx) error { // camp_6 has a call that is not over
		return tx.TakeContact("main", "camp_6", 1, "call_1")
	})
	rows := sweep(t, s, calls.Expiry{Kind: calls.ExpireCampaigns, Before: testTime.Add(-24 * time.Hour)})
	same(t, "removed", rows, map[string]int{"campaigns": 2, "contacts": 2})
	view(t, s, func(tx calls.ReadTx) error {
		list, err := tx.Campaigns(calls.CampaignFilter{Account: "main"})
		var left []string
		for _, c := range list {
			left = append(left, c.ID)
		}
		same(t, "left", left, []string{"camp_6", "camp_4", "camp_3", "camp_2"})
		contacts, e := tx.Contacts(calls.ContactFilter{Account: "main", Campaign: "camp_1"})
		if len(contacts) > 0 || len(counts(t, s)) > 0 {
			t.Errorf("of a removed campaign %d contacts and the counts %v are left", len(contacts), counts(t, s))
		}
		return errors.Join(err, e)
	})
	// Nothing of it may be started any more once its contacts begin to go.
	update(t, s, func(tx calls.Tx) error {
		return tx.UpdateCampaign(&calls.Campaign{ID: "camp_2", Account: "main", State: calls.CampaignIsFinished, EndedAt: long})
	})
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.DropContact("main", "camp_2", 1, calls.ContactSkipped, ""), tx.DropContact("main", "camp_2", 2, calls.ContactSkipped, ""))
	})
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.Expire(calls.Expiry{Kind: calls.ExpireCampaigns, Before: testTime}, calls.ExpiryMark{}, 1)
		return err
	})
	view(t, s, func(tx calls.ReadTx) error {
		c, err := tx.Campaign("main", "camp_2")
		if err == nil && c.State != calls.CampaignIsStopped {
			t.Errorf("a campaign whose contacts go is %s", c.State)
		}
		return err
	})
}
