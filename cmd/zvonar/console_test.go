package main

import (
	"context"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/config"
	"zvonar/providers"
)

// signing is a provider that signs and sends whatever it is given.
type signing struct{ providers.Provider }

func (signing) Sign(string, []byte) ([]providers.Signed, error) {
	return []providers.Signed{{Name: "sign", Value: "x"}}, nil
}

func (signing) Test(context.Context, string, []byte) (*providers.Answer, error) {
	return &providers.Answer{Status: 200}, nil
}

func TestProviderOfEverybodyIsTriedByMainOnly(t *testing.T) {
	t.Parallel()
	d := &daemon{cfg: &config.Config{}, clients: []provider{
		{Provider: config.Provider{Name: "shared"}, p: signing{}},
		{Provider: config.Provider{Name: "own", Account: "tenant"}, p: signing{}},
	}}
	c := console{d: d}
	for _, w := range []struct {
		account, name string
		code          calls.Code // "": it may
	}{{calls.MainAccount, "shared", ""}, {calls.MainAccount, "own", ""}, {"tenant", "own", ""}, {"tenant", "shared", calls.CodeForbidden}} {
		_, tested := c.Test(context.Background(), w.account, w.name, "m", nil, nil)
		_, signed := c.Sign(w.account, w.name, "m", nil)
		for what, err := range map[string]error{"test": tested, "sign": signed} {
			if w.code == "" && err != nil || w.code != "" && (err == nil || calls.CodeOf(err) != w.code) {
				t.Errorf("%s of %s by %s: %v", what, w.name, w.account, err)
			}
		}
	}
}
