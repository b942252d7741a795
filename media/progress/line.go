package progress

import (
	"math"

	"zvonar/media/spectrum"
)

// What a frame is judged by. Bins are of 31.25 Hz, powers mean squares of sample
// values.
const (
	bandLow, bandHigh = 6, 109 // 190 to 3400 Hz: what counts as all there is
	lineLow, lineHigh = 9, 71  // 280 to 2220 Hz: where tones of telephony lie
	mainBins          = 3      // either side of a line: where its power is
	otherBins         = 2      // the same for a second line
	quietest          = 3000   // about -45 dBm0

	tonalShare = 0.72 // of the power that one line or two must have
	otherLevel = 0.1  // of the power of the stronger line: below, it is noise
)

// line is what one frame says of tones: one strong line, or two.
type line struct {
	at     int64   // middle of the window, samples
	lo, hi float32 // Hz; hi is 0 for one line
	power  float32 // of the line or both
	share  float32 // of it in all there is
	spread float32 // variance of the stronger line, bins squared: a pure one has 0.34
	total  float32 // power of the band
	tonal  bool
}

// look finds the strongest lines of a frame.
func look(f *spectrum.Frame) line {
	l := line{at: f.Middle()}
	if f.Silent {
		return l
	}
	total, peak := float32(0), lineLow
	for k := bandLow; k <= bandHigh; k++ {
		total += f.Power[k]
	}
	if l.total = total; total < quietest {
		return l
	}
	for k := lineLow; k <= lineHigh; k++ {
		if f.Power[k] > f.Power[peak] {
			peak = k
		}
	}
	var sum, moment, square float32
	for d := -mainBins; d <= mainBins; d++ {
		p := f.Power[peak+d]
		sum += p
		moment += float32(d) * p
		square += float32(d*d) * p
	}
	mean := moment / sum
	l.power, l.share, l.spread = sum, sum/total, square/sum-mean*mean
	l.lo = (float32(peak) + mean) * spectrum.BinHz
	if l.share < 1-otherLevel {
		l.addOther(f, peak)
	}
	l.tonal = l.share >= tonalShare
	return l
}

// addOther looks for a second line where the first is not nearly all there is.
func (l *line) addOther(f *spectrum.Frame, peak int) {
	other := 0
	for k := lineLow; k <= lineHigh; k++ {
		p := f.Power[k]
		if (k < peak-mainBins || k > peak+mainBins) && p > f.Power[other] && p >= f.Power[k-1] && p >= f.Power[k+1] {
			other = k
		}
	}
	if other == 0 {
		return
	}
	var sum, moment float32
	for d := -otherBins; d <= otherBins; d++ {
		p := f.Power[other+d]
		if k := other + d; k >= peak-mainBins && k <= peak+mainBins && (k-peak)*(k-peak) < (k-other)*(k-other) {
			p = 0 // nearer to the first line
		}
		sum += p
		moment += float32(d) * p
	}
	if sum < otherLevel*l.power {
		return
	}
	hz := (float32(other) + moment/sum) * spectrum.BinHz
	l.power += sum
	l.share = min(1, l.power/l.total)
	l.lo, l.hi = min(l.lo, hz), max(l.lo, hz)
}

// near reports whether two frequencies are the same within tolerance.
func near(a, b, tolerance float32) bool { return float32(math.Abs(float64(a-b))) <= tolerance }
