package capture

import (
	"sync"
	"time"

	"zvonar/media"
)

// Take is a capture that runs. It is a media.Scribe: on the shard it only puts what
// is said on a tape, and hands a tape that is full to the writer. End may be called
// from any goroutine.
//
// What the shard looks at for each packet stands first, and the words of the tape are
// written to but not read: of thousands of takes none is in the processor's cache when
// its packet comes, and what is read there is waited for.
type Take struct {
	sides [2]side   // of the shard alone, as what follows
	tape  *tape     // nil: nothing was said since the last was handed over
	until time.Time // it is handed over at
	store *Store
	file  *file

	mu    sync.Mutex
	over  bool                // the last tape was handed over
	ended bool                // End was called
	done  func(Result, error) // of End, while the port has not let go of the take
}

// side is the last run of one side, which its next packet goes on with.
type side struct {
	words   []byte // as many as there are; its capacity is the room for them
	next    int64  // position
	stream  int
	codec   int
	lasting bool
}

var _ media.Scribe = (*Take)(nil)

// Heard implements media.Scribe.
func (t *Take) Heard(w media.Words) { t.put(theirs, &w) }

// Said implements media.Scribe.
func (t *Take) Said(w media.Words) { t.put(ours, &w) }

func (t *Take) put(channel int, w *media.Words) {
	s := &t.sides[channel]
	if len(w.Words) == 0 {
		return
	}
	if !s.goesOn(w) {
		t.begin(channel, *w)
	}
	n := len(s.words)
	s.words = s.words[:n+len(w.Words)]
	if !w.Lasting {
		copy(s.words[n:], w.Words)
	}
	s.next = w.Position + int64(len(w.Words))
}

// goesOn tells whether a packet belongs to the run and fits into it.
func (s *side) goesOn(w *media.Words) bool {
	n := len(s.words)
	if n == 0 || w.Position != s.next || w.Stream != s.stream || w.Codec != s.codec || w.Lasting != s.lasting || n+len(w.Words) > cap(s.words) {
		return false
	}
	return !w.Lasting || &s.words[:n+1][n] == &w.Words[0]
}

// begin begins a run, on a new tape if there is no room or no time left.
func (t *Take) begin(channel int, w media.Words) {
	t.complete(channel)
	if t.tape != nil && (!w.At.Before(t.until) || !t.tape[channel].has(w)) {
		t.hand()
	}
	if t.tape == nil {
		t.tape, t.until = t.store.empty(), w.At.Add(tapeTime)
	}
	t.sides[channel] = side{words: t.tape[channel].begin(w), stream: w.Stream, codec: w.Codec, lasting: w.Lasting}
}

// complete ends the run of a channel, if it has one.
func (t *Take) complete(channel int) {
	if s := &t.sides[channel]; len(s.words) > 0 {
		t.tape[channel].complete(s.words)
		s.words = nil
	}
}

func (t *Take) hand() {
	if t.tape != nil {
		t.complete(ours)
		t.complete(theirs)
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
