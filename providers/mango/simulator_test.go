package mango

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// The key and salt of tests: those of the golden vectors.
const (
	testKey  = "9ipl5monmwkkyg3adfx2s6frz7b"
	testSalt = "zvonar-test-salt-0001"
)

// received is one request that the simulator got.
type received struct {
	Path, JSON string
}

// fault is what the simulator does in place of answering.
type fault struct {
	status int
	kind   string
	body   string
	hang   bool
}

// simulator is the provider: it checks what it is sent and answers as configured.
type simulator struct {
	t    testing.TB
	http *httptest.Server

	mu     sync.Mutex
	got    []received
	faults map[string]fault  // by path; "" is all
	bodies map[string]string // answers by path, in place of {"result":1000}
	pages  map[string][]fault
	free   chan struct{}
}

func newSimulator(t testing.TB) *simulator {
	s := &simulator{t: t, faults: map[string]fault{}, bodies: map[string]string{}, pages: map[string][]fault{}, free: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() { close(s.free); s.http.Close() })
	return s
}

// ServeHTTP is the provider's API.
func (s *simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	values, err := url.ParseQuery(string(b))
	path := strings.TrimPrefix(r.URL.Path, "/vpbx/")
	json := values.Get("json")
	switch {
	case err != nil || r.Method != http.MethodPost:
		s.t.Errorf("%s %s with %q", r.Method, r.URL.Path, b)
	case values.Get("vpbx_api_key") != testKey || values.Get("sign") != sign(testKey, json, testSalt):
		s.t.Errorf("%s: wrongly signed", path)
	}
	s.mu.Lock()
	s.got = append(s.got, received{path, json})
	f, ok := s.faults[path]
	if !ok {
		f, ok = s.faults[""]
	}
	if pages := s.pages[path]; len(pages) > 0 {
		f, ok = pages[0], true
		s.pages[path] = pages[1:]
	}
	body := s.bodies[path]
	s.mu.Unlock()
	if ok {
		if f.hang {
			select {
			case <-s.free:
			case <-r.Context().Done():
			}
			return
		}
		w.Header().Set("Content-Type", f.kind)
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, f.body)
		return
	}
	if body == "" {
		body = `{"result":1000}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// fail has a path answered with a fault from now on; "" is all paths.
func (s *simulator) fail(path string, f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[path] = f
}

func (s *simulator) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = map[string]fault{}
}

// requests are what came so far.
func (s *simulator) requests() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

// yamlSettings are settings as tests write them.
type yamlSettings func(into any) error

// Decode implements providers.Settings.
func (y yamlSettings) Decode(into any) error { return y(into) }

// world is a client with its provider and a clock that tests hold.
type world struct {
	*simulator
	clock *clock.Fake
	c     *client
}

func newWorld(t testing.TB, change func(*settings)) *world {
	t.Helper()
	sim := newSimulator(t)
	fake := clock.NewFake(noon)
	h := &providers.House{Clock: fake, IDs: clock.NewIDs(fake, nil), Log: slog.New(slog.DiscardHandler), Trusted: http.DefaultClient}
	c, err := newClient(h, "office", yamlSettings(func(into any) error {
		s := into.(*settings)
		s.URL, s.Key, s.Salt, s.Sources = sim.http.URL+"/vpbx/", testKey, testSalt, nil
		if change != nil {
			change(s)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return &world{simulator: sim, clock: fake, c: c}
}

// notify posts a notice as the provider does and gives the status of the answer.
func (w *world) notify(path string, body any) int {
	w.t.Helper()
	f, err := newForm(testKey, testSalt, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if raw, ok := body.(string); ok {
		f = form{Key: testKey, JSON: raw, Sign: sign(testKey, raw, testSalt)}
	}
	return w.post(path, "application/x-www-form-urlencoded", string(f.encode()), "81.88.80.132:4000")
}

func (w *world) post(path, kind, body, from string) int {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.RemoteAddr = from
	rec := httptest.NewRecorder()
	w.c.Intake().ServeHTTP(rec, r)
	return rec.Code
}

// followed is a call that is followed, with the reports that came.
type followed struct {
	w       *world
	reports chan calls.ProviderReport
	done    chan struct{}
}

// follow begins to follow a call, places it, and ends with the test.
func (w *world) follow(t testing.TB, r calls.PlaceRequest) *followed {
	t.Helper()
	f := &followed{w: w, reports: make(chan calls.ProviderReport, 64), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	placed := make(chan calls.PlaceResult, 1)
	hear := w.c.Follow(ctx, r, placed, func(p calls.ProviderReport) { f.reports <- p })
	go func() {
		defer close(f.done)
		hear()
	}()
	t.Cleanup(func() { cancel(); <-f.done })
	if r.Resumed != nil { // nobody asks again
		placed <- calls.PlaceResult{ProviderCallID: resumedEntry}
		return f
	}
	result, err := w.c.Place(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	placed <- result
	return f
}

// resumedEntry is the name of calls that a former process placed.
const resumedEntry = "e1"

// waitABit lets other goroutines run.
func waitABit() { <-time.After(time.Millisecond) }

// next is the next report; the clock goes on where none comes by itself.
func (f *followed) next(t testing.TB) calls.ProviderReport {
	t.Helper()
	for range 30000 {
		select {
		case r := <-f.reports:
			return r
		case <-time.After(2 * time.Millisecond):
			f.w.clock.Advance(time.Second)
		}
	}
	t.Fatal("no report came")
	return calls.ProviderReport{}
}

// states reads reports until the end and gives their states.
func (f *followed) states(t testing.TB) (states []calls.ReportState, end calls.ProviderReport) {
	t.Helper()
	for {
		r := f.next(t)
		states = append(states, r.State)
		if r.State == calls.ReportEnded {
			return states, r
		}
	}
}

// scenario is the sequence of notices of an answered callback, as the provider's
// document shows it.
func scenario(attempt, entry, to string) (list []callNotice) {
	side := party{Extension: "1234", Number: "sip:user@vpbx1.mangosip.ru"}
	add := func(leg string, seq number, state legState, reason number, from, to party, command string) {
		list = append(list, callNotice{Entry: text(entry), Call: text(entry + leg), Timestamp: stamp(noon) + number(len(list)), Seq: seq, State: state,
			Location: "abonent", From: from, To: to, Reason: reason, Command: text(command)})
	}
	client := party{Number: text(to), Line: "74951234567"}
	add("A", 1, legAppeared, 0, party{Number: text(to)}, side, attempt)
	add("A", 2, legConnected, 0, party{Number: text(to)}, side, attempt)
	add("A", 3, legDisconnected, 1000, party{Number: text(to)}, side, attempt)
	taken := side
	taken.TakenFrom = text(entry + "A")
	add("B", 1, legAppeared, 0, taken, client, "")
	add("B", 2, legConnected, 0, taken, client, "")
	add("B", 3, legDisconnected, 1120, taken, client, "")
	return list
}

func summaryOf(entry, to string, talked time.Duration, reason number) summaryNotice {
	s := summaryNotice{Entry: text(entry), Direction: directionOut, To: party{Number: text(to)}, Created: stamp(noon), Ended: stamp(noon.Add(time.Minute)), Result: 1, Reason: reason}
	if talked > 0 {
		s.Forwarded, s.Talked = stamp(noon.Add(time.Minute-talked)), stamp(noon.Add(time.Minute-talked))
	}
	return s
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// newServer serves until the test ends and gives its address.
func newServer(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
