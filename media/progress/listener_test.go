package progress

import (
	"reflect"
	"testing"

	"zvonar/media/amd"
)

// spoken is something that is no tone, as loud as one: noise in bursts.
func spoken(w *way, ms int) []float64 {
	var pcm []float64
	for len(pcm) < ms*8 {
		for range 1600 {
			pcm = append(pcm, 3000*w.rng.NormFloat64())
		}
		pcm = append(pcm, make([]float64, 400)...)
	}
	return pcm
}

func TestABeepIsToldWithItsBeginningAndEnd(t *testing.T) {
	t.Parallel()
	for _, hz := range []float64{400, 425, 500, 744, 1003, 1100, 1400, 2000, 2100} {
		for _, ms := range []float64{100, 180, 350, 400, 1000} {
			w := newWay(uint64(hz), func(w *way) { w.snr = 20 })
			pcm := append(spoken(w, 2000), make([]float64, 2400)...)
			from := len(pcm) / 8
			pcm = w.sine(w.sine(pcm, ms, hz), 1500)
			all := w.hear(New(Options{}), w.noise(pcm))
			if hz == 2100 && ms > 700 {
				continue // a fax that answers
			}
			if len(all) != 1 || all[0].Kind != amd.Beep {
				t.Errorf("%v Hz, %v ms: %+v", hz, ms, all)
				continue
			}
			f := all[0]
			if d := int(f.From/8) - from; d < -10 || d > 10 {
				t.Errorf("%v Hz, %v ms: begins %d ms off", hz, ms, d)
			}
			if d := int(f.To/8) - from - int(ms); d < -10 || d > 10 {
				t.Errorf("%v Hz, %v ms: ends %d ms off", hz, ms, d)
			}
			if f.Hz < hz-3 || f.Hz > hz+3 {
				t.Errorf("%v Hz: told %v", hz, f.Hz)
			}
			// What may be the first of a busy or congestion tone waits for the second.
			if late := f.told - int(f.To/8); late > 90 && (hz > 480 || late > 900) {
				t.Errorf("%v Hz, %v ms: told %d ms after its end", hz, ms, late)
			}
		}
	}
}

func TestAToneAfterAnAnnouncementIsNoBeep(t *testing.T) {
	t.Parallel()
	for _, tone := range Tones() {
		if tone.Country != "RU" || tone.Kind != amd.Busy && tone.Kind != amd.Congestion {
			continue
		}
		w := newWay(5, func(w *way) { w.snr, w.lead = 20, 0 })
		pcm := append(spoken(w, 3000), w.tone(&tone, 4000)...)
		for _, f := range w.hear(New(Options{}), w.noise(pcm)) {
			if f.Kind != tone.Kind {
				t.Errorf("%s: told %+v", tone.Kind, f)
			}
		}
	}
}

func TestKeysAreNoBeeps(t *testing.T) {
	t.Parallel()
	for _, low := range []float64{697, 770, 852, 941} {
		for _, high := range []float64{1209, 1336, 1477, 1633} {
			w := newWay(2, nil)
			pcm := w.sine(w.sine(spoken(w, 1000), 120, low, high), 500)
			if all := w.hear(New(Options{}), w.noise(pcm)); len(all) != 0 {
				t.Errorf("%v+%v Hz: %+v", low, high, all)
			}
		}
	}
}

func TestFindingsDoNotDependOnHowTheSoundIsCut(t *testing.T) {
	t.Parallel()
	w := newWay(9, func(w *way) { w.snr = 15 })
	tones := Tones()
	pcm := append(spoken(w, 1500), w.tone(&tones[1], 3000)...)
	pcm = append(pcm, w.tone(&tones[4], 3000)...)
	sound := w.noise(pcm)
	findings := func(block int) (list []amd.Finding) {
		l := New(Options{})
		for i := 0; i < len(sound); i += block {
			l.Feed(sound[i:min(i+block, len(sound))], func(f amd.Finding) { list = append(list, f) })
		}
		return list
	}
	wanted := findings(160)
	if len(wanted) == 0 {
		t.Fatal("nothing is found")
	}
	for _, block := range []int{1, 13, 80, 240, 480, len(sound)} {
		if got := findings(block); !reflect.DeepEqual(got, wanted) {
			t.Errorf("blocks of %d: %v, want %v", block, got, wanted)
		}
	}
}

func TestSilenceThatIsNotSentEndsAToneAsSilenceDoes(t *testing.T) {
	t.Parallel()
	w := newWay(4, func(w *way) { w.lead = 0 })
	var kinds []amd.Kind
	tell := func(f amd.Finding) { kinds = append(kinds, f.Kind) }
	l := New(Options{})
	for range 2 {
		l.Feed(w.noise(w.sine(nil, 350, 425)), tell)
		l.Silence(350*8, tell)
	}
	if len(kinds) != 1 || kinds[0] != amd.Busy {
		t.Errorf("told %v", kinds)
	}
}

func TestListeningAllocatesNothing(t *testing.T) {
	w := newWay(8, func(w *way) { w.snr = 15 })
	tones := Tones()
	sound := w.noise(append(spoken(w, 2000), w.tone(&tones[1], 4000)...))
	l := New(Options{})
	tell := func(amd.Finding) {}
	i := 0
	if n := testing.AllocsPerRun(200, func() {
		l.Feed(sound[i:i+160], tell)
		i = (i + 160) % (len(sound) - 160)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkFrameOf20ms(b *testing.B) {
	w := newWay(8, func(w *way) { w.snr = 15 })
	tones := Tones()
	sound := w.noise(append(spoken(w, 6000), w.tone(&tones[1], 4000)...))
	l := New(Options{})
	tell := func(amd.Finding) {}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		l.Feed(sound[i:i+160], tell)
		i = (i + 160) % (len(sound) - 160)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Options{Countries: []string{"KZ", "RU"}})
	}
}
