package rostelecom

import (
	"slices"
	"sync"
)

// Bounds of what is kept of sessions that nobody follows yet.
const (
	maxParked       = 256 // sessions
	maxParkedEvents = 64  // of one session
	maxQueued       = 256 // of one call that were not read yet
)

// hub brings the events of a session to whoever follows it. Events can be faster than
// the answer that names their session: while a request is out, those of sessions that
// nobody knows wait for it. What is nobody's then was not asked for by us.
type hub struct {
	foreign func(event) // of a session that nobody asked for; called with mu held, must not block

	mu        sync.Mutex
	followers map[string]*follower // by session
	waiting   []*follower          // whose request is out
	parked    map[string][]event
	order     []string // of parked, the oldest first
}

// follower is one call that waits for events.
type follower struct {
	hub     *hub
	client  string // the number that is called
	session string
	unknown bool // no answer came: the first session with the client is taken for it
	wake    chan struct{}
	events  []event // under hub.mu
}

func newHub(foreign func(event)) *hub {
	return &hub{foreign: foreign, followers: map[string]*follower{}, parked: map[string][]event{}}
}

// follow registers a call whose request is about to be sent.
func (h *hub) follow(client string) *follower {
	f := &follower{hub: h, client: client, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = append(h.waiting, f)
	return f
}

// adopt names the session of a call.
func (f *follower) adopt(session string) {
	h := f.hub
	h.mu.Lock()
	f.session = session
	h.followers[session] = f
	h.stopWaiting(f)
	f.push(h.unpark(session)...)
	h.release()
	h.mu.Unlock()
}

// lost: nobody can tell whether the request was taken, or which session it made.
func (f *follower) lost() {
	h := f.hub
	h.mu.Lock()
	f.unknown = true
	for _, session := range slices.Clone(h.order) {
		if h.claim(f, h.parked[session][0]) {
			f.push(h.unpark(session)...)
			break
		}
	}
	h.release()
	h.mu.Unlock()
}

// leave ends the following.
func (f *follower) leave() {
	h := f.hub
	h.mu.Lock()
	if f.session != "" && h.followers[f.session] == f {
		delete(h.followers, f.session)
	}
	h.stopWaiting(f)
	h.release()
	h.mu.Unlock()
}

// take gives the events that came.
func (f *follower) take() []event {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	events := f.events
	f.events = nil
	return events
}

// push is called with hub.mu held.
func (f *follower) push(events ...event) {
	if len(events) == 0 {
		return
	}
	// A flood of repetitions: the states that matter are few and came before.
	f.events = append(f.events, events[:min(len(events), max(0, maxQueued-len(f.events)))]...)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// hear takes an event that came in.
func (h *hub) hear(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	session := string(e.SessionID)
	f := h.followers[session]
	for i := 0; f == nil && i < len(h.waiting); i++ {
		if h.waiting[i].unknown && h.claim(h.waiting[i], e) {
			f = h.followers[session]
		}
	}
	switch {
	case f != nil:
		f.push(e)
	case h.pending():
		h.park(e)
	default:
		h.foreign(e)
	}
}

// claim gives a session to a call whose own is not known, if it is with its client.
func (h *hub) claim(f *follower, e event) bool {
	if !same(string(e.RequestNumber), f.client) && !same(string(e.FromNumber), f.client) {
		return false
	}
	f.session, f.unknown = string(e.SessionID), false
	h.followers[f.session] = f
	h.stopWaiting(f)
	return true
}

// pending reports whether a request is out whose session is not known yet.
func (h *hub) pending() bool {
	return slices.ContainsFunc(h.waiting, func(f *follower) bool { return !f.unknown })
}

func (h *hub) stopWaiting(f *follower) {
	h.waiting = slices.DeleteFunc(h.waiting, func(o *follower) bool { return o == f })
}

func (h *hub) park(e event) {
	session := string(e.SessionID)
	if len(h.parked[session]) >= maxParkedEvents {
		return
	}
	if h.parked[session] == nil {
		if len(h.order) >= maxParked {
			delete(h.parked, h.order[0])
			h.order = h.order[1:]
		}
		h.order = append(h.order, session)
	}
	h.parked[session] = append(h.parked[session], e)
}

func (h *hub) unpark(session string) []event {
	events := h.parked[session]
	delete(h.parked, session)
	h.order = slices.DeleteFunc(h.order, func(s string) bool { return s == session })
	return events
}

// release tells of what was parked once no request is out any more; h.mu is held, so that
// what comes now is told after it.
func (h *hub) release() {
	if h.pending() {
		return
	}
	for _, session := range h.order {
		for _, e := range h.parked[session] {
			h.foreign(e)
		}
	}
	h.parked, h.order = map[string][]event{}, nil
}
