package engine

import "sync"

// mailbox is the unbounded queue of one call: posting never blocks, so neither
// a media thread nor the store can be held up by a call. Nobody waits at it: whoever
// posts to an idle one has it read.
type mailbox struct {
	read func() // has somebody take what is there; it must not wait

	mu     sync.Mutex
	queue  []message
	busy   bool // it is read, or will be
	closed bool
}

// message is what is posted: run it, or, where the call ends before, lost.
type message struct {
	run, lost func() // lost nil: nothing is to be done
}

// post queues f; it reports false where the call is over and f will never run.
func (m *mailbox) post(f func()) bool { return m.put(message{run: f}) }

// postOr queues run; lost runs instead, in whatever goroutine, where the call ends
// before it comes to it, or has ended.
func (m *mailbox) postOr(run, lost func()) {
	if !m.put(message{run, lost}) {
		lost()
	}
}

func (m *mailbox) put(f message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.queue = append(m.queue, f)
	if !m.busy {
		m.busy = true
		m.read()
	}
	return true
}

// take returns everything queued so far.
func (m *mailbox) take() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue
	m.queue = nil
	return q
}

// leave ends the reading; false where something came meanwhile, which is to be read.
func (m *mailbox) leave() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = len(m.queue) > 0
	return !m.busy
}

// close refuses what comes later and drops what waits.
func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	q := m.queue
	m.queue = nil
	m.mu.Unlock()
	drop(q)
}

// drop tells that messages will not be run.
func drop(list []message) {
	for _, m := range list {
		if m.lost != nil {
			m.lost()
		}
	}
}
