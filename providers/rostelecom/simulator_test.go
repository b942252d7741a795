package rostelecom

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

const (
	simID  = "000003C405E6525C64C184258C44EC99"
	simKey = "00000716ABDA6D4DFF10F82BCBBFC532"

	simSession = "5a56aff8-2352-4c94-8778-07cbfb60d242"
)

// patience is how long a test waits for what must come; the machine may be busy.
const patience = time.Minute

var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// simulator is the virtual PBX's API: it checks signatures and answers as told.
type simulator struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	answers map[string][]func(http.ResponseWriter) // by method; the last one stays
	got     map[string][]string                    // bodies by method
	asked   chan string                            // each method that was asked for
}

func newSimulator(t testing.TB, start func(http.Handler) *httptest.Server) *simulator {
	s := &simulator{t: t, answers: map[string][]func(http.ResponseWriter){}, got: map[string][]string{}, asked: make(chan string, 100)}
	if start == nil {
		start = httptest.NewServer
	}
	s.Server = start(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP answers one request, if it is signed.
func (s *simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	method := strings.Trim(r.URL.Path, "/")
	if r.Method != http.MethodPost || r.Header.Get(headerID) != simID || r.Header.Get(headerSign) != sign(simID, body, simKey) ||
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || !json.Valid(body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	s.got[method] = append(s.got[method], string(body))
	list := s.answers[method]
	if len(list) > 1 {
		s.answers[method] = list[1:]
	}
	s.mu.Unlock()
	s.asked <- method
	if len(list) == 0 {
		page(w, http.StatusNotFound, "404 Not Found")
		return
	}
	list[0](w)
}

// say sets what a method is answered with, one after the other.
func (s *simulator) say(method string, answers ...func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[method] = answers
}

func (s *simulator) bodies(method string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got[method]...)
}

func jsonSays(body string) func(http.ResponseWriter) {
	return status(http.StatusOK, "application/json; charset=utf-8", body)
}

func status(code int, contentType, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// breaksOff sends half an answer.
func breaksOff(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "500")
	_, _ = io.WriteString(w, `{"result":"0"`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// yamlText are settings as an operator writes them.
type yamlText string

// Decode implements providers.Settings.
func (y yamlText) Decode(into any) error {
	return yaml.UnmarshalWithOptions([]byte(y), into, yaml.Strict())
}

// world is a client with everything around it in the test's hands.
type world struct {
	t     testing.TB
	sim   *simulator
	house *providerstest.World
	clock *armedClock
	p     *Provider
}

// armedClock tells of every timer that was set.
type armedClock struct {
	*clock.Fake
	armed chan time.Duration
}

// AfterFunc implements clock.Clock.
func (c *armedClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	t := c.Fake.AfterFunc(d, f)
	c.armed <- d
	return t
}

func newWorld(t testing.TB, more string) *world {
	t.Helper()
	sim := newSimulator(t, nil)
	fake := &armedClock{clock.NewFake(noon), make(chan time.Duration, 100)}
	w := &world{t: t, sim: sim, clock: fake, house: providerstest.New(fake)}
	p, err := newProvider(w.house.House, "rt", yamlText(fmt.Sprintf("api: %s\nclient_id: %s\nsign_key: %s\nfrom_pin: \"201\"\n%s", sim.URL, simID, simKey, more)))
	if err != nil {
		t.Fatal(err)
	}
	w.p = p
	return w
}

// hears posts a signed body to the intake.
func (w *world) hears(method, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.posts(method, body, simID, sign(simID, []byte(body), simKey))
}

func (w *world) posts(method, body, id, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/"+method, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(headerID, id)
	r.Header.Set(headerSign, signature)
	rec := httptest.NewRecorder()
	w.p.Intake().ServeHTTP(rec, r)
	return rec
}

// event posts an event of a session.
func (w *world) event(session, state, second, request, pin string) {
	w.t.Helper()
	e := ev(state, second, request, pin)
	e.SessionID = text(session)
	body, err := marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	if rec := w.hears(methodCallEvents, string(body)); rec.Code != http.StatusOK {
		w.t.Fatalf("the event was answered with %d %s", rec.Code, rec.Body)
	}
}

// following is a call that is followed.
type following struct {
	w       *world
	reports chan calls.ProviderReport
	placed  chan providers.PlaceResult
	over    chan struct{}
}

func (w *world) follow(r providers.PlaceRequest) *following {
	w.t.Helper()
	f := &following{w: w, reports: make(chan calls.ProviderReport, 50), placed: make(chan providers.PlaceResult, 1), over: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(func() { cancel(); <-f.over })
	hear := w.p.Follow(ctx, r, f.placed, func(rep calls.ProviderReport) { f.reports <- rep })
	go func() {
		defer close(f.over)
		hear()
	}()
	return f
}

// told waits for exactly these states and gives the last report.
func (f *following) told(want ...calls.ReportState) (last calls.ProviderReport) {
	f.w.t.Helper()
	for _, s := range want {
		select {
		case last = <-f.reports:
			if last.State != s {
				f.w.t.Fatalf("told %+v, want %s", last, s)
			}
		case <-time.After(patience):
			f.w.t.Fatalf("%s was never told", s)
		}
	}
	return last
}

var toClient = providers.PlaceRequest{CallID: "call_1", Attempt: "att_1", To: "79161234567", Extension: "207"}
