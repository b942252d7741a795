package demo

import (
	"math/rand/v2"
	"testing"

	"zvonar/internal/carrier"
)

func noise(n int, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(r.IntN(8000) - 4000)
	}
	return out
}

func TestCorrelationFindsAPart(t *testing.T) {
	t.Parallel()
	part := noise(9000, 1)
	heard := append(append(make([]int16, 12345), part...), noise(7000, 2)...)
	for i := range heard {
		heard[i] = heard[i] / 3 // loudness does not matter
	}
	if r, at := correlation(heard, part); r < 0.999 || at != 12345 {
		t.Errorf("correlation %.4f at %d, want 1 at 12345", r, at)
	}
}

func TestCorrelationRefusesOtherAudio(t *testing.T) {
	t.Parallel()
	tune := carrier.ManagerTune()
	for name, heard := range map[string][]int16{
		"nothing":    nil,
		"too short":  tune[:len(tune)-1],
		"silence":    make([]int16, 40000),
		"noise":      noise(40000, 3),
		"other tune": carrier.Melody([]float64{350, 330, 311, 294, 277, 262, 247, 350, 330, 311, 294, 277, 262}),
	} {
		if r, _ := correlation(heard, tune); r > 0.3 {
			t.Errorf("%s: correlation %.3f with a tune that it is not", name, r)
		}
	}
}

// gap is part with n samples of silence in its middle, which come on top.
func gap(part []int16, n int) []int16 {
	half := len(part) / 2
	return append(append(append([]int16(nil), part[:half]...), make([]int16, n)...), part[half:]...)
}

func TestAPauseOfTheMachineIsForgiven(t *testing.T) {
	t.Parallel()
	part := noise(10*sampleRate, 4)
	for _, n := range []int{160, 1600, 3000} {
		heard := gap(part, n)
		if r, _ := correlation(heard, part); r > 0.8 {
			t.Errorf("%d samples: correlation %.3f as a whole though the second half came late", n, r)
		}
		if r, _ := aligned(heard, part); r < match {
			t.Errorf("aligned %.3f after a pause of %d samples", r, n)
		}
	}
}

func TestDropoutsAndMissingEndsAreNotForgiven(t *testing.T) {
	t.Parallel()
	part := noise(8*sampleRate, 5)
	holes := append([]int16(nil), part...)
	for i := range holes {
		if i%sampleRate < sampleRate/4 {
			holes[i] = 0
		}
	}
	for name, heard := range map[string][]int16{
		"a second too much":  gap(part, sampleRate),
		"half of it missing": append(append([]int16(nil), part[:2*sampleRate]...), part[6*sampleRate:]...),
		"in another order":   append(append([]int16(nil), part[4*sampleRate:]...), part[:4*sampleRate]...),
		"a quarter missing":  holes,
		"two seconds of end": append(append([]int16(nil), part[:6*sampleRate]...), make([]int16, 3*sampleRate)...),
	} {
		if r, _ := aligned(heard, part); r >= match {
			t.Errorf("%s: aligned %.3f", name, r)
		}
	}
}

func TestAFirstFrameIsMissedOnlyWhereItMayOvertakeTheAnswer(t *testing.T) {
	t.Parallel()
	part := noise(8*sampleRate, 6)
	for kind, forgiven := range map[carrier.Kind]bool{carrier.KindCallee: false, carrier.KindCaller: true, carrier.KindPBX: true} {
		heard := append(append([]int16(nil), part[160:]...), make([]int16, sampleRate)...)
		if r, _ := aligned(withHead(kind, heard), part); (r >= match) != forgiven {
			t.Errorf("%s: aligned %.3f without the first frame", kind, r)
		}
	}
}

func TestSpeechIsBroughtToTheLineRate(t *testing.T) {
	t.Parallel()
	tune := carrier.Melody([]float64{440, 660, 880})
	up := make([]int16, 0, 2*len(tune))
	for _, v := range tune {
		up = append(up, v, v)
	}
	down := resample(up, 16000)
	if len(down) != len(tune) {
		t.Fatalf("%d samples, want %d", len(down), len(tune))
	}
	if r, _ := correlation(down, tune[8:len(tune)-8]); r < 0.97 {
		t.Errorf("correlation %.3f after doubling and halving the rate", r)
	}
}
