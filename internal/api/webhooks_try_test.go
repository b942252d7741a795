package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// TestADestinationIsTriedOutOfTurn sends a made-up event and one of the log, and shows
// what is answered; nothing of it is a delivery.
func TestADestinationIsTriedOutOfTurn(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("webhook-signature") + " " + string(b)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}))
	defer receiver.Close()
	h := newHouse(t)
	aLog(h, 3)
	h.put(func(tx calls.Tx) error {
		return tx.PutWebhook(&calls.Webhook{ID: "wh_1", Account: calls.MainAccount, URL: receiver.URL, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", FromConfig: true, CreatedAt: noon})
	})
	for body, want := range map[string]string{
		`{}`: `"type":"call.completed"`,
		`{"type":"call.digit","call_id":"call_7","data":{"digit":"5"}}`: `"digit":"5"`,
		`{"event":"evt_1"}`: `"id":"evt_1"`,
	} {
		a := h.do("POST", "/v1/webhooks/wh_1/test", body)
		var out TriedWebhook
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.code != 200 || !out.Wanted || out.Status != http.StatusTeapot || out.Answer != "short and stout" || out.Error == "" {
			t.Fatalf("%s: %d %s", body, a.code, a.body)
		}
		if seen := <-got; !strings.HasPrefix(seen, "v1,") || !strings.HasSuffix(seen, " "+out.Body) || !strings.Contains(seen, want) {
			t.Errorf("%s sent %s, which is told as %s", body, seen, out.Body)
		}
	}
	if items, _ := h.do("GET", "/v1/webhooks/wh_1/deliveries", "").doc["items"].([]any); len(items) != 0 {
		t.Errorf("deliveries came of it: %v", items)
	}
	for body, code := range map[string]int{`{"event":"evt_foreign"}`: 404, `{"type":"call.nothing"}`: 422, `{"timeout_s":60}`: 422} {
		if a := h.do("POST", "/v1/webhooks/wh_1/test", body); a.code != code {
			t.Errorf("%s: %d %s", body, a.code, a.body)
		}
	}
	if a := h.do("POST", "/v1/webhooks/wh_2/test", `{}`); a.code != 404 {
		t.Errorf("of an unknown destination: %d %s", a.code, a.body)
	}
}
