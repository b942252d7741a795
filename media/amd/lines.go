package amd

import (
	"math/bits"

	"zvonar/media/spectrum"
)

// The features of the lines of the spectrum. An instrument holds a note, so its
// partials stay in their bins; those of a voice move with its pitch; the peaks of
// noise are elsewhere in every frame. A frame notes its lines as bits, so that they
// are compared with those of another one at once.

const (
	// firstLine is the first of the 64 bins whose lines are noted: 375 to 2375 Hz,
	// above the fundamental of voices and most of mains hum, and with the tones of
	// networks.
	firstLine = 12
	// faintLine is how much of the strongest bin's power a line has at least, 30 dB
	// below it: what a codec makes of a pure tone is no voice.
	faintLine = 0.001
)

// linesOf are the bins that have the most power of those next to them, and twice as
// much as those about them have on average; top is the power of the strongest bin.
func linesOf(f *spectrum.Frame, top float32) (lines uint64) {
	const (
		beside   = 4
		standing = 2.0 / (2*beside + 1)
	)
	if top == 0 {
		return 0
	}
	least := top * faintLine
	power := f.Power[firstLine-beside : firstLine+64+beside]
	var sum float32
	for _, p := range power[:2*beside] {
		sum += p
	}
	for k := range 64 {
		sum += power[k+2*beside]
		if p := power[k+beside]; p > power[k+beside-1] && p >= power[k+beside+1] && p > sum*standing && p > least {
			lines |= 1 << k
		}
		sum -= power[k]
	}
	return lines
}

// beside1 are the bins next to those of lines.
func beside1(lines uint64) uint64 { return lines<<1 | lines>>1 }

// Frames back that lines are compared over.
const (
	glideLag = 3
	stayLag  = 5
)

// measureLines says how the lines of speech stay and move.
func (s *scene) measureLines(v *vector) {
	var frames, all, stay50, stay100, stay200, most, glide30, glide60, near100 int
	for _, r := range s.runs[:s.nruns] {
		for i := r.from; i < r.to; i++ {
			lines := s.frames[i].lines
			frames++
			all += bits.OnesCount64(lines)
			at30, at50, at60, at100, at200 := s.lines(i-glideLag), s.lines(i-stayLag), s.lines(i-2*glideLag), s.lines(i-2*stayLag), s.lines(i-4*stayLag)
			stay50 += bits.OnesCount64(lines & at50)
			stay100 += bits.OnesCount64(lines & at100)
			stay200 += bits.OnesCount64(lines & at200)
			most = max(most, bits.OnesCount64(lines&at50&at100))
			glide30 += bits.OnesCount64(lines & beside1(at30) &^ at30)
			glide60 += bits.OnesCount64(lines & (beside1(at60) | at60<<2 | at60>>2) &^ at60)
			near100 += bits.OnesCount64(lines & (at100 | beside1(at100)))
		}
	}
	n := float32(max(1, all))
	v[fLines] = float32(all) / float32(frames)
	v[fStay50], v[fStay100], v[fStay200], v[fStayMost] = float32(stay50)/n, float32(stay100)/n, float32(stay200)/n, float32(most)
	v[fGlide30], v[fGlide60], v[fNear100] = float32(glide30)/n, float32(glide60)/n, float32(near100)/n
}

// measureStays says how the lines stay, whatever is heard since the onset.
func (s *scene) measureStays(v *vector, onset int) {
	var all, stay int
	for i := onset; i < s.n; i++ {
		lines := s.frames[i].lines
		all += bits.OnesCount64(lines)
		stay += bits.OnesCount64(lines & s.lines(i-stayLag) & s.lines(i-2*stayLag))
	}
	v[fStayAll] = float32(stay) / float32(max(1, all))
}

// lines are those of a frame, none before the first.
func (s *scene) lines(i int) uint64 {
	if i < 0 {
		return 0
	}
	return s.frames[i].lines
}
