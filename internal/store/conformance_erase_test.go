package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

const erasedNumber = "79004443322"

// eraseAll runs the portions of an erasure, one row each.
func eraseAll(t *testing.T, s calls.Store, e calls.Erasure) (all calls.Erased) {
	t.Helper()
	for more := true; more; {
		update(t, s, func(tx calls.Tx) error {
			n, again, err := tx.Erase(e, 1)
			all.Add(n)
			more = again
			return err
		})
	}
	return all
}

// everything is what every reader of the account sees, as one text.
func everything(t *testing.T, s calls.Store) string {
	t.Helper()
	var b strings.Builder
	add := func(list ...any) {
		for _, v := range list {
			if err := json.NewEncoder(&b).Encode(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Calls(calls.CallFilter{Limit: 500})
		events, err2 := r.Events(calls.EventFilter{Limit: 1000})
		texts, err3 := r.Texts(calls.SMSFilter{Limit: 500})
		hooks, err4 := r.Webhooks("")
		audit, err5 := r.AuditEntries(calls.AuditFilter{Limit: 500})
		blocked, err6 := r.BlockEntries("main", "", 500)
		add(list, events, texts, hooks, audit, blocked)
		for _, c := range list {
			add(c.Dialog, c.BodyHash)
			hooks, err := r.CallWebhooks("", c.ID)
			err6 = errors.Join(err6, err)
			add(hooks)
			for _, a := range c.Attempts {
				add(string(a.Dialog))
			}
		}
		return errors.Join(err, err2, err3, err4, err5, err6)
	})
	return b.String()
}

func aNumberIsErased(t *testing.T, s calls.Store) {
	ended := testTime.Add(-time.Hour)
	aWholeCall(t, s, "c1", erasedNumber, ended)
	aWholeCall(t, s, "c2", "79161234567", ended)
	in := &calls.Call{ID: "c3", Account: "main", Ref: "from " + erasedNumber, Direction: calls.In, Status: calls.StatusCompleted, From: erasedNumber, To: "78005553535", EndedAt: &ended}
	// c4 rang the number as a manager's: the customer's data is not ours to take.
	manager := &calls.Call{ID: "c4", Account: "main", Direction: calls.Out, Status: calls.StatusCompleted, To: "79160000000", EndedAt: &ended,
		Metadata: []byte(`{"manager":` + erasedNumber + `,"name":"Olga"}`), Flow: calls.Flow{Digits: calls.DigitMap{{{Kind: calls.ActionManager, Value: erasedNumber}}}}}
	foreign := &calls.Call{ID: "c5", Account: "other", Direction: calls.Out, Status: calls.StatusCompleted, To: erasedNumber, EndedAt: &ended}
	update(t, s, func(tx calls.Tx) error {
		blocked := calls.NewEvent("b1", ended, "number:"+erasedNumber, calls.NumberBlocked, map[string]string{"number": erasedNumber, "reason": "Ivan asked", "source": "digit"})
		bridging := calls.ForCall("b2", ended, manager, calls.CallBridging, map[string]string{"leg": "manager", "to": erasedNumber})
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: erasedNumber, Reason: "Ivan asked", Source: "digit", CallID: "c1"})
		return errors.Join(err, tx.InsertCall(in), tx.InsertCall(manager), tx.InsertCall(foreign),
			tx.InsertAttempt(&calls.Attempt{ID: "a4", CallID: "c4", Account: "main", N: 1, Role: calls.RoleManager, To: erasedNumber, State: calls.AttemptOver}),
			tx.AppendEvent(&blocked), tx.AppendEvent(&bridging),
			tx.Audit(calls.AuditEntry{Account: "main", Action: "blacklist.add", Object: "number:" + erasedNumber, Detail: "by " + erasedNumber}),
			tx.Audit(calls.AuditEntry{Account: "main", Action: "call.cancel", Object: "ref:" + in.Ref}))
	})
	skeleton := func() (out [][]any) {
		view(t, s, func(r calls.ReadTx) error {
			list, err := r.Events(calls.EventFilter{Limit: 1000})
			for _, e := range list {
				out = append(out, []any{e.Pos, e.ID, e.Seq, e.Type, e.Time, e.CallID, e.Account})
			}
			return err
		})
		return out
	}
	before := skeleton()

	n := eraseAll(t, s, calls.Erasure{ID: "era_1", Account: "main", Number: erasedNumber, Unblock: true, At: testTime})
	same(t, "counted", n, calls.Erased{Calls: 3, Attempts: 2, Events: 5, Texts: 1, Deliveries: 6, Audit: 2})
	same(t, "skeleton", skeleton(), before)
	update(t, s, func(tx calls.Tx) error { // the other account's call is not touched, and is not looked at below
		c, err := tx.Call("other", "c5")
		if err == nil && c.To != erasedNumber {
			t.Errorf("the other account's call was erased: %q", c.To)
		}
		c.To = ""
		return errors.Join(err, tx.UpdateCall(c))
	})
	all := everything(t, s)
	for _, word := range []string{erasedNumber, "Ivan asked", "number:7900"} {
		if strings.Contains(all, word) {
			t.Errorf("%q is still there: …%s…", word, around(all, word))
		}
	}
	for _, word := range []string{"79161234567", "Dear Ivan, 79161234567", "Olga", "79160000000", `"outcome":"answered"`, `"subject":"number:era_1"`} {
		if !strings.Contains(all, word) {
			t.Errorf("%q of others is gone", word)
		}
	}
	c := readCall(t, s, "c1")
	if c.To != calls.ErasedText || c.From != "78005553535" || c.Metadata != nil || c.BodyHash != "" || c.Outcome != calls.OutcomeAnswered || c.Flow.Digits[0][0].Value != calls.ErasedText {
		t.Errorf("the erased call: %+v", c)
	}
	same(t, "counted again", eraseAll(t, s, calls.Erasure{ID: "era_2", Account: "main", Number: erasedNumber, At: testTime}), calls.Erased{})
	update(t, s, func(tx calls.Tx) error {
		e := calls.NewEvent("b3", testTime, "number:"+erasedNumber, calls.NumberBlocked, nil)
		err := tx.AppendEvent(&e)
		if e.Seq != 1 {
			t.Errorf("a new event of the number has seq %d; want 1", e.Seq)
		}
		return err
	})
}

