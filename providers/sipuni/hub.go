package sipuni

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// Bounds of what is kept between events.
const (
	maxQueue  = 128              // events of one call that it has not read yet
	maxParked = 1024             // events of orders whose answer has not come
	lateEvent = 10 * time.Minute // how long events of a call that is over are known as its own
)

// hub gives the events of the service to the calls that asked for them. An event
// belongs to a call by its call_id once one was bound, by the id of the order, or
// else by number, extension and time; where two calls would fit it belongs to
// neither. Safe for concurrent use.
type hub struct {
	clock  clock.Clock
	user   string
	window time.Duration // how long after the request its call may begin

	mu      sync.Mutex
	calls   []*follower
	bound   map[string]*follower
	over    map[string]time.Time // call_ids of calls that nobody follows any more, until when they are known
	parked  []parked
	foreign func(event) // a call that was not asked for by us; called with mu free
	unclear func(event) // more than one call fits
}

// parked is an event of an order that may be one whose answer is on its way.
type parked struct {
	e     event
	until time.Time
}

// follower is one call that waits for events.
type follower struct {
	to, extension string
	asked         time.Time // since when events may be its
	placed        time.Time // when the service was asked; a former process may have done it
	order         string    // the id that the service gave; "": not yet, or none
	settled       bool      // the answer came, or will not come
	callID        string    // "": no event yet

	queue []event
	news  chan struct{} // capacity 1
}

func newHub(c clock.Clock, user string, window time.Duration) *hub {
	return &hub{clock: c, user: user, window: window, bound: map[string]*follower{}, over: map[string]time.Time{}}
}

// follow registers a call that is about to be asked for.
func (h *hub) follow(to, extension string) *follower {
	f := &follower{to: to, extension: extension, asked: h.clock.Now(), news: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, f)
	return f
}

// settle notes the answer to a request; order is "" where it named none, or none came.
func (h *hub) settle(f *follower, order string) {
	h.mu.Lock()
	f.order, f.settled = order, true
	h.mu.Unlock()
	h.unpark()
}

// leave forgets a call; its late events go nowhere.
func (h *hub) leave(f *follower) {
	h.mu.Lock()
	for i, other := range h.calls {
		if other == f {
			h.calls = append(h.calls[:i], h.calls[i+1:]...)
			break
		}
	}
	now := h.clock.Now()
	for id, until := range h.over {
		if now.After(until) {
			delete(h.over, id)
		}
	}
	for _, id := range []string{f.callID, f.order} {
		if id != "" {
			delete(h.bound, id)
			h.over[id] = now.Add(lateEvent)
		}
	}
	h.mu.Unlock()
	h.unpark()
}

// callOf is the call_id by which the service knows the call of an order; "": no
// event has told.
func (h *hub) callOf(order string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.calls {
		if order != "" && f.order == order {
			return f.callID
		}
	}
	return ""
}

// take gives what f was told since it asked last.
func (h *hub) take(f *follower) []event {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := f.queue
	f.queue = nil
	return list
}

// owner is what was found of whose an event is.
type owner int

const (
	nobodys owner = iota // of a call that we did not ask for
	known                // f has it, or a call that is over had it
	waits                // the answer of an order must come first
	several              // more than one call fits
)

// dispatch gives an event to whom it belongs.
func (h *hub) dispatch(e event) {
	h.mu.Lock()
	whose, f := h.find(e)
	switch {
	case whose == known && f != nil:
		h.give(f, e)
	case whose == waits && len(h.parked) < maxParked:
		h.parked = append(h.parked, parked{e, h.clock.Now().Add(h.window)})
	}
	h.mu.Unlock()
	switch whose {
	case nobodys:
		h.foreign(e)
	case several:
		h.unclear(e)
	case known, waits:
	}
}

// find tells whose an event is; h.mu is held.
func (h *hub) find(e event) (owner, *follower) {
	if f := h.bound[e.callID]; f != nil {
		return known, f
	}
	now := h.clock.Now()
	for _, id := range []string{e.callID, e.order} {
		if until, was := h.over[id]; id != "" && was && now.Before(until) {
			return known, nil
		}
	}
	undecided := false
	var fits []*follower
	for _, f := range h.calls {
		if e.order != "" && f.order == e.order {
			return known, f
		}
		if f.callID != "" || now.Sub(f.asked) > h.window || !e.client(f.to) || !h.rings(f, e) {
			continue
		}
		if e.order != "" && f.order != "" {
			continue // of another order
		}
		undecided = undecided || e.order != "" && !f.settled
		fits = append(fits, f)
	}
	switch {
	case len(fits) == 0:
		return nobodys, nil
	case undecided:
		return waits, nil
	case len(fits) > 1:
		return several, nil
	}
	return known, fits[0]
}

// rings reports whether the event tells of the extension that f is for.
func (h *hub) rings(f *follower, e event) bool {
	return f.extension == "" || e.staff(h.user, f.extension)
}

// give binds an event's call to f and queues it; h.mu is held.
func (h *hub) give(f *follower, e event) {
	if f.callID == "" {
		f.callID = e.callID
		h.bound[e.callID] = f
	}
	if len(f.queue) >= maxQueue {
		return // a flood of repetitions: the states that matter are few and came before
	}
	f.queue = append(f.queue, e)
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// unpark looks again at what waited for the answer of an order.
func (h *hub) unpark() {
	h.mu.Lock()
	list := h.parked
	h.parked = nil
	h.mu.Unlock()
	now := h.clock.Now()
	for _, p := range list {
		if now.Before(p.until) {
			h.dispatch(p.e)
		}
	}
}
