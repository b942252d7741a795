package crash

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// receiver takes webhooks and plays the provider. It records everything, and
// refuses or dawdles now and then.
type receiver struct {
	w      *world
	server *http.Server

	mu       sync.Mutex
	kind     bool // no tricks any more
	arrivals []arrival
	accepted map[string]bool // dest and id
	requests []request
	blocked  chan string // numbers told as blocked by a digit
}

func newReceiver(w *world) *receiver {
	r := &receiver{w: w, accepted: map[string]bool{}, blocked: make(chan string, 4096)}
	mux := http.NewServeMux()
	mux.HandleFunc("/hook/{dest}", r.hook)
	mux.HandleFunc("/callback", r.callback)
	r.server = &http.Server{Handler: mux}
	l, err := net.Listen("tcp4", w.addr(9, 9000))
	if err != nil {
		w.t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { _ = r.server.Serve(l); close(served) }()
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = r.server.Shutdown(ctx)
		<-served
	})
	return r
}

// hook notes an event, in the order in which requests were read.
func (r *receiver) hook(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	if err != nil {
		return // the daemon died while it spoke
	}
	e, err := parseEvent(body)
	if err != nil || e.ID != req.Header.Get("webhook-id") {
		r.w.odd("a webhook with id %q has the body %.200s", req.Header.Get("webhook-id"), body)
		return
	}
	a := arrival{Dest: req.PathValue("dest"), Event: e, Accepted: true}
	r.mu.Lock()
	trick := rand.IntN(100)
	if r.kind {
		trick = 100
	}
	a.Accepted = trick >= 2
	r.arrivals = append(r.arrivals, a)
	if a.Accepted {
		r.accepted[a.Dest+e.ID] = true
	}
	r.mu.Unlock()
	r.w.show(e)
	if e.Type == "number.blocked" && e.CallID != "" && a.Dest == everything {
		select {
		case r.blocked <- e.number():
		default:
		}
	}
	switch {
	case !a.Accepted:
		w.WriteHeader(http.StatusInternalServerError)
	case trick < 4:
		time.Sleep(300 * time.Millisecond)
	}
}

// has reports whether dest took the event.
func (r *receiver) has(dest, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted[dest+id]
}

func (r *receiver) beKind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kind = true
}

// callback is the provider: it says yes and has the client connected.
func (r *receiver) callback(w http.ResponseWriter, req *http.Request) {
	var asked struct{ Call, Attempt, Phone string }
	if body, err := io.ReadAll(req.Body); err != nil || json.Unmarshal(body, &asked) != nil {
		return
	}
	r.mu.Lock()
	r.requests = append(r.requests, request{CallID: asked.Call, Attempt: asked.Attempt})
	n := len(r.requests)
	r.mu.Unlock()
	if strings.HasSuffix(asked.Phone, "9") { // some requests come to nothing
		_, _ = io.WriteString(w, `{"ok":true}`)
		return
	}
	r.w.sipp("pbx", r.w.net+"4", 10000+n%20000, map[string]string{"CLIENT": asked.Phone}, "-m", "1", "-mp", "30000", r.w.addr(1, 5060))
	_, _ = io.WriteString(w, `{"ok":true}`)
}
