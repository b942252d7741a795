package voximplant

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

	"zvonar/internal/clock"
)

// simulator is the Management API and the sessions it starts, with faults that can be
// switched on.
type simulator struct {
	t      *testing.T
	server *httptest.Server
	clock  clock.Clock
	key    *signer // whose tokens are let in; nil: by API key "the-api-key"

	mu       sync.Mutex
	fault    string // of the next answers; see answer
	requests []request
	commands []string // what came to sessions
	sessions []session
	hang     chan struct{}
}

// request is one that came.
type request struct {
	method string
	form   map[string]string
}

func newSimulator(t *testing.T, c clock.Clock, key *signer) *simulator {
	t.Helper()
	s := &simulator{t: t, clock: c, key: key, hang: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/platform_api/{method}/", s.serve)
	mux.HandleFunc("/session/{id}", s.session)
	s.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		close(s.hang)
		s.server.Close()
	})
	return s
}

func (s *simulator) url() string { return s.server.URL + "/platform_api" }

func (s *simulator) set(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *simulator) history(list ...session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = list
}

// came are the requests of a method.
func (s *simulator) came(method string) (out []request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if r.method == method {
			out = append(out, r)
		}
	}
	return out
}

func (s *simulator) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil && err != http.ErrNotMultipart {
		s.t.Errorf("the form cannot be read: %v", err)
	}
	form := map[string]string{}
	for name := range r.Form {
		form[name] = r.Form.Get(name)
	}
	if r.MultipartForm != nil {
		if f, _, err := r.FormFile("file_content"); err == nil {
			b, _ := io.ReadAll(f)
			form["file_content"] = string(b)
		}
	}
	method := r.PathValue("method")
	s.mu.Lock()
	s.requests = append(s.requests, request{method, form})
	fault, sessions := s.fault, s.sessions
	s.mu.Unlock()
	if !s.allowed(r, form) {
		writeJSON(w, http.StatusOK, map[string]any{"error": errorBody{100, "Authorization failed"}})
		return
	}
	if s.wrong(w, r, fault) {
		return
	}
	switch method {
	case "StartScenarios":
		writeJSON(w, http.StatusOK, started{Result: json.RawMessage("1"), SecureURL: s.server.URL + "/session/4711", Session: "4711"})
	case "GetCallHistory":
		writeJSON(w, http.StatusOK, history{Result: sessions, Count: len(sessions)})
	default:
		writeJSON(w, http.StatusOK, map[string]any{"result": true, "count": 1, "list_id": 5})
	}
}

func (s *simulator) allowed(r *http.Request, form map[string]string) bool {
	if s.key == nil {
		return form["api_key"] == "the-api-key" && form["account_id"] == "1"
	}
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := parseToken(text)
	return ok && err == nil && token.account == fmt.Sprint(s.key.account) && token.holds(&s.key.key.PublicKey, s.clock.Now(), 0) == nil
}

// wrong answers as a fault does.
func (s *simulator) wrong(w http.ResponseWriter, r *http.Request, fault string) bool {
	switch fault {
	case "":
		return false
	case "html":
		_, _ = io.WriteString(w, "<html>502</html>")
	case "429", "500", "502", "503", "401", "302":
		var code int
		_, _ = fmt.Sscan(fault, &code)
		w.WriteHeader(code)
	case "hang":
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-s.hang:
		case <-r.Context().Done():
		}
	case "long":
		_, _ = w.Write(bytes.Repeat([]byte(" "), maxHistory+1))
	case "cut":
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"result":`)
	case "no result":
		_, _ = io.WriteString(w, `{"call_session_history_id": 4711}`)
	case "errors":
		_, _ = io.WriteString(w, `{"errors":[{"code":101,"msg":"Invalid arguments"}]}`)
	default: // an error of the API: its code
		var code int
		_, _ = fmt.Sscan(fault, &code)
		writeJSON(w, http.StatusOK, map[string]any{"error": errorBody{code, "said so"}})
	}
	return true
}

func (s *simulator) session(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.commands = append(s.commands, string(b))
	fault := s.fault
	s.mu.Unlock()
	if !s.wrong(w, r, fault) {
		_, _ = io.WriteString(w, "ok")
	}
}

// post sends a report to a client's intake and gives the status.
func post(t testing.TB, intake http.Handler, body string) int {
	t.Helper()
	w := httptest.NewRecorder()
	intake.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(body)))
	return w.Code
}

// ended is a session of the history that is over.
func ended(id string, call sessionCall) session {
	seconds := int64(33)
	call.StartTime = noon.Format(dateLayout)
	call.RemoteNumber = "79004443322"
	return session{ID: json.Number(id), StartDate: noon.Format(dateLayout), Duration: &seconds, Finish: "Normal termination", Calls: []sessionCall{call},
		Records: []sessionRecord{{ID: "1", URL: "https://records.example.com/1.mp3"}}}
}

func seconds(n int64) *int64 { return &n }
