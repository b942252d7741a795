package spectrum

import "math"

// What the analysis looks at, in samples of 8 kHz.
const (
	Rate   = 8000         // Hz
	Window = 256          // 32 ms, of Hann shape
	Hop    = 80           // 10 ms from frame to frame
	Bins   = Window/2 + 1 // from 0 to 4 kHz
	BinHz  = float32(Rate) / Window
)

// Frame is the spectrum of one window.
type Frame struct {
	// At is the first sample of the window, counted from the first sample of all;
	// samples that did not arrive count. Middle is At+Window/2.
	At int64
	// Power is one-sided: its sum is the mean square of the window, so that a sine
	// of amplitude a brings a*a/2, spread over the five bins about it.
	Power [Bins]float32
	// Energy is the mean square of the Hop newest samples.
	Energy float32
	// Silent: every sample of the window is zero, and so is Power.
	Silent bool
}

// Middle is the sample in the middle of the window.
func (f *Frame) Middle() int64 { return f.At + Window/2 }

// Analyzer cuts what it is given into windows. The zero value is not ready: use
// New.
type Analyzer struct {
	samples [Window]float32 // the newest ones; filled up to n
	n       int
	seen    int64
	loud    int64 // one past the last sample that was not zero
	frame   Frame
	work    [half]complex64
}

// New makes an analyzer that has heard nothing.
func New() *Analyzer { return &Analyzer{} }

// Seen is the number of samples so far, with those that did not arrive.
func (a *Analyzer) Seen() int64 { return a.seen }

// Write takes samples and calls tell for every window that they fill. The frame
// is valid until tell returns.
func (a *Analyzer) Write(pcm []int16, tell func(*Frame)) {
	for len(pcm) > 0 {
		n := min(len(pcm), Window-a.n)
		for i, x := range pcm[:n] {
			a.samples[a.n+i] = float32(x)
			if x != 0 {
				a.loud = a.seen + int64(i) + 1
			}
		}
		a.n += n
		a.seen += int64(n)
		pcm = pcm[n:]
		if a.n == Window {
			a.hand(tell)
		}
	}
}

// Gap tells that so many samples did not arrive: the windows begin anew after
// them, so that no frame looks across a hole.
func (a *Analyzer) Gap(samples int) {
	a.seen += int64(samples)
	a.n = 0
}

// Silence tells that the far end sent nothing for so many samples: it is silent.
func (a *Analyzer) Silence(samples int, tell func(*Frame)) {
	for samples > 0 {
		n := min(samples, Window-a.n)
		clear(a.samples[a.n : a.n+n])
		a.n += n
		a.seen += int64(n)
		samples -= n
		if a.n == Window {
			a.hand(tell)
		}
	}
}

// hand analyses the window that is full and hands it out.
func (a *Analyzer) hand(tell func(*Frame)) {
	f := &a.frame
	f.At = a.seen - Window
	f.Silent = a.loud <= f.At
	f.Energy = 0
	if f.Silent {
		f.Power = [Bins]float32{}
	} else {
		sum := float32(0)
		for _, x := range a.samples[Window-Hop:] {
			sum += x * x
		}
		f.Energy = sum / Hop
		for i, p := range places {
			k := 2 * int(p)
			a.work[i] = complex(a.samples[k]*hann[k], a.samples[k+1]*hann[k+1])
		}
		transform(&a.work)
		powers(&a.work, &f.Power)
	}
	tell(f)
	copy(a.samples[:], a.samples[Hop:])
	a.n = Window - Hop
}

// The shape of the window, and what makes its power that of the samples.
var hann, scale = makeHann()

func makeHann() (w [Window]float32, scale float32) {
	square := 0.0
	for i := range w {
		x := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/Window)
		w[i] = float32(x)
		square += x * x
	}
	return w, float32(2 / (Window * square))
}
