package demo

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// receiver is the webhook receiver of a bot platform: it checks signatures
// (Standard Webhooks) and keeps what it got. It fails its first delivery, which
// must come again.
type receiver struct {
	key    []byte
	server *http.Server
	url    string
	done   sync.WaitGroup

	mu     sync.Mutex
	failed bool
	seen   map[string]bool  // event ids
	seq    map[string]int64 // last seq by subject
	faults []string         // what a platform would complain about
}

func newReceiver() *receiver {
	r := &receiver{key: make([]byte, 32), seen: map[string]bool{}, seq: map[string]int64{}}
	_, _ = rand.Read(r.key) // never fails (crypto/rand)
	r.server = &http.Server{Handler: http.MaxBytesHandler(r, 1<<20), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	return r
}

// secret is the shared secret in its written form.
func (r *receiver) secret() string { return "whsec_" + base64.StdEncoding.EncodeToString(r.key) }

func (r *receiver) start(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("webhook receiver: %w", err)
	}
	r.url = "http://" + l.Addr().String() + "/hook"
	r.done.Go(func() { _ = r.server.Serve(l) }) // ends with stop
	return nil
}

func (r *receiver) stop() {
	_ = r.server.Close() // nothing is left to answer
	r.done.Wait()
}

// ServeHTTP takes one delivery.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var e calls.Event
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.signed(req.Header, body):
		r.fault("a delivery with a wrong signature")
		w.WriteHeader(http.StatusUnauthorized)
		return
	case json.Unmarshal(body, &e) != nil:
		r.fault("a delivery that is no event")
		w.WriteHeader(http.StatusBadRequest)
		return
	case !r.failed:
		r.failed = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.take(e, req.Header.Get("webhook-id"))
	w.WriteHeader(http.StatusNoContent)
}

// take notes e; a repeated id is what "at least once" allows.
func (r *receiver) take(e calls.Event, id string) {
	switch {
	case id != e.ID:
		r.fault(fmt.Sprintf("webhook-id %q of event %q", id, e.ID))
	case r.seen[e.ID]:
		return
	case e.Seq != r.seq[e.Subject]+1:
		r.fault(fmt.Sprintf("%s: event %d came after %d", e.Subject, e.Seq, r.seq[e.Subject]))
	}
	r.seen[e.ID] = true
	r.seq[e.Subject] = e.Seq
}

// signed verifies v1 of Standard Webhooks: HMAC-SHA256 over id.timestamp.body.
func (r *receiver) signed(h http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, r.key)
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for got := range strings.FieldsSeq(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

func (r *receiver) fault(text string) {
	if len(r.faults) < 10 {
		r.faults = append(r.faults, text)
	}
}

// missing lists which of ids did not come yet, and what was wrong so far.
func (r *receiver) missing(ids []string) (missing, faults []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if !r.seen[id] {
			missing = append(missing, id)
		}
	}
	return missing, append([]string(nil), r.faults...)
}
