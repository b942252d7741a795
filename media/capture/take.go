package capture

import (
	"encoding/binary"
	"sync"
	"time"

	"zvonar/media"
)

// The two channels.
const (
	ours = iota // left
	theirs
)

const (
	// block is how much is handed to the writer at a time.
	block = Rate
	// patience is how long one channel waits for the other before its sound is
	// written beside silence.
	patience = 2 * Rate
	// longest bounds what one packet may leap ahead, so that nobody makes a file
	// longer than the talk.
	longest = 30 * time.Second
)

// Take is a capture that runs. It is a media.TwoWay: what the leg sends goes to the
// left channel, what it receives to the right one, each at its own clock, both
// placed by the time they began.
type Take struct {
	store *Store
	file  *file

	mu      sync.Mutex
	ended   bool
	started time.Time // of the first sound; zero: none came yet
	flushed int64     // frames of the take that went to the writer
	next    [2]int64  // where each channel goes on
	begun   [2]bool
	waiting [2][]int16 // from flushed on
}

var _ media.TwoWay = (*Take)(nil)

// Hear implements media.Analyser.
func (t *Take) Hear(s media.Sound) { t.put(theirs, s) }

// Spoke implements media.TwoWay.
func (t *Take) Spoke(s media.Sound) { t.put(ours, s) }

func (t *Take) put(channel int, s media.Sound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || s.Pause {
		return
	}
	if t.started.IsZero() {
		t.started = s.At
	}
	now := int64(s.At.Sub(t.started) * Rate / time.Second)
	at := t.next[channel] + int64(s.Gap)
	if s.Fresh || !t.begun[channel] {
		at = max(now, t.next[channel])
	}
	if at > now+int64(longest*Rate/time.Second) {
		at = max(now, t.next[channel])
	}
	t.begun[channel], t.next[channel] = true, at+int64(len(s.PCM))
	if skip := t.flushed - at; skip > 0 { // its place has been written as silence
		if skip >= int64(len(s.PCM)) {
			return
		}
		s.PCM, at = s.PCM[skip:], t.flushed
	}
	w := &t.waiting[channel]
	for need := int(at-t.flushed) + len(s.PCM); len(*w) < need; {
		*w = append(*w, make([]int16, need-len(*w))...)
	}
	copy((*w)[at-t.flushed:], s.PCM)
	t.flush(false)
}

// flush hands whole blocks to the writer; at the end everything.
func (t *Take) flush(all bool) {
	for {
		low, high := min(len(t.waiting[0]), len(t.waiting[1])), max(len(t.waiting[0]), len(t.waiting[1]))
		n := min(block, max(low, high-patience))
		if all {
			n = min(block, high)
		}
		if n < block && (!all || n == 0) {
			return
		}
		b := make([]byte, n*frameBytes)
		for channel, w := range t.waiting {
			for i, x := range w[:min(n, len(w))] {
				binary.LittleEndian.PutUint16(b[i*frameBytes+2*channel:], uint16(x))
			}
			t.waiting[channel] = append(w[:0], w[min(n, len(w)):]...)
		}
		t.store.give(job{file: t.file, at: t.flushed, block: b})
		t.flushed += int64(n)
	}
}

// End writes what is left and tells when the file is complete, on the writer's
// goroutine. Only the first call does something.
func (t *Take) End(done func(Result, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	t.flush(true)
	t.ended = true
	t.store.give(job{file: t.file, end: done})
}
