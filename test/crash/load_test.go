package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load asks the daemon for calls, whether it is there or not. A request without
// an answer is repeated under its Idempotency-Key until there is one.
type load struct {
	w    *world
	wg   sync.WaitGroup
	stop context.CancelFunc

	mu      sync.Mutex
	serial  int
	asks    []ask
	cancels []cancel
	blocks  []block
}

// kinds of calls and their share; the letters stand for what becomes of them.
var shares = []struct {
	kind   string
	weight int
}{
	{"0", 10}, {"1", 8}, {"2", 4}, {"3", 3}, {"4", 8}, {"5", 16}, {"6", 14}, {"7", 8}, {"8", 9},
	{"provider", 5}, {"cancel", 5}, {"hangup", 4}, {"later", 4}, {"blocked", 4},
}

// askers is how many clients ask at once, pace how long each rests after a call.
const (
	askers = 4
	pace   = 350 * time.Millisecond
)

func (w *world) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{w: w, stop: cancel}
	w.load = l
	for i := range askers {
		rng := rand.New(rand.NewPCG(w.seed, uint64(1000+100*w.n+i)))
		l.wg.Go(func() {
			for ctx.Err() == nil {
				l.one(ctx, rng)
				pause(ctx, pace/2+rand.N(pace))
			}
		})
	}
	l.wg.Go(func() {
		for {
			select {
			case n := <-w.receiver.blocked:
				l.ask(ctx, request4(n, nil)) // must end blocked: who pressed the digit is not rung again
			case <-ctx.Done():
				return
			}
		}
	})
}

func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// request4 is the body of a request for number n.
func request4(n string, more map[string]any) map[string]any {
	body := map[string]any{"to": n, "max_duration": "12s", "ring_timeout": "5s"}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// one asks for one call of a kind and does what belongs to it.
func (l *load) one(ctx context.Context, rng *rand.Rand) {
	total := 0
	for _, s := range shares {
		total += s.weight
	}
	pick, kind := rng.IntN(total), ""
	for _, s := range shares {
		if pick -= s.weight; pick < 0 {
			kind = s.kind
			break
		}
	}
	l.mu.Lock()
	l.serial++
	serial := l.serial
	l.mu.Unlock()
	number := func(k string) string { return fmt.Sprintf("7916%s%06d", k, serial) }
	hook := map[string]any{}
	switch rng.IntN(6) {
	case 0:
		hook["hook"] = true
	case 1, 2:
		if kind != "cancel" && kind != "7" { // those are found by ref, or asked for again
			hook["bare"] = true
		}
	}
	switch kind {
	case "cancel": // far ahead, and taken back
		hook["not_before"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		if a, ok := l.ask(ctx, request4(number("0"), hook)); ok {
			l.cancel(ctx, a)
		}
	case "hangup": // while it rings
		if a, ok := l.ask(ctx, request4(number("1"), hook)); ok {
			pause(ctx, time.Duration(rng.IntN(600))*time.Millisecond)
			l.hangup(ctx, a)
		}
	case "later":
		hook["not_before"] = time.Now().Add(time.Duration(1+rng.IntN(3)) * time.Second).UTC().Format(time.RFC3339)
		l.ask(ctx, request4(number("8"), hook))
	case "blocked":
		if l.block(ctx, number("0")) {
			l.ask(ctx, request4(number("0"), hook))
		}
	case "provider":
		hook["provider"] = "cloud"
		l.ask(ctx, request4(number("0"), hook))
	default:
		hook["digits"] = []map[string]any{{}, {"record": fmt.Sprint(l.w.clips[1])}, {"managerPhone": number("9")}, {"smsText": "hello"}, {"needBlock": "1"}}
		l.ask(ctx, request4(number(kind), hook))
	}
}

// ask asks until it is answered, and notes the answer before anything else.
func (l *load) ask(ctx context.Context, body map[string]any) (ask, bool) {
	l.mu.Lock()
	a := ask{Ref: fmt.Sprintf("r%d-%d", l.w.n, len(l.asks)), To: body["to"].(string)}
	_, a.Hook = body["hook"]
	delete(body, "hook")
	body["record_id"] = l.w.clips[0]
	if _, a.Bare = body["bare"]; a.Bare {
		delete(body, "bare")
	} else {
		body["ref"] = a.Ref
	}
	if a.Hook {
		body["webhook_url"] = "http://" + l.w.addr(9, 9000) + "/hook/" + a.Ref
	}
	place := len(l.asks)
	l.asks = append(l.asks, a)
	l.mu.Unlock()
	var c struct {
		ID string `json:"id"`
	}
	code, raw := l.insist(ctx, "POST", "/v1/calls", body, "key-"+a.Ref)
	if code == 0 {
		return a, false // the load ended first; nothing is known
	}
	if code != 202 && code != 200 || json.Unmarshal(raw, &c) != nil || c.ID == "" {
		l.w.odd("POST /v1/calls for ref %s: %d %.300s", a.Ref, code, raw)
		return a, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asks[place].IDs, l.asks[place].At = append(l.asks[place].IDs, c.ID), time.Now()
	return l.asks[place], true
}

// insist repeats a request until it is answered otherwise than by a fault of
// the server; 0 where the load ended first.
func (l *load) insist(ctx context.Context, method, path string, body any, key string) (int, []byte) {
	for ctx.Err() == nil {
		code, raw, err := l.w.try(method, path, body, key)
		if err == nil && code < http.StatusInternalServerError {
			return code, raw
		}
		pause(ctx, 60*time.Millisecond)
	}
	return 0, nil
}

// cancel takes a call back by its ref. No answer: nothing is known, so it is
// asked for again; then the call may be over already, and the list empty.
func (l *load) cancel(ctx context.Context, a ask) {
	var list struct {
		Items []struct{ ID, Outcome string }
	}
	code, raw := l.insist(ctx, "DELETE", "/v1/calls?ref="+a.Ref, nil, "")
	if code == 0 {
		return
	}
	if code >= 300 || json.Unmarshal(raw, &list) != nil {
		l.w.odd("DELETE of ref %s: %d %.300s", a.Ref, code, raw)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range list.Items {
		l.cancels = append(l.cancels, cancel{CallID: c.ID, Final: c.Outcome, At: time.Now()})
	}
}

// hangup ends a call by its id; one that is over already is 409.
func (l *load) hangup(ctx context.Context, a ask) {
	id := a.IDs[0]
	code, raw := l.insist(ctx, "POST", "/v1/calls/"+id+"/hangup", nil, "")
	var c struct{ Outcome string }
	switch {
	case code == 0 || code == http.StatusConflict:
	case code >= 300 || json.Unmarshal(raw, &c) != nil:
		l.w.odd("hangup of %s: %d %.300s", id, code, raw)
	default:
		l.mu.Lock()
		l.cancels = append(l.cancels, cancel{CallID: id, Final: c.Outcome, At: time.Now()})
		l.mu.Unlock()
	}
}

func (l *load) block(ctx context.Context, number string) bool {
	code, raw := l.insist(ctx, "PUT", "/v1/blacklist/"+number, map[string]any{"reason": "asked"}, "")
	if code == 0 {
		return false
	}
	if code >= 300 {
		l.w.odd("PUT of %s on the blacklist: %d %.300s", number, code, raw)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks = append(l.blocks, block{Number: number, At: time.Now()})
	return true
}

// acknowledged are the ids of the calls that were acknowledged so far.
func (l *load) acknowledged() (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.asks {
		ids = append(ids, a.IDs...)
	}
	return slices.Clip(ids)
}
