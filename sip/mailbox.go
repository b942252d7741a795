package sip

import (
	"sync"

	"zvonar/internal/life"
)

// mailbox runs what is posted to it one after another. Its goroutine exists
// only while there is something to do, so an idle leg costs none and none can
// be left behind.
type mailbox struct {
	mu      sync.Mutex
	queue   []func()
	running bool
	work    *life.Crew
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
		m.work.Start(m.drain)
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
		m.work.Guard(f)
	}
}
