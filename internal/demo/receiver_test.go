package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// deliver sends e to r as the outbox would, signed with key.
func deliver(r *receiver, key []byte, e calls.Event) int {
	body, _ := json.Marshal(e)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(e.ID + ".1700000000." + string(body)))
	req := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(string(body)))
	req.Header.Set("webhook-id", e.ID)
	req.Header.Set("webhook-timestamp", "1700000000")
	req.Header.Set("webhook-signature", "v1,b3RoZXI= v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code
}

func TestReceiverRefusesOnceAndThenKeepsOrder(t *testing.T) {
	t.Parallel()
	r := newReceiver()
	events := []calls.Event{{ID: "evt_1", Subject: "call:1", Seq: 1}, {ID: "evt_2", Subject: "call:1", Seq: 2}}
	if code := deliver(r, r.key, events[0]); code != http.StatusServiceUnavailable {
		t.Errorf("first delivery: %d", code)
	}
	for _, e := range []calls.Event{events[0], events[0], events[1]} {
		if code := deliver(r, r.key, e); code != http.StatusNoContent {
			t.Errorf("%s: %d", e.ID, code)
		}
	}
	if missing, faults := r.missing([]string{"evt_1", "evt_2", "evt_3"}); len(faults) != 0 || strings.Join(missing, " ") != "evt_3" {
		t.Errorf("missing %q, faults %q", missing, faults)
	}
}

func TestReceiverSeesFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key   string
		event calls.Event
		want  string
	}{
		"wrong key": {"other", calls.Event{ID: "evt_1", Subject: "call:1", Seq: 1}, "signature"},
		"gap":       {"", calls.Event{ID: "evt_1", Subject: "call:1", Seq: 2}, "event 2 came after 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver()
			r.failed = true
			key := r.key
			if tt.key != "" {
				key = []byte(tt.key)
			}
			deliver(r, key, tt.event)
			if _, faults := r.missing(nil); len(faults) != 1 || !strings.Contains(faults[0], tt.want) {
				t.Errorf("faults %q, want one with %q", faults, tt.want)
			}
		})
	}
}
