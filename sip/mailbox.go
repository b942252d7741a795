package sip

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// mailbox runs what is posted to it one after another. Its goroutine exists
// only while there is something to do, so an idle leg costs none and none can
// be left behind.
type mailbox struct {
	mu      sync.Mutex
	queue   []func()
	running bool
	work    *tasks
}

// maxQueued bounds a mailbox: a leg that cannot keep up is broken, and its
// messages are repeated by their senders.
const maxQueued = 4096

// post queues f. It reports false when the box is full and f was dropped.
func (m *mailbox) post(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= maxQueued {
		return false
	}
	m.queue = append(m.queue, f)
	if !m.running {
		m.running = true
		m.work.start(m.drain)
	}
	return true
}

func (m *mailbox) drain() {
	for {
		m.mu.Lock()
		if len(m.queue) == 0 {
			m.running = false
			m.queue = nil
			m.mu.Unlock()
			return
		}
		f := m.queue[0]
		m.queue = m.queue[1:]
		m.mu.Unlock()
		m.work.guard(f)
	}
}

// tasks counts the goroutines of a user agent and catches their panics: nothing
// that comes from the network may end the process.
type tasks struct {
	panicked func(v any) // logs and counts

	mu     sync.Mutex
	n      int
	idle   chan struct{} // closed when n drops to 0; nil while nobody waits
	spare  []chan func() // of goroutines that wait for work: their stacks have grown already
	unused int           // how many of them nobody needed since the last trim
	timer  clock.Timer   // of the next trim; nil: none waits
	clock  clock.Clock
	closed bool // none waits any more
}

const (
	maxSpare   = 64              // goroutines that wait for work
	trimPeriod = 4 * time.Second // after which those go that were not needed
)

// start runs f in a goroutine of its own.
func (t *tasks) start(f func()) {
	t.mu.Lock()
	t.n++
	var w chan func()
	if k := len(t.spare); k > 0 {
		w, t.spare = t.spare[k-1], t.spare[:k-1]
		t.unused = min(t.unused, k-1)
	}
	t.mu.Unlock()
	if w == nil {
		go t.run(f)
		return
	}
	w <- f // it waits, and there is room for one
}

// run runs f and whatever it is given afterwards.
func (t *tasks) run(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		t.guard(f)
		if !t.done(next) {
			return
		}
		f = <-next
	}
}

// close sends the goroutines away that wait for work; it is called once nothing
// but them is left, or nothing ever ran.
func (t *tasks) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.unused = len(t.spare)
	t.sendAway()
	if t.timer != nil {
		t.timer.Stop()
	}
}

// trim sends those away that nobody needed for a while.
func (t *tasks) trim() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sendAway()
	t.timer = nil
	t.schedule()
}

// sendAway ends the goroutines that are unused; t.mu is held.
func (t *tasks) sendAway() {
	for _, w := range t.spare[:t.unused] {
		w <- nil
	}
	t.spare = append([]chan func(){}, t.spare[t.unused:]...)
	t.unused = len(t.spare)
}

// schedule sets the next trim where there is something to trim; t.mu is held.
func (t *tasks) schedule() {
	if t.timer == nil && len(t.spare) > 0 && !t.closed {
		t.timer = t.clock.AfterFunc(trimPeriod, t.trim)
	}
}

// guard runs f and survives its panic.
func (t *tasks) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			t.panicked(v)
		}
	}()
	f()
}

// done counts a goroutine out; true where it is to wait for more at next.
func (t *tasks) done(next chan func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.n == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
	if t.closed || len(t.spare) >= maxSpare {
		return false
	}
	t.spare = append(t.spare, next)
	t.schedule()
	return true
}

// waiting gives a channel that is closed once no goroutine runs.
func (t *tasks) waiting() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		c := make(chan struct{})
		close(c)
		return c
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	return t.idle
}
