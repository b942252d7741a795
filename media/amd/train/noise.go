package train

import (
	"fmt"
	"math"
	"math/rand/v2"

	"zvonar/media/amd"
)

// generated marks sounds that no recording stands behind: they are learned from,
// and not judged.
const generated = "generated"

// Generated are sounds in which nobody speaks: simple music and noises that change,
// for manifests have few. They stand on no recording.
func Generated() []*Sound {
	var out []*Sound
	for i := range 56 {
		rnd := rand.New(rand.NewPCG(7, uint64(i)))
		y := make([]float64, 9*amd.Rate)
		kind := "music"
		switch {
		case i < 44:
			tune(y, rnd)
			if i%2 == 0 {
				drums(y, rnd)
			}
		case i < 50:
			kind = "noise"
			hiss(y, 400, rnd)
			swell(y, 0.2+rnd.Float64(), rnd)
		default:
			kind = "tones"
			bursts(y, rnd)
		}
		gain(y, -14-16*rnd.Float64())
		hiss(y, 6, rnd)
		if i%3 == 0 {
			band(y, 300, 3000)
		}
		out = append(out, &Sound{
			File: fmt.Sprintf("generated/%s%02d", kind, i), Label: kind, Sub: generated, Voice: fmt.Sprintf("generated%d", i%20),
			Onset: -1, Beep: -1, PCM: line(y),
		})
	}
	return out
}

// tune adds chords and a melody over them; notes ring off as plucked or held ones.
func tune(y []float64, rnd *rand.Rand) {
	beat := (0.25 + 0.35*rnd.Float64()) * amd.Rate
	decay := 0.3 + 2.5*rnd.Float64()
	root := 110 * math.Pow(2, rnd.Float64())
	scale := [...]float64{0, 2, 4, 5, 7, 9, 11, 12, 14, 16}
	for k := 0; float64(k)*beat < float64(len(y)); k++ {
		at := int(float64(k) * beat)
		if k%4 == 0 {
			base := rnd.IntN(5)
			for _, step := range []int{0, 2, 4} {
				note(y, at, root*math.Pow(2, scale[base+step]/12), 4*beat, decay/2, 0.5)
			}
		}
		if rnd.IntN(4) > 0 {
			note(y, at, 2*root*math.Pow(2, scale[rnd.IntN(len(scale))]/12), beat*float64(1+rnd.IntN(2)), decay, 1)
		}
	}
}

// note adds one note with five partials.
func note(y []float64, at int, hz, length, decay, level float64) {
	for i := 0; i < int(length) && at+i < len(y); i++ {
		t := float64(i) / amd.Rate
		envelope := level * math.Exp(-decay*t) * math.Min(1, t*60)
		for h := 1.0; h <= 5; h++ {
			if hz*h < 3800 {
				y[at+i] += envelope / h * math.Sin(2*math.Pi*hz*h*t) * 1000
			}
		}
	}
}

// drums adds short bursts of noise in a steady beat.
func drums(y []float64, rnd *rand.Rand) {
	beat := int((0.2 + 0.3*rnd.Float64()) * amd.Rate)
	for at := 0; at < len(y); at += beat {
		for i := 0; i < 800 && at+i < len(y); i++ {
			y[at+i] += rnd.NormFloat64() * 1200 * math.Exp(-float64(i)/200)
		}
	}
}

func hiss(y []float64, level float64, rnd *rand.Rand) {
	for i := range y {
		y[i] += level * rnd.NormFloat64()
	}
}

// swell lets the level go up and down: traffic, wind.
func swell(y []float64, hz float64, rnd *rand.Rand) {
	phase := rnd.Float64()
	for i := range y {
		y[i] *= math.Pow(10, 0.6*math.Sin(2*math.Pi*(hz*float64(i)/amd.Rate+phase)))
	}
}

// bursts adds a tone in a cadence that no network has.
func bursts(y []float64, rnd *rand.Rand) {
	hz, on, off := 300+1500*rnd.Float64(), 0.2+rnd.Float64(), 0.2+2*rnd.Float64()
	for i := range y {
		if t := float64(i) / amd.Rate; math.Mod(t, on+off) < on {
			y[i] += 3000 * math.Sin(2*math.Pi*hz*t)
		}
	}
}
