package dtmf

import (
	"math"
	"time"
)

// Rate is the sample rate that Inband listens at, Hz.
const Rate = 8000

// Steps and thresholds of Inband, in samples and steps. Levels are sample
// values; a sine of full scale in G.711 is +3.14 dBm0.
const (
	step   = 40       // 5 ms: how often the signal is judged
	window = 2 * step // of Hann shape: 10 ms part the groups by more than 30 dB

	// needSteps good steps make a digit. A tone of d ms is good for (d-3)/5 steps
	// or one more: 40 ms give at least 7, 23 ms at most 4.
	needSteps = 6
	// gapSteps bad steps end it: an interruption of 10 ms spoils 3 at most.
	gapSteps = 4

	minAmplitude = 450   // of each tone: about -34 dBm0
	maxOffset    = 0.024 // of the frequency: 1.8 % must be taken, 3 % must not
	minShare     = 0.80  // of the power that the two tones must make up
	keepShare    = 0.60  // the same, for a digit that was heard to go on
	minCoherence = 0.94  // of the phases of a tone from step to step
	maxHighLead  = 4.9   // dB the high tone may be above the low one (Q.24: 4)
	maxLowLead   = 8.9   // dB the low tone may be above the high one (Q.24: 8)
	keepLead     = 3     // dB more for a digit that was heard to go on

	// What speaks against a digit is added up, each in units of its own; several
	// small doubts at once are speech, where two harmonics of a voice beat with
	// their neighbours and glide. Two tones in noise 15 dB below reach 1, two
	// clean tones 1.8 % beside their places 1.3.
	maxDoubt   = 1.8
	unitOffset = 0.024 // of the frequency of each tone
	unitUnrest = 0.025 // standard deviation of the share from step to step
	unitSway   = 0.47  // natural logarithm of strongest to weakest step (power)
)

// frequencies of the tones (Q.23), low group first.
var frequencies = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}

// keys maps a pair of tones, low then high, to the digit (Q.23).
const keys = "123A456B789C*0#D"

// Press is one digit that was heard in the audio.
type Press struct {
	Digit byte
	At    int64 // sample at which the tones began, about
	Len   int64 // samples they have lasted so far; the final length where Ended
	Ended bool
}

// Onset is when the tones began, from the first sample.
func (p Press) Onset() time.Duration { return time.Duration(p.At) * time.Second / Rate }

// Inband hears DTMF digits in 8 kHz audio (ITU-T Q.23, Q.24): for lines that
// negotiated no telephone-events. Every 5 ms it asks which two tones, one of
// each group, make up the signal; a digit needs 30 ms in which these two, at
// their right frequencies, steady in level and phase, are nearly all there is
// to hear. Speech has two such partners for an instant, not for that long.
//
// The zero value is not ready: use NewInband. No allocation after that; one
// goroutine at a time.
type Inband struct {
	pending [window]float64 // the last window; filled up to n
	n       int
	seen    int64 // samples so far

	last  [8]complex128 // windowed DFT of the step before
	run   run
	heard bool // the run was told as a press
}

// run is a row of steps in which the same pair of tones was heard.
type run struct {
	low, high    int
	good, bad    int // steps; bad ones since the last good one
	from, to     int64
	turn         [2]complex128 // summed phase advance of each tone
	size         [2]float64    // what it would be with all phases alike
	least, most  float64       // power of the pair
	shares       [2]float64    // sums of the share of the pair in the power, and of its square
	lastWasValid bool
}

// NewInband makes a detector that has heard nothing.
func NewInband() *Inband { return &Inband{} }

// Write listens to samples and calls tell for every digit: once when it is
// certain, about 40 ms after its onset, and once when it has ended.
func (d *Inband) Write(pcm []int16, tell func(Press)) {
	for len(pcm) > 0 {
		n := min(len(pcm), window-d.n)
		for i, x := range pcm[:n] {
			d.pending[d.n+i] = float64(x)
		}
		d.n += n
		d.seen += int64(n)
		pcm = pcm[n:]
		if d.n == window {
			d.listen(tell)
			copy(d.pending[:], d.pending[step:])
			d.n = window - step
		}
	}
}

// Gap tells that so many samples did not arrive: they speak neither for nor
// against a digit. A tone that sounds on both sides of a short gap is one press;
// of one that begins or ends within it, what arrived counts.
func (d *Inband) Gap(samples int) {
	d.seen += int64(samples)
	d.n = 0
	d.run.lastWasValid = false
}

// Flush ends a digit that still sounds: there is no more audio.
func (d *Inband) Flush(tell func(Press)) {
	d.end(tell)
	*d = Inband{}
}

// listen judges the window that is full.
func (d *Inband) listen(tell func(Press)) {
	power := 0.0
	for i, x := range d.pending {
		power += hann[i] * x * x
	}
	power /= hannSum
	var now [8]complex128
	if power > minAmplitude*minAmplitude/2 {
		for k := range now {
			now[k] = d.spectrum(k)
		}
	}
	low, high := strongest(now[:4]), 4+strongest(now[4:])
	d.judge(low, high, now, power, tell)
	d.last = now
}

// spectrum is the windowed DFT at tone k; its phase counts from the first
// sample of the window.
func (d *Inband) spectrum(k int) complex128 {
	var re, im float64
	t := &tables[k]
	for i, x := range d.pending {
		re += x * t[i][0]
		im += x * t[i][1]
	}
	return complex(re, im)
}

