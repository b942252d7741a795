package api

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// keyed is a house in which the kind x has keys and events, and y neither makes keys
// of its own nor tells events.
func keyed(t *testing.T) *house {
	return newHouse(t, func(c *Config) {
		c.KeyForms = map[string]KeyForm{"x": {Events: true, Public: func() string { return "made" }, Extra: func(k *calls.FacadeKey) (map[string]string, error) {
			k.Extra = []byte(`{"n":1}`)
			return map[string]string{"file": "f"}, nil
		}}, "y": {}}
	})
}

// keyOf is the stored key.
func (h *house) keyOf(kind, public string) (k *calls.FacadeKey, hooks []*calls.Webhook) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(tx calls.ReadTx) (err error) {
		if k, err = tx.FacadeKeyOf(kind, public); err != nil {
			return err
		}
		hooks, err = tx.Webhooks(k.Account)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return k, hooks
}

func TestKeyIsShownOnceAndItsEventsFollowIt(t *testing.T) {
	t.Parallel()
	h := keyed(t)
	r := h.do("POST", "/v1/keys", `{"kind":"x","name":"CRM","allow_from":["192.0.2.0/24"],"events_url":"https://93.184.216.34/hook","events_settings":{"a":1}}`)
	secret, _ := r.doc["secret"].(string)
	id, _ := r.doc["id"].(string)
	if r.code != 201 || len(secret) != 32 || r.doc["public"] != "made" || r.doc["shown"].(map[string]any)["file"] != "f" {
		t.Fatalf("%d %s", r.code, r.body)
	}
	k, hooks := h.keyOf("x", "made")
	if k.Secret != secret || k.Account != calls.MainAccount || k.Roles[0] != calls.PermCaller || string(k.Extra) != `{"n":1}` {
		t.Errorf("%+v", k)
	}
	if len(hooks) != 1 || hooks[0].Kind != "x" || hooks[0].Key != id || string(hooks[0].Settings) != `{"a":1}` || hooks[0].URL != "https://93.184.216.34/hook" {
		t.Fatalf("%+v", hooks)
	}
	for _, path := range []string{"/v1/keys", "/v1/keys/" + id} {
		if r := h.do("GET", path, ""); r.code != 200 || strings.Contains(r.body, secret) || !strings.Contains(r.body, `"events_url":"https://93.184.216.34/hook"`) {
			t.Errorf("%s: %d %s", path, r.code, r.body)
		}
	}
	if r := h.do("PUT", "/v1/keys/"+id, `{"name":"CRM 2","roles":["caller","viewer"]}`); r.code != 200 || r.doc["events_url"] != nil || r.doc["name"] != "CRM 2" {
		t.Errorf("%d %s", r.code, r.body)
	}
	if _, hooks := h.keyOf("x", "made"); len(hooks) != 0 {
		t.Errorf("its destination is still there: %+v", hooks)
	}
}

