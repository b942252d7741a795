//go:build linux

package main

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"
)

const (
	frame    = 160 // code words of 20 ms
	header   = 12
	alawPT   = 8
	mulawPT  = 0
	eventPT  = 101
	slots    = 20 // a call speaks in one millisecond of these
	pressAt  = 10 * time.Second
	farAhead = 500 * time.Millisecond // a longer pause is the target's own
)

// stream is the media of one call.
type stream struct {
	sock *batchSocket
	to   netip.AddrPort
	slot int
	on   bool
	pt   byte
	seal *seal // nil: not encrypted

	seq     uint16
	ts      uint32
	ssrc    uint32
	place   int // in the caller's sound
	began   time.Time
	pressed int // packets of the digit sent; -1: over
	pressTS uint32

	answered int64 // when the target could begin to be heard, Unix nanoseconds; 0: not yet
	first    int64
	heard    bool
	rxSeq    uint16
	rxSSRC   uint32
	rxAt     int64

	// Of the legs of a bridge:
	other  *call
	second bool // it was rung second
	frames int
	saidAt int64 // when its loud frame left, until the other one heard it; 0: none is on its way
}

// speech is what callers say: 1.2 s of loud code words and 0.8 s of quiet ones,
// again and again.
func speech() []byte {
	const second = 50 * frame
	out := make([]byte, 8*second)
	for i := range out {
		out[i] = 0xD5 ^ byte(rand.Uint32()&0x81)
		if i%(2*second) < second*6/5 {
			out[i] = byte(rand.Uint32())
		}
	}
	return out
}

// begin has the stream sent from now on.
func (f *farm) begin(c *call, now time.Time) {
	s := &c.stream
	s.seq, s.ts, s.ssrc, s.began, s.on = uint16(rand.Uint32()), rand.Uint32(), rand.Uint32(), now, true
	s.slot = f.emptiest()
	f.slots[s.slot] = append(f.slots[s.slot], c)
	f.active++
}

// emptiest spreads the calls evenly, whatever the rate they come at.
func (f *farm) emptiest() int {
	best := rand.IntN(slots)
	for i := range f.slots {
		if len(f.slots[i]) < len(f.slots[best]) {
			best = i
		}
	}
	return best
}

// end stops the stream.
func (f *farm) end(c *call) {
	s := &c.stream
	delete(f.byMedia, s.to)
	if !s.on {
		return
	}
	s.on = false
	f.active--
	list := f.slots[s.slot]
	for i, other := range list {
		if other == c {
			list[i] = list[len(list)-1]
			f.slots[s.slot] = list[:len(list)-1]
		}
	}
}

// speak sends the next packet of a call: sound, or one of the eight of its digit.
func (f *farm) speak(c *call, now time.Time) {
	s := &c.stream
	room := s.sock.slot(s.to)
	b := room
	if s.seal != nil {
		b = f.scratch[:]
	}
	b[0], b[1] = 2<<6, s.pt
	ts, n := s.ts, header+frame
	if s.pressed == 0 && now.Sub(s.began) > pressAt && !f.cfg.load.mute {
		s.pressTS = s.ts
		s.pressed = 1
	}
	if s.pressed > 0 {
		ts, n, b[1] = s.pressTS, header+4, eventPT
		b[header], b[header+1] = 5, 10
		duration := uint16(frame * min(s.pressed, 5))
		if s.pressed == 1 {
			b[1] |= 1 << 7
		}
		if s.pressed > 5 {
			b[header+1] |= 1 << 7
		}
		binary.BigEndian.PutUint16(b[header+2:], duration)
		if s.pressed++; s.pressed > 8 {
			s.pressed = -1
		}
	} else if f.cfg.load.bridged {
		f.utter(c, b[header:])
	} else {
		copy(b[header:], f.sound[s.place:s.place+frame])
	}
	s.place = (s.place + frame) % len(f.sound)
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.seq++
	s.ts += frame
	if s.seal != nil {
		n = s.seal.close(room, b[:n])
	}
	s.sock.queue(n)
	f.now.tx++
}

// hear judges what the target sent, by the kernel's stamps: this program's own
// lateness does not blur it.
func (f *farm) hear(d datagram) {
	if len(d.b) < header || d.b[0]>>6 != 2 || d.b[1]&0x7F != alawPT && d.b[1]&0x7F != mulawPT {
		return
	}
	c := f.byMedia[d.from]
	if c == nil {
		// Its 200 has perhaps come since the signalling was looked at.
		d.b = append([]byte(nil), d.b...)
		f.strays = append(f.strays, d)
		return
	}
	s, w := &c.stream, &f.now
	if s.seal != nil && !s.seal.open(f.scratch[:], d.b) {
		w.unsealed++
		return
	}
	if f.cfg.load.bridged {
		f.listen(c, d.b[header:], d.at)
	}
	seq, ssrc := binary.BigEndian.Uint16(d.b[2:]), binary.BigEndian.Uint32(d.b[8:])
	if s.first == 0 {
		s.first = d.at
		f.audible(c)
	}
	if s.on {
		w.rx++
	}
	ahead := int16(seq - s.rxSeq)
	switch {
	case !s.heard || ssrc != s.rxSSRC:
	case ahead <= 0:
		w.disordered++
		return
	default:
		w.lost += int(ahead) - 1
		if gap := time.Duration(d.at - s.rxAt); gap < farAhead {
			w.deviation.observe((gap - time.Duration(ahead)*20*time.Millisecond).Abs())
		}
	}
	s.heard, s.rxSeq, s.rxSSRC, s.rxAt = true, seq, ssrc, d.at
}

// audible counts the first audio of a call once both its instants are known.
func (f *farm) audible(c *call) {
	if s := &c.stream; s.first != 0 && s.answered != 0 {
		f.now.firstAudio.observe(time.Duration(s.first - s.answered))
	}
}
