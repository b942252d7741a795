package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestTooManyRequestsAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.MaxConcurrent = 1 })
	h.server.busy <- struct{}{}
	got := h.do("GET", "/v1/calls", "")
	if got.code != 503 || got.problem() != "overloaded" || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.code, got.body)
	}
	wellFormed(t, got)
	<-h.server.busy
	if got := h.do("GET", "/v1/calls", ""); got.code != 200 {
		t.Errorf("afterwards: %d", got.code)
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h := newHouse(t, func(c *Config) { c.Metrics = reg })
	h.do("GET", "/v1/calls/call_secret", "")
	h.do("GET", "/nothing/here", "")
	h.do("BREW", "/v1/calls", "")
	w := httptest.NewRecorder()
	NewAdmin(AdminConfig{Listen: "127.0.0.1:0", Gatherer: reg}).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, line := range []string{
		`zvonar_http_requests_total{code="404",method="GET",route="/v1/calls/{id}"} 1`,
		`zvonar_http_requests_total{code="404",method="GET",route="other"} 1`,
		`zvonar_http_requests_total{code="405",method="other",route="other"} 1`,
		`zvonar_http_request_duration_seconds_count{route="/v1/calls/{id}"} 1`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing %s", line)
		}
	}
	if strings.Contains(text, "call_secret") || strings.Contains(text, "BREW") {
		t.Error("a label is not bounded")
	}
}

func TestTheAdminListenerTellsHealth(t *testing.T) {
	t.Parallel()
	var down error
	get := func(listen, path string) (int, string) {
		w := httptest.NewRecorder()
		a := NewAdmin(AdminConfig{Listen: listen, Ready: func() error { return down }})
		a.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	if code, _ := get("127.0.0.1:0", "/readyz"); code != 200 {
		t.Errorf("ready: %d", code)
	}
	down = errors.New("the store is locked")
	if code, body := get("127.0.0.1:0", "/readyz"); code != 503 || !strings.Contains(body, "the store is locked") {
		t.Errorf("not ready: %d %s", code, body)
	}
	if code, _ := get("127.0.0.1:0", "/livez"); code != 200 {
		t.Errorf("alive although not ready: %d", code)
	}
	if code, _ := get("127.0.0.1:0", "/debug/pprof/cmdline"); code != 200 {
		t.Errorf("pprof on loopback: %d", code)
	}
	for _, listen := range []string{"0.0.0.0:9090", ":9090", "192.0.2.1:9090"} {
		if code, _ := get(listen, "/debug/pprof/cmdline"); code != 404 {
			t.Errorf("pprof on %s: %d", listen, code)
		}
	}
}

func TestTheAdminListenerStartsAndStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := NewAdmin(AdminConfig{Listen: "127.0.0.1:0"})
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + a.Addr().String() + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	for range 2 {
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := NewAdmin(AdminConfig{Listen: "127.0.0.1:0"}).Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestStartNamesTheKeyOfWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.TLS = TLS{Cert: "nowhere.pem", Key: "nowhere.key"} })
	if err := h.server.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "http.tls") {
		t.Errorf("%v", err)
	}
	h = newHouse(t, func(c *Config) { c.Listen = "192.0.2.1:1" })
	if err := h.server.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("%v", err)
	}
}

// certificate writes a self-signed certificate for loopback.
func certificate(t *testing.T) TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := TLS{Cert: filepath.Join(t.TempDir(), "c.pem"), Key: filepath.Join(t.TempDir(), "k.pem")}
	for path, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestTLSIsServedFromFilesAndClientsAreChecked(t *testing.T) {
	t.Parallel()
	files := certificate(t)
	for _, clientCA := range []string{"", files.Cert} {
		files.ClientCA = clientCA
		h := newHouse(t, func(c *Config) { c.TLS = files })
		url := strings.Replace(h.running(), "http://", "https://", 1) + "/openapi.json"
		ca, err := os.ReadFile(files.Cert)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
		resp, err := client.Get(url)
		if err == nil {
			_ = resp.Body.Close()
		}
		if refused := err != nil; refused != (clientCA != "") {
			t.Errorf("client_ca %q: %v", clientCA, err)
		}
	}
}
