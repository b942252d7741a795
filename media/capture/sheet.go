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
	// stretch is by how much silence is laid ahead at a time, in frames.
	stretch = Rate / 4
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
	rest     []byte // of the file, from there on: one channel is not there yet
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

// play places what is on a tape and writes what both channels have reached.
func (s *sheet) play(t *tape, h *hands, write func(at int64, b []byte)) {
	h.window = append(h.window[:0], s.rest...)
	for at := 0; at < t.n; {
		r, after := t.next(at)
		s.place(r, t.since.Add(r.at), h)
		at = after
	}
	s.flush(s.settled(), h, write)
}

// end writes what is left.
func (s *sheet) end(h *hands, write func(at int64, b []byte)) {
	h.window = append(h.window[:0], s.rest...)
	s.flush(s.reached(), h, write)
}

// place puts the words of one packet at their place in the window.
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
	s.write(r.channel, frame-s.flushed, samples, h)
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
	window []byte // of the file whose tape is played: what follows its flushed frames
	pcm    [longestPacket]int16
	bytes  [2 * longestPacket]byte
	chunk  [32 << 10]byte
}

// write puts samples into a channel of the window, from a frame of it on.
func (s *sheet) write(channel int, at int64, samples []byte, h *hands) {
	size := s.layout.sample
	from := int(at * s.layout.frame())
	if to := from + 2*len(samples); to > len(h.window) {
		h.window = lengthen(h.window, to+stretch*int(s.layout.frame()), s.layout.silence)
	}
	if b := h.window[from : from+2*len(samples)]; size == 1 {
		weave(b, samples, channel)
	} else {
		for i := range len(samples) / 2 {
			binary.LittleEndian.PutUint16(b[4*i+2*channel:], binary.LittleEndian.Uint16(samples[2*i:]))
		}
	}
}

// weave puts code words into every second byte of b, which holds twice as many:
// four at a time, since every packet of a captured talk comes by here.
func weave(b, words []byte, channel int) {
	const every = 0x00FF00FF00FF00FF
	n := len(words) &^ 3
	for i := 0; i < n; i += 4 {
		x := uint64(binary.LittleEndian.Uint32(words[i:]))
		x = (x | x<<16) & 0x0000FFFF0000FFFF
		x = (x | x<<8) & every
		there := b[2*i : 2*i+8]
		binary.LittleEndian.PutUint64(there, binary.LittleEndian.Uint64(there)&^(every<<(8*channel))|x<<(8*channel))
	}
	for i, x := range words[n:] {
		b[2*(n+i)+channel] = x
	}
}

// lengthen appends silence until b has so many bytes.
func lengthen(b []byte, to int, silence byte) []byte {
	from := len(b)
	b = slices.Grow(b, to-from)[:to]
	fresh := b[from:]
	fresh[0] = silence
	for n := 1; n < len(fresh); n *= 2 {
		copy(fresh[n:], fresh[:n])
	}
	return b
}

// reached is one past the last frame that has sound; settled is how far no packet in
// time can change anything any more.
func (s *sheet) reached() int64 { return max(s.channels[0].next, s.channels[1].next) }

func (s *sheet) settled() int64 {
	return max(min(s.channels[0].next, s.channels[1].next), s.reached()-patience)
}

// flush writes the window up to a frame, and keeps what follows.
func (s *sheet) flush(upTo int64, h *hands, write func(at int64, b []byte)) {
	size := s.layout.frame()
	all, n := max(0, s.reached()-s.flushed), max(0, upTo-s.flushed)
	if missing := int(all * size); missing > len(h.window) {
		h.window = lengthen(h.window, missing, s.layout.silence)
	}
	if n > 0 {
		write(s.flushed, h.window[:n*size])
		s.flushed += n
	}
	s.rest = append(s.rest[:0], h.window[n*size:all*size]...)
}