// judge adds the step to the run or ends the run.
func (d *Inband) judge(low, high int, now [8]complex128, power float64, tell func(Press)) {
	r := &d.run
	if r.good > 0 && (r.low != low || r.high != high) && r.bad == 0 {
		// Another pair, or none: at most an interruption.
		low, high = r.low, r.high
	}
	ok, pair := d.fits(now, low, high, power)
	same := r.good > 0 && r.low == low && r.high == high
	switch {
	case ok && !same:
		d.end(tell)
		d.run = run{low: low, high: high, from: d.seen - window, least: pair, most: pair}
		r = &d.run
		fallthrough
	case ok:
		r.add(d, now, pair, pair/power)
		d.decide(tell)
	case r.good > 0:
		r.bad++
		r.lastWasValid = false
		if r.bad >= gapSteps {
			d.end(tell)
		}
	}
}

// add counts a good step; two in a row also tell how far the phase of each tone
// went, which is its frequency.
func (r *run) add(d *Inband, now [8]complex128, pair, share float64) {
	if r.lastWasValid {
		for i, k := range [2]int{r.low, r.high} {
			p := now[k] * conj(d.last[k]) * advance[k]
			r.turn[i] += p
			r.size[i] += math.Hypot(real(p), imag(p))
		}
	}
	r.lastWasValid = true
	r.good, r.bad, r.to = r.good+1, 0, d.seen
	// The first steps of a tone lie on its edge.
	if r.good > 1 {
		if r.good == 2 {
			r.least, r.most = pair, pair
		}
		r.least, r.most = min(r.least, pair), max(r.most, pair)
		r.shares[0] += share
		r.shares[1] += share * share
	}
}

// decide tells the digit once there is enough of it.
func (d *Inband) decide(tell func(Press)) {
	r := &d.run
	if d.heard || r.good < needSteps {
		return
	}
	unrest, sway := r.unrest()/unitUnrest, math.Log(r.most/r.least)/unitSway
	doubt := unrest*unrest + sway*sway
	for i, k := range [2]int{r.low, r.high} {
		size := math.Hypot(real(r.turn[i]), imag(r.turn[i]))
		if size < minCoherence*r.size[i] {
			return
		}
		offset := math.Atan2(imag(r.turn[i]), real(r.turn[i])) * Rate / (2 * math.Pi * step) / frequencies[k]
		if math.Abs(offset) > maxOffset {
			return
		}
		doubt += offset / unitOffset * offset / unitOffset
	}
	if doubt > maxDoubt {
		return
	}
	d.heard = true
	tell(d.press())
}

// unrest is the standard deviation of the share, but for the first step.
func (r *run) unrest() float64 {
	n := float64(r.good - 1)
	mean := r.shares[0] / n
	return math.Sqrt(max(0, r.shares[1]/n-mean*mean))
}

// end closes the run.
func (d *Inband) end(tell func(Press)) {
	if d.heard {
		p := d.press()
		p.Ended = true
		tell(p)
	}
	d.run, d.heard = run{}, false
}

func (d *Inband) press() Press {
	r := &d.run
	return Press{Digit: keys[4*r.low+r.high-4], At: r.from, Len: r.to - r.from}
}

// fits reports whether tones low and high are nearly all there is, at levels
// that belong together, and their common power. Noise must not cut a digit in
// two: what was heard goes on by easier rules.
func (d *Inband) fits(now [8]complex128, low, high int, power float64) (ok bool, pair float64) {
	share, slack := minShare, 0.0
	if d.heard && low == d.run.low && high == d.run.high {
		share, slack = keepShare, keepLead
	}
	l, h := amplitude(now[low]), amplitude(now[high])
	if l < minAmplitude || h < minAmplitude {
		return false, 0
	}
	lead := 20 * math.Log10(h/l)
	if lead > maxHighLead+slack || lead < -maxLowLead-slack {
		return false, 0
	}
	pair = (l*l + h*h) / 2
	return pair >= share*power, pair
}

func amplitude(z complex128) float64 { return 2 * math.Hypot(real(z), imag(z)) / hannSum }

func conj(z complex128) complex128 { return complex(real(z), -imag(z)) }

func strongest(group []complex128) int {
	best, most := 0, 0.0
	for i, z := range group {
		if p := real(z)*real(z) + imag(z)*imag(z); p > most {
			best, most = i, p
		}
	}
	return best
}

// The shape of the window, and for each tone its product with the tone and how
// far the tone's own phase advances in a step.
var (
	hann, hannSum = makeHann()
	tables        = makeTables()
	advance       = makeAdvance()
)

func makeHann() (w [window]float64, sum float64) {
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/window)
		sum += w[i]
	}
	return w, sum
}

func makeTables() (t [8][window][2]float64) {
	for k, f := range frequencies {
		for i := range window {
			s, c := math.Sincos(2 * math.Pi * f * float64(i) / Rate)
			t[k][i] = [2]float64{hann[i] * c, -hann[i] * s}
		}
	}
	return t
}

func makeAdvance() (a [8]complex128) {
	for k, f := range frequencies {
		s, c := math.Sincos(2 * math.Pi * f * step / Rate)
		a[k] = complex(c, -s)
	}
	return a
}
