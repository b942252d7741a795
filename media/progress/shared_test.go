package progress

import (
	"slices"
	"testing"

	"zvonar/media/amd"
	"zvonar/media/spectrum"
)

// What hears the spectrum of somebody else finds what it finds with its own.
func TestASharedSpectrumFindsTheSame(t *testing.T) {
	t.Parallel()
	pcm := sharedSound()
	hear := func(own bool) (found []amd.Finding) {
		l, a := New(Options{}), spectrum.New()
		tell := func(f amd.Finding) { found = append(found, f) }
		for i := 0; i+160 <= len(pcm); i += 160 {
			lost := i%8000 == 1600
			switch {
			case own && lost:
				l.Gap(160)
			case own:
				l.Feed(pcm[i:i+160], tell)
			case lost:
				l.Miss(160)
				a.Gap(160)
			default:
				a.Write(pcm[i:i+160], func(f *spectrum.Frame) { l.See(f, tell) })
			}
		}
		l.Close(tell)
		return found
	}
	alone, shared := hear(true), hear(false)
	if len(alone) == 0 || !slices.Equal(alone, shared) {
		t.Errorf("alone %+v, shared %+v", alone, shared)
	}
}

// sharedSound is a greeting and a beep, then a busy tone.
func sharedSound() []int16 {
	w := newWay(5, nil)
	pcm := append(w.sine(spoken(w, 3000), 200), w.sine(nil, 300, 1000)...)
	pcm = w.sine(pcm, 2000)
	for range 5 {
		pcm = w.sine(w.sine(pcm, 350, 425), 350)
	}
	return w.noise(w.sine(pcm, 1000))
}
