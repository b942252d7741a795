package carrier

import "sync"

// mailbox is an unbounded queue with one reader. What it holds is bounded by
// its writers: the events of one leg and the timers of one script.
type mailbox[T any] struct {
	mu    sync.Mutex
	items []T
	ready chan struct{} // holds one token while items is not empty
}

func newMailbox[T any]() *mailbox[T] { return &mailbox[T]{ready: make(chan struct{}, 1)} }

// put appends v and never blocks.
func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	m.items = append(m.items, v)
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take waits for the next item.
func (m *mailbox[T]) take() T {
	for {
		m.mu.Lock()
		if len(m.items) > 0 {
			v := m.items[0]
			m.items = m.items[1:]
			m.mu.Unlock()
			return v
		}
		m.mu.Unlock()
		<-m.ready
	}
}
