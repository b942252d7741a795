package sipuni

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/clock"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

// simulator is the service, written from the reference: it checks what it is sent,
// answers orders, and can be told to misbehave.
type simulator struct {
	t      testing.TB
	secret string
	url    string
	table  string // of statistic/export
	hang   chan struct{}
	served chan struct{} // one for each request that was answered

	mu    sync.Mutex
	asked []url.Values // with the path under "path"
	fault string
}

func newSimulator(t testing.TB) *simulator {
	s := &simulator{t: t, secret: "secret", hang: make(chan struct{}), served: make(chan struct{}, 64)}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(s.hang) })
	s.url = srv.URL + "/api/"
	return s
}

func (s *simulator) breaks(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *simulator) requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.asked...)
}

// order is the id that the n-th order gets, from 1.
func order32(n int) string { return fmt.Sprintf("%032x", 0xabc000+n) }

// ServeHTTP implements http.Handler.
func (s *simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() { s.served <- struct{}{} }()
	_ = r.ParseForm()
	form := url.Values{}
	for name := range r.Form {
		form.Set(name, r.Form.Get(name))
	}
	form.Set("path", strings.TrimPrefix(r.URL.Path, "/api/"))
	s.mu.Lock()
	s.asked = append(s.asked, form)
	n, fault := len(s.asked), s.fault
	s.mu.Unlock()
	if !s.holds(r.Form) {
		_, _ = w.Write([]byte(`{"success":false,"message":"hash is wrong"}`))
		return
	}
	switch fault {
	case "":
	case "hang":
		select {
		case <-s.hang:
		case <-r.Context().Done():
		}
		return
	case "html":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Ведутся работы</html>"))
		return
	case "429", "500", "502", "503":
		code := map[string]int{"429": 429, "500": 500, "502": 502, "503": 503}[fault]
		w.WriteHeader(code)
		return
	case "no":
		_, _ = w.Write([]byte(`{"success":false,"msg":"Недостаточно средств"}`))
		return
	case "reset":
		panic(http.ErrAbortHandler)
	case "long":
		_, _ = w.Write([]byte(`{"success":true,"id":"` + strings.Repeat("1", providers.MaxAnswer) + `"}`))
		return
	}
	switch form.Get("path") {
	case methodStatistic:
		_, _ = w.Write([]byte(s.table))
	case methodCancel, methodHangup:
		_, _ = w.Write([]byte(`{"success":true}`))
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8") // as the real one says
		_, _ = fmt.Fprintf(w, `{"success":true,"id":"%s"}`, order32(n))
	}
}

// holds checks the hash by the rule, written anew.
func (s *simulator) holds(form url.Values) bool {
	var list []string
	for name := range form {
		if name != "hash" {
			list = append(list, name)
		}
	}
	sort.Strings(list)
	text := ""
	for _, name := range list {
		text += form.Get(name) + "+"
	}
	digest := md5.Sum([]byte(text + s.secret))
	return form.Get("hash") == hex.EncodeToString(digest[:])
}

// branch is a client of a simulator in a house.
type branch struct {
	*providerstest.World
	*Client
	sim    *simulator
	clock  *clock.Fake
	intake string
}

func newBranch(t testing.TB, sim *simulator, change func(*settings)) *branch {
	t.Helper()
	clk := clock.NewFake(noon)
	w := providerstest.New(clk)
	p, err := newClient(w.House, "pbx", providerstest.Settings{Fill: func(into any) {
		set := into.(*settings)
		set.User, set.Secret, set.Timeout = "078332", "secret", time.Minute
		if sim != nil {
			set.URL = sim.url
		}
		if change != nil {
			change(set)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := p.(*Client)
	srv := httptest.NewServer(w.Journalled(Kind, "pbx", c.Intake()))
	t.Cleanup(srv.Close)
	return &branch{World: w, Client: c, sim: sim, clock: clk, intake: srv.URL}
}

// event sends one to the intake and gives the answer.
func (b *branch) event(t testing.TB, v url.Values) (int, string) {
	t.Helper()
	resp, err := http.Get(b.intake + "/?" + v.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text := make([]byte, 400)
	n, _ := resp.Body.Read(text)
	return resp.StatusCode, string(text[:n])
}

// about is an event of a call between an internal number and a client.
func about(k kind, callID, order, client string, more ...string) url.Values {
	v := url.Values{"event": {fmt.Sprint(int(k))}, "call_id": {callID}, "src_num": {"078332201"}, "src_type": {"2"}, "short_src_num": {"201"},
		"dst_num": {client}, "dst_type": {"1"}, "timestamp": {"1795251600"}}
	if order != "" {
		v.Set("callbackId", order)
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

var background = context.Background()
