package capture

import (
	"encoding/binary"
	"slices"
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
	// perBlock is how much is handed to the writer at a time, in frames.
	perBlock = Rate
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
	reached [2]int64 // one past the last sample of each channel
	blocks  []*block // what waits, from flushed on
}

// block is a second of a talk, both channels, as it lies in the file.
type block [perBlock * frameBytes]byte

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
	t.write(channel, at, s.PCM)
	t.flush(false)
}

// write puts samples into the blocks that wait.
func (t *Take) write(channel int, at int64, pcm []int16) {
	t.reached[channel] = max(t.reached[channel], at+int64(len(pcm)))
	for at -= t.flushed; len(pcm) > 0; {
		for int64(len(t.blocks)) <= at/perBlock {
			t.blocks = append(t.blocks, t.store.blank())
		}
		b := t.blocks[at/perBlock][at%perBlock*frameBytes+int64(2*channel):]
		n := min(len(pcm), int(perBlock-at%perBlock))
		for i, x := range pcm[:n] {
			binary.LittleEndian.PutUint16(b[i*frameBytes:], uint16(x))
		}
		at, pcm = at+int64(n), pcm[n:]
	}
}

// flush hands whole blocks to the writer; at the end everything.
func (t *Take) flush(all bool) {
	for len(t.blocks) > 0 {
		low, high := min(t.reached[0], t.reached[1])-t.flushed, max(t.reached[0], t.reached[1])-t.flushed
		n := min(perBlock, max(low, high-patience))
		if all {
			n = min(perBlock, high)
		}
		if n < perBlock && (!all || n <= 0) {
			return
		}
		t.store.give(job{file: t.file, at: t.flushed, block: t.blocks[0], frames: n})
		t.blocks = slices.Delete(t.blocks, 0, 1)
		t.flushed += n
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
