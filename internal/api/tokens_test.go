package api

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
)

// from asks with a token from an address.
func (h *house) from(source, token string) reply {
	h.t.Helper()
	r := httptest.NewRequest("GET", "/v1/calls", nil)
	r.RemoteAddr = source
	r.Header.Set("Authorization", "Bearer "+token)
	return h.send(r)
}

func TestATokenWithNetworksWorksFromThemOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.do("POST", "/v1/tokens", `{"name":"bot","roles":["caller"],"allow_from":["192.0.2.7","2001:db8::/32"]}`)
	plain, _ := made.doc["token"].(string)
	if made.code != 201 || !strings.Contains(made.body, `"allow_from":["192.0.2.7/32","2001:db8::/32"]`) {
		t.Fatalf("%d %s", made.code, made.body)
	}
	for source, want := range map[string]int{"192.0.2.7:1": 200, "[2001:db8::5]:1": 200, "[::ffff:192.0.2.7]:1": 200, "192.0.2.8:1": 403, "[2001:db9::5]:1": 403} {
		if got := h.from(source, plain); got.code != want {
			t.Errorf("from %s: %d; want %d", source, got.code, want)
		}
	}
	id, _ := made.doc["id"].(string)
	if next := h.do("POST", "/v1/tokens/"+id+"/rotate", ""); !strings.Contains(next.body, "192.0.2.7/32") {
		t.Errorf("the successor works from elsewhere: %s", next.body)
	}
	for _, bad := range []string{`["here"]`, `["0.0.0.0/0"]`, `[""]`} {
		if got := h.do("POST", "/v1/tokens", `{"name":"x","roles":["caller"],"allow_from":`+bad+`}`); got.code != 422 {
			t.Errorf("%s: %d %s", bad, got.code, got.body)
		}
	}
}

func TestOnlyAdminsOfMainMakeTokensOfOtherAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Accounts = []string{"shop", "bank"} })
	made := h.do("POST", "/v1/tokens", `{"name":"boss","roles":["admin"],"account":"shop"}`)
	boss, _ := made.doc["token"].(string)
	id, _ := made.doc["id"].(string)
	if made.code != 201 || made.doc["account"] != "shop" {
		t.Fatalf("%d %s", made.code, made.body)
	}
	for _, account := range []string{"bank", "main", "nobody"} {
		for path, body := range map[string]string{"POST /v1/tokens": `{"name":"x","roles":["caller"],"account":"` + account + `"}`, "GET /v1/tokens?account=" + account: ""} {
			method, url, _ := strings.Cut(path, " ")
			if got := h.do(method, url, body, as(boss)...); got.code != 422 {
				t.Errorf("%s as the admin of shop: %d %s", path, got.code, got.body)
			}
		}
	}
	if got := h.do("POST", "/v1/tokens", `{"name":"x","roles":["caller"],"account":"nobody"}`); got.code != 422 {
		t.Errorf("an account that is not configured: %d", got.code)
	}
	if got := h.do("DELETE", "/v1/tokens/tok_main_admin", "", as(boss)...); got.code != 404 {
		t.Errorf("a token of main, by the admin of shop: %d", got.code)
	}
	if got := h.do("GET", "/v1/tokens", "", as(boss)...); strings.Contains(got.body, "main") || !strings.Contains(got.body, id) {
		t.Errorf("the tokens that the admin of shop sees: %s", got.body)
	}
	if got := h.do("GET", "/v1/tokens?account=shop", ""); !strings.Contains(got.body, id) {
		t.Errorf("the tokens of shop as main sees them: %s", got.body)
	}
	if own := h.do("POST", "/v1/tokens", `{"name":"bot","roles":["caller"]}`, as(boss)...); own.code != 201 || own.doc["account"] != "shop" {
		t.Errorf("his own: %d %s", own.code, own.body)
	}
	if got := h.do("DELETE", "/v1/tokens/"+id, ""); got.code != 204 || h.do("GET", "/v1/calls", "", as(boss)...).code != 401 {
		t.Errorf("revoked by the admin of main: %d", got.code)
	}
}

func TestEveryChangeOfATokenIsNotedInItsAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Accounts = []string{"shop"} })
	made := h.do("POST", "/v1/tokens", `{"name":"bot","roles":["caller","viewer"],"account":"shop","allow_from":["192.0.2.0/24"]}`)
	id, _ := made.doc["id"].(string)
	next, _ := h.do("POST", "/v1/tokens/"+id+"/rotate", "").doc["id"].(string)
	h.do("DELETE", "/v1/tokens/"+next, "")
	sync := func(tokens ...ConfigToken) {
		t.Helper()
		if err := SyncConfigTokens(context.Background(), h.store, h.clock, tokens); err != nil {
			t.Fatal(err)
		}
	}
	file := ConfigToken{Name: "file", Token: "0123456789abcdef", Roles: []calls.Permission{calls.PermCaller}, Account: "shop"}
	sync(file)
	sync(file) // nothing new
	file.Token += "x"
	sync(file)
	sync()
	var list []calls.AuditEntry
	err := h.store.View(t.Context(), func(tx calls.ReadTx) (err error) {
		list, err = tx.AuditEntries(calls.AuditFilter{Account: "shop", Limit: 100})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Actor+" "+a.Action+" "+a.Object)
		if strings.Contains(a.Detail, "zv_") || strings.Contains(a.Detail, "0123456789abcdef") {
			t.Errorf("an entry tells a secret: %+v", a)
		}
	}
	want := []string{"configuration token.revoke tok_config_file", "configuration token.change tok_config_file", "configuration token.create tok_config_file",
		"admin of main token.revoke " + next, "admin of main token.rotate " + id, "admin of main token.create " + id}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("noted\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if first := list[len(list)-1].Detail; first != "name=bot roles=caller,viewer allow_from=192.0.2.0/24" {
		t.Errorf("detail %q", first)
	}
}

