package providers

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// kept is a Journal that tests look into.
type kept struct {
	mu   sync.Mutex
	list []calls.Exchange
}

func (k *kept) Note(x calls.Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, x)
}

func (k *kept) last(t *testing.T) calls.Exchange {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.list) != 1 {
		t.Fatalf("%d exchanges were noted", len(k.list))
	}
	x := k.list[0]
	k.list = nil
	return x
}

func newHouse() (*House, *kept) {
	k := &kept{}
	return &House{Journal: k, Clock: clock.System()}, k
}

func post(t *testing.T, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return req
}

func TestClientSaysToTheJournalWhatWasSaid(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); !strings.Contains(string(b), "the-secret") {
			t.Errorf("%q was sent", b)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"id":"7","token":"abcd"}`)
	}))
	defer server.Close()
	h, journal := newHouse()
	c, err := h.Client(ClientConfig{Kind: "mango", Provider: "office", Account: "a", Secrets: []string{"the-secret"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := Labelled(context.Background(), Label{Method: "callback", Correlation: "call_1"})
	a, err := c.Send(Labelled(ctx, Label{Test: true}), post(t, server.URL+"/vpbx?api_key=k", `{"x":"the-secret","phone":"7"}`))
	if err != nil || string(a.Body) != `{"id":"7","token":"abcd"}` {
		t.Fatalf("%v %+v", err, a)
	}
	x := journal.last(t)
	if x.Kind != "mango" || x.Provider != "office" || x.Account != "a" || !x.Outgoing || x.Method != "callback" || x.Correlation != "call_1" || !x.Test || x.Status != 202 || x.Fault != "" {
		t.Errorf("%+v", x)
	}
	for _, want := range []string{"POST " + server.URL + "/vpbx?api_key=***\n", "Content-Type: application/json\n", "\n\n" + `{"x":"***","phone":"7"}`} {
		if !strings.Contains(x.Request, want) {
			t.Errorf("the request lacks %q: %q", want, x.Request)
		}
	}
	if !strings.HasPrefix(x.Answer, "HTTP/1.1 202 Accepted\n") || !strings.HasSuffix(x.Answer, "\n\n"+`{"id":"7","token":"***"}`) {
		t.Errorf("the answer is %q", x.Answer)
	}
}

func TestClientSaysToTheJournalWhyNoAnswerCame(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	h, journal := newHouse()
	c, err := h.Client(ClientConfig{Kind: "mango", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var refused *calls.PlaceRefused
	if _, err := c.Send(context.Background(), post(t, server.URL, "{}")); !errors.As(err, &refused) {
		t.Errorf("nobody listens: %v", err)
	}
	if x := journal.last(t); x.Status != 0 || x.Fault == "" || x.Answer != "" {
		t.Errorf("%+v", x)
	}
}

func TestJournalCutsWhatIsLargeAndNamesWhatIsSound(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = w.Write(make([]byte, 3000))
	}))
	defer server.Close()
	h, journal := newHouse()
	c, err := h.Client(ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(context.Background(), post(t, server.URL, strings.Repeat("ю", calls.MaxExchange))); err != nil {
		t.Fatal(err)
	}
	x := journal.last(t)
	if len(x.Request) > calls.MaxExchange || !strings.HasSuffix(x.Request, "юю… (cut)") {
		t.Errorf("%d bytes of the request are kept, to %q", len(x.Request), x.Request[len(x.Request)-20:])
	}
	if !strings.HasSuffix(x.Answer, "(3000 bytes of audio/mpeg)") {
		t.Errorf("the answer is %q", x.Answer)
	}
}

func TestWhatComesInIsJournalledWithItsAnswer(t *testing.T) {
	t.Parallel()
	h, journal := newHouse()
	facade := h.Journalled("sipuni", "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		Named(r.Context(), Label{Method: "call_number", Account: "main"})
		Named(r.Context(), Label{Correlation: "call_1", Fault: "wrong hash"})
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(append([]byte("no: "), b...))
	}), "s3cr3t")
	w := httptest.NewRecorder()
	facade.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/s3cr3t/call", strings.NewReader("user=1&hash=abc")))
	if w.Code != http.StatusForbidden || w.Body.String() != "no: user=1&hash=abc" {
		t.Errorf("it was answered %d %q", w.Code, w.Body)
	}
	x := journal.last(t)
	if x.Kind != "sipuni" || x.Outgoing || x.Provider != "" || x.Account != "main" || x.Method != "call_number" || x.Correlation != "call_1" ||
		x.Fault != "wrong hash" || x.Status != 403 || x.RemoteAddress == "" {
		t.Errorf("%+v", x)
	}
	if x.Request != "POST /api/***/call HTTP/1.1\n\nuser=1&hash=***" || x.Answer != "403 Forbidden\n\nno: user=1&hash=***" {
		t.Errorf("%q was answered with %q", x.Request, x.Answer)
	}
}

func TestPanicOfAFacadeIsJournalledAndGoesOn(t *testing.T) {
	t.Parallel()
	h, journal := newHouse()
	facade := h.Journalled("sipuni", "", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		facade.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	if x := journal.last(t); x.Status != 0 || x.Fault == "" {
		t.Errorf("%+v", x)
	}
}

// peers are Peers as a test wants them.
type peers struct {
	mu sync.Mutex
	Peer
}

func (p *peers) set(v Peer) { p.mu.Lock(); p.Peer = v; p.mu.Unlock() }

// peersOf gives the field a name of its own beside the method.
type peersOf struct{ *peers }

func (p peersOf) Peer(string) Peer { p.mu.Lock(); defer p.mu.Unlock(); return p.peers.Peer }

func TestTrustAndModeOfTLSMayChangeWhileWeRun(t *testing.T) {
	t.Parallel()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	secure, plain := httptest.NewTLSServer(answer), httptest.NewServer(answer)
	defer secure.Close()
	defer plain.Close()
	h, _ := newHouse()
	people := &peers{}
	h.Peers = peersOf{people}
	c, err := h.Client(ClientConfig{Provider: "p"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(url string) error {
		_, err := c.Send(context.Background(), post(t, url, "{}"))
		return err
	}
	var refused *calls.PlaceRefused
	if err := ask(secure.URL); !errors.As(err, &refused) {
		t.Errorf("a certificate nobody trusts: %v", err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	people.set(Peer{Trust: [][]byte{cert}})
	if err := ask(secure.URL); err != nil {
		t.Errorf("trusted: %v", err)
	}
	people.set(Peer{Mode: TLSOff})
	if err := ask("https" + strings.TrimPrefix(plain.URL, "http")); err != nil {
		t.Errorf("TLS off: %v", err)
	}
	file := filepath.Join(t.TempDir(), "trust.pem")
	if err := os.WriteFile(file, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = h.Client(ClientConfig{TLS: TLS{Trust: []string{file}}}); err != nil {
		t.Fatal(err)
	}
	if err := ask(secure.URL); err != nil {
		t.Errorf("trusted by the settings: %v", err)
	}
}

func TestSettingsOfTLSNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	for key, c := range map[string]TLS{"tls.mode": {Mode: "maybe"}, "tls.cert": {Cert: "x"}, "tls.trust[0]": {Trust: []string{"/nowhere"}}} {
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), key+":") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
