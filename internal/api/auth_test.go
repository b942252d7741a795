package api

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

func TestGuessingTokensIsSlowedDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	from := func(source, token string) reply {
		r := httptest.NewRequest("GET", "/v1/calls", nil)
		r.RemoteAddr = source
		r.Header.Set("Authorization", "Bearer "+token)
		return h.send(r)
	}
	const here = "192.0.2.1:1000"
	good, late := h.tokens[calls.PermViewer], h.tokens[calls.PermCaller]
	if got := from(here, good); got.code != 200 {
		t.Fatal(got.body)
	}
	for i := range failBurst {
		if got := from(here, "zv_guess"+strconv.Itoa(i)); got.code != 401 {
			t.Fatalf("guess %d: %d", i, got.code)
		}
	}
	got := from(here, "zv_guess")
	if got.code != 429 || got.problem() != "overloaded" || got.header.Get("Retry-After") == "" {
		t.Errorf("one guess too many: %d %v %s", got.code, got.header, got.body)
	}
	wellFormed(t, got)
	if got := from(here, late); got.code != 429 {
		t.Errorf("a right token first seen while blocked: %d; a guess that hits must not pass", got.code)
	}
	if got := from("192.0.2.1:2000", good); got.code != 200 {
		t.Errorf("a token known as good from here: %d", got.code)
	}
	if got := from("192.0.2.2:1000", late); got.code != 200 {
		t.Errorf("another source: %d", got.code)
	}
	h.clock.Advance(failEvery + time.Second)
	if got := from(here, late); got.code != 200 {
		t.Errorf("after the wait: %d", got.code)
	}
}

func TestSourcesOfIPv6AreNetworks(t *testing.T) {
	t.Parallel()
	if a, b := sourceOf("[2001:db8::1]:5"), sourceOf("[2001:db8::ffff:2]:6"); a != b {
		t.Errorf("%q and %q are one customer", a, b)
	}
	if a, b := sourceOf("[2001:db8::1]:5"), sourceOf("[2001:db8:0:1::1]:5"); a == b {
		t.Errorf("%q is two customers", a)
	}
	if got := sourceOf("192.0.2.1:5"); got != "192.0.2.1" {
		t.Error(got)
	}
}

func TestTheGuardForgetsSourcesRatherThanGrow(t *testing.T) {
	t.Parallel()
	g := newAttemptGuard()
	for i := range maxSources + 100 {
		g.failed(strconv.Itoa(i), noon)
	}
	if n := len(g.sources); n > maxSources+1 {
		t.Errorf("%d sources", n)
	}
	g.failed("new", noon.Add(forgetAfter+time.Second))
	if n := len(g.sources); n > 2 {
		t.Errorf("%d sources are left after the long unseen were forgotten", n)
	}
}

func TestRevokedAndExpiredTokensAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	past := noon.Add(-time.Second)
	for _, tok := range []*calls.Token{
		{ID: "tok_r", Account: "main", Name: "r", Roles: allRoles, Hash: HashToken("zv_r"), RevokedAt: &past},
		{ID: "tok_e", Account: "main", Name: "e", Roles: allRoles, Hash: HashToken("zv_e"), ExpiresAt: &past},
	} {
		h.put(func(tx calls.Tx) error { return tx.PutToken(tok) })
	}
	for _, plain := range []string{"zv_r", "zv_e"} {
		if got := h.do("GET", "/v1/calls", "", as(plain)...); got.code != 401 {
			t.Errorf("%s: %d", plain, got.code)
		}
	}
}

func TestTokensOfTheConfigurationFollowTheFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sync := func(tokens ...ConfigToken) {
		t.Helper()
		if err := SyncConfigTokens(context.Background(), h.store, h.clock, tokens); err != nil {
			t.Fatal(err)
		}
		h.server.tokens.forget()
	}
	code := func(plain string) int { return h.do("GET", "/v1/calls", "", as(plain)...).code }
	sync(ConfigToken{Name: "bot", Token: "secret-of-the-bot-1", Roles: []calls.Permission{calls.PermCaller}})
	if code("secret-of-the-bot-1") != 200 {
		t.Error("a configured token must work")
	}
	if got := h.do("DELETE", "/v1/tokens/tok_config_bot", ""); got.code != 409 {
		t.Errorf("revoked by API: %d", got.code)
	}
	sync(ConfigToken{Name: "bot", Token: "secret-of-the-bot-2", Roles: []calls.Permission{calls.PermCaller}})
	if code("secret-of-the-bot-1") != 401 || code("secret-of-the-bot-2") != 200 {
		t.Error("the new secret replaces the old one")
	}
	sync()
	if code("secret-of-the-bot-2") != 401 {
		t.Error("a token taken out of the file must not work")
	}
	sync(ConfigToken{Name: "bot", Token: "secret-of-the-bot-2", Roles: []calls.Permission{calls.PermCaller}})
	if code("secret-of-the-bot-2") != 200 {
		t.Error("a token put back must work")
	}
}

func TestTheFirstTokenIsMadeOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	bare := func(t *testing.T) (*house, FirstToken) {
		h := newHouse(t)
		h.put(func(tx calls.Tx) error { // no usable token is left
			all, err := tx.Tokens()
			for _, tok := range all {
				past := noon.Add(-time.Second)
				tok.RevokedAt = &past
				if err := tx.PutToken(tok); err != nil {
					return err
				}
			}
			return err
		})
		return h, FirstToken{Listen: "127.0.0.1:8080", DataDir: filepath.Join(t.TempDir(), "data"), Clock: h.clock, IDs: clock.NewIDs(h.clock, nil)}
	}
	t.Run("loopback", func(t *testing.T) {
		h, f := bare(t)
		path, err := EnsureFirstToken(ctx, h.store, f)
		if err != nil || path != filepath.Join(f.DataDir, AdminTokenFile) {
			t.Fatalf("%q %v", path, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v %v", info, err)
		}
		plain, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h.server.tokens.forget()
		if got := h.do("GET", "/v1/tokens", "", as(strings.TrimSpace(string(plain)))...); got.code != 200 || strings.Contains(got.body, strings.TrimSpace(string(plain))) {
			t.Errorf("%d %s", got.code, got.body)
		}
		if again, err := EnsureFirstToken(ctx, h.store, f); err != nil || again != "" {
			t.Errorf("made twice: %q %v", again, err)
		}
	})
	t.Run("elsewhere", func(t *testing.T) {
		h, f := bare(t)
		for _, listen := range []string{"0.0.0.0:8080", ":8080", "[::]:8080", "192.0.2.1:8080", "example.com:8080"} {
			f.Listen, f.TLS = listen, true
			if _, err := EnsureFirstToken(ctx, h.store, f); err == nil || !strings.Contains(err.Error(), "tokens") {
				t.Errorf("%s without tokens: %v", listen, err)
			}
		}
		if _, err := os.Stat(f.DataDir); !os.IsNotExist(err) {
			t.Errorf("something was written: %v", err)
		}
		h.token("main", "fresh", calls.PermAdmin)
		f.TLS = false
		if _, err := EnsureFirstToken(ctx, h.store, f); err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("without TLS: %v", err)
		}
		f.TLS = true
		if path, err := EnsureFirstToken(ctx, h.store, f); err != nil || path != "" {
			t.Errorf("with both: %q %v", path, err)
		}
	})
}

func TestNewTokensDiffer(t *testing.T) {
	t.Parallel()
	a, b := NewToken(), NewToken()
	if a == b || !strings.HasPrefix(a, "zv_") || len(a) != 46 {
		t.Errorf("%q %q", a, b)
	}
}
