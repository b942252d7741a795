package store

import (
	"errors"
	"testing"

	"zvonar/internal/calls"
)

func numbersAreGivenOnce(t *testing.T, s calls.Store) {
	give := func(account, kind, id string, n, want int64) {
		t.Helper()
		update(t, s, func(tx calls.Tx) error {
			got, err := tx.GiveNumber(account, kind, id, n)
			same(t, "the number of "+id, got, want)
			return err
		})
	}
	give("main", "a.call", "call_1", 0, 1)
	give("main", "a.call", "call_2", 0, 2)
	give("main", "a.call", "call_1", 0, 1)
	give("other", "a.call", "call_3", 0, 3)
	give("main", "b.call", "call_1", 0, 1)
	give("main", "a.clip", "rec_1", 1000001, 1000001)
	view(t, s, func(tx calls.ReadTx) error {
		id, err := tx.Numbered("main", "a.call", 2)
		same(t, "who bears 2", id, "call_2")
		if _, foreign := tx.Numbered("main", "a.call", 3); !errors.Is(foreign, calls.ErrNotFound) {
			t.Errorf("another account's number: %v", foreign)
		}
		if _, none := tx.NumberOf("main", "a.clip", "call_1"); !errors.Is(none, calls.ErrNotFound) {
			t.Errorf("a number of another kind: %v", none)
		}
		n, err2 := tx.NumberOf("main", "a.clip", "rec_1")
		same(t, "a number that was brought", n, int64(1000001))
		return errors.Join(err, err2)
	})
	boom := errors.New("boom")
	if err := s.Update(t.Context(), func(tx calls.Tx) error {
		if _, err := tx.GiveNumber("main", "a.call", "call_4", 0); err != nil {
			return err
		}
		return boom
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	give("main", "a.call", "call_5", 0, 4)
}
