//go:build linux

package main

import (
	"strings"
	"time"
)

// What one leg of a bridge says is silence but for one loud frame a second. The delay
// of the bridge is from when the first sample of that frame was sent, in its packet, to
// when it came to the other leg, in a packet of whatever codec and cut.

const marksEvery = 50 // frames

// loudFrame is the loudest of A-law, a square wave of 500 Hz.
func loudFrame() (b [frame]byte) {
	for i := range b {
		b[i] = 0xAA
		if i/8%2 == 1 {
			b[i] = 0x2A
		}
	}
	return b
}

// loud reports whether a code word is one of the loud frame's, in either law.
func loud(word, pt byte) bool {
	if pt == mulawPT {
		return ^word&0x7F >= 0x60
	}
	return (word^0x55)&0x7F >= 0x60
}

// utter is the next frame of a leg of a bridge. What is said in mu-law is only
// silence: one way is enough to know.
func (f *farm) utter(c *call, b []byte) {
	c.frames++
	if c.pt == alawPT && c.frames%marksEvery == 0 && c.other != nil {
		copy(b, f.loud[:])
		f.uttered = append(f.uttered, c)
		return
	}
	quiet := byte(0xD5)
	if c.pt == mulawPT {
		quiet = 0xFF
	}
	for i := range frame {
		b[i] = quiet
	}
}

// left stamps the loud frames that have just been sent.
func (f *farm) left() {
	if len(f.uttered) == 0 {
		return
	}
	now := time.Now().UnixNano()
	for _, c := range f.uttered {
		c.saidAt = now
	}
	f.uttered = f.uttered[:0]
}

// listen looks for the other leg's loud frame in what came.
func (f *farm) listen(c *call, payload []byte, at int64) {
	if c.other == nil || c.other.saidAt == 0 {
		return
	}
	for i, word := range payload {
		if loud(word, c.pt) {
			f.now.delay.observe(time.Duration(at-c.other.saidAt) + time.Duration(i)*time.Second/8000)
			c.other.saidAt = 0
			return
		}
	}
}

// pair makes the two legs of a bridge known to each other.
func (f *farm) pair(c *call, number string) {
	if !f.cfg.load.bridged {
		return
	}
	suffix, second := strings.CutPrefix(number, secondPrefix)
	if !second {
		suffix = strings.TrimPrefix(number, firstPrefix)
	}
	c.second = second
	if other := f.pairs[suffix]; other != nil {
		c.other, other.other = other, c
		delete(f.pairs, suffix)
		return
	}
	f.pairs[suffix] = c
}