func TestTheUseOfATokenIsNotedNowAndThenOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	used := func() time.Time {
		t.Helper()
		h.put(func(calls.Tx) error { return nil }) // behind what was observed
		var at time.Time
		err := h.store.View(t.Context(), func(tx calls.ReadTx) error {
			tok, err := tx.Token("main", "tok_main_viewer")
			at = tok.LastUsedAt
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	ask := func() {
		t.Helper()
		if got := h.do("GET", "/v1/calls", "", as(h.tokens[calls.PermViewer])...); got.code != 200 {
			t.Fatal(got.body)
		}
	}
	if !used().IsZero() {
		t.Error("never used, yet noted")
	}
	ask()
	if !used().Equal(noon) {
		t.Errorf("the first use: %v", used())
	}
	h.clock.Advance(tokenTouch - time.Second)
	ask()
	if !used().Equal(noon) {
		t.Errorf("a use right after it was written: %v", used())
	}
	h.clock.Advance(time.Second)
	ask()
	if !used().Equal(noon.Add(tokenTouch)) {
		t.Errorf("a use five minutes later: %v", used())
	}
}

func TestTenThousandGuessesHarmNobodyElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const attacker, neighbour = "192.0.2.66:1", "192.0.2.67:1"
	good := h.tokens[calls.PermViewer]
	codes := map[int]int{}
	for i := range 10_000 { // in a minute
		codes[h.from(attacker, "zv_guess"+strconv.Itoa(i)).code]++
		if i%1000 == 0 {
			h.clock.Advance(6 * time.Second)
			if got := h.from(neighbour, good); got.code != 200 {
				t.Fatalf("a good token from another address after %d guesses: %d", i, got.code)
			}
		}
	}
	if codes[401] > failBurst+11 || codes[401]+codes[429] != 10_000 {
		t.Errorf("answers %v; want 429 beyond a few", codes)
	}
	// From the attacker's address a token is only looked at if it was good from
	// there before: else a guess that hits would be told from one that does not.
	if got := h.from(attacker, good); got.code != 429 {
		t.Errorf("a good token, first seen from where somebody guesses: %d", got.code)
	}
}

func TestAFloodOfSourcesTakesNoMemoryAndLocksNobodyOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range maxSources + 500 {
		h.server.guard.failed("10.0."+strconv.Itoa(i/250)+"."+strconv.Itoa(i%250), noon)
	}
	if n := len(h.server.guard.sources); n > maxSources+1 {
		t.Errorf("%d sources are remembered", n)
	}
	if got := h.from("198.51.100.7:1", h.tokens[calls.PermViewer]); got.code != 200 {
		t.Errorf("a good token from a newcomer: %d", got.code)
	}
}

func TestALiveStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewServer(h.server.Handler())
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermViewer])
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	defer func() { _ = res.Body.Close() }()
	first := make([]byte, 8)
	if _, err := res.Body.Read(first); err != nil {
		t.Fatal(err)
	}
	if got := h.do("DELETE", "/v1/tokens/tok_main_viewer", ""); got.code != 204 {
		t.Fatal(got.body)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = new(bytes.Buffer).ReadFrom(res.Body)
	}()
	for over := false; !over; {
		h.clock.Advance(tokenBookLife)
		select {
		case <-ended:
			over = true
		case <-time.After(10 * time.Millisecond): // the stream may not have set its alarm yet
		case <-t.Context().Done():
			t.Fatal("the stream goes on")
		}
	}
}

func TestNoSecretOfATokenIsWrittenAnywhere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	h := newHouse(t, func(c *Config) {
		c.Log, c.Metrics = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), reg
	})
	made := h.do("POST", "/v1/tokens", `{"name":"bot","roles":["caller"]}`)
	id, _ := made.doc["id"].(string)
	next := h.do("POST", "/v1/tokens/"+id+"/rotate", "")
	secrets := []string{made.doc["token"].(string), next.doc["token"].(string), "configured-0123456789", "zv_wrong-one-0123456789"}
	if err := SyncConfigTokens(context.Background(), h.store, h.clock, []ConfigToken{{Name: "f", Token: secrets[2], Roles: allRoles}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		h.do("POST", "/v1/calls", strings.Replace(goodCall, "{", `{"webhook_url":"https://example.com/h","ref":"`+s[:6]+`",`, 1), as(s)...)
		h.do("GET", "/v1/nowhere", "", as(s)...)
		h.do("POST", "/v1/calls", `{"to":`, as(s)...)
	}
	h.do("DELETE", "/v1/tokens/"+id, "")
	h.put(func(calls.Tx) error { return nil })
	found := map[string]string{"the log": log.String()}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		found["the metrics"] += f.String()
	}
	err = filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		found[path] = string(raw)
		return err
	})
	if err != nil || len(found) < 4 {
		t.Fatalf("%d places, %v", len(found), err)
	}
	for _, s := range secrets {
		for place, text := range found {
			if strings.Contains(text, s) {
				t.Errorf("%s holds %s…", place, s[:6])
			}
		}
	}
}
