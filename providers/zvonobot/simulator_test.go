package zvonobot

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// lk is a simulator of lk.zvonobot.ru with faults that can be switched on.
type lk struct {
	*httptest.Server
	t *testing.T

	mu    sync.Mutex
	fault string // html, 429, 500, 503, hang, refused, per-phone, strange, empty
	next  int64
	seen  []seen            // what was asked
	calls map[int64]string  // what get tells of an API call, as JSON
	hooks map[int64]webhook // where its webhooks go
	hung  chan struct{}     // gets one, if there is room, when a request begins to hang
	done  chan struct{}
}

type seen struct {
	path string
	body map[string]any
}

type webhook struct{ url, parameters, phone string }

func newLK(t *testing.T) *lk {
	s := &lk{t: t, next: 101, calls: map[int64]string{}, hooks: map[int64]webhook{}, hung: make(chan struct{}, 1), done: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		close(s.done)
		s.Close()
	})
	return s
}

func (s *lk) serve(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(b, &body)
	s.mu.Lock()
	s.seen = append(s.seen, seen{r.URL.Path, body})
	fault := s.fault
	s.mu.Unlock()
	say := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
	switch fault {
	case "html":
		say(200, "<html><body>Технические работы</body></html>")
		return
	case "429":
		w.Header().Set("Retry-After", "90")
		say(429, `{"status":"error","message":"Too Many Attempts."}`)
		return
	case "500":
		say(500, "<h1>Server Error</h1>")
		return
	case "503":
		say(503, `{"status":"error","message":"maintenance"}`)
		return
	case "hang":
		select {
		case s.hung <- struct{}{}:
		default:
		}
		select {
		case <-s.done:
		case <-r.Context().Done():
		}
		return
	case "refused":
		say(200, `{"status":"error","errors":{"record":["Запись не прошла модерацию"]}}`)
		return
	case "per-phone":
		say(200, `{"status":"success","data":[{"status":"error","phone":"79004443322","message":"Номер в черном списке"}]}`)
		return
	case "per-phone error":
		say(200, `{"status":"error","data":[{"status":"error","phone":"79004443322","message":"Неверный номер"}]}`)
		return
	case "strange":
		say(200, `{"status":"maybe","data":[]}`)
		return
	case "empty":
		say(200, `{"status":"success","data":[]}`)
		return
	}
	if body["apiKey"] != "their-key" {
		say(401, `{"status":"error","message":"Unauthorized"}`)
		return
	}
	say(200, s.answer(strings.TrimPrefix(r.URL.Path, "/apiCalls/"), body))
}

// answer is that of a simulator that is well.
func (s *lk) answer(method string, body map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := func(name string) string { v, _ := body[name].(string); return v }
	switch method {
	case "create":
		id := s.next
		s.next++
		s.hooks[id] = webhook{text("webhookUrl"), text("webhookParameters"), text("phone")}
		b, _ := json.Marshal([]map[string]any{{"id": id, "phone": text("phone"), "status": "created", "createdAt": 1700000000, "needRecording": 0}})
		return `{"status":"success","data":` + string(b) + `}`
	case "get":
		var parts []string
		list, _ := body["apiCallIdList"].([]any)
		for _, v := range list {
			n, _ := v.(float64)
			if doc, ok := s.calls[int64(n)]; ok {
				parts = append(parts, doc)
			}
		}
		return `{"status":"success","data":[` + strings.Join(parts, ",") + `]}`
	case "getRecords":
		return `{"status":"success","data":[{"id":1484915,"name":"\u0417\u0430\u043f\u0438\u0441\u044c"}]}`
	}
	return `{"status":"success","data":[]}`
}

func (s *lk) set(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *lk) tells(id int64, doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[id] = doc
}

// asked are the requests for one method.
func (s *lk) asked(method string) (list []map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.seen {
		if x.path == "/apiCalls/"+method {
			list = append(list, x.body)
		}
	}
	return list
}

// until waits for something that other goroutines bring about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s did not come about", what)
		}
	}
}
