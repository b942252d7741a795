package zvonobot

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// hear sends a webhook to the client and gives the status of the answer.
func hear(c *Client, body string) int {
	w := httptest.NewRecorder()
	c.Intake().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
	return w.Code
}

func TestWebhooksOfEveryFormAreUnderstood(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]told{
		"webhook_status.json": {{API: 101, Call: 501, Phone: "79004443322", Status: "finished", Answers: "1", HasAnswers: true, Cause: "NORMAL_CLEARING",
			Started: time.Unix(1700000000, 0).UTC(), Up: time.Unix(1700000008, 0).UTC(), Finished: time.Unix(1700000025, 0).UTC(), Updated: time.Unix(1700000025, 0).UTC()}},
		"webhook_status_old.json": {{API: 102, Call: 502, Echo: "call_9", Phone: "79004443323", Status: "canceled", Cause: "USER_BUSY", Comment: "занято"}},
		"webhook_digit.json":      {{API: 101, Echo: "call_1", Phone: "79004443322", Digit: true, Answers: "13", HasAnswers: true, Answer: "3"}},
		"webhook_bare.json":       {{Call: 501, Phone: "79004443322", Status: "answered"}},
	} {
		got, err := parseWebhook([]byte(read(t, file)))
		if err != nil || len(got) != len(want) || got[0] != want[0] {
			t.Errorf("%s: %+v %v\nwant %+v", file, got, err, want)
		}
	}
}

func TestWebhooksBecomeOneStory(t *testing.T) {
	t.Parallel()
	const (
		started  = `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"started","startedAt":1700000000}]}]}`
		answered = `{"api_calls":[{"id":101,"calls":[{"id":501,"status":"answered","answered_at":1700000008}]}]}`
		one      = `{"call":{"apicallId":101,"phone":"79004443322","answer":"1","ivr_answers":"|1"},"zvonar_call":"call_1"}`
		three    = `{"call":{"apicallId":101,"phone":"79004443322","answer":"3","ivr_answers":"|1|3"},"webhookParameters":"{\"zvonar_call\":\"call_1\"}"}`
		bare     = `{"call":{"apicallId":101,"answer":1}}`
		finished = `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"finished","ivrAnswers":"|1|3","hangupCause":"NORMAL_CLEARING","answeredAt":1700000008,"finishedAt":1700000025}]}]}`
		busy     = `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"canceled","hangupCause":"USER_BUSY"}]}]}`
		unknown  = `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"canceled","comment":"что-то новое"}]}]}`
		blocked  = `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"canceled","comment":"in our blacklist"}]}]}`
		whole    = "ringing, answered, digit 1, digit 3, ended"
	)
	h, s := newHouse(t), newLK(t)
	for name, c := range map[string]struct {
		say  []string
		want string
	}{
		"in order":                {[]string{started, answered, one, three, finished}, whole},
		"doubled":                 {[]string{started, started, answered, one, one, answered, three, three, finished, finished}, whole},
		"out of order":            {[]string{three, started, answered, one, finished}, whole},
		"only the end":            {[]string{finished}, whole},
		"digits without a string": {[]string{started, answered, bare, bare, finished}, whole},
		"late after the end":      {[]string{finished, started, one}, whole},
		"busy":                    {[]string{started, busy}, "ringing, ended busy"},
		"an unknown reason":       {[]string{unknown}, "ended no_answer"},
		"on their blacklist":      {[]string{started, blocked}, "ringing, ended blocked"},
	} {
		client := h.client(s, "")
		r := h.follow(client, placing(), "101")
		for _, body := range c.say {
			if code := hear(client, body); code != 200 {
				t.Errorf("%s: %d", name, code)
			}
		}
		if story := r.story(t); story != c.want {
			t.Errorf("%s: %s, want %s", name, story, c.want)
		}
	}
}

