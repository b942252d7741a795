package audio

import "math"

// Gates and times of ITU-R BS.1770-4: blocks of 400 ms, one every 100 ms.
const (
	absoluteGate = -70.0 // LUFS
	relativeGate = -10.0 // LU below the mean of what passed the first gate
	stepsABlock  = 4
)

// loudness measures programme loudness of one channel (ITU-R BS.1770-4).
type loudness struct {
	shelf, pass biquad
	step        int // samples in 100 ms
	n           int
	sum         float64
	steps       []float64 // mean squares
}

// newLoudness designs the K-weighting for a rate: the standard's table holds
// for 48 kHz only; these are the analogue filters behind it, put through the
// bilinear transform (as libebur128 does).
func newLoudness(rate float64) *loudness {
	k, q := math.Tan(math.Pi*1681.974450955533/rate), 0.7071752369554196
	vh := math.Pow(10, 3.999843853973347/20)
	vb := math.Pow(vh, 0.4996667741545416)
	a0 := 1 + k/q + k*k
	l := &loudness{step: int(rate / 10)}
	l.shelf = biquad{b: [3]float64{(vh + vb*k/q + k*k) / a0, 2 * (k*k - vh) / a0, (vh - vb*k/q + k*k) / a0},
		a: [2]float64{2 * (k*k - 1) / a0, (1 - k/q + k*k) / a0}}
	k, q = math.Tan(math.Pi*38.13547087602444/rate), 0.5003270373238773
	a0 = 1 + k/q + k*k
	l.pass = biquad{b: [3]float64{1, -2, 1}, a: [2]float64{2 * (k*k - 1) / a0, (1 - k/q + k*k) / a0}}
	return l
}

func (l *loudness) write(pcm []int16) {
	for _, s := range pcm {
		y := l.pass.next(l.shelf.next(float64(s) / 32768))
		l.sum += y * y
		if l.n++; l.n == l.step {
			l.steps = append(l.steps, l.sum/float64(l.step))
			l.n, l.sum = 0, 0
		}
	}
}

// integrated is the gated loudness so far in LUFS; Floor where nothing passes
// the gates.
func (l *loudness) integrated() float64 {
	mean := l.above(math.Pow(10, (absoluteGate+0.691)/10))
	if mean == 0 {
		return Floor
	}
	gate := max(math.Pow(10, (absoluteGate+0.691)/10), mean*math.Pow(10, relativeGate/10))
	return max(Floor, -0.691+10*math.Log10(l.above(gate)))
}

// above is the mean square of the blocks that are louder than gate; 0 where
// there is none.
func (l *loudness) above(gate float64) float64 {
	sum, n := 0.0, 0
	for i := stepsABlock; i <= len(l.steps); i++ {
		block := 0.0
		for _, s := range l.steps[i-stepsABlock : i] {
			block += s / stepsABlock
		}
		if block > gate {
			sum += block
			n++
		}
	}
	return sum / float64(max(n, 1))
}

// biquad is a second-order filter in direct form II, transposed.
type biquad struct {
	b      [3]float64
	a      [2]float64
	s1, s2 float64
}

func (f *biquad) next(x float64) float64 {
	y := f.b[0]*x + f.s1
	f.s1 = f.b[1]*x - f.a[0]*y + f.s2
	f.s2 = f.b[2]*x - f.a[1]*y
	return y
}
