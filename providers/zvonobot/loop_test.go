package zvonobot

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// TestClientAndFacadeUnderstandEachOther has a client place a call at a facade of ours:
// what one house reports of it becomes the story of the call in the other.
func TestClientAndFacadeUnderstandEachOther(t *testing.T) {
	t.Parallel()
	there, here := newHouse(t), newHouse(t)
	server := httptest.NewServer(there.facade("webhook_statuses: [started, answered, finished, canceled]"))
	t.Cleanup(server.Close)
	c := here.client(&lk{Server: server}, "")
	c.cfg.APIKey = key
	intake := httptest.NewServer(c.Intake())
	t.Cleanup(intake.Close)
	here.IntakeURL = func(string) string { return intake.URL }
	there.deliver()

	r := placing()
	c.cfg.Records = map[string]int64{"1460168": 1460168}
	r.Flow.Digits = calls.DigitMap{nil, {{Kind: calls.ActionSMS, Value: "Спасибо"}}, {{Kind: calls.ActionManager, Value: "74242490764"}}}
	res, err := c.Place(t.Context(), r)
	if err != nil || res.ProviderCallID != "1" {
		t.Fatalf("%+v %v", res, err)
	}
	got := there.call(1)
	if got.To != r.To || got.From != r.From || got.Flow.Record != "rec_ok" || len(got.Flow.Digits) != 3 {
		t.Errorf("there it is %+v", got)
	}
	story := here.follow(c, r, res.ProviderCallID)
	there.happens(1, calls.CallDialing, map[string]any{"attempt": "att_1"})
	there.happens(1, calls.CallAnswered, map[string]any{"leg": "customer"})
	there.completes(1, calls.OutcomeAnswered, 12*time.Second, "12")
	if s := story.story(t); s != "ringing, answered, digit 1, digit 2, ended" {
		t.Errorf("the story is: %s", s)
	}

	busy := placing()
	busy.CallID = "call_2"
	if res, err = c.Place(t.Context(), busy); err != nil {
		t.Fatal(err)
	}
	story = here.follow(c, busy, res.ProviderCallID)
	there.completes(2, calls.OutcomeBusy, 0, "")
	if s := story.story(t); s != "ended busy" {
		t.Errorf("the story of the busy one is: %s", s)
	}
	wrong := placing()
	wrong.To = "110"
	if _, err := c.Place(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a number that is none: %v", err)
	}
}

// TestEveryMethodOfTheClientIsOneOfTheFacade asks a facade with everything switched on.
func TestEveryMethodOfTheClientIsOneOfTheFacade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade(`{remove: true, templates: [{id: 5, name: Пример, record: "1460168", digits: {"1": {smsText: Да}, "9": {needBlock: true}}}]}`)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c := h.client(&lk{Server: server}, "")
	c.cfg.APIKey = key
	for _, x := range []struct{ method, body, want string }{
		{"create", `{"phones":["79004443322",79004443323],"recordId":1460168}`, `"status":"created"`},
		{"createWithTemplate", `{"templateId":5,"phones":["79004443324","79004443325"],"dutyPhone":1,"startTime":"10:00","endTime":"18:00","weekdays":[1,2,7],"smartDelay":60,"variables":[]}`, `"id":4`},
		{"get", `{"apiCallIdList":[1,2]}`, `"webhookTry"`},
		{"getWithTemplates", `{"apiCallIdList":[3]}`, `"phone":"79004443324"`},
		{"getTemplates", `{"onlyModerated":1}`, `"id":5`},
		{"createRecord", `{"source":"text","text":"Здравствуйте! Это проверка записи.","name":"a"}`, `"needModeration":1`},
		{"getRecords", `{}`, `"id":1460168`},
		{"getPhones", `{}`, `"enable":true`},
		{"userInfo", `{}`, `"balance":"0.00"`},
		{"getAvailableLanguages", `{}`, `"code":"ru-RU"`},
		{"remove", `{"idList":[1,77],"isTemplate":0}`, `{"id":1,"status":"removed"},{"id":77,"status":"error"`},
		{blacklistMethod, `{"phones":[{"phone":"79004443326","comment":"просил не звонить"},{"phone":"x"}]}`, `"added":1`},
	} {
		a, err := c.Test(t.Context(), x.method, []byte(x.body))
		if err != nil || a.Status != http.StatusOK || !bytes.Contains(a.Body, []byte(x.want)) {
			t.Errorf("%s: %v %+v %s", x.method, err, a, body(a.Body))
		}
	}
	third, fourth := h.call(3), h.call(4)
	if w := third.Window; w == nil || w.From != "10:00" || w.To != "18:00" || strings.Join(w.Days, " ") != "mon tue sun" {
		t.Errorf("the hours are %+v", w)
	}
	if fourth.DueAt.Sub(third.DueAt) != 30*time.Minute || len(third.Flow.Digits) != 10 {
		t.Errorf("due %v and %v, digits %v", third.DueAt, fourth.DueAt, third.Flow.Digits)
	}
	if got := h.call(1); got.Outcome != calls.OutcomeCanceled {
		t.Errorf("what was removed is %+v", got)
	}
	err := h.store.View(t.Context(), func(tx calls.ReadTx) error {
		b, err := tx.Blocked(calls.MainAccount, "79004443326")
		if err == nil && b.Reason != "просил не звонить" {
			t.Errorf("the reason is %q", b.Reason)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func body(b []byte) string {
	s, _ := io.ReadAll(io.LimitReader(bytes.NewReader(b), 400))
	return string(s)
}
