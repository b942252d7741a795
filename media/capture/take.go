package capture

import (
	"sync"
	"time"

	"zvonar/media"
)

// Take is a capture that runs. It is a media.Scribe: on the shard it only puts what
// is said on a tape, and hands a tape that is full to the writer. End may be called
// from any goroutine.
type Take struct {
	store *Store
	file  *file
	tape  *tape     // of the shard alone; nil: nothing was said since the last was handed over
	room  int       // bytes left on it
	until time.Time // it is handed over at

	mu    sync.Mutex
	over  bool                // the last tape was handed over
	ended bool                // End was called
	done  func(Result, error) // of End, while the port has not let go of the take
}

var _ media.Scribe = (*Take)(nil)

// Heard implements media.Scribe.
func (t *Take) Heard(w media.Words) { t.put(theirs, w) }

// Said implements media.Scribe.
func (t *Take) Said(w media.Words) { t.put(ours, w) }

func (t *Take) put(channel int, w media.Words) {
	need := recordHead + len(w.Words)
	if t.tape != nil && (need > t.room || !w.At.Before(t.until)) {
		t.hand()
	}
	if t.tape == nil {
		t.tape = t.store.empty()
		t.tape.since, t.until, t.room = w.At, w.At.Add(tapeTime), tapeBytes
	}
	t.tape.put(tapeBytes-t.room, channel, w)
	t.room -= need
}

func (t *Take) hand() {
	if t.tape != nil {
		t.tape.n = tapeBytes - t.room
		t.store.give(job{file: t.file, tape: t.tape})
		t.tape = nil
	}
}

// Over implements media.Scribe.
func (t *Take) Over() {
	t.hand()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	if t.ended {
		t.store.give(job{file: t.file, end: t.done})
	}
}

// End tells when the file is complete, on the writer's goroutine, once the port
// has let go of the take. Only the first call does something.
func (t *Take) End(done func(Result, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	t.ended, t.done = true, done
	if t.over {
		t.store.give(job{file: t.file, end: done})
	}
}
