package train

import (
	"math"
	"math/rand/v2"
	"slices"

	"zvonar/media/amd"
	"zvonar/media/codec"
)

// Sound is one labelled answer.
type Sound struct {
	File  string
	Label string // human, machine, or something else that is neither
	Sub   string // finer, for the report
	Voice string // who speaks: one voice is never in training and test at once
	SNR   int    // dB of noise that was mixed in, 0 where none
	Real  bool   // a recorded voice, not a synthetic one
	Onset int    // ms where the speech begins, -1 unknown
	Beep  int    // ms where a beep begins, -1 without
	Aside bool   // learned from and never judged
	PCM   []int16
}

// Human reports whether a person answered.
func (s *Sound) Human() bool { return s.Label == "human" }

// Other reports whether nobody speaks: music, noise, tones.
func (s *Sound) Other() bool { return s.Label != "human" && s.Label != "machine" }

// Noise reports whether it is what must never be called a machine: music, noise,
// silence.
func (s *Sound) Noise() bool { return s.Label == "music" || s.Label == "noise" || s.Label == "silence" }

// lasting is how long every sound is made for training, in samples: of a person
// who answered there is silence after it, of a machine that hangs up as well.
const lasting = 11 * amd.Rate

// pad lets a sound go on with its own last half second, forth and back.
func pad(pcm []int16, n int) []int16 {
	out := append(make([]int16, 0, max(n, len(pcm))), pcm...)
	tail := min(len(pcm), amd.Rate/2)
	for i := 0; len(out) < n && tail > 0; i++ {
		j := i % (2 * tail)
		if j >= tail {
			j = 2*tail - 1 - j
		}
		out = append(out, pcm[len(pcm)-1-j])
	}
	return out
}

// variant makes another sound of the same kind: faster or slower, louder or
// softer, through another line, in other noise, with frames lost, and of a person
// who says "hello?" again. n = 0 is the sound itself.
func variant(s *Sound, n int, others []*Sound, rnd *rand.Rand) []int16 {
	pcm := s.PCM
	if n == 0 {
		return pad(pcm, lasting)
	}
	if !s.Human() && !s.Other() && rnd.IntN(4) == 0 {
		pcm = later(pcm, rnd)
	}
	x := speed(pcm, 0.88+0.26*rnd.Float64())
	if s.Human() {
		switch rnd.IntN(10) {
		case 0, 1:
			x = again(x, rnd)
		case 2:
			x = further(x, s, others, rnd)
		}
	}
	y := make([]float64, 0, lasting)
	for _, v := range pad(x, lasting) {
		y = append(y, float64(v))
	}
	gain(y, -14-20*rnd.Float64())
	switch rnd.IntN(5) {
	case 0, 1:
		noise(y, 8+20*rnd.Float64(), rnd)
	case 2:
		babble(y, 8+20*rnd.Float64(), others, rnd)
	case 3:
		band(y, 200+200*rnd.Float64(), 2400+1000*rnd.Float64())
	}
	out := line(y)
	if rnd.IntN(3) == 0 {
		lose(out, 0.03*rnd.Float64(), rnd)
	}
	return out
}

// speed resamples linearly: the pace and the pitch of somebody else.
func speed(pcm []int16, factor float64) []int16 {
	out := make([]int16, int(float64(len(pcm)-1)/factor))
	for i := range out {
		at := float64(i) * factor
		k := int(at)
		part := at - float64(k)
		out[i] = int16(float64(pcm[k])*(1-part) + float64(pcm[k+1])*part)
	}
	return out
}

// again appends the sound to itself after a while: nobody spoke to the person yet.
func again(pcm []int16, rnd *rand.Rand) []int16 {
	wait := int((0.2 + 1.8*rnd.Float64()) * amd.Rate)
	return append(pad(pcm, len(pcm)+wait), pcm...)
}

// further lets the same person say one or two things more, as who answers for a
// business does.
func further(x []int16, s *Sound, others []*Sound, rnd *rand.Rand) []int16 {
	same := slices.DeleteFunc(slices.Clone(others), func(o *Sound) bool { return o.Voice != s.Voice || !o.Human() || o.SNR > 0 })
	for range 1 + rnd.IntN(2) {
		if len(same) == 0 {
			break
		}
		x = trim(x, false)
		wait := int((0.02 + 0.3*rnd.Float64()) * amd.Rate)
		x = append(pad(x, len(x)+wait), trim(same[rnd.IntN(len(same))].PCM, true)...)
	}
	return x
}

