package capture

import (
	"encoding/binary"
	"time"

	"zvonar/media"
)

// The two channels.
const (
	ours = iota // left
	theirs
)

const (
	// tapeBytes hold most of a second of a talk: 100 packets of 20 ms of G.711.
	tapeBytes = 16 << 10
	// tapeTime is how long a tape may be before it is handed to the writer.
	tapeTime   = time.Second
	recordHead = 24
)

// tape is what crossed the shard, packet by packet in the order of time, with the
// head of each before its code words.
type tape struct {
	since time.Time // of the first packet
	n     int       // bytes that are written, once it is handed over
	data  [tapeBytes]byte
}

// record is the head of one packet, and its code words.
type record struct {
	at       time.Duration // since the first packet of the tape
	position int64
	stream   uint32
	codec    int
	channel  int
	words    []byte
}

// put writes a packet to a place where it fits.
func (t *tape) put(at, channel int, w media.Words) {
	h := t.data[at:]
	binary.LittleEndian.PutUint64(h, uint64(w.Position))
	binary.LittleEndian.PutUint64(h[8:], uint64(w.At.Sub(t.since)))
	binary.LittleEndian.PutUint32(h[16:], uint32(w.Stream))
	binary.LittleEndian.PutUint16(h[20:], uint16(len(w.Words)))
	h[22], h[23] = byte(w.Codec), byte(channel)
	copy(h[recordHead:], w.Words)
}

// next reads the packet at a place of the tape and tells where the one after it is.
func (t *tape) next(at int) (r record, after int) {
	h := t.data[at:]
	r = record{
		position: int64(binary.LittleEndian.Uint64(h)), at: time.Duration(binary.LittleEndian.Uint64(h[8:])),
		stream: binary.LittleEndian.Uint32(h[16:]), codec: int(h[22]), channel: int(h[23]),
	}
	after = at + recordHead + int(binary.LittleEndian.Uint16(h[20:]))
	r.words = t.data[at+recordHead : after]
	return r, after
}
