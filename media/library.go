package media

import (
	"container/list"
	"sync"

	"zvonar/internal/calls"
)

// Library keeps clips by content hash, least recently used out first by bytes.
type Library struct {
	load Load
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

// Load reads the samples of a recording: 8 kHz mono, and 16 kHz mono where it has
// them (nil where not).
type Load func(calls.RecordingRef) (pcm, wide []int16, err error)

// NewLibrary makes a library that loads what it misses with load. maxBytes bounds
// what is kept; clips that are being played live on regardless.
func NewLibrary(maxBytes int64, load Load) *Library {
	return &Library{load: load, max: maxBytes, entries: map[string]*entry{}, used: list.New()}
}

// Get returns the clip, loading it if needed; several callers that miss the same
// clip wait for one load. A failed load is not remembered. Safe for concurrent
// use; it blocks while it loads, so it must not be called from an event.
func (l *Library) Get(ref calls.RecordingRef) (*Clip, error) {
	key := ref.SHA256 + ref.WideSHA256
	l.mu.Lock()
	if e, ok := l.entries[key]; ok {
		if e.place != nil {
			l.used.MoveToFront(e.place)
		}
		l.mu.Unlock()
		<-e.done
		return e.clip, e.err
	}
	e := &entry{hash: key, done: make(chan struct{})}
	l.entries[key] = e
	l.mu.Unlock()

	pcm, wide, err := l.load(ref)
	if err != nil {
		e.err = err
	} else {
		e.clip = NewWideClip(pcm, wide)
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
