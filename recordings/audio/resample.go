package audio

import "math"

// attenuation is what the window is asked for, in dB: what it leaves of the band
// above, and how even it is below, both under the noise of 16 bits.
const attenuation = 105.0

// edges are where the band that is kept ends and where everything has to be
// gone that would fold back into it, in Hz.
type edges struct{ pass, stop float64 }

// bands of the rates we make: telephony ends at 3.4 kHz, G.722 at 7 kHz.
var bands = map[int]edges{
	8000:  {3400, 4000},
	16000: {7000, 8000},
}

// resampler brings a rate down to another with a Kaiser-windowed sinc, one set
// of taps for every position that an output sample can have between two input
// samples. It works on a stream: write as often as needed, then flush.
type resampler struct {
	up, down int         // output : input rate, reduced
	half     int         // the filter reaches half input samples to either side
	taps     [][]float64 // [phase][2·half]; nil where the rates are one

	buf   []float64 // input from index base on
	base  int64
	next  int64 // index of the next output sample
	total int64 // input samples so far
}

// newResampler makes one from rate down to the rate out, which bands knows.
func newResampler(rate, out int) *resampler {
	g := gcd(rate, out)
	r := &resampler{up: out / g, down: rate / g}
	if r.up == r.down {
		return r
	}
	r.design(float64(rate), bands[out])
	r.buf = make([]float64, r.half-1, r.half+blockFrames) // silence before the first sample
	r.base = -int64(r.half - 1)
	return r
}

// design computes the taps. Length and shape follow Kaiser's formulas
// (J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window
// function", 1974).
func (r *resampler) design(rate float64, e edges) {
	width := 2 * math.Pi * (e.stop - e.pass) / rate
	r.half = int(math.Ceil((attenuation-7.95)/(2.285*width)))/2 + 1
	r.half += r.half % 2 // 2·half is a multiple of four: see convolve
	beta := 0.1102 * (attenuation - 8.7)
	cutoff := (e.pass + e.stop) / rate // of the input's Nyquist frequency
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
func (r *resampler) write(dst, in []float64) []float64 {
	r.total += int64(len(in))
	if r.taps == nil {
		return append(dst, in...)
	}
	r.buf = append(r.buf, in...)
	return r.run(dst, math.MaxInt64)
}

// flush appends the rest: as much output as the input lasted.
func (r *resampler) flush(dst []float64) []float64 {
	if r.taps == nil {
		return dst
	}
	r.buf = append(r.buf, make([]float64, r.half+1)...)
	end := (r.total*int64(r.up) + int64(r.down) - 1) / int64(r.down)
	return r.run(dst, end)
}

// run makes output samples below index end while their input is there.
func (r *resampler) run(dst []float64, end int64) []float64 {
	first := int64(0)
	for ; r.next < end; r.next++ {
		at := r.next * int64(r.down)
		first = at/int64(r.up) - int64(r.half-1) - r.base
		if first+int64(2*r.half) > int64(len(r.buf)) {
			break
		}
		dst = append(dst, convolve(r.taps[at%int64(r.up)], r.buf[first:]))
	}
	if drop := min(first, int64(len(r.buf))); drop > 0 {
		r.buf = append(r.buf[:0], r.buf[drop:]...)
		r.base += drop
	}
	return dst
}

// convolve sums taps times samples. Four sums, because one would wait for each
// of its additions in turn.
func convolve(taps, x []float64) float64 {
	var a, b, c, d float64
	x = x[:len(taps)]
	for len(taps) >= 4 && len(x) >= 4 {
		a += taps[0] * x[0]
		b += taps[1] * x[1]
		c += taps[2] * x[2]
		d += taps[3] * x[3]
		taps, x = taps[4:], x[4:]
	}
	return (a + b) + (c + d)
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
