package providers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
)

const salebotKey = "0123abcdEF-salebot-key"

// chatter is the Salebot platform: it keeps clients and their variables, and what bots
// were called back with, and fails as it is told.
type chatter struct {
	mu      sync.Mutex
	faults  map[string][]string // by action, in order: "" answers well, the rest see ServeHTTP
	down    bool
	refused int // requests while it was down
	clients map[string]int64
	vars    map[string]string
	told    []string // "client text", with the event that the variables were of then
	numbers []string // that clients were looked for by
}

func (s *chatter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, ours := strings.CutPrefix(r.URL.Path, "/api/"+salebotKey+"/")
	s.mu.Lock()
	defer s.mu.Unlock()
	var fault string
	if list := s.faults[action]; len(list) > 0 {
		fault, s.faults[action] = list[0], list[1:]
	}
	if s.down {
		fault = "500"
		s.refused++
	}
	switch {
	case !ours || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		w.WriteHeader(http.StatusForbidden)
	case fault == "429":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case fault == "500":
		w.WriteHeader(http.StatusInternalServerError)
	case fault == "html":
		_, _ = w.Write([]byte("<html>502</html>"))
	case fault == "gone":
		panic(http.ErrAbortHandler)
	case fault == "fail":
		_, _ = w.Write([]byte(`{"status":"fail","message":"try again"}`))
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.answer(action, r))
	}
}

// answer does one action; s.mu is held.
func (s *chatter) answer(action string, r *http.Request) map[string]any {
	type object = map[string]any
	var b struct {
		PlatformID string            `json:"platform_id"`
		ClientID   int64             `json:"client_id"`
		Message    string            `json:"message"`
		Variables  map[string]string `json:"variables"`
	}
	if action == "load_clients" {
		var list []struct {
			PlatformID string `json:"platform_id"`
			ClientType int    `json:"client_type"`
		}
		if json.NewDecoder(r.Body).Decode(&list) != nil || len(list) != 1 || list[0].ClientType != 13 {
			return object{"status": "fail"}
		}
		s.clients[list[0].PlatformID] = int64(700 + len(s.clients))
		return object{"status": "success", "items": []object{{"id": s.clients[list[0].PlatformID]}}}
	}
	if json.NewDecoder(r.Body).Decode(&b) != nil {
		return object{"status": "fail"}
	}
	switch action {
	case "find_client_id_by_platform_id":
		s.numbers = append(s.numbers, b.PlatformID)
		if id := s.clients[b.PlatformID]; id != 0 {
			return object{"status": "success", "client_id": id}
		}
		return object{"status": "client_not_found"}
	case "find_clients":
		return object{"status": "fail", "message": "nobody"}
	case "connected_channels":
		return object{"status": "success", "channels": []object{}}
	case "save_variables":
		for name, value := range b.Variables {
			s.vars[name] = value
		}
	case "callback":
		s.told = append(s.told, fmt.Sprintf("%d %s (%s)", b.ClientID, b.Message, s.vars["zvonar_call_event"]))
	default:
		return object{"status": "fail", "message": "no such action"}
	}
	return object{"status": "success"}
}

