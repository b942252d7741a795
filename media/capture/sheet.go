package capture

import (
	"encoding/binary"
	"slices"
	"time"

	"zvonar/media/codec"
)

const (
	// patience is how long one channel waits for the other before its sound is
	// written beside silence.
	patience = 2 * Rate
	// longest bounds what one packet may leap ahead, in frames, so that nobody makes
	// a file longer than the talk.
	longest = int64(30 * Rate)
	// piece is how much of a run is translated at a time, in samples.
	piece = 2048
	// page is what the system keeps files in: a part of one is written at twice the cost.
	page = 4096
)

// sheet puts what the tapes of a take tell in its place: each channel goes on at its
// own clock, both are placed by the time they began. It is of the writer alone.
type sheet struct {
	layout   layout
	begun    bool
	started  time.Time // of the first sound
	before   int64     // bytes of the file in front of the first sound
	flushed  int64     // frames of the take that were written
	channels [2]channel
}

// channel is one side of a talk.
type channel struct {
	begun   bool
	stream  int
	origin  int64 // frame at which position 0 of the stream is
	next    int64 // one past its last sample
	decode  codec.Decoder
	convert codec.Translator
	rest    []byte // samples that are not written yet, from the flushed frames on
}

// play places what is on a tape and writes what both channels have reached, in whole
// pages of the file.
func (s *sheet) play(t *tape, h *hands, write func(at int64, b []byte)) {
	if !s.begun {
		s.begun, s.started = true, t.first().at
	}
	s.take(h)
	for i := range t {
		for _, r := range t[i].runs[:t[i].n] {
			s.place(i, r, h)
		}
	}
	end := (s.before + s.settled()*s.layout.frame()) &^ (page - 1)
	s.flush((end-s.before)/s.layout.frame(), h, write)
}

// end writes what is left.
func (s *sheet) end(h *hands, write func(at int64, b []byte)) {
	s.take(h)
	s.flush(s.reached(), h, write)
}

// hands are what the writer works with, for all files.
type hands struct {
	lines [2][]byte // samples of each channel of one file, from its flushed frames on
	woven []byte    // both, as the file has them
	pcm   [piece]int16
	bytes [2 * piece]byte
	chunk [32 << 10]byte
}

// take takes up what the channels have left over.
func (s *sheet) take(h *hands) {
	for i := range s.channels {
		h.lines[i] = append(h.lines[i][:0], s.channels[i].rest...)
	}
}

// place puts the words of a run at their place.
func (s *sheet) place(channel int, r run, h *hands) {
	c := &s.channels[channel]
	now := int64(r.at.Sub(s.started) * Rate / time.Second)
	frame := c.origin + r.position
	if !c.begun || c.stream != r.stream || frame > now+longest {
		frame = max(now, c.next)
		c.begun, c.stream, c.origin = true, r.stream, frame-r.position
	}
	c.next = frame + int64(len(r.words))
	if s.layout.sample == 1 && s.layout.codec == r.codec {
		s.lay(&h.lines[channel], frame, r.words)
		return
	}
	for words := range slices.Chunk(r.words, piece) {
		s.lay(&h.lines[channel], frame, s.samples(c, r.codec, words, h))
		frame += int64(len(words))
	}
}

// samples are words of another codec as the file has them, valid until the next call.
func (s *sheet) samples(c *channel, from int, words []byte, h *hands) []byte {
	if s.layout.sample == 1 {
		return h.bytes[:c.convert.Translate(from, s.layout.codec, h.bytes[:], words)]
	}
	n := c.decode.Decode(from, h.pcm[:], words)
	out := h.bytes[:0]
	for _, x := range h.pcm[:n] {
		out = binary.LittleEndian.AppendUint16(out, uint16(x))
	}
	return out
}

// lay puts samples on a line, from a frame of the take on. What has been written as
// silence stays so.
func (s *sheet) lay(line *[]byte, frame int64, samples []byte) {
	at := (frame - s.flushed) * int64(s.layout.sample)
	if at < 0 {
		samples, at = samples[min(-at, int64(len(samples))):], 0
	}
	*line = lengthen(*line, int(at)+len(samples), int(at), s.layout.silence)
	copy((*line)[at:], samples)
}

// lengthen makes b so many bytes long, if it is shorter; up to a place with silence.
func lengthen(b []byte, to, silent int, silence byte) []byte {
	from := len(b)
	if to <= from {
		return b
	}
	b = slices.Grow(b, to-from)[:to]
	for i := from; i < silent; i++ {
		b[i] = silence
	}
	return b
}

// weave puts samples of both channels side by side; all samples are of size bytes,
// left and right are of one length.
func weave(out, left, right []byte, size int) {
	if size == 2 {
		for ; len(left) >= 2 && len(right) >= 2 && len(out) >= 4; out, left, right = out[4:], left[2:], right[2:] {
			binary.LittleEndian.PutUint32(out, uint32(binary.LittleEndian.Uint16(left))|uint32(binary.LittleEndian.Uint16(right))<<16)
		}
		return
	}
	for ; len(left) >= 8 && len(right) >= 8 && len(out) >= 16; out, left, right = out[16:], left[8:], right[8:] {
		l, r := binary.LittleEndian.Uint64(left), binary.LittleEndian.Uint64(right)
		binary.LittleEndian.PutUint64(out, spread(l)|spread(r)<<8)
		binary.LittleEndian.PutUint64(out[8:], spread(l>>32)|spread(r>>32)<<8)
	}
	for i := range left {
		out[2*i], out[2*i+1] = left[i], right[i]
	}
}

// spread puts the lower four bytes of x into every second one.
func spread(x uint64) uint64 {
	x = (x&0xFFFFFFFF | x<<16) & 0x0000FFFF0000FFFF
	return (x | x<<8) & 0x00FF00FF00FF00FF
}

// reached is one past the last frame that has sound; settled is how far no packet in
// time can change anything any more.
func (s *sheet) reached() int64 { return max(s.channels[0].next, s.channels[1].next) }

func (s *sheet) settled() int64 {
	return max(min(s.channels[0].next, s.channels[1].next), s.reached()-patience)
}

// flush writes both lines up to a frame, and keeps what follows.
func (s *sheet) flush(upTo int64, h *hands, write func(at int64, b []byte)) {
	size, n := s.layout.sample, int(max(0, upTo-s.flushed))
	for i := range h.lines {
		h.lines[i] = lengthen(h.lines[i], n*size, n*size, s.layout.silence)
	}
	if n > 0 {
		h.woven = slices.Grow(h.woven[:0], 2*n*size)[:2*n*size]
		weave(h.woven, h.lines[ours][:n*size], h.lines[theirs][:n*size], size)
		write(s.flushed, h.woven)
		s.flushed += int64(n)
	}
	for i := range s.channels {
		c := &s.channels[i]
		c.rest = append(c.rest[:0], h.lines[i][n*size:]...)
	}
}
