package progress

import (
	"math"

	"zvonar/media/spectrum"
)

// A fingerprint is a row of words, one each 20 ms. A word tells how the loudness of
// neighbouring bands moved against each other: level, telephone, codec and noise
// hardly change that (after Haitsma and Kalker, "A Highly Robust Audio
// Fingerprinting System", ISMIR 2002; windows and lags are our own, for 8 kHz and
// matches within a second or so: docs/decisions/051).
const (
	pairs      = 16 // of neighbouring bands
	wordFrames = 2  // frames of 10 ms from word to word
	smooth     = 12 // frames that a loudness is summed over
	nearLag    = 12 // frames back that the low half of a word looks
	farLag     = 24 // and the high half
	printWord  = wordFrames * spectrum.Hop
)

// bandEdges bound the bands in bins, about 310 to 3030 Hz.
var bandEdges = [pairs + 2]int{10, 11, 13, 15, 17, 19, 22, 25, 29, 33, 38, 43, 49, 56, 65, 74, 85, 97}

// word is one word of a fingerprint.
type word struct {
	bits uint32
	// weak are the two bits of each half that say least: they were nearly the other.
	weak [2][2]uint8
	loud float32 // power, to tell sound from pauses
}

// printer makes words of frames. The zero value is ready.
type printer struct {
	sum    [pairs + 1]float32         // over the last smooth frames
	bands  [smooth][pairs + 1]float32 // those frames
	past   [farLag + 1][pairs]float32 // differences of neighbours, the newest at n
	n      int                        // frames since the start or the last gap
	lastAt int64
}

// take adds a frame; ok where a word is complete.
func (p *printer) take(f *spectrum.Frame) (w word, ok bool) {
	if p.n > 0 && f.At != p.lastAt+spectrum.Hop {
		*p = printer{} // something is missing: what was summed up is of no use
	}
	p.lastAt = f.At
	slot := &p.bands[p.n%smooth]
	for b := range slot {
		e := float32(0)
		for k := bandEdges[b]; k < bandEdges[b+1]; k++ {
			e += f.Power[k]
		}
		slot[b] = e
	}
	p.sum = [pairs + 1]float32{} // anew, so that errors of rounding do not stay
	for i := range p.bands {
		for b, e := range p.bands[i] {
			p.sum[b] += e
		}
	}
	now := &p.past[p.n%len(p.past)]
	for b := range now {
		now[b] = p.sum[b] - p.sum[b+1]
	}
	p.n++
	if p.n < smooth+farLag || f.At/spectrum.Hop%wordFrames != 0 {
		return word{}, false
	}
	at := p.n - 1
	w.half(0, now, &p.past[(at-nearLag)%len(p.past)])
	w.half(1, now, &p.past[(at-farLag)%len(p.past)])
	for _, e := range p.sum {
		w.loud += e
	}
	w.loud /= smooth
	return w, true
}

// half fills the low or high 16 bits.
func (w *word) half(half int, now, before *[pairs]float32) {
	least := [2]float32{math.MaxFloat32, math.MaxFloat32}
	for b := range now {
		d := now[b] - before[b]
		if d > 0 {
			w.bits |= 1 << (b + pairs*half)
		} else {
			d = -d
		}
		switch {
		case d < least[0]:
			least[0], least[1] = d, least[0]
			w.weak[half][0], w.weak[half][1] = uint8(b), w.weak[half][0]
		case d < least[1]:
			least[1], w.weak[half][1] = d, uint8(b)
		}
	}
}

// audible tells sound from pauses: the level that counts as sound follows the
// loudest of the last seconds.
type audible struct{ most float32 }

func (a *audible) is(loud float32) bool {
	a.most = max(loud, a.most*0.995)
	return loud > quietest && loud*30 > a.most
}
