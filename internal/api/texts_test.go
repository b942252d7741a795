package api

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/outbox"
)

const reportAddress = "/v1/sms/reports/0123456789-0123456789-abc"

// textHouse is a house that sends texts and has some.
func textHouse(t *testing.T, own bool) *house {
	t.Helper()
	h := newHouse(t, func(c *Config) {
		texts, err := outbox.NewSMS(outbox.SMSConfig{Store: c.Store, Clock: c.Clock, IDs: clock.NewIDs(c.Clock, nil), Sender: outbox.NewFileSender(t.TempDir()+"/sms", c.Clock)})
		if err != nil {
			t.Fatal(err)
		}
		c.Texts = texts
		c.TextCallback = &TextCallback{Secret: strings.TrimPrefix(reportAddress, "/v1/sms/reports/"), OwnIDs: own, Read: func(_ string, body []byte, q url.Values) (TextReport, error) {
			if len(body) > 0 {
				form, err := url.ParseQuery(string(body))
				if err != nil {
					return TextReport{}, errors.New("no form")
				}
				q = form
			}
			return TextReport{ID: q.Get("id"), Final: q.Get("s") != "way", Delivered: q.Get("s") == "ok", Error: q.Get("e")}, nil
		}}
	})
	h.put(func(tx calls.Tx) error {
		for _, m := range []calls.SMS{
			{ID: "sms_1", CallID: "call_1", To: "79001", Text: "one", State: calls.SMSIsSent, ProviderID: "their-1", SentAt: noon},
			{ID: "sms_2", CallID: "call_2", To: "79002", Text: "two", State: calls.SMSIsQueued},
		} {
			m.Account, m.CreatedAt = calls.MainAccount, noon
			if err := tx.InsertSMS(&m); err != nil {
				return err
			}
		}
		return nil
	})
	return h
}

func (h *house) smsEvents() (types []string) {
	h.t.Helper()
	for _, e := range h.events() {
		if strings.HasPrefix(string(e.Type), "sms.") {
			types = append(types, string(e.Type))
		}
	}
	return types
}

func (h *house) events() (list []calls.Event) {
	h.t.Helper()
	err := h.store.View(h.t.Context(), func(tx calls.ReadTx) (err error) {
		list, err = tx.Events(calls.EventFilter{Limit: 500})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestTextsAreListedAndReportedOfOnce(t *testing.T) {
	t.Parallel()
	h := textHouse(t, false)
	if got := h.do("GET", "/v1/sms?state=sent", ""); got.code != 200 || !strings.Contains(got.body, "sms_1") || strings.Contains(got.body, "sms_2") {
		t.Errorf("by state: %d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/sms?call=call_2", ""); got.code != 200 || strings.Contains(got.body, "sms_1") || !strings.Contains(got.body, "sms_2") {
		t.Errorf("by call: %d %s", got.code, got.body)
	}
	for range 2 {
		if got := h.do("POST", "/v1/sms/sms_1/report", `{"state":"delivered","at":"2026-11-21T12:00:05Z"}`); got.code != 200 || got.doc["state"] != "delivered" || got.doc["reported_at"] != "2026-11-21T12:00:05.000Z" {
			t.Fatalf("%d %s", got.code, got.body)
		}
	}
	if got := h.do("POST", "/v1/sms/sms_1/report", `{"state":"failed","error":"x"}`); got.code != 409 {
		t.Errorf("the opposite: %d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/sms/sms_2/report", `{"state":"delivered"}`); got.code != 409 {
		t.Errorf("never sent: %d %s", got.code, got.body)
	}
	for _, id := range []string{"sms_9", "reports"} {
		if got := h.do("POST", "/v1/sms/"+id+"/report", `{"state":"delivered"}`); got.code != 404 {
			t.Errorf("%s: %d %s", id, got.code, got.body)
		}
	}
	if got := h.do("POST", "/v1/sms/sms_1/report", `{"state":"sent"}`); got.code != 422 {
		t.Errorf("a state that is no report: %d %s", got.code, got.body)
	}
	if got := h.smsEvents(); len(got) != 1 || got[0] != "sms.delivered" {
		t.Errorf("events %v", got)
	}
	if got := h.do("GET", "/v1/sms/sms_1", ""); got.code != 200 || got.doc["provider_id"] != "their-1" || got.doc["error"] != nil {
		t.Errorf("%d %s", got.code, got.body)
	}
}

func TestAServiceReportsWithoutATokenByItsSecretAddress(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"their-1": false, "sms_1": true} {
		h := textHouse(t, own)
		call := func(method, path, body string) reply {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return h.send(r)
		}
		if got := call("POST", reportAddress, "id="+name+"&s=way"); got.code != 200 || len(h.smsEvents()) != 0 {
			t.Errorf("on its way: %d %s", got.code, got.body)
		}
		for _, again := range []reply{call("POST", reportAddress, "id="+name+"&s=bad&e=absent"), call("GET", reportAddress+"?id="+name+"&s=bad", ""), call("POST", reportAddress, "id="+name+"&s=ok")} {
			if again.code != 200 {
				t.Errorf("%d %s", again.code, again.body)
			}
		}
		if got := h.smsEvents(); len(got) != 1 || got[0] != "sms.failed" {
			t.Errorf("events %v", got)
		}
		if got := call("POST", reportAddress, "id=unknown&s=ok"); got.code != 404 {
			t.Errorf("an unknown id: %d", got.code)
		}
		if got := call("POST", reportAddress, strings.Repeat("x", maxReport+1)); got.code != 413 {
			t.Errorf("too large: %d", got.code)
		}
		if got := call("PUT", reportAddress, "id="+name); got.code != 404 {
			t.Errorf("PUT: %d", got.code)
		}
		for range failBurst {
			if got := call("POST", reportAddress+"x", "id="+name+"&s=ok"); got.code != 404 {
				t.Errorf("a wrong secret: %d %s", got.code, got.body)
			}
		}
		if got := call("POST", reportAddress+"y", "id="+name); got.code != 429 {
			t.Errorf("guessing: %d", got.code)
		}
		if got := call("POST", reportAddress, "id="+name+"&s=bad"); got.code != 200 {
			t.Errorf("the right one from where somebody guesses: %d", got.code)
		}
	}
	h := newHouse(t)
	if got := h.send(httptest.NewRequest("POST", reportAddress, strings.NewReader("{}"))); got.code != 404 {
		t.Errorf("where nobody configured it: %d", got.code)
	}
}