func around(s, word string) string {
	i := strings.Index(s, word)
	return s[max(0, i-60):min(len(s), i+60)]
}

func aBlockMayStay(t *testing.T, s calls.Store) {
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: erasedNumber, Reason: "Ivan asked", Source: "digit"})
		return err
	})
	if n := eraseAll(t, s, calls.Erasure{ID: "era_1", Account: "main", Number: erasedNumber}); !n.Blocked {
		t.Error("the answer does not tell that the number is blocked")
	}
	view(t, s, func(r calls.ReadTx) error {
		b, err := r.Blocked("main", erasedNumber)
		if err == nil && (b.Reason != "" || b.Source != "digit") {
			t.Errorf("kept %+v", b)
		}
		return err
	})
}

func liveCallsAreNotErased(t *testing.T, s calls.Store) {
	aWholeCall(t, s, "c1", erasedNumber, testTime)
	ask := func() error {
		return s.Update(t.Context(), func(tx calls.Tx) error {
			_, _, err := tx.Erase(calls.Erasure{ID: "era_1", Account: "main", Number: erasedNumber}, 100)
			return err
		})
	}
	live := func() (id string) {
		view(t, s, func(r calls.ReadTx) (err error) { id, err = r.LiveCallOf("main", erasedNumber); return err })
		return id
	}
	if got := live(); got != "" {
		t.Errorf("live call %q; want none", got)
	}
	c := &calls.Call{ID: "c2", Account: "main", Direction: calls.Out, Status: calls.StatusQueued, To: erasedNumber}
	update(t, s, func(tx calls.Tx) error { return tx.InsertCall(c) })
	if err := ask(); calls.CodeOf(err) != calls.CodeWrongState || live() != "c2" {
		t.Errorf("with a live call: %v, %q; want wrong-state", err, live())
	}
	if readCall(t, s, "c1").To != erasedNumber {
		t.Error("a refused portion left something")
	}
	c.Status = calls.StatusCompleted
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.UpdateCall(c), tx.InsertSMS(&calls.SMS{ID: "m", Account: "main", CallID: "c2", To: erasedNumber, State: calls.SMSIsQueued}))
	})
	if err := ask(); calls.CodeOf(err) != calls.CodeWrongState || live() != "c2" {
		t.Errorf("with a text that waits: %v, %q; want wrong-state", err, live())
	}
}

// A delivery of a number's own event may be on its way while the number is
// erased: its lane must go on under its new name.
func aLaneOutlivesItsName(t *testing.T, s calls.Store) {
	update(t, s, func(tx calls.Tx) error {
		if err := tx.PutWebhook(&calls.Webhook{ID: "w", Account: "main", URL: "u"}); err != nil {
			return err
		}
		for _, id := range []string{"b1", "b2"} {
			e := calls.NewEvent(id, testTime, "number:"+erasedNumber, calls.NumberBlocked, nil)
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
			if _, err := tx.QueueDeliveries([]calls.Delivery{{WebhookID: "w", EventPos: e.Pos, EventID: e.ID, Subject: e.Subject}}, testTime); err != nil {
				return err
			}
		}
		return nil
	})
	heads := func() (list []calls.Delivery) {
		view(t, s, func(r calls.ReadTx) error {
			lanes, err := r.DueLanes("w", testTime, nil, 10, 1)
			for _, l := range lanes {
				list = append(list, l.Items[0].Delivery)
			}
			return err
		})
		return list
	}
	first := heads()
	if len(first) != 1 || first[0].EventID != "b1" {
		t.Fatalf("heads %+v", first)
	}
	eraseAll(t, s, calls.Erasure{ID: "era_1", Account: "main", Number: erasedNumber})
	first[0].State, first[0].DoneAt = calls.DeliveryDelivered, ptr(testTime)
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.SettleDeliveries([]calls.Settlement{{Delivery: first[0]}})
		return err
	})
	if next := heads(); len(next) != 1 || next[0].EventID != "b2" || next[0].Subject != "number:era_1" {
		t.Errorf("after the first was delivered the heads are %+v; want b2", next)
	}
}
