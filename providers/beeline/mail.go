package beeline

import (
	"sync"

	"zvonar/internal/calls"
)

// mail carries the reports of one talk from the desk, which never waits, to whoever
// tells them, who may. There are few of them in a talk.
type mail struct {
	mu   sync.Mutex
	list []note
	more chan struct{} // holds a mark while there is something in list
}

// note is a report with what is needed to find the recording of the talk.
type note struct {
	report   calls.ProviderReport
	tracking string
	// call is what it is told of, where nobody asked for it: who answered may be known
	// only now.
	call calls.ForeignCall
}

func newMail() *mail { return &mail{more: make(chan struct{}, 1)} }

func (m *mail) post(list ...note) {
	if len(list) == 0 {
		return
	}
	m.mu.Lock()
	m.list = append(m.list, list...)
	m.mu.Unlock()
	select {
	case m.more <- struct{}{}:
	default:
	}
}

func (m *mail) take() []note {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list
}
