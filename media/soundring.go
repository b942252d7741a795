package media

import (
	"encoding/binary"
	"sync/atomic"
	"time"
)

// soundRing carries what a leg receives from its shard to an analyst: one writer,
// one reader, no lock. It holds code words, about a second of them; where the
// reader is slower, what does not fit is a gap for him.
type soundRing struct {
	head atomic.Uint64 // bytes ever written
	tail atomic.Uint64 // bytes ever read
	data [soundRingBytes]byte

	// Of the writer alone: what the next packet follows.
	begun    bool
	sequence uint16
	next     uint32 // timestamp one past the last sample
}

const (
	soundRingBytes = 8 << 10 // a power of two
	soundHeader    = 16
	// longestGap is what a leap of the timestamp may be at most to be called a gap;
	// beyond it the stream begins anew.
	longestGap = 10 * sampleRate
)

// soundKind says what a record of the ring is.
type soundKind uint8

const (
	soundNext  soundKind = iota // follows what came before, after gap samples
	soundFresh                  // begins a stream
	soundPause                  // comfort noise: the far end says that it is silent
)

// soundRecord is the head of what one packet left in the ring.
type soundRecord struct {
	at    time.Duration // when the shard took it
	gap   uint32        // samples that are missing before it
	n     int           // code words
	codec int
	kind  soundKind
	lost  bool // the gap is of packets that did not come; else nothing was sent
}

// gapBefore is how many samples are missing between the end of what came before and a
// timestamp, below 0 where it comes too late; fresh: it begins a stream, as it does
// where nothing that it goes on from came.
func gapBefore(timestamp, next uint32, goesOn bool) (gap int32, fresh bool) {
	gap = int32(timestamp - next)
	return gap, !goesOn || gap > longestGap || gap < -longestGap
}

// put takes the audio of one packet; false if it is late or does not fit.
func (r *soundRing) put(sequence uint16, timestamp uint32, restarted bool, index int, payload []byte, now time.Duration) bool {
	rec := soundRecord{at: now, n: len(payload), codec: index}
	switch gap, fresh := gapBefore(timestamp, r.next, r.begun && !restarted); {
	case fresh:
		rec.kind = soundFresh
	case gap < 0:
		return false
	default:
		rec.gap, rec.lost = uint32(gap), sequence != r.sequence+1
	}
	if !r.write(rec, payload) {
		return false
	}
	r.begun, r.sequence, r.next = true, sequence, timestamp+uint32(len(payload))
	return true
}

// pause takes a packet of comfort noise.
func (r *soundRing) pause(sequence uint16, now time.Duration) {
	r.skip(sequence)
	r.write(soundRecord{at: now, kind: soundPause}, nil)
}

// skip tells of a packet without audio, so that it does not count as lost.
func (r *soundRing) skip(sequence uint16) {
	if r.begun && int16(sequence-r.sequence) > 0 {
		r.sequence = sequence
	}
}

func (r *soundRing) write(rec soundRecord, payload []byte) bool {
	head := r.head.Load()
	if head-r.tail.Load()+uint64(soundHeader+len(payload)) > soundRingBytes {
		return false
	}
	var b [soundHeader]byte
	binary.LittleEndian.PutUint64(b[:], uint64(rec.at))
	binary.LittleEndian.PutUint32(b[8:], rec.gap)
	binary.LittleEndian.PutUint16(b[12:], uint16(rec.n))
	b[14] = byte(rec.codec)
	b[15] = byte(rec.kind) << 1
	if rec.lost {
		b[15] |= 1
	}
	r.copyIn(head, b[:])
	r.copyIn(head+soundHeader, payload)
	r.head.Store(head + soundHeader + uint64(len(payload)))
	return true
}

// take reads the oldest record; payload is filled with its code words. False if
// there is none.
func (r *soundRing) take(payload *[maxPayload]byte) (rec soundRecord, ok bool) {
	tail := r.tail.Load()
	if tail == r.head.Load() {
		return rec, false
	}
	var b [soundHeader]byte
	r.copyOut(b[:], tail)
	rec = soundRecord{
		at: time.Duration(binary.LittleEndian.Uint64(b[:])), gap: binary.LittleEndian.Uint32(b[8:]),
		n: int(binary.LittleEndian.Uint16(b[12:])), codec: int(b[14]), kind: soundKind(b[15] >> 1), lost: b[15]&1 != 0,
	}
	r.copyOut(payload[:rec.n], tail+soundHeader)
	r.tail.Store(tail + soundHeader + uint64(rec.n))
	return rec, true
}

func (r *soundRing) copyIn(at uint64, b []byte) {
	n := copy(r.data[at%soundRingBytes:], b)
	copy(r.data[:], b[n:])
}

func (r *soundRing) copyOut(b []byte, at uint64) {
	n := copy(b, r.data[at%soundRingBytes:])
	copy(b[n:], r.data[:])
}
