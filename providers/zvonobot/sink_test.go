package zvonobot

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// receiver is a bot's server: it keeps what it gets and answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status []int // of the next answers; then 200
	bodies map[string][]string
}

func newReceiver(t *testing.T, status ...int) *receiver {
	r := &receiver{status: status, bodies: map[string][]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bodies[req.URL.Path] = append(r.bodies[req.URL.Path], string(b))
		code := http.StatusOK
		if len(r.status) > 0 {
			code, r.status = r.status[0], r.status[1:]
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got(path string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies[path]...)
}

// deliver starts the outbox of the house with the sink.
func (h *house) deliver() {
	h.t.Helper()
	o, err := outbox.New(outbox.Config{Store: h.store, Clock: h.clock, IDs: h.IDs, Client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}},
		Sinks: System().Sinks(h.House), Jitter: func(d time.Duration) time.Duration { return d }})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := o.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := o.Stop(context.Background()); err != nil {
			h.t.Error(err)
		}
	})
}

// happens appends an event about the n-th call.
func (h *house) happens(n int64, t calls.EventType, data any) {
	h.t.Helper()
	c := h.call(n)
	h.put(func(tx calls.Tx) error {
		e := calls.ForCall(h.IDs.New("evt_"), h.clock.Now(), c, t, data)
		return tx.AppendEvent(&e)
	})
}

// completes ends the n-th call: talked for so long, 0: nobody answered.
func (h *house) completes(n int64, outcome calls.Outcome, talk time.Duration, digits string) {
	h.t.Helper()
	c := h.call(n)
	c.Status, c.Outcome = calls.StatusCompleted, outcome
	end := noon.Add(20 * time.Second)
	c.EndedAt = &end
	if talk > 0 {
		at := end.Add(-talk)
		c.AnsweredAt = &at
	}
	c.Attempts = []calls.Attempt{{ID: "att_1", N: 1, SentAt: noon.Add(time.Second)}}
	b, err := json.Marshal(struct {
		calls.CallView
		Digits string `json:"digits"`
	}{calls.View(c), digits})
	if err != nil {
		h.t.Fatal(err)
	}
	h.happens(n, calls.CallCompleted, json.RawMessage(b))
}

func press(d string) map[string]any {
	return map[string]any{"digit": d, "leg": "customer", "via": "rfc4733"}
}

func TestBothWebhooksGoOutInTheirWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bot := newReceiver(t)
	h.deliver()
	body := `{"apiKey":"caller-key","phone":"79004443322","recordId":1460168,"needRecording":1,"webhookUrl":"` + bot.URL + `/status","webhookParameters":"{\"order\":7,\"who\":\"{phone}\",\"apiCalls\":0}",
		"ivrs":[{"digit":1,"record":{"id":1460169},"webhookUrl":"` + bot.URL + `/digit","webhookParameters":"{\"step\":1}",
			"ivrs":[{"digit":3,"smsText":"да","webhookUrl":"` + bot.URL + `/digit","webhookParameters":"{\"step\":2,\"who\":\"{phone}\"}"},{"digit":4,"needBlock":1}]},{"digit":2,"needBlock":1}]}`
	if code, answer := ask(t, h.facade(""), "/apiCalls/create", body); code != 200 {
		t.Fatalf("%d %s", code, answer)
	}
	h.happens(1, calls.CallAnswered, map[string]any{"leg": "customer"})
	h.happens(1, calls.CallDigit, press("1"))
	h.happens(1, calls.CallDigit, map[string]any{"digit": "9", "leg": "manager"})
	h.happens(1, calls.CallDigit, press("7")) // means nothing
	h.happens(1, calls.CallDigit, press("3"))
	h.completes(1, calls.OutcomeAnswered, 12*time.Second, "173")
	until(t, "all webhooks", func() bool { return len(bot.got("/status")) == 1 && len(bot.got("/digit")) == 2 })
	link := h.Links.URL(h.call(1).ID, noon.Add(20*time.Second).Add(calls.CaptureLinkLife))
	golden(t, "sink_status.json", strings.Replace(bot.got("/status")[0], strings.ReplaceAll(link, "&", `\u0026`), "LINK", 1))
	golden(t, "sink_digit_1.json", bot.got("/digit")[0])
	golden(t, "sink_digit_2.json", bot.got("/digit")[1])
	if text := h.journal.text(); !strings.Contains(text, "webhook status") || !strings.Contains(text, "webhook digit") {
		t.Errorf("the journal has %s", text)
	}
}

func TestAWebhookIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status []int
		tries  int
	}{
		"taken at once":       {nil, 1},
		"taken at the third":  {[]int{500, 201}, 3}, // only 200 is a yes
		"never taken":         {[]int{500, 404, 302, 200}, 3},
		"refused and then ok": {[]int{403}, 2},
	} {
		h := newHouse(t)
		bot := newReceiver(t, c.status...)
		h.deliver()
		f := h.facade("webhook_statuses: [created, canceled]")
		if code, answer := ask(t, f, "/apiCalls/create", `{"apiKey":"caller-key","phone":"79004443322","recordId":1460168,"webhookUrl":"`+bot.URL+`/s"}`); code != 200 {
			t.Fatalf("%d %s", code, answer)
		}
		h.completes(1, calls.OutcomeBusy, 0, "")
		last := func() string { list := bot.got("/s"); return strings.Join(list[max(0, len(list)-1):], "") }
		until(t, name, func() bool { h.clock.Advance(time.Second); return strings.Contains(last(), `"status":"canceled"`) })
		list := bot.got("/s")
		if len(list) != c.tries+1 {
			t.Errorf("%s: %d webhooks", name, len(list))
		}
		for i, body := range list[:len(list)-1] {
			if !strings.Contains(body, `"status":"created"`) || !strings.Contains(body, `"webhookTry":`+jsonOf(i+1)) {
				t.Errorf("%s: try %d is %s", name, i+1, body)
			}
		}
		if !strings.Contains(last(), `"webhookTry":1`) || !strings.Contains(last(), `"hangupCause":"USER_BUSY","`) || !strings.Contains(last(), `"comment":"busy"`) {
			t.Errorf("%s: the last is %s", name, last())
		}
	}
}

func TestADigitToldAgainIsNoSecondDigit(t *testing.T) {
	t.Parallel()
	h := hook{N: 7, Digits: []hookNode{{Digit: 1, Hook: true}, {Digit: 3, Hook: true}}}
	settings, _ := json.Marshal(h)
	s := sink{newHouse(t).House}
	event := func(seq int64, d string) outbox.Item {
		b, _ := json.Marshal(press(d))
		return outbox.Item{To: &calls.Webhook{Settings: settings}, Event: calls.Event{Seq: seq, Type: calls.CallDigit, Data: b}}
	}
	state := ""
	for _, x := range []struct {
		seq  int64
		d    string
		want string
	}{{5, "1", `"|1"`}, {9, "3", `"|1|3"`}, {5, "1", `"|1"`}, {9, "3", `"|1|3"`}} {
		it := event(x.seq, x.d)
		it.State = state
		m, err := s.Map(it)
		if err != nil || !strings.Contains(string(m.Body), `"ivr_answers":`+x.want) {
			t.Errorf("%d: %s %v", x.seq, m.Body, err)
		}
		state = *recall(state).learn(it.Event).text()
	}
}