func TestWebhooksFasterThanTheAnswerAreNotLost(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "")
	if code := hear(c, `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"canceled","hangupCause":"CALL_REJECTED"}]}]}`); code != 200 {
		t.Fatal(code)
	}
	r := placing()
	out := h.follow(c, r)
	c.follows.mu.Lock()
	w := c.follows.calls[r.CallID]
	c.follows.mu.Unlock()
	c.follows.name(w, 101)
	if story := out.story(t); story != "ended rejected" {
		t.Errorf("the story is: %s", story)
	}
	c.follows.mu.Lock()
	defer c.follows.mu.Unlock()
	if len(c.follows.early)+len(c.follows.calls)+len(c.follows.apis)+len(c.follows.ids) != 0 {
		t.Errorf("something is left: %+v", c.follows.early)
	}
}

func TestTheSoundOfATalkMayComeAfterItsEnd(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "record_wait: 1m")
	want := placing()
	want.Flow.Capture = true
	r := h.follow(c, want, "101")
	hear(c, read(t, "webhook_status.json"))
	until(t, "the end", func() bool { return len(r.list) == 4 })
	hear(c, `{"apiCalls":[{"id":101,"calls":[{"id":501,"status":"finished","recordFilePath":"https://lk.zvonobot.ru/r/501.mp3"}]}]}`)
	if story := r.story(t); story != "ringing, answered, digit 1, ended, record https://lk.zvonobot.ru/r/501.mp3" {
		t.Errorf("the story is: %s", story)
	}
	again := h.follow(c, want, "101")
	hear(c, read(t, "webhook_status.json"))
	until(t, "the end", func() bool { return len(again.list) == 4 })
	until(t, "that it is waited for no longer", func() bool {
		h.clock.Advance(time.Minute)
		select {
		case <-again.done:
			return true
		default:
			return false
		}
	})
}

func TestTwoCallsAtOnceAreNeverMixedUp(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "")
	first, second := placing(), placing()
	second.CallID = "call_2"
	a, b := h.follow(c, first, "101"), h.follow(c, second, "102")
	hear(c, `{"apiCalls":[{"id":102,"calls":[{"id":502,"status":"canceled","hangupCause":"USER_BUSY"}]},{"id":101,"calls":[{"id":501,"status":"answered"}]}]}`)
	hear(c, `{"id":501,"status":"finished","ivrAnswers":"|7"}`)
	if story := a.story(t); story != "ringing, answered, digit 7, ended" {
		t.Errorf("the first: %s", story)
	}
	if story := b.story(t); story != "ended busy" {
		t.Errorf("the second: %s", story)
	}
}

func TestIntakeRefusesWhatIsNoWebhook(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "")
	for body, want := range map[string]int{
		"": 400, "<html>": 400, "[]": 400, "{}": 400, `{"apiCalls":[]}`: 400, `{"apiCalls":7}`: 400, `{"call":"x"}`: 400,
		`{"apiCalls":[{"id":7,"calls":[]}]}`:              200, // of a call that nobody here knows
		`{"a":"` + strings.Repeat("x", maxWebhook) + `"}`: 413,
	} {
		if code := hear(c, body); code != want {
			t.Errorf("%.40s: %d, want %d", body, code, want)
		}
	}
	w := httptest.NewRecorder()
	c.Intake().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET is answered with %d", w.Code)
	}
}

func TestEarlyFactsAreBounded(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "")
	for i := range int64(3 * mostEarly) {
		c.follows.tell(told{API: i + 1, Status: statusStarted})
	}
	if n := len(c.follows.early); n != mostEarly {
		t.Errorf("%d facts are kept", n)
	}
	h.clock.Advance(earlyLife + time.Second)
	c.follows.tell(told{API: 1, Status: statusStarted})
	if n := len(c.follows.early); n != 1 {
		t.Errorf("%d facts are kept for longer than anybody waits", n)
	}
}

func TestSalebotPayloadBecomesIVRs(t *testing.T) {
	t.Parallel()
	digits, bad := calls.ParseDigits([]byte(`[{"record":"1460168"},{"managerPhone":"74242490764"},{"smsText":"Текст"},{"needBlock":"1"}]`), "body.payload")
	if bad != nil {
		t.Fatal(bad)
	}
	f := calls.DefaultFlow()
	got, err := ivrsOf(digits, &f, nil, func(id calls.ClipID) (*recordRef, error) {
		if id != "1460168" {
			t.Errorf("the clip is %s", id)
		}
		return &recordRef{ID: 1460168}, nil
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "salebot_ivrs.json", jsonOf(got))
}
