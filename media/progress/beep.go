package progress

import "math"

// What a beep is: one steady line (or two, as some machines have), of a sharp
// beginning and end.
const (
	beepShortest = 62 * perMS // what the machine sends as 90 may be cut at both ends by a codec
	beepLowest   = 88 * perMS // the same near the tones of a voice
	lowHz        = 450
	beepLongest  = 2600 * perMS
	beepLow      = 392
	beepHigh     = 2150
	beepPairLow  = 590 // below it two lines are harmonics of a voice
	beepShare    = 0.8
	beepBody     = 0.45 // of its frames are on the plateau; a voice swells and fades
	maxDoubt     = 1.4
	voiceHz      = 800 // above it a voice has no line that stands alone

	// Two lines too near to be told apart must be steadier than any voice.
	closeSpread, closeLength, closeWobble, closeRipple = 3.2, 85 * perMS, 0.4, 1.2
)

// doubt says how little a burst is like a beep: 0 for a clean one, beyond maxDoubt
// it is a voice that holds a note. Long notes a voice does not hold as steadily, and
// high ones not alone, so there each sign weighs less.
func (b *burst) doubt() float64 {
	length := float64(b.length()) / perMS
	around := float64(b.before+b.after) / 2
	unrest := float64(b.wobble) / (1.2 + 0.0012*float64(b.lo))
	spread := max(0, float64(b.spread)-pure) / 0.12
	if b.hi > 0 || b.close() {
		spread = 0
	}
	// What is in the beep besides its line must be what is heard around it, too; and
	// around a beep there is silence, or the same noise.
	dirt := max(0, 1-float64(b.share)-around) / 0.02 * min(1, voiceHz/float64(b.lo))
	crowd := max(0, float64(max(b.before, b.after))-1+float64(b.share)) / 0.12
	ripple := math.Log(max(1, float64(b.ripple))) / 0.9
	doubt := unrest*unrest + spread*spread + dirt*dirt + ripple*ripple + crowd*crowd
	if b.lo < lowHz {
		doubt *= 1.3
	}
	return doubt / max(1, length/150) * min(1, voiceHz/float64(b.lo))
}

// beeps reports whether a burst that is over can be a beep.
func (b *burst) beeps() bool {
	switch {
	case b.length() < beepShortest || b.length() > beepLongest || b.lo < beepLow || b.lo > beepHigh:
		return false
	case b.lo < lowHz && b.length() < beepLowest:
		return false
	case b.share < beepShare || b.body < beepBody || b.spread > broad+0.06 && !b.close():
		return false
	case b.hi > 0 && (b.lo < beepPairLow || b.isDTMF()):
		return false
	}
	return b.doubt() < maxDoubt
}

// close: two lines that are one broad one here, quite still.
func (b *burst) close() bool {
	return b.spread > 0.85 && b.spread < closeSpread && b.hi == 0 &&
		b.length() > closeLength && b.wobble < closeWobble && b.ripple < closeRipple
}

// isDTMF: somebody presses a key.
func (b *burst) isDTMF() bool {
	low, high := false, false
	for _, hz := range [...]float32{697, 770, 852, 941} {
		low = low || near(b.lo, hz, 0.012*hz)
	}
	for _, hz := range [...]float32{1209, 1336, 1477, 1633} {
		high = high || near(b.hi, hz, 0.012*hz)
	}
	return low && high
}
