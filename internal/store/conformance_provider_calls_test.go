package store

import (
	"errors"
	"testing"

	"zvonar/internal/calls"
)

// providerCallNames: a provider's name of a call leads to it, once, for each account
// and provider of its own.
func providerCallNames(t *testing.T, s calls.Store) {
	name := func(account, provider, id, call string) {
		t.Helper()
		update(t, s, func(tx calls.Tx) error { return tx.NameProviderCall(account, provider, id, call) })
	}
	want := func(account, provider, id, call string) {
		t.Helper()
		view(t, s, func(tx calls.ReadTx) error {
			got, err := tx.ProviderCall(account, provider, id)
			if call == "" && errors.Is(err, calls.ErrNotFound) {
				return nil
			}
			if got != call {
				t.Errorf("%s/%s/%s is %q, want %q", account, provider, id, got, call)
			}
			return err
		})
	}
	want("main", "cloud", "x-1", "")
	name("main", "cloud", "x-1", "call_a")
	name("main", "cloud", "x-1", "call_b")
	name("other", "cloud", "x-1", "call_c")
	want("main", "cloud", "x-1", "call_a")
	want("other", "cloud", "x-1", "call_c")
	want("main", "pbx", "x-1", "")
}
