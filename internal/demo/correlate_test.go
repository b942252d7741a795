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

// A hole of 100 ms in the middle of a clip costs what it holds.
func TestCorrelationSeesAShiftedTail(t *testing.T) {
	t.Parallel()
	part := noise(16000, 4)
	heard := append(append(append([]int16(nil), part[:8000]...), make([]int16, 800)...), part[8000:]...)
	if r, _ := correlation(heard, part); r > 0.8 {
		t.Errorf("correlation %.3f though the second half came late", r)
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
