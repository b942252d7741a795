package beeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const simToken = "0f0f0f0f-aaaa-bbbb-cccc-1234567890ab"

// simulator is a Cloud PBX, written from the facts: its portal over HTTP, and events
// to whoever subscribes. Faults can be switched on by path.
type simulator struct {
	t      *testing.T
	server *httptest.Server
	hook   string // where a client's intake is reached

	mu       sync.Mutex
	intake   http.Handler
	faults   map[string]http.HandlerFunc // "METHOD path", or "METHOD path-prefix*"
	asked    []string                    // what came, "METHOD path?query body"
	subs     map[string]Subscription
	subbed   chan string // ids as they are given
	ended    chan string
	calls    chan simCall
	number   int
	records  []map[string]any
	stats    []map[string]any
	bareID   bool // the call's id is no JSON
	callID   string
	granted  int
	sequence int
}

// simCall is a request to call.
type simCall struct{ pattern, number string }

func newSimulator(t *testing.T) *simulator {
	s := &simulator{t: t, faults: map[string]http.HandlerFunc{}, subs: map[string]Subscription{}, subbed: make(chan string, 100), ended: make(chan string, 100),
		calls: make(chan simCall, 10), callID: "callhalf-1:0"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/portal/abonents", s.reply([]Abonent{{UserID: operator, Phone: "9333221100", FirstName: "Anna", LastName: "Ivanova", Extension: "201"},
		{UserID: "MPBX_sales_hg_1", Phone: "9000000000"}}))
	mux.HandleFunc("GET /apis/portal/abonents/{p}", s.reply(Abonent{UserID: operator, Phone: "9333221100", Extension: "201"}))
	mux.HandleFunc("POST /apis/portal/abonents/{p}/call", s.call)
	mux.HandleFunc("POST /apis/portal/v2/abonents/{p}/call", s.call)
	mux.HandleFunc("POST /apis/portal/abonents/{p}/callTransfer", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/apis/portal/subscription", s.subscription)
	mux.HandleFunc("GET /apis/portal/records", s.listRecords)
	mux.HandleFunc("GET /apis/portal/records/{id}/reference", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"url": "https://cloudpbx.example/api/downloadCallRecording/a/record/" + r.PathValue("id")})
	})
	mux.HandleFunc("GET /apis/portal/v2/records/{id}/download", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("sound")) })
	mux.HandleFunc("GET /apis/portal/v2/statistics", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(append([]map[string]any{}, s.stats...))
	})
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hook") {
			s.mu.Lock()
			h := s.intake
			s.mu.Unlock()
			h.ServeHTTP(w, r)
			return
		}
		s.portal(mux, w, r)
	}))
	s.hook = s.server.URL + "/hook/secret"
	t.Cleanup(s.server.Close)
	return s
}

// portal notes a request, checks the key and fails where a fault is switched on.
func (s *simulator) portal(next http.Handler, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	path := strings.TrimPrefix(r.URL.Path, "/apis/portal/")
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+path+"?"+r.URL.RawQuery+" "+string(body)))
	fault := s.faults[r.Method+" "+path]
	for prefix, f := range s.faults {
		if p, ok := strings.CutSuffix(prefix, "*"); ok && strings.HasPrefix(r.Method+" "+path, p) {
			fault = f
		}
	}
	s.mu.Unlock()
	switch {
	case r.Header.Get(tokenHeader) != simToken:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errorCode":"AuthTokenNotFound","description":"wrong token"}`))
	case fault != nil:
		fault(w, r)
	default:
		next.ServeHTTP(w, r)
	}
}

func (s *simulator) reach(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intake = h
}

// fault switches one on, or off (nil).
func (s *simulator) fault(where string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h == nil {
		delete(s.faults, where)
		return
	}
	s.faults[where] = h
}

// says is a fault that answers.
func says(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); _, _ = w.Write([]byte(body)) }
}

// hangs is a fault that never answers.
func hangs(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

func (s *simulator) reply(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
}

func (s *simulator) call(w http.ResponseWriter, r *http.Request) {
	var in struct{ PhoneNumber string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	if in.PhoneNumber == "" {
		in.PhoneNumber = r.URL.Query().Get("phoneNumber")
	}
	s.calls <- simCall{r.PathValue("p"), in.PhoneNumber}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bareID {
		_, _ = fmt.Fprint(w, s.callID)
		return
	}
	_ = json.NewEncoder(w).Encode(s.callID)
}

func (s *simulator) subscription(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("subscriptionId")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		var in Subscription
		_ = json.NewDecoder(r.Body).Decode(&in)
		s.number++
		in.SubscriptionID = fmt.Sprintf("sub-%d", s.number)
		if s.granted > 0 {
			in.Expires = Millis(s.granted)
		}
		s.subs[in.SubscriptionID] = in
		s.subbed <- in.SubscriptionID
		_ = json.NewEncoder(w).Encode(map[string]any{"subscriptionId": in.SubscriptionID, "expires": in.Expires})
	case http.MethodDelete:
		if _, ok := s.subs[id]; !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errorCode":"SubscriptionNotFound","description":"no"}`))
			return
		}
		delete(s.subs, id)
		s.ended <- id
	default:
		_ = json.NewEncoder(w).Encode(s.subs[id])
	}
}

func (s *simulator) listRecords(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, page := r.URL.Query().Get("id"), []map[string]any{}
	for _, rec := range s.records {
		if fmt.Sprint(rec["id"]) > from && len(page) < 2 { // small pages, so that they are turned
			page = append(page, rec)
		}
	}
	_ = json.NewEncoder(w).Encode(page)
}

// send posts an event to the hook as the PBX does, and gives the status.
func (s *simulator) send(subscription string, st step) int {
	s.t.Helper()
	s.mu.Lock()
	s.sequence++
	n := s.sequence
	s.mu.Unlock()
	c := st.call
	body := writeEvent(Event{ID: fmt.Sprintf("e-%d", n), Sequence: int64(n), User: st.user, Subscription: subscription, Target: st.user, Type: st.kind, Calls: []Call{c}})
	return s.post("application/xml; charset=UTF-8", body)
}

func (s *simulator) post(contentType string, body []byte) int {
	s.t.Helper()
	resp, err := http.Post(s.hook, contentType, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// requests are what was asked of a kind, by the beginning of "METHOD path".
func (s *simulator) requests(prefix string) (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if strings.HasPrefix(a, prefix) {
			list = append(list, a)
		}
	}
	return list
}