// trim cuts off what is quiet at the end, and at the start as well.
func trim(pcm []int16, both bool) []int16 {
	const step = amd.Rate / 50
	var power []float64
	var top float64
	for i := 0; i+step <= len(pcm); i += step {
		var sum float64
		for _, v := range pcm[i : i+step] {
			sum += float64(v) * float64(v)
		}
		power = append(power, sum)
		top = max(top, sum)
	}
	from, to := 0, len(power)
	for to > 1 && power[to-1] < top/300 {
		to--
	}
	for both && from < to-1 && power[from] < top/300 {
		from++
	}
	return slices.Clone(pcm[from*step : min(len(pcm), (to+2)*step)])
}

// later lets a machine's greeting begin at one of its later phrases: greetings
// have many, and their first ones are few.
func later(pcm []int16, rnd *rand.Rand) []int16 {
	const step, pause, rest = amd.Rate / 50, 10, 3 * amd.Rate
	power := make([]float64, len(pcm)/step)
	for i := range power {
		for _, v := range pcm[i*step : (i+1)*step] {
			power[i] += float64(v) * float64(v)
		}
	}
	sorted := slices.Sorted(slices.Values(power))
	if len(sorted) < 50 {
		return pcm
	}
	floor := min(4*sorted[len(sorted)/10], sorted[len(sorted)-10]/30)
	var starts []int
	quiet := 0
	for i, p := range power {
		if p <= floor {
			quiet++
			continue
		}
		if quiet >= pause && i > 25 && (i*step) < len(pcm)-rest {
			starts = append(starts, max(0, i-quiet, i-5-rnd.IntN(40)))
		}
		quiet = 0
	}
	if len(starts) == 0 {
		return pcm
	}
	return pcm[starts[rnd.IntN(len(starts))]*step:]
}

// gain brings the loudest 50 ms to a level below full scale, dB.
func gain(y []float64, level float64) {
	var top float64
	for i := 0; i+400 <= len(y); i += 400 {
		var sum float64
		for _, v := range y[i : i+400] {
			sum += v * v
		}
		top = max(top, sum/400)
	}
	if top == 0 {
		return
	}
	factor := 32768 * math.Pow(10, level/20) / math.Sqrt(2*top) * math.Sqrt2
	for i := range y {
		y[i] *= factor
	}
}

// noise mixes in white to brown noise, dB below the speech.
func noise(y []float64, snr float64, rnd *rand.Rand) {
	level := active(y) * math.Pow(10, -snr/20)
	pole := 0.95 * rnd.Float64()
	scale := level * math.Sqrt(1-pole*pole)
	var state float64
	for i := range y {
		state = pole*state + scale*rnd.NormFloat64()
		y[i] += state
	}
}

// babble mixes in several of the other sounds, dB below the speech.
func babble(y []float64, snr float64, others []*Sound, rnd *rand.Rand) {
	sum := make([]float64, len(y))
	for range 5 {
		o := others[rnd.IntN(len(others))].PCM
		x := make([]float64, len(o))
		for i, v := range o {
			x[i] = float64(v)
		}
		weight := 1 / (1 + active(x))
		at := rnd.IntN(len(x))
		for i := range sum {
			sum[i] += x[(at+i)%len(x)] * weight
		}
	}
	scale := active(y) * math.Pow(10, -snr/20) / (1e-9 + active(sum))
	for i := range y {
		y[i] += sum[i] * scale
	}
}

// active is the effective value where it is loud: within 25 dB of the loudest 50 ms.
func active(y []float64) float64 {
	var top float64
	power := make([]float64, 0, len(y)/400)
	for i := 0; i+400 <= len(y); i += 400 {
		var sum float64
		for _, v := range y[i : i+400] {
			sum += v * v
		}
		power = append(power, sum/400)
		top = max(top, sum/400)
	}
	var n, sum float64
	for _, p := range power {
		if p > top*0.003 {
			n++
			sum += p
		}
	}
	return math.Sqrt(sum / max(1, n))
}

// band lets pass what is between two frequencies, 6 dB an octave.
func band(y []float64, low, high float64) {
	a := math.Exp(-2 * math.Pi * low / amd.Rate)
	b := math.Exp(-2 * math.Pi * high / amd.Rate)
	var hp, lp, last float64
	for i, v := range y {
		hp = a * (hp + v - last)
		last = v
		lp = b*lp + (1-b)*hp
		y[i] = lp
	}
}

// line sends it through A-law.
func line(y []float64) []int16 {
	out := make([]int16, len(y))
	for i, v := range y {
		out[i] = codec.DecodeALaw(codec.EncodeALaw(int16(max(-32768, min(32767, v)))))
	}
	return out
}

// lose blanks frames of 20 ms.
func lose(pcm []int16, share float64, rnd *rand.Rand) {
	for i := 0; i+160 <= len(pcm); i += 160 {
		if rnd.Float64() < share {
			clear(pcm[i : i+160])
		}
	}
}
