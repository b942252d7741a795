package media

import (
	"container/list"
	"sync"
)

// Library keeps clips by content hash, least recently used out first by bytes.
type Library struct {
	load func(sha256 string) ([]int16, error)
	max  int64

	mu      sync.Mutex
	entries map[string]*entry
	used    *list.List // of *entry, the most recent first; only loaded ones
	bytes   int64
}

type entry struct {
	hash  string
	done  chan struct{} // closed once clip or err is set
	clip  *Clip
	err   error
	place *list.Element
}

// NewLibrary makes a library that loads what it misses with load (8 kHz mono).
// maxBytes bounds what is kept; clips that are being played live on regardless.
func NewLibrary(maxBytes int64, load func(sha256 string) ([]int16, error)) *Library {
	return &Library{load: load, max: maxBytes, entries: map[string]*entry{}, used: list.New()}
}

// Get returns the clip, loading it if needed; several callers that miss the same
// clip wait for one load. A failed load is not remembered. Safe for concurrent
// use; it blocks while it loads, so it must not be called from an event.
func (l *Library) Get(sha256 string) (*Clip, error) {
	l.mu.Lock()
	if e, ok := l.entries[sha256]; ok {
		if e.place != nil {
			l.used.MoveToFront(e.place)
		}
		l.mu.Unlock()
		<-e.done
		return e.clip, e.err
	}
	e := &entry{hash: sha256, done: make(chan struct{})}
	l.entries[sha256] = e
	l.mu.Unlock()

	pcm, err := l.load(sha256)
	if err != nil {
		e.err = err
	} else {
		e.clip = NewClip(pcm)
	}
	l.mu.Lock()
	l.keep(e)
	l.mu.Unlock()
	close(e.done)
	return e.clip, e.err
}

// keep files a loaded clip and drops the least recently used until all fit.
func (l *Library) keep(e *entry) {
	if e.err != nil || e.clip.size() > l.max {
		delete(l.entries, e.hash)
		return
	}
	e.place = l.used.PushFront(e)
	l.bytes += e.clip.size()
	for l.bytes > l.max {
		oldest := l.used.Back()
		old := l.used.Remove(oldest).(*entry)
		delete(l.entries, old.hash)
		l.bytes -= old.clip.size()
	}
}
