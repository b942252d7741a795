package store

import (
	"errors"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// aText is a queued text, made minutes after testTime.
func aText(id, to string, minutes int) *calls.SMS {
	return &calls.SMS{ID: id, Account: "main", CallID: "call_" + id, To: to, Text: "hello", State: calls.SMSIsQueued,
		CreatedAt: stored(testTime).Add(time.Duration(minutes) * time.Minute)}
}

// namesOf lists the ids of texts.
func namesOf(list []calls.SMS) string {
	names := ""
	for _, m := range list {
		names += m.ID + " "
	}
	return names
}

// dueAt asks for the texts whose turn it is some minutes after testTime.
func dueAt(t *testing.T, s calls.Store, minutes int) string {
	t.Helper()
	var list []calls.SMS
	view(t, s, func(r calls.ReadTx) (err error) {
		list, err = r.TextsDue(testTime.Add(time.Duration(minutes)*time.Minute), 10)
		return err
	})
	return namesOf(list)
}

func smsRoundTrip(t *testing.T, s calls.Store) {
	m := filled[calls.SMS]()
	m.State, m.CreatedAt, m.NextAt = calls.SMSIsQueued, stored(testTime), stored(testTime.Add(time.Minute))
	m.SentAt, m.ReportedAt = stored(testTime.Add(2*time.Minute)), stored(testTime.Add(3*time.Minute))
	update(t, s, func(tx calls.Tx) error { return tx.InsertSMS(m) })
	back := func() (got *calls.SMS) {
		view(t, s, func(r calls.ReadTx) (err error) { got, err = r.SMS(m.Account, m.ID); return err })
		return got
	}
	same(t, "as it was queued", back(), m)
	view(t, s, func(r calls.ReadTx) error {
		if _, err := r.SMS("another", m.ID); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("the text of another account: %v; want ErrNotFound", err)
		}
		got, err := r.SMSByProviderID(m.ProviderID)
		same(t, "by the sender's name", got, m)
		return err
	})
	m.State, m.Error, m.Tries, m.ProviderID = calls.SMSIsSending, "no credit", 2, "their-7"
	update(t, s, func(tx calls.Tx) error { return tx.MoveSMS(calls.SMSIsQueued, m) })
	same(t, "as it is sent", back(), m)
	err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.MoveSMS(calls.SMSIsQueued, m) })
	if !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("moved out of queued twice: %v; want ErrNotFound", err)
	}
	cut := func(own bool) (list []calls.SMS) {
		view(t, s, func(r calls.ReadTx) (err error) { list, err = r.TextsCutOff(own, 10); return err })
		return list
	}
	same(t, "cut off, as the next start sees it", cut(true), []calls.SMS{*m})
	if list := cut(false); len(list) != 0 {
		t.Errorf("cut off while this node sends it: %+v", list)
	}
}

func textsOfOneNumberWait(t *testing.T, s calls.Store) {
	second, other := aText("b", "79001", 2), aText("c", "79002", 3)
	second.NextAt = testTime.Add(5 * time.Minute)
	foreign := aText("d", "79001", 4)
	foreign.Account = "other"
	first := aText("a", "79001", 1)
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.InsertSMS(second), tx.InsertSMS(other), tx.InsertSMS(first), tx.InsertSMS(foreign))
	})
	if got := dueAt(t, s, 10); got != "a c d " {
		t.Errorf("due at first: %s; want the oldest of each number and account", got)
	}
	first.State = calls.SMSIsSending
	update(t, s, func(tx calls.Tx) error { return tx.MoveSMS(calls.SMSIsQueued, first) })
	if got := dueAt(t, s, 10); got != "c d " {
		t.Errorf("due while the first is sent: %s", got)
	}
	first.State = calls.SMSIsSent
	update(t, s, func(tx calls.Tx) error { return tx.MoveSMS(calls.SMSIsSending, first) })
	if got := dueAt(t, s, 10); got != "b c d " {
		t.Errorf("due once the first is sent: %s", got)
	}
	if got := dueAt(t, s, 4); got != "c d " {
		t.Errorf("due before its time: %s", got)
	}
	view(t, s, func(r calls.ReadTx) error {
		at, err := r.NextTextAt(testTime)
		if !at.Equal(second.NextAt) {
			t.Errorf("the next is due at %v; want %v", at, second.NextAt)
		}
		if at, err := r.NextTextAt(second.NextAt); !at.IsZero() || err != nil {
			t.Errorf("after the last: %v, %v; want the zero time", at, err)
		}
		return err
	})
}

func textsAreListed(t *testing.T, s calls.Store) {
	a, b, foreign := aText("a", "79001", 1), aText("b", "79001", 2), aText("c", "79001", 3)
	b.State, b.CallID, foreign.Account = calls.SMSIsSent, a.CallID, "other"
	update(t, s, func(tx calls.Tx) error { return errors.Join(tx.InsertSMS(a), tx.InsertSMS(b), tx.InsertSMS(foreign)) })
	for _, c := range []struct {
		filter calls.SMSFilter
		want   string
	}{
		{calls.SMSFilter{Account: "main"}, "b a "},
		{calls.SMSFilter{Account: "main", CallID: a.CallID}, "b a "},
		{calls.SMSFilter{Account: "main", State: calls.SMSIsSent}, "b "},
		{calls.SMSFilter{Account: "main", Cursor: "b"}, "a "},
		{calls.SMSFilter{Account: "main", CallID: foreign.CallID}, ""},
		{calls.SMSFilter{Account: "main", Limit: 1}, "b "},
	} {
		view(t, s, func(r calls.ReadTx) error {
			list, err := r.Texts(c.filter)
			if got := namesOf(list); got != c.want {
				t.Errorf("%+v lists %q; want %q", c.filter, got, c.want)
			}
			return err
		})
	}
}
