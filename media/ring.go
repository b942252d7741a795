package media

import (
	"sync/atomic"

	"zvonar/media/codec"
)

// ring carries the audio of one leg to the leg it is bridged with: 16 slots by
// sequence, one writer (the shard of the speaker) and one reader (the shard of
// the listener), which need not be the same. It orders what arrived out of order
// and delays only as much as the speaker's jitter asks for.
type ring struct {
	slots [ringSlots]slot
	high  atomic.Uint64 // writer: one past the highest position written
	read  atomic.Uint64 // reader: the next position wanted

	in  ringWriter
	out ringReader
}

const (
	ringSlots = 16
	maxFrame  = 480 // bytes: 60 ms
	maxDepth  = 3   // frames
)

type slot struct {
	position atomic.Uint64 // position+1 of what it holds; 0: nothing
	n        int
	codec    int
	data     [maxFrame]byte
}

// ringWriter is the state of the writing shard.
type ringWriter struct {
	begun bool
	last  uint16
	at    uint64 // position of last
}

// ringReader is the state of the reading shard.
type ringReader struct {
	flowing bool
	depth   int // frames to collect before the sound flows
	dry     int // frames wanted in vain since it flowed
	full    int // frames in a row with more waiting than needed
	pending [2 * maxFrame]byte
	n       int
	frame   int // bytes of the last frame: what a lost one would have held
	from    int // codec of the last frame
	want    int // bytes of the listener's frames
	gap     gap // what take found instead of a frame
	late    int // frames that did not come in time, one after another, see spent
	holes   int // of those that were left to the listener, how many turned out to be lost
	words   codec.Translator
	conceal concealer
}

// put stores one frame. restarted begins a new sequence after the highest.
func (r *ring) put(sequence uint16, restarted bool, index int, payload []byte) bool {
	w := &r.in
	position := uint64(0)
	switch {
	case !w.begun || restarted:
		position = r.high.Load()
		w.begun, w.last, w.at = true, sequence, position
	default:
		step := int16(sequence - w.last)
		if step < 0 && uint64(-int64(step)) > w.at {
			return false
		}
		position = w.at + uint64(int64(step))
	}
	read := r.read.Load()
	if position >= read+ringSlots {
		// Nobody listens, or the sequence jumped: begin anew where there is room.
		w.begun = false
		return false
	}
	if position < read || len(payload) > maxFrame {
		return false
	}
	if position >= w.at {
		w.last, w.at = sequence, position
	}
	s := &r.slots[position%ringSlots]
	if s.position.Load() == position+1 {
		return false
	}
	s.n, s.codec = copy(s.data[:], payload), index
	s.position.Store(position + 1)
	if position >= r.high.Load() {
		r.high.Store(position + 1)
	}
	return true
}

// skip tells that a packet of the sequence carried no audio (a telephone-event),
// so that its place is no gap.
func (r *ring) skip(sequence uint16) {
	w := &r.in
	if w.begun && int16(sequence-w.last) > 0 {
		w.last = sequence
	}
}

// drain drops what waits: the listener hears something else.
func (r *ring) drain() {
	r.read.Store(r.high.Load())
	r.out.flowing, r.out.n, r.out.dry = false, 0, maxDepth+1
}

// take fills dst with the next code words in the listener's codec, and reports
// whether there were any. A gap is concealed, except where frames are passed on as
// they are: there it is left to the listener, see out.gap. dst is silence where nothing
// is known.
func (r *ring) take(dst []byte, index int, silence byte) bool {
	o := &r.out
	o.depth = max(o.depth, 1)
	heard := false
	o.gap, o.want = gapNone, len(dst)
	for o.n < len(dst) {
		if !r.next(index, silence) {
			break
		}
		heard = true
	}
	n := copy(dst, o.pending[:o.n])
	if n < len(dst) {
		fill(dst[n:], silence)
		if o.frame > 0 && o.dry <= maxDepth {
			r.missing(gapLate, dst[n:], index, n == 0)
		}
	}
	o.n = copy(o.pending[:], o.pending[n:o.n])
	return heard || n > 0
}

// next appends one frame to pending.
func (r *ring) next(index int, silence byte) bool {
	o := &r.out
	read, high := r.read.Load(), r.high.Load()
	waiting := int(high - min(high, read))
	if !o.flowing {
		if waiting < o.depth {
			o.dry++
			return false
		}
		r.flow()
	}
	if waiting == 0 {
		o.flowing, o.dry = false, 1
		return false
	}
	read = r.spent(r.trim(read, waiting), high, index)
	s := &r.slots[read%ringSlots]
	if s.position.Load() != read+1 {
		// Lost, or so late that it will be refused.
		at := o.n
		o.n += silenceFrame(o.pending[at:], o.frame, silence)
		r.missing(gapLost, o.pending[at:o.n], index, at == 0)
		r.read.Store(read + 1)
		return true
	}
	r.translate(s, index)
	r.read.Store(read + 1)
	return s.n > 0
}

// trim drops a frame when more has waited than is needed for half a second: the
// speaker's clock is faster, or its jitter is over. A full ring is cut at once.
func (r *ring) trim(read uint64, waiting int) uint64 {
	o := &r.out
	if waiting <= o.depth+1 {
		o.full = 0
		return read
	}
	if o.full++; o.full > 25 || waiting >= ringSlots-2 {
		o.full = 0
		return read + uint64(waiting-o.depth)
	}
	return read
}

func silenceFrame(b []byte, n int, silence byte) int {
	n = min(n, len(b))
	fill(b[:n], silence)
	return n
}
