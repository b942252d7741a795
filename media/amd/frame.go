package amd

import (
	"math"

	"zvonar/media/spectrum"
)

// hop is the length of a frame in samples: 10 ms.
const hop = spectrum.Hop

// frame is what is kept of 10 ms of sound.
type frame struct {
	band  [bands]uint8 // level of each band, in steps of half a decibel above silentLevel
	line  uint8        // level of the strongest line, likewise
	peak  uint8        // its bin
	lines uint64       // bins from firstLine on that stand out of those beside them
}

// Bounds of the bands in bins of 31.25 Hz: 250 Hz to 3400 Hz, about a third of an
// octave each, wider where lines of a voice would be told apart.
var bandEdges = [...]uint8{8, 12, 16, 20, 25, 31, 38, 47, 57, 70, 86, 109}

const (
	bands  = len(bandEdges) - 1
	lowBin = 8
	// silentLevel is the level of digital silence, dB below a sine of full scale:
	// below the noise of any line.
	silentLevel = -80
	// holdFrames is how long what is missing is thought to sound as what came before
	// it did; the far end is silent after that.
	holdFrames = 12
)

// judge makes a frame of a spectrum.
func judge(f *spectrum.Frame) (out frame) {
	const scale = 2.0 / (32768 * 32768) // a sine of full scale is 1
	var top float32
	peak := lowBin
	for b := range bands {
		var band float32
		for k := bandEdges[b]; k < bandEdges[b+1]; k++ {
			p := f.Power[k&(spectrum.Window/2-1)]
			band += p
			if p > top {
				top, peak = p, int(k)
			}
		}
		out.band[b] = steps(band * scale)
	}
	out.line, out.peak = steps((f.Power[peak-1]+f.Power[peak]+f.Power[peak+1])*scale), uint8(peak)
	out.lines = linesOf(f, top)
	return out
}

// steps is a power as a level in half decibels above silentLevel.
func steps(p float32) uint8 { return uint8(max(0, min(255, (decibel(p)-silentLevel)*2+0.5))) }

// powers are the powers of such levels.
var powers = func() (t [256]float32) {
	for i := range t {
		t[i] = powerOf(float32(i)/2 + silentLevel)
	}
	return t
}()

// decibel is 10*log10(p), from a table of mantissas: within 0.02 dB.
func decibel(p float32) float32 {
	const floor = 1e-8 // silentLevel
	if p <= floor {
		return silentLevel
	}
	bits := math.Float32bits(p)
	exponent := int(bits>>23) - 127
	return 3.0103*float32(exponent) + mantissas[bits>>15&0xff]
}

// mantissas holds 10*log10 of 1+(i+0.5)/256.
var mantissas = func() (t [256]float32) {
	for i := range t {
		t[i] = float32(10 * math.Log10(1+(float64(i)+0.5)/256))
	}
	return t
}()

// powerOf is the inverse of decibel.
func powerOf(db float32) float32 { return float32(math.Exp(float64(db) * math.Ln10 / 10)) }

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }
