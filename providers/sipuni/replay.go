package sipuni

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// maxReplays bounds what is remembered of orders; the oldest goes first.
const maxReplays = 10_000

// replays remember orders for a while. The service's signature has no nonce, so
// whoever reads an order could send it again, and clients that lose an answer do:
// within the window a repetition gets the answer of the first and rings nobody.
// Safe for concurrent use.
type replays struct {
	clock  clock.Clock
	window time.Duration

	mu    sync.Mutex
	byKey map[string]*order
	queue []string // keys by age
}

// order is one that was taken, or is being taken.
type order struct {
	at    time.Time
	done  chan struct{}
	reply reply
}

func newReplays(c clock.Clock, window time.Duration) *replays {
	return &replays{clock: c, window: window, byKey: map[string]*order{}}
}

// once runs do unless the same was done within the window, or is being done: then
// it waits for that answer.
func (r *replays) once(key string, do func() reply) reply {
	if r.window == 0 {
		return do()
	}
	r.mu.Lock()
	r.prune()
	if o := r.byKey[key]; o != nil {
		r.mu.Unlock()
		<-o.done
		return o.reply
	}
	o := &order{at: r.clock.Now(), done: make(chan struct{})}
	r.byKey[key] = o
	r.queue = append(r.queue, key)
	r.mu.Unlock()
	defer close(o.done)
	o.reply = no("this failed on our side; ask again") // what a repetition hears should do not come back
	o.reply = do()
	return o.reply
}

// prune forgets what is too old, or too much; r.mu is held.
func (r *replays) prune() {
	now := r.clock.Now()
	for len(r.queue) > 0 && (len(r.queue) >= maxReplays || now.Sub(r.byKey[r.queue[0]].at) >= r.window) {
		delete(r.byKey, r.queue[0])
		r.queue = r.queue[1:]
	}
}
