package media

import "zvonar/media/codec"

// concealer makes up for frames that were lost, in the manner of G.711 Appendix I
// and by our own means: the last period of the voice goes on, fades, and is silent
// after 60 ms. It works on the code words of a stateless codec. The zero value is
// ready for use.
type concealer struct {
	past  [pastWords]byte // what was heard last, the newest at the end
	known int             // how much of past is
	lost  int             // samples made up since something was heard
	cycle [maxPitch]int16
	pitch int // samples of cycle
}

const (
	minPitch   = 40  // samples: 200 Hz
	maxPitch   = 120 // samples: 66 Hz
	pitchFrame = 160 // samples that are compared
	pastWords  = 2 * pitchFrame
	loudFor    = 80  // samples made up at full level
	fadedAt    = 480 // samples after which there is silence
	seam       = 32  // samples in which what comes again is faded in
)

// heard notes words that were played, which are of the codec with that index; what
// comes after a gap is faded in, in place.
func (c *concealer) heard(index int, words []byte) {
	if c.lost > 0 {
		n := min(seam, len(words))
		var made, real [seam]int16
		c.make(made[:n])
		codec.Decode(codec.All()[index].ID, real[:n], words[:n])
		for i := range n {
			real[i] = int16((int(made[i])*(n-i) + int(real[i])*i) / n)
		}
		codec.Encode(codec.All()[index].ID, words, real[:n])
		c.lost = 0
	}
	c.note(words)
}

// note moves words to the end of the past.
func (c *concealer) note(words []byte) {
	if len(words) >= pastWords {
		words = words[len(words)-pastWords:]
	}
	copy(c.past[:], c.past[len(words):])
	copy(c.past[pastWords-len(words):], words)
	c.known = min(c.known+len(words), pastWords)
}

// conceal makes samples up for a gap; index is of the codec of the past.
func (c *concealer) conceal(index int, pcm []int16) {
	if c.lost == 0 {
		c.begin(index)
	}
	c.make(pcm)
}

// begin finds the last period of the voice.
func (c *concealer) begin(index int) {
	c.pitch = 0
	if c.known < pastWords {
		return
	}
	var past [pastWords]int16
	codec.Decode(codec.All()[index].ID, past[:], c.past[:])
	p := pitchOf(&past)
	q := p / 4
	c.pitch = p
	copy(c.cycle[:p], past[pastWords-p:])
	for i := p - q; i < p; i++ { // into what came before the cycle, so that it joins its own start
		w := i - (p - q) + 1
		c.cycle[i] = int16((int(past[pastWords-p+i])*(q-w) + int(past[pastWords-2*p+i])*w) / q)
	}
}

// make goes on with the cycle; silence where there is none.
func (c *concealer) make(pcm []int16) {
	for i := range pcm {
		x := 0
		if c.pitch > 0 && c.lost < fadedAt {
			x = int(c.cycle[c.lost%c.pitch])
			if over := c.lost - loudFor; over > 0 {
				x = x * (fadedAt - loudFor - over) / (fadedAt - loudFor)
			}
		}
		pcm[i] = int16(x)
		c.lost++
	}
}

// pitchOf is the lag under which the end of past is most like itself, in samples.
func pitchOf(past *[pastWords]int16) int {
	best, found := 0.0, maxPitch
	end := past[pastWords-pitchFrame:]
	for lag := minPitch; lag <= maxPitch; lag++ {
		before := past[pastWords-pitchFrame-lag : pastWords-lag]
		product, power := 0.0, 1.0
		for i := 0; i < pitchFrame; i += 2 {
			x, y := float64(end[i]), float64(before[i])
			product, power = product+x*y, power+y*y
		}
		if product > 0 && product*product/power > best {
			best, found = product*product/power, lag
		}
	}
	return found
}
