package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// lk is Zvonobot: it takes calls and tells of them by webhook, by get, or not at all.
type lk struct {
	mu    sync.Mutex
	fault string         // html, 429, silent, lost (no webhooks)
	asked map[string]int // requests by method
	story func(n int, tell func(status, answers, cause string))
	calls map[int64]string // what get says
	next  int64
}

func (s *lk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		APIKey        string  `json:"apiKey"`
		Phone         string  `json:"phone"`
		WebhookURL    string  `json:"webhookUrl"`
		Parameters    string  `json:"webhookParameters"`
		APICallIDList []int64 `json:"apiCallIdList"`
	}
	method := strings.TrimPrefix(r.URL.Path, "/apiCalls/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[method]++
	switch {
	case json.NewDecoder(r.Body).Decode(&in) != nil || in.APIKey != "k3y-of-the-cabinet":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"status":"error","message":"Unauthorized"}`)
	case s.fault == "html":
		_, _ = io.WriteString(w, "<html>")
	case s.fault == "429" && method == "create":
		w.WriteHeader(http.StatusTooManyRequests)
	case method == "get":
		var found []string
		for _, id := range in.APICallIDList {
			if doc, ok := s.calls[id]; ok {
				found = append(found, doc)
			}
		}
		_, _ = io.WriteString(w, `{"status":"success","data":[`+strings.Join(found, ",")+`]}`)
	default:
		s.next++
		id := 100 + s.next
		go s.tell(id, in.Phone, in.WebhookURL, in.Parameters)
		fmt.Fprintf(w, `{"status":"success","data":[{"id":%d,"phone":%q,"status":"created","createdAt":1700000000,"needRecording":0}]}`, id, in.Phone)
	}
}

// tell plays the story of a call.
func (s *lk) tell(id int64, phone, url, parameters string) {
	s.story(int(id)-100, func(status, answers, cause string) {
		now := time.Now().Unix()
		doc := fmt.Sprintf(`{"id":%d,"webhookTry":1,"calls":[{"id":%d,"phone":%q,"status":%q,"ivrAnswers":%q,"hangupCause":%q,"startedAt":%d,"answeredAt":%d,"finishedAt":%d}]}`,
			id, 500+id, phone, status, answers, cause, now-9, now-5, now)
		s.mu.Lock()
		s.calls[id] = doc
		lost := s.fault == "lost"
		s.mu.Unlock()
		if lost {
			return
		}
		body := fmt.Sprintf(`{"apiCalls":[%s],"webhookParameters":%q}`, doc, parameters)
		for range 2 { // it says everything twice
			if res, err := http.Post(url, "application/json", strings.NewReader(body)); err == nil {
				_ = res.Body.Close()
			}
		}
	})
}

func newLK(story func(n int, tell func(status, answers, cause string))) *lk {
	return &lk{asked: map[string]int{}, calls: map[int64]string{}, story: story}
}

func (s *lk) requests(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[method]
}

// zvonobotProvider are its keys in the configuration.
func zvonobotProvider(base, more string) string {
	return fmt.Sprintf(`providers:
  - {name: lk, kind: zvonobot, numbers: ["78005553535"], intake: {secret: 0123456789abcdef0123},
     settings: {url: %q, api_key: k3y-of-the-cabinet, poll: 1s, rate: 100, records: {"1000001": 1484915}%s}}
bot: {zvonobot: provider}
`, base, more)
}

func TestZvonobotPlaysForUs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   string
		story   func(int, func(status, answers, cause string))
		outcome string
		digits  string
		creates int
	}{
		"told by webhook": {"", func(_ int, tell func(status, answers, cause string)) {
			tell("started", "", "")
			tell("answered", "|1", "")
			tell("finished", "|1|3", "NORMAL_CLEARING")
		}, "answered", "13", 1},
		"out of order": {"", func(_ int, tell func(status, answers, cause string)) {
			tell("answered", "|1|3", "")
			tell("started", "", "")
			tell("finished", "|1|3", "NORMAL_CLEARING")
		}, "answered", "13", 1},
		"found by asking": {"lost", func(_ int, tell func(status, answers, cause string)) { tell("finished", "|2", "NORMAL_CLEARING") }, "answered", "2", 1},
		"busy":            {"", func(_ int, tell func(status, answers, cause string)) { tell("canceled", "", "USER_BUSY") }, "busy", "", 1},
		"too many":        {"429", func(int, func(status, answers, cause string)) {}, "trunk_error", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := newLK(c.story)
			s.fault = c.fault
			w.start(zvonobotProvider(serve(t, s), ""))
			id := w.asks("/v1/bot/zvonobot_digits_call", map[string]any{"number": "78005553535", "client_phone": "79004443322", "record_id": w.clip(),
				"payload": []any{struct{}{}, map[string]any{"smsText": "Спасибо"}, map[string]any{"managerPhone": "74242490764"}, map[string]any{"record": "1000001"}}})
			got := w.ended(id, c.outcome)
			var digits string
			for _, d := range got.Digits {
				digits += d.Digit
			}
			if digits != c.digits || s.requests("create") != c.creates {
				t.Errorf("digits %q, %d requests; told %s", digits, s.requests("create"), w.trail(id))
			}
			if c.fault == "" && *got.ProviderCallID != "101" {
				t.Errorf("its id is %v", *got.ProviderCallID)
			}
			if strings.Contains(w.Log().String(), "k3y-of-the-cabinet") {
				t.Error("the key stands in the log")
			}
		})
	}
}

func TestZvonobotThatAnswersHTMLHasNobodyRungTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newLK(nil)
	s.fault = "html"
	w.start(zvonobotProvider(serve(t, s), ""))
	id := w.asks("/v1/bot/zvonobot_call", map[string]any{"number": "78005553535", "client_phone": "79004443322", "record_id": w.clip()})
	w.Eventually("that nobody can tell", func() bool {
		return slices.ContainsFunc(w.events(id), func(e calls.Event) bool { return strings.Contains(string(e.Data), `"state":"unknown"`) })
	})
	if err := w.api.Do(t.Context(), "POST", "/v1/calls/"+id+"/hangup", nil, nil); err != nil {
		t.Fatal(err)
	}
	w.ended(id, "canceled/by_api")
	if told := w.trail(id); s.requests("create") != 1 || !strings.Contains(told, "needs_attention") {
		t.Errorf("%d requests for one attempt; told %s", s.requests("create"), told)
	}
}

// bot is a receiver of webhooks.
type bot struct {
	mu     sync.Mutex
	bodies []string
}

func (b *bot) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bodies = append(b.bodies, string(body))
}

func (b *bot) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.bodies, "\n")
}

// compat asks the facade.
func (w *world) compat(method string, body map[string]any) string {
	w.t.Helper()
	body["apiKey"] = w.api.Token
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.Post(w.base+"/compat/zvonobot/apiCalls/"+method, "application/json", bytes.NewReader(b))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d %s %v", method, res.StatusCode, text, err)
	}
	return string(text)
}

func TestSoftwareWrittenForZvonobotCallsThroughUs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := &bot{}
	hook := serve(t, b)
	w.start(fmt.Sprintf("egress: {allow: [%q]}\nfacades:\n  - {kind: zvonobot}\n", strings.TrimPrefix(hook, "http://")))
	clip := w.clip()
	// He presses 3 two seconds into the clip.
	made := w.compat("create", map[string]any{"phone": "79005551203", "outgoingPhone": "78005553535", "record": map[string]any{"id": clip}, "webhookUrl": hook, "webhookParameters": `{"order":7}`,
		"ivrs": []any{map[string]any{"digit": 3, "needBlock": 1, "webhookUrl": hook, "webhookParameters": `{"phone":"{phone}"}`}}})
	if !strings.Contains(made, `"id":1,"phone":"79005551203","status":"created"`) {
		t.Fatal(made)
	}
	w.compat("create", map[string]any{"phone": "79005550486", "recordId": clip, "webhookUrl": hook})
	w.Eventually("all webhooks", func() bool {
		said := b.text()
		return strings.Contains(said, `"answer":"3"`) && strings.Contains(said, `"status":"finished"`) && strings.Contains(said, `"status":"canceled"`)
	})
	for _, want := range []string{`"ivr_answers":"|3"`, `"phone":"79005551203"`, `"order":7`, `"ivrAnswers":"|3"`, `"hangupCause":"NORMAL_CLEARING"`, `"hangupCause":"USER_BUSY"`} {
		if !strings.Contains(b.text(), want) {
			t.Errorf("no webhook has %s: %s", want, b.text())
		}
	}
	if got := w.compat("get", map[string]any{"apiCallIdList": []int{1, 2}}); !strings.Contains(got, `"status":"finished"`) || !strings.Contains(got, `"status":"canceled"`) {
		t.Error(got)
	}
	// Who is on the blacklist is not rung.
	w.compat("create", map[string]any{"phone": "79005551203", "recordId": clip})
	w.Eventually("the end of the third", func() bool {
		return strings.Contains(w.compat("get", map[string]any{"apiCallIdList": []int{3}}), `"hangupCause":"BLACKLIST"`)
	})
}

func TestZvonobotClientCallsThroughOurOwnFacade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("")
	w.Stop()
	// The provider is the daemon itself: its key is known now that it has run.
	w.start(fmt.Sprintf(`egress: {allow: [%q]}
facades:
  - {kind: zvonobot, settings: {webhook_statuses: [started, answered, finished, canceled]}}
`, strings.TrimPrefix(w.base, "http://")) + strings.NewReplacer("k3y-of-the-cabinet", w.api.Token, "1484915", "1000001").Replace(zvonobotProvider(w.base+"/compat/zvonobot", "")))
	clip := w.clip()
	id := w.asks("/v1/calls", map[string]any{"to": "79005551101", "provider": "lk", "record_id": clip, "digits": []any{struct{}{}, map[string]any{"needBlock": 1}}})
	got := w.ended(id, "answered")
	if len(got.Digits) != 1 || got.Digits[0].Digit != "1" || *got.ProviderCallID != "1" {
		t.Errorf("%+v; told %s", got, w.trail(id))
	}
	var list struct {
		Items []calls.CallView `json:"items"`
	}
	if err := w.api.Do(t.Context(), "GET", "/v1/calls?to=79005551101", nil, &list); err != nil || len(list.Items) != 2 {
		t.Errorf("%d calls: %v", len(list.Items), err)
	}
}
