package progress

import (
	"math"

	"zvonar/media/amd"
)

// What makes a cadence.
const (
	remembered = 12  // bursts; no cadence needs more
	maxMiss    = 0.3 // logarithm of a length to the one it should have: 35 %
	sameHz     = 8   // bursts of one cadence differ by less
	sameLevel  = 4   // and in power by less
	quieter    = 12  // what is softer by more than this is noise in the pauses of a tone
	stillness  = 4   // the power of a tone to that of its pauses, at least
	confirm    = 0.5 // of the pause after the last burst must have passed
)

// heard is the row of bursts that were heard, the newest last.
type heard struct {
	row [remembered]burst
	// hush is the mean power of the pause before each burst.
	hush [remembered]float32
	n    int
}

// take adds a burst, unless it is noise beside what was heard before.
func (h *heard) take(b burst, hush float32) bool {
	if h.n > 0 {
		last := h.at(0)
		if b.level*quieter < last.level && last.steady() && b.from-last.to < 5000*perMS {
			return false
		}
	}
	if h.n == remembered {
		copy(h.row[:], h.row[1:])
		copy(h.hush[:], h.hush[1:])
		h.n--
	}
	h.row[h.n], h.hush[h.n] = b, hush
	h.n++
	return true
}

// steady: no voice sounds like this.
func (b *burst) steady() bool {
	return b.length() > 100*perMS && b.wobble < unsteady && b.body > beepBody && b.lo > beepLow
}

// at is the i-th burst from the newest.
func (h *heard) at(i int) *burst { return &h.row[h.n-1-i] }

// alike reports whether two bursts are of one tone.
func alike(a, b *burst) bool {
	return near(a.lo, b.lo, sameHz) && near(a.hi, b.hi, 2*sameHz) &&
		a.level < sameLevel*b.level && b.level < sameLevel*a.level
}

// match is what the newest bursts may be of: the tone and how sure that is.
type match struct {
	tone *Tone
	miss float64
}

// cadence finds the tone whose cadence ends with the newest burst.
func (h *heard) cadence(tones []Tone) (best match) {
	if h.n < 2 {
		return match{}
	}
	best.miss = math.Inf(1)
	for i := range tones {
		t := &tones[i]
		if t.Once || len(t.Cadence) == 0 {
			continue
		}
		for phase := 0; phase < len(t.Cadence); phase += 2 {
			if miss, ok := h.follows(t, phase); ok && miss < best.miss-0.02 {
				best = match{t, miss}
			}
		}
	}
	return best
}

// follows reports whether the newest bursts are those of t, the newest being its
// step phase. As many are compared as a period has, and two at least.
func (h *heard) follows(t *Tone, phase int) (miss float64, ok bool) {
	steps := len(t.Cadence)
	need := max(2, steps/2+1) // bursts
	if steps > 2 {
		need = steps / 2 // each has another length, or another pause
	}
	if h.n < need {
		return 0, false
	}
	off, ok := t.sounds(h.at(0))
	if !ok {
		return 0, false
	}
	miss = off / 100
	step := phase
	for i := range need {
		b := h.at(i)
		m := t.Cadence[step].miss(float64(b.length()) / perMS)
		if b.from < 80*perMS && b.length() < int64(t.Cadence[step].middle()*perMS) {
			m = 0 // it had begun before we heard anything
		}
		if m > maxMiss {
			return 0, false
		}
		miss += m
		if i == need-1 {
			break
		}
		before := h.at(i + 1)
		step = (step - 1 + steps) % steps
		m = t.Cadence[step].miss(float64(b.from-before.to) / perMS)
		if m > maxMiss || !alike(b, before) || h.hush[h.n-1-i]*stillness > b.level {
			return 0, false
		}
		miss += m
		step = (step - 1 + steps) % steps
	}
	return miss / float64(2*need-1), true
}

// single finds the tone that one burst alone may be of: one that is heard once, or
// ringback, whose next burst is seconds away. pause is how long, in ms, to wait for
// what follows should it be of a cadence.
func single(tones []Tone, b *burst) (found *Tone, pause float64) {
	ms, best := float64(b.length())/perMS, math.Inf(1)
	for i := range tones {
		t := &tones[i]
		off, ok := t.sounds(b)
		if !ok || len(t.Cadence) == 0 {
			continue
		}
		for s := 0; s < len(t.Cadence); s += 2 {
			m := t.Cadence[s].miss(ms)
			if m > maxMiss {
				continue
			}
			if !t.Once && (t.Kind == amd.Busy || t.Kind == amd.Congestion) {
				pause = max(pause, t.Cadence[s+1].Most*1.3)
			}
			if (t.Once || t.Kind == amd.Ringback) && m+off/100 < best-0.02 {
				found, best = t, m+off/100
			}
		}
	}
	return found, pause
}