func TestRotatedKeyKeepsItsOldSecretForAWhile(t *testing.T) {
	t.Parallel()
	h := keyed(t)
	first := h.do("POST", "/v1/keys", `{"kind":"y","name":"n","public":"login","secret":"old secret","events_url":""}`)
	id, _ := first.doc["id"].(string)
	if r := h.do("POST", "/v1/keys/"+id+"/rotate", `{"overlap":"1h"}`); r.code != 201 {
		t.Fatalf("%d %s", r.code, r.body)
	}
	k, _ := h.keyOf("y", "login")
	if now := h.clock.Now(); len(k.Secrets(now)) != 2 || k.Secrets(now)[1] != "old secret" || len(k.Secrets(now.Add(time.Hour))) != 1 {
		t.Errorf("%+v", k)
	}
	if r := h.do("DELETE", "/v1/keys/"+id, ""); r.code != 204 {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("POST", "/v1/keys/"+id+"/rotate", ""); r.problem() != "wrong-state" {
		t.Errorf("a revoked key was rotated: %d %s", r.code, r.body)
	}
	if audit := h.do("GET", "/v1/audit?action=key.rotate", ""); !strings.Contains(audit.body, id) || strings.Contains(audit.body, "old secret") {
		t.Errorf("the audit log says %s", audit.body)
	}
}

func TestRevokedKeyStopsItsEvents(t *testing.T) {
	t.Parallel()
	h := keyed(t)
	r := h.do("POST", "/v1/keys", `{"kind":"x","name":"n","events_url":"https://93.184.216.34/"}`)
	h.do("DELETE", "/v1/keys/"+r.doc["id"].(string), "")
	if _, hooks := h.keyOf("x", "made"); len(hooks) != 1 || !hooks[0].Disabled {
		t.Errorf("%+v", hooks)
	}
}

func TestKeysThatCannotBeMade(t *testing.T) {
	t.Parallel()
	h := keyed(t)
	if r := h.do("POST", "/v1/keys", `{"kind":"y","name":"n","public":"taken"}`); r.code != 201 {
		t.Fatal(r.body)
	}
	for body, location := range map[string]string{
		`{"kind":"z","name":"n"}`:                                           "body.kind",
		`{"kind":"x","name":"n","secret":"short"}`:                          "body.secret",
		`{"kind":"x","name":"n","allow_from":["x"]}`:                        "body.allow_from[0]",
		`{"kind":"x","name":"n","events_url":"http://127.0.0.1/"}`:          "body.events_url",
		`{"kind":"y","name":"n","events_url":"https://93.184.216.34/"}`:     "body.events_url",
		`{"kind":"x","name":"n","events_settings":{"a":1}}`:                 "body.events_settings",
		`{"kind":"y","name":"n","public":"taken"}`:                          "body.public",
		`{"kind":"y","name":"n","account":"nobody's"}`:                      "body.account",
		`{"kind":"y","name":"n","public":"p","roles":["king"],"secret":""}`: "body.roles[0]",
	} {
		r := h.do("POST", "/v1/keys", body)
		if at, _ := r.field(0); r.code < 400 || at != location {
			t.Errorf("%s: %d %s", body, r.code, r.body)
		}
	}
	if r := h.do("GET", "/v1/keys", "", as(h.tokens[calls.PermOperator])...); r.code != 403 {
		t.Errorf("an operator lists keys: %d", r.code)
	}
}

func TestFacadesFindKeysAndGuessersAreSlowedDown(t *testing.T) {
	t.Parallel()
	h := keyed(t)
	h.put(func(tx calls.Tx) error {
		return tx.PutFacadeKey(&calls.FacadeKey{ID: "key_1", Account: "main", Kind: "x", Public: "login", Secret: "s", AllowFrom: []string{"192.0.2.0/24"}})
	})
	keys := h.server.FacadeKeys()
	from := func(addr string) error {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = addr
		_, err := keys.Find(r, "x", "login")
		return err
	}
	if err := from("192.0.2.7:1"); err != nil {
		t.Error(err)
	}
	if err := from("198.51.100.1:1"); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("from elsewhere: %v", err)
	}
	h.put(func(calls.Tx) error { return nil }) // behind the note of its use
	if k, _ := h.keyOf("x", "login"); !k.LastUsedAt.Equal(noon) {
		t.Errorf("it was last used at %s", k.LastUsedAt)
	}
	guess := httptest.NewRequest("POST", "/", nil)
	guess.RemoteAddr = "192.0.2.7:1"
	var last error
	for range failBurst + 1 {
		_, last = keys.Find(guess, "x", "nobody")
	}
	if calls.CodeOf(last) != calls.CodeOverloaded {
		t.Errorf("the last guess got %v", last)
	}
	if err := from("192.0.2.7:1"); err != nil {
		t.Errorf("the owner behind the same address: %v", err)
	}
	h.clock.Advance(time.Hour)
	h.put(func(tx calls.Tx) error {
		return tx.PutFacadeKey(&calls.FacadeKey{ID: "key_1", Account: "main", Kind: "x", Public: "login", Secret: "s", RevokedAt: new(noon)})
	})
	if err := from("192.0.2.7:1"); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("revoked: %v", err)
	}
	r := httptest.NewRequest("POST", "/", nil)
	if tok, err := keys.Token(r, h.tokens[calls.PermCaller]); err != nil || tok.Name != "caller" {
		t.Errorf("%+v %v", tok, err)
	}
	if _, err := keys.Token(r, "zv_nobody"); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("an unknown token: %v", err)
	}
}

func TestWrongSignaturesSlowTheirKeyDownAlone(t *testing.T) {
	t.Parallel()
	h := keyed(t)
	for _, public := range []string{"one", "two"} {
		h.put(func(tx calls.Tx) error {
			return tx.PutFacadeKey(&calls.FacadeKey{ID: "key_" + public, Account: "main", Kind: "x", Public: public, Secret: "s"})
		})
	}
	keys := h.server.FacadeKeys()
	try := func(public string, right bool) error {
		r := httptest.NewRequest("POST", "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{}))
		_, err := keys.Find(r, "x", public)
		if !right {
			keys.Wrong(r)
		}
		return err
	}
	for range failBurst {
		if err := try("one", false); err != nil {
			t.Fatal(err)
		}
	}
	if err := try("one", false); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Errorf("after %d wrong signatures: %v", failBurst, err)
	}
	if err := try("two", true); err != nil {
		t.Errorf("another key: %v", err)
	}
}