func (s *chatter) read(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// heard are the callbacks, each once: what is told again is told behind itself.
func (s *chatter) heard() (list []string) {
	s.read(func() { list = slices.Compact(slices.Clone(s.told)) })
	return list
}

func (s *chatter) variable(name string) (value string) {
	s.read(func() { value = s.vars[name] })
	return value
}

func newChatter() *chatter {
	return &chatter{faults: map[string][]string{}, clients: map[string]int64{}, vars: map[string]string{}}
}

// salebotHook is a destination of the configuration.
func salebotHook(base, dialect string) string {
	return fmt.Sprintf("webhooks:\n  - {url: %q, secret: %s, kind: salebot, settings: {dialect: %s, rate: 50, timezone: Asia/Yekaterinburg}}\n", base+"/api/", salebotKey, dialect)
}

// A bot of the platform asks for a call, and the platform hears of everything that
// becomes of it, in order, variables first, though each of its methods fails once.
func TestSalebotHearsOfACallInOrderThoughItFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newChatter()
	s.faults = map[string][]string{
		"find_client_id_by_platform_id": {"429"}, "load_clients": {"html"}, "save_variables": {"", "500", "", "fail"}, "callback": {"", "", "gone", "", "429"},
	}
	w.start(salebotHook(serve(t, s), "zvonar"))
	// He presses 3 two seconds into the clip.
	id := w.asks("/v1/bot/zvonobot_digits_call", map[string]any{"number": "78005553535", "client_phone": "79005551203", "record_id": w.clip(),
		"payload": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": "1"}}})
	w.ended(id, "answered/blocked_by_digit")
	var want []string
	for _, e := range w.events(id) {
		if name, ours := strings.CutPrefix(string(e.Type), "call."); ours {
			want = append(want, fmt.Sprintf("700 zvonar_call_event %s (call.%s)", name, name))
		}
	}
	want = slices.Compact(want)
	w.Eventually("the platform to hear of the end", func() bool { return len(s.heard()) >= len(want) })
	if got := s.heard(); !slices.Equal(got, want) {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, value := range map[string]string{"zvonar_call_id": id, "zvonar_client_phone": "79005551203", "zvonar_call_outcome": "answered",
		"zvonar_call_reason": "blocked_by_digit", "zvonar_digits": "3", "zvonar_call_direction": "out", "zvonar_line": "78005553535"} {
		if got := s.variable(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	s.read(func() {
		for action, left := range s.faults {
			if len(left) > 0 {
				t.Errorf("%s was to fail with %q yet", action, left)
			}
		}
		if len(s.clients) != 1 || slices.ContainsFunc(s.numbers, func(n string) bool { return n != "79005551203" }) {
			t.Errorf("clients %v, looked for by %q", s.clients, s.numbers)
		}
	})
	if strings.Contains(w.Log().String(), salebotKey) {
		t.Error("the key stands in the log")
	}
}

// What the platform could not hear, and we could not say for we were killed, is told
// when both are back: of a call out and of a call in, as its integration with Beeline does.
func TestSalebotIsToldAfterAKillWhatItMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newChatter()
	s.down = true
	w.start(salebotHook(serve(t, s), "beeline") + "inbound:\n  - {number: \"78005553535\", trunk: pbx, flow: {record: 1000001}}\n")
	id := w.asks("/v1/calls", map[string]any{"to": "79005550486", "record_id": w.clip()})
	w.ended(id, "busy")
	w.Eventually("the platform to be tried", func() (tried bool) {
		s.read(func() { tried = s.refused > 0 })
		return tried
	})
	w.Kill()
	s.read(func() { s.down = false })
	w.Run()
	w.Eventually("the call out to be told", func() bool { return len(s.heard()) == 1 })
	if got := s.heard()[0]; got != "700 beeline_call_event Outgoing ()" {
		t.Error(got)
	}
	for name, value := range map[string]string{"beeline_call_type": "Outgoing", "beeline_client_phone": "79005550486", "beeline_operator_phone": "", "beeline_record_link": ""} {
		if got := s.variable(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	for _, name := range []string{"beeline_start_time", "beeline_release_time"} {
		if got := s.variable(name); len(got) != len("02.01.2006 15:04:05") {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got := s.variable("beeline_call_description"); !strings.HasSuffix(got, " Пропущенный исходящий звонок. Клиент: 79005550486") {
		t.Errorf("the description is %q", got)
	}
	if _, err := w.carrier.Place("79161234567", "78005553535", "1000"); err != nil {
		t.Fatal(err)
	}
	var in string
	w.Eventually("the call to come in", func() bool {
		list, err := w.api.Calls(t.Context(), url.Values{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(c calls.CallView) bool { return c.Direction == calls.In })
		if i >= 0 {
			in = list[i].ID
		}
		return i >= 0
	})
	w.ended(in, "answered")
	w.Eventually("the call in to be told", func() bool { return len(s.heard()) == 2 })
	if got := s.heard()[1]; got != "701 beeline_call_event Incoming ()" {
		t.Error(got)
	}
	if got := s.variable("beeline_call_description"); !strings.HasSuffix(got, " Принятый входящий звонок. Клиент: 79161234567") {
		t.Errorf("the description is %q", got)
	}
}
