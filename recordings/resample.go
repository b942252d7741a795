package recordings

import "math"

// The filter: flat to 3.4 kHz, where telephony ends, and down by more than 60 dB
// from 4 kHz, where everything would fold back into the band.
const (
	passEdge    = 3400.0 // Hz
	stopEdge    = 4000.0 // Hz
	attenuation = 70.0   // dB asked of the window; the design formula is approximate
)

// resampler brings any rate from 8 kHz up to 8 kHz with a Kaiser-windowed sinc,
// one set of taps for every position that an output sample can have between two
// input samples. It works on a stream: write as often as needed, then flush.
type resampler struct {
	up, down int         // output : input rate, reduced
	half     int         // the filter reaches half input samples to either side
	taps     [][]float64 // [phase][2·half]

	buf   []float64 // input from index base on
	base  int64
	next  int64 // index of the next output sample
	total int64 // input samples so far
}

func newResampler(rate int) *resampler {
	g := gcd(rate, sampleRate)
	r := &resampler{up: sampleRate / g, down: rate / g}
	if r.up == r.down {
		return r
	}
	r.design(float64(rate))
	r.buf = make([]float64, r.half-1, r.half+blockFrames) // silence before the first sample
	r.base = -int64(r.half - 1)
	return r
}

// design computes the taps. Length and shape follow Kaiser's formulas
// (J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window
// function", 1974).
func (r *resampler) design(rate float64) {
	width := 2 * math.Pi * (stopEdge - passEdge) / rate
	r.half = int(math.Ceil((attenuation-7.95)/(2.285*width)))/2 + 1
	beta := 0.1102 * (attenuation - 8.7)
	cutoff := (passEdge + stopEdge) / rate // of the input's Nyquist frequency
	r.taps = make([][]float64, r.up)
	for p := range r.taps {
		taps, sum := make([]float64, 2*r.half), 0.0
		for k := range taps {
			x := float64(p)/float64(r.up) + float64(r.half-1-k) // distance from the output sample
			u := x / float64(r.half)
			taps[k] = sinc(cutoff*x) * bessel0(beta*math.Sqrt(max(0, 1-u*u)))
			sum += taps[k]
		}
		for k := range taps {
			taps[k] /= sum // every phase passes a constant unchanged: no hum at the phase rate
		}
		r.taps[p] = taps
	}
}

// write takes input and appends to dst what of the output it completes.
func (r *resampler) write(dst []int16, in []float64) []int16 {
	r.total += int64(len(in))
	if r.taps == nil {
		for _, x := range in {
			dst = append(dst, toPCM(x))
		}
		return dst
	}
	r.buf = append(r.buf, in...)
	return r.run(dst, math.MaxInt64)
}

// flush appends the rest: as much output as the input lasted.
func (r *resampler) flush(dst []int16) []int16 {
	if r.taps == nil {
		return dst
	}
	r.buf = append(r.buf, make([]float64, r.half+1)...)
	end := (r.total*int64(r.up) + int64(r.down) - 1) / int64(r.down)
	return r.run(dst, end)
}

// run makes output samples below index end while their input is there.
func (r *resampler) run(dst []int16, end int64) []int16 {
	first := int64(0)
	for ; r.next < end; r.next++ {
		at := r.next * int64(r.down)
		first = at/int64(r.up) - int64(r.half-1) - r.base
		if first+int64(2*r.half) > int64(len(r.buf)) {
			break
		}
		sum := 0.0
		x := r.buf[first : first+int64(2*r.half)]
		for k, h := range r.taps[at%int64(r.up)] {
			sum += h * x[k]
		}
		dst = append(dst, toPCM(sum))
	}
	if drop := min(first, int64(len(r.buf))); drop > 0 {
		r.buf = append(r.buf[:0], r.buf[drop:]...)
		r.base += drop
	}
	return dst
}

func toPCM(x float64) int16 {
	return int16(max(math.MinInt16, min(math.Round(x*32768), math.MaxInt16)))
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function of the first kind, order zero.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
