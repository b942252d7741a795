package peers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// receiver is a webhook receiver that fails the first deliveries it gets.
type receiver struct {
	mu     sync.Mutex
	fail   int
	failed []string // ids of the deliveries that were refused
	got    []event
	bad    []string
}

var hookKey = []byte("0123456789abcdef0123456789abcdef")

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	id, stamp := req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, hookKey)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		r.failed = append(r.failed, id)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.ID != id || req.Header.Get("webhook-signature") != want {
		r.bad = append(r.bad, id)
	}
	r.got = append(r.got, e)
}

func (r *receiver) of(call string) (events []event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.got {
		if e.CallID == call {
			events = append(events, e)
		}
	}
	return events
}

func TestReceiverThatFailsTwiceGetsEveryEventInOrder(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "press", 1, "", dtmf(t, "2"))
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	d := start(t, options{peerPort: peer.port, extra: fmt.Sprintf(`webhooks: [{url: %q, secret: whsec_%s}]`,
		server.URL, base64.StdEncoding.EncodeToString(hookKey))})
	clip := d.clip(melody(7.2))
	r.mu.Lock()
	r.fail = 2
	r.mu.Unlock()
	id := d.place(map[string]any{"to": "79161234567", "record_id": clip, "digits": []map[string]any{{}, {}, {"smsText": "hello"}}})
	d.over(id)
	peer.done()
	var told []event
	d.Eventually("every event of the call to be delivered", func() bool {
		told = d.events(id)
		return len(r.of(id)) >= len(told) && slices.ContainsFunc(told, func(e event) bool { return e.Type == "sms.sent" })
	})
	got := r.of(id)
	if len(got) != len(told) {
		t.Fatalf("%d deliveries for %d events", len(got), len(told))
	}
	for i := range told {
		if got[i].ID != told[i].ID || got[i].Seq != told[i].Seq {
			t.Errorf("delivery %d is %s seq %d, want %s seq %d", i, got[i].Type, got[i].Seq, told[i].Type, told[i].Seq)
		}
	}
	// What was refused may be about the recording, which keeps no event of the call back.
	d.Eventually("the refused deliveries to come again under their ids", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return !slices.ContainsFunc(r.failed, func(id string) bool {
			return !slices.ContainsFunc(r.got, func(e event) bool { return e.ID == id })
		})
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bad) > 0 {
		t.Errorf("wrong signature or id: %v", r.bad)
	}
	if len(r.failed) != 2 {
		t.Errorf("%d deliveries were refused, want 2", len(r.failed))
	}
}
