package store

import (
	"testing"

	"zvonar/internal/calls"
)

func sipBindingsRoundTrip(t *testing.T, s calls.Store) {
	first, second, foreign := filled[calls.SIPBinding](), filled[calls.SIPBinding](), filled[calls.SIPBinding]()
	first.User, first.Contact = "office", "sip:a@192.0.2.1"
	second.User, second.Contact = "office", "sip:b@192.0.2.1"
	foreign.User, foreign.Contact = "office", first.Contact
	set := func(node string, list ...calls.SIPBinding) {
		t.Helper()
		update(t, s, func(tx calls.Tx) error { return tx.SetSIPBindings(node, "office", list) })
	}
	want := func(what, node string, list ...*calls.SIPBinding) {
		t.Helper()
		view(t, s, func(tx calls.ReadTx) error {
			got, err := tx.SIPBindings(node)
			same(t, what, got, list)
			return err
		})
	}
	set("a", *second, *first)
	set("b", *foreign)
	want("those of a", "a", first, second)
	set("a", *second)
	want("one is gone", "a", second)
	set("a")
	want("all are gone", "a")
	want("another node keeps its own", "b", foreign)
}
