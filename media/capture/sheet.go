package capture

import (
	"encoding/binary"
	"slices"
	"time"

	"zvonar/media/codec"
)

const (
	// perBlock is how much is put together before it is written, in frames.
	perBlock = Rate / 2
	// patience is how long one channel waits for the other before its sound is
	// written beside silence.
	patience = 2 * Rate
	// longest bounds what one packet may leap ahead, in frames, so that nobody makes
	// a file longer than the talk.
	longest = int64(30 * Rate)
	// longestPacket is more than any packet holds, in samples.
	longestPacket = 2048
)

// sheet puts what the tapes of a take tell in its place: each channel goes on at its
// own clock, both are placed by the time they began. It is of the writer alone.
type sheet struct {
	layout   layout
	begun    bool
	started  time.Time // of the first sound
	flushed  int64     // frames of the take that were written
	channels [2]channel
	base     int64   // frame at which the blocks begin; flushed is in the first of them
	blocks   []block // what waits to be whole
}

// channel is one side of a talk.
type channel struct {
	begun   bool
	stream  uint32
	origin  int64 // frame at which position 0 of the stream is
	next    int64 // one past its last sample
	decode  codec.Decoder
	convert codec.Translator
}

// block is half a second of a talk, both channels, as it lies in the file.
type block []byte

// play places what is on a tape and writes what both channels have reached.
func (s *sheet) play(t *tape, h *hands, write func(at int64, b []byte)) {
	for at := 0; at < t.n; {
		r, after := t.next(at)
		s.place(r, t.since.Add(r.at), h)
		at = after
	}
	s.flush(false, h, write)
}

// place puts the words of one packet into the blocks that wait.
func (s *sheet) place(r record, at time.Time, h *hands) {
	if !s.begun {
		s.begun, s.started = true, at
	}
	c := &s.channels[r.channel]
	now := int64(at.Sub(s.started) * Rate / time.Second)
	frame := c.origin + r.position
	if !c.begun || c.stream != r.stream || frame > now+longest {
		frame = max(now, c.next)
		c.begun, c.stream, c.origin = true, r.stream, frame-r.position
	}
	c.next = frame + int64(len(r.words))
	samples := s.samples(c, r, h)
	if skip := s.flushed - frame; skip > 0 { // its place has been written as silence
		if skip >= int64(len(r.words)) {
			return
		}
		samples, frame = samples[skip*int64(s.layout.sample):], s.flushed
	}
	s.write(r.channel, frame-s.base, samples, h)
}

// samples are the words of a packet as the file has them, valid until the next call.
func (s *sheet) samples(c *channel, r record, h *hands) []byte {
	switch {
	case s.layout.sample == 2:
		n := c.decode.Decode(r.codec, h.pcm[:], r.words)
		out := h.bytes[:0]
		for _, x := range h.pcm[:n] {
			out = binary.LittleEndian.AppendUint16(out, uint16(x))
		}
		return out
	case s.layout.codec == r.codec:
		return r.words
	}
	return h.bytes[:c.convert.Translate(r.codec, s.layout.codec, h.bytes[:], r.words)]
}

// hands are what the writer works with, for all files.
type hands struct {
	spare [len(layouts)][]block
	pcm   [longestPacket]int16
	bytes [2 * longestPacket]byte
}

// spared bounds the blocks of a layout that wait to be used again.
const spared = 64

// blank is a block of silence.
func (h *hands) blank(l layout) (b block) {
	spare := &h.spare[l.index]
	if n := len(*spare); n > 0 {
		b, *spare = (*spare)[n-1], (*spare)[:n-1]
	} else {
		b = make(block, perBlock*l.frame())
	}
	b[0] = l.silence
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
	return b
}

func (h *hands) put(l layout, b block) {
	if spare := &h.spare[l.index]; len(*spare) < spared {
		*spare = append(*spare, b)
	}
}

// write puts samples into a channel of the blocks, from a frame of theirs on.
func (s *sheet) write(channel int, at int64, samples []byte, h *hands) {
	size := s.layout.sample
	for len(samples) > 0 {
		for int64(len(s.blocks)) <= at/perBlock {
			s.blocks = append(s.blocks, h.blank(s.layout))
		}
		n := min(len(samples)/size, int(perBlock-at%perBlock))
		b := s.blocks[at/perBlock][int(at%perBlock)*2*size+channel*size:]
		if size == 1 {
			for i, x := range samples[:n] {
				b[2*i] = x
			}
		} else {
			for i := range n {
				b[4*i], b[4*i+1] = samples[2*i], samples[2*i+1]
			}
		}
		at, samples = at+int64(n), samples[n*size:]
	}
}

// flush writes what no packet in time can change any more; at the end everything.
func (s *sheet) flush(all bool, h *hands, write func(at int64, b []byte)) {
	low, high := min(s.channels[0].next, s.channels[1].next), max(s.channels[0].next, s.channels[1].next)
	upTo := max(low, high-patience)
	if all {
		upTo = high
	}
	for s.flushed < upTo && len(s.blocks) > 0 {
		end := min(upTo, s.base+perBlock)
		size := s.layout.frame()
		write(s.flushed, s.blocks[0][(s.flushed-s.base)*size:(end-s.base)*size])
		s.flushed = end
		if end == s.base+perBlock {
			h.put(s.layout, s.blocks[0])
			s.blocks = slices.Delete(s.blocks, 0, 1)
			s.base = end
		}
	}
}
