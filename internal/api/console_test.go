package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// oneProvider is a console with one provider, of the account main.
type oneProvider struct{ noConsole }

func (oneProvider) List(account string) []ProviderView {
	return []ProviderView{{Name: "p", Kind: "x", Role: "client", Can: []string{"test"}}}
}

func (oneProvider) MayChange(account, name string) error {
	if account != calls.MainAccount || name != "p" {
		return calls.ErrNotFound
	}
	return nil
}

func (oneProvider) Test(ctx context.Context, account, name, method string, header map[string]string, body []byte) (*TestAnswer, error) {
	if name != "p" {
		return nil, calls.ErrNotFound
	}
	deadline, _ := ctx.Deadline()
	if left := time.Until(deadline); left > 3*time.Second {
		return nil, calls.Errorf(calls.CodeWrongState, "%s are left", left)
	}
	return &TestAnswer{Status: 200, Header: map[string]string{"A": "b"}, Body: method + " " + string(body) + header["H"]}, nil
}

func (oneProvider) Sign(_, name, method string, body []byte) ([]SignedView, error) {
	if name != "p" {
		return nil, calls.ErrNotFound
	}
	return []SignedView{{Name: "sign", Value: method + string(body)}}, nil
}

func TestProvidersAreTriedFromTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Console = oneProvider{} })
	if r := h.do("GET", "/v1/providers", ""); r.code != 200 || !strings.Contains(r.body, `"name":"p"`) {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("POST", "/v1/providers/p/test", `{"method":"m","body":"b","header":{"H":"!"},"timeout_s":2.5}`); r.code != 200 || r.doc["body"] != "m b!" {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("POST", "/v1/providers/p/sign", `{"method":"m","body":"b"}`); !strings.Contains(r.body, `"value":"mb"`) {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("GET", "/v1/providers/q/samples", ""); r.code != 404 {
		t.Errorf("samples of nobody: %d", r.code)
	}
	if r := h.do("POST", "/v1/providers/p/test", `{"method":"m"}`, as(h.tokens[calls.PermCaller])...); r.code != 403 {
		t.Errorf("a caller tries providers: %d", r.code)
	}
	if audit := h.do("GET", "/v1/audit?action=provider.test", ""); !strings.Contains(audit.body, "provider:p") {
		t.Errorf("the audit log says %s", audit.body)
	}
}

func TestCertificatesOfAProviderAreTrustedAndRemoved(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Console = oneProvider{} })
	body, _ := json.Marshal(map[string]string{"pem": somePEM})
	r := h.do("POST", "/v1/providers/p/certificates", string(body))
	print, _ := r.doc["fingerprint"].(string)
	if r.code != 201 || len(print) != 64 || r.doc["subject"] != "CN=pbx.example" {
		t.Fatalf("%d %s", r.code, r.body)
	}
	if r := h.do("PUT", "/v1/providers/p/tls", `{"mode":"off"}`); r.code != 200 || r.doc["mode"] != "off" || !strings.Contains(r.body, print) {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("PUT", "/v1/providers/p/tls", `{"mode":"configured"}`); r.doc["mode"] != "configured" {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("DELETE", "/v1/providers/p/certificates/"+print, ""); r.code != 204 {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("GET", "/v1/providers/p/tls", ""); r.code != 200 || strings.Contains(r.body, print) {
		t.Errorf("%d %s", r.code, r.body)
	}
	for path, body := range map[string]string{"/v1/providers/p/certificates": `{"pem":"nothing"}`, "/v1/providers/q/certificates": string(body)} {
		if r := h.do("POST", path, body); r.code < 400 {
			t.Errorf("%s: %d %s", path, r.code, r.body)
		}
	}
	if r := h.do("PUT", "/v1/providers/p/tls", `{"mode":"off"}`, as(h.tokens[calls.PermOperator])...); r.code != 403 {
		t.Errorf("an operator switches TLS off: %d", r.code)
	}
}

// somePEM is a certificate that lasts.
const somePEM = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUeCISuHU5sO/hBcDBgrVbL1FJR3QwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLcGJ4LmV4YW1wbGUwIBcNMjYxMTIxMjMxNjIzWhgPMjEyNjEw
MjgyMzE2MjNaMBYxFDASBgNVBAMMC3BieC5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEW0B0R8puzoGVGc/YhA0L76IBA1DEXZhPyTv3prQAt/3NG4b2
1VvjOPEm4KE3nas4hzFkYyQaJgKqx3qYBQSs4aNTMFEwHQYDVR0OBBYEFJlDPQFN
PMvey3MB9HHnT6wAJWArMB8GA1UdIwQYMBaAFJlDPQFNPMvey3MB9HHnT6wAJWAr
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgE02gD3ikOAhzDHcm
N53TdAW8T2aGLYtQAgytpyx2qTECIQCyHC4SSVau44iPYCFciRQP/j1H23W2J/ab
ujgkrXHPyA==
-----END CERTIFICATE-----
`

// somePEMBody is the request that trusts it.
var somePEMBody = `{"pem":"` + strings.ReplaceAll(somePEM, "\n", `\n`) + `"}`

// aKey makes a key of a facade.
func aKey(h *house) {
	h.put(func(tx calls.Tx) error {
		return tx.PutFacadeKey(&calls.FacadeKey{ID: "key_1", Account: calls.MainAccount, Kind: "y", Name: "crm", Public: "p", Secret: "old secret", CreatedAt: noon})
	})
}

// providerChanges are the samples of changes to what belongs to providers.
var providerChanges = map[string]sample{
	"create-key":          {path: "/v1/keys", body: `{"kind":"y","name":"crm"}`},
	"change-key":          {path: "/v1/keys/key_1", body: `{"name":"crm 2"}`, object: "key_1", prep: aKey},
	"rotate-key":          {path: "/v1/keys/key_1/rotate", object: "key_1", prep: aKey},
	"revoke-key":          {path: "/v1/keys/key_1", object: "key_1", prep: aKey},
	"clear-exchanges":     {path: "/v1/exchanges", object: "exchanges"},
	"test-provider":       {path: "/v1/providers/p/test", body: `{"method":"m","timeout_s":2}`, object: "provider:p"},
	"change-provider-tls": {path: "/v1/providers/p/tls", body: `{"mode":"off"}`, object: "provider:p"},
	"add-provider-certificate": {path: "/v1/providers/p/certificates", object: "provider:p",
		body: somePEMBody},
	"delete-provider-certificate": {path: "/v1/providers/p/certificates/f1", object: "provider:p", prep: func(h *house) {
		h.put(func(tx calls.Tx) error {
			return tx.PutProviderCertificate(calls.ProviderCertificate{Provider: "p", Fingerprint: "f1", PEM: "x", AddedAt: noon})
		})
	}},
}
