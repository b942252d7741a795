package amd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"zvonar/media/codec"
)

// sung is a sound with ten partials of a pitch that rises by a share each second,
// through A-law, for two and a half seconds after half a second of quiet.
func sung(hz, rise, hiss float64) []int16 {
	rnd := rand.New(rand.NewPCG(1, 1))
	out := make([]int16, 3*Rate)
	phase := 0.0
	for i := range out {
		t := float64(i) / Rate
		phase += 2 * math.Pi * hz * math.Pow(1+rise, t) / Rate
		v := hiss * rnd.NormFloat64()
		for h := 1.0; h <= 10 && t > 0.5; h++ {
			v += 1500 * math.Sin(h*phase) / math.Sqrt(h)
		}
		out[i] = codec.DecodeALaw(codec.EncodeALaw(int16(v)))
	}
	return out
}

// lastLook is the last one of a sound.
func lastLook(t *testing.T, pcm []int16) []float32 {
	t.Helper()
	var x []float32
	Looks(pcm, func(l *Look) { x = slices.Clone(l.X[:]) })
	if x == nil {
		t.Fatal("nothing was heard")
	}
	return x
}

func TestLinesStayInMusicAndMoveInVoices(t *testing.T) {
	t.Parallel()
	for _, hiss := range []float64{5, 500} {
		note, voice := lastLook(t, sung(220, 0, hiss)), lastLook(t, sung(220, 0.6, hiss))
		if note[fStay100] < 0.75 || note[fStayAll] < 0.6 {
			t.Errorf("hiss %v: of the lines of a note %.2f stay for 100 ms, %.2f at 50 and 100", hiss, note[fStay100], note[fStayAll])
		}
		if voice[fStay100] > 0.5*note[fStay100] {
			t.Errorf("hiss %v: of the lines of a voice %.2f stay for 100 ms, of those of a note %.2f", hiss, voice[fStay100], note[fStay100])
		}
		if voice[fGlide60] < 2*note[fGlide60] {
			t.Errorf("hiss %v: of the lines of a voice %.2f move in 60 ms, of those of a note %.2f", hiss, voice[fGlide60], note[fGlide60])
		}
	}
}

func TestATonesDirtIsNoLine(t *testing.T) {
	t.Parallel()
	pcm := make([]int16, 2*Rate)
	for i := Rate / 2; i < len(pcm); i++ {
		pcm[i] = codec.DecodeALaw(codec.EncodeALaw(int16(8000 * math.Sin(2*math.Pi*425*float64(i)/Rate))))
	}
	x := lastLook(t, pcm)
	if x[fLines] < 0.8 || x[fLines] > 1.2 {
		t.Errorf("a tone of 425 Hz has %.1f lines", x[fLines])
	}
}
