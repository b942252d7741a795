package store

import (
	"errors"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func facadeKeysAreKept(t *testing.T, s calls.Store) {
	k := filled[calls.FacadeKey]()
	k.LastUsedAt = time.Time{}
	other := filled[calls.FacadeKey]()
	other.ID, other.Account, other.Public, other.RevokedAt, other.LastUsedAt = "z", "other", "p2", nil, time.Time{}
	update(t, s, func(tx calls.Tx) error { return errors.Join(tx.PutFacadeKey(k), tx.PutFacadeKey(other)) })
	twin := *other
	twin.ID, twin.Public = "y", k.Public
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.PutFacadeKey(&twin) }); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("a second key of this name: %v", err)
	}
	used := testTime.Add(time.Hour)
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.TouchFacadeKey(k.ID, used), tx.TouchFacadeKey(k.ID, testTime))
	})
	k.LastUsedAt = used
	view(t, s, func(r calls.ReadTx) error {
		all, err := r.FacadeKeys("")
		same(t, "all keys", all, []*calls.FacadeKey{k, other})
		own, err2 := r.FacadeKeys("other")
		same(t, "keys of an account", own, []*calls.FacadeKey{other})
		named, err3 := r.FacadeKeyOf(k.Kind, k.Public)
		same(t, "the key of a name", named, k)
		if _, err := r.FacadeKey("other", k.ID); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("another account's key: %v", err)
		}
		if _, err := r.FacadeKeyOf("another kind", k.Public); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("a key of another kind: %v", err)
		}
		return errors.Join(err, err2, err3)
	})
	k.Secret, k.OldSecret = "new", k.Secret
	update(t, s, func(tx calls.Tx) error { return tx.PutFacadeKey(k) })
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.FacadeKey("", k.ID)
		same(t, "the key with its new secret", got, k)
		return err
	})
}

// exchangesOf lists what a filter selects, by methods.
func exchangesOf(t *testing.T, s calls.Store, f calls.ExchangeFilter) (methods string) {
	t.Helper()
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Exchanges(f)
		for _, x := range list {
			methods += x.Method
		}
		return err
	})
	return methods
}

func exchangesAreBounded(t *testing.T, s calls.Store) {
	full := filled[calls.Exchange]()
	full.Method = "a"
	update(t, s, func(tx calls.Tx) error {
		full.ID = 0
		return tx.InsertExchange(full)
	})
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Exchanges(calls.ExchangeFilter{})
		same(t, "what was kept", list, []calls.Exchange{*full})
		return err
	})
	for i, x := range []calls.Exchange{{Method: "b", Account: "main", Kind: "k", Provider: "p", Outgoing: true, Correlation: "call_1"},
		{Method: "c", Account: "other", Kind: "k"}, {Method: "d", Kind: "k"}} {
		x.At = testTime.Add(time.Duration(i+1) * time.Hour)
		update(t, s, func(tx calls.Tx) error { return tx.InsertExchange(&x) })
	}
	outgoing := false
	for name, c := range map[string]struct {
		f    calls.ExchangeFilter
		want string
	}{
		"all, newest first":     {calls.ExchangeFilter{}, "dcba"},
		"going on, in order":    {calls.ExchangeFilter{After: full.ID, Limit: 2}, "bc"},
		"going back":            {calls.ExchangeFilter{Before: full.ID + 2, Limit: 1}, "b"},
		"of an account":         {calls.ExchangeFilter{Account: "main"}, "b"},
		"with those of nobody":  {calls.ExchangeFilter{Account: "main", Unowned: true}, "db"},
		"of a provider":         {calls.ExchangeFilter{Provider: "p"}, "b"},
		"of facades":            {calls.ExchangeFilter{Facades: true}, "dc"},
		"that came in":          {calls.ExchangeFilter{Kind: "k", Outgoing: &outgoing}, "dc"},
		"of a method of a call": {calls.ExchangeFilter{Method: "b", CallID: "call_1"}, "b"},
	} {
		if got := exchangesOf(t, s, c.f); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	trim := func(before time.Time, most, want int) {
		t.Helper()
		update(t, s, func(tx calls.Tx) error {
			n, err := tx.TrimExchanges(before, most)
			same(t, "removed", n, want)
			return err
		})
	}
	trim(time.Time{}, 4, 0)
	trim(time.Time{}, 3, 1)
	same(t, "the last three", exchangesOf(t, s, calls.ExchangeFilter{}), "dcb")
	trim(testTime.Add(90*time.Minute), 3, 1)
	same(t, "the younger ones", exchangesOf(t, s, calls.ExchangeFilter{}), "dc")
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.ClearExchanges(calls.ExchangeFilter{Account: "other"})
		return err
	})
	same(t, "after another's were cleared", exchangesOf(t, s, calls.ExchangeFilter{}), "d")
	trim(time.Time{}, 0, 1)
}

func exchangesAreErased(t *testing.T, s calls.Store) {
	for _, x := range []calls.Exchange{{Method: "a", Account: "main", Request: `{"phone":"9004443322"}`}, {Method: "b", Account: "main", Answer: "tel:+79004443322"},
		{Method: "c", Account: "main", Request: "79004443321"}, {Method: "d", Account: "other", Request: "79004443322"}, {Method: "e", Request: "79004443322"}} {
		update(t, s, func(tx calls.Tx) error { return tx.InsertExchange(&x) })
	}
	update(t, s, func(tx calls.Tx) error {
		n, _, err := tx.Erase(calls.Erasure{ID: "er_1", Account: "main", Number: "79004443322", At: testTime}, 100)
		same(t, "erased", n.Others, 3)
		return err
	})
	same(t, "what is left", exchangesOf(t, s, calls.ExchangeFilter{}), "dc")
}

func providerTLSIsKept(t *testing.T, s calls.Store) {
	a := calls.ProviderCertificate{Provider: "p", Fingerprint: "f1", PEM: "pem", AddedBy: "anna", AddedAt: testTime}
	b := calls.ProviderCertificate{Provider: "p", Fingerprint: "f0", PEM: "pem 2", AddedBy: "anna", AddedAt: testTime.Add(time.Second)}
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.PutProviderTLS("p", "off"), tx.PutProviderTLS("p", "on"), tx.PutProviderCertificate(a), tx.PutProviderCertificate(b), tx.PutProviderCertificate(a))
	})
	view(t, s, func(r calls.ReadTx) error {
		mode, err := r.ProviderTLS("p")
		same(t, "mode", mode, "on")
		none, err2 := r.ProviderTLS("q")
		same(t, "mode of a provider that nobody touched", none, "")
		list, err3 := r.ProviderCertificates("p")
		same(t, "certificates", list, []calls.ProviderCertificate{a, b})
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx calls.Tx) error { return tx.DeleteProviderCertificate("p", "f1") })
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.DeleteProviderCertificate("p", "f1") }); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}
