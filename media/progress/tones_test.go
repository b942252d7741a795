package progress

import (
	"fmt"
	"testing"

	"zvonar/media/amd"
)

// conditions are what the tones of the table must be heard through.
var conditions = []struct {
	name   string
	change func(*way)
}{
	{"clean", nil},
	{"µ-law", func(w *way) { w.ulaw = true }},
	{"loud", func(w *way) { w.level = -5 }},
	{"faint", func(w *way) { w.level = -33 }},
	{"noise 15 dB below", func(w *way) { w.snr = 15 }},
	{"noise 15 dB below, faint", func(w *way) { w.snr, w.level = 15, -30 }},
	{"second tone 4 dB stronger", func(w *way) { w.twist = 4 }},
	{"second tone 4 dB weaker", func(w *way) { w.twist = -4 }},
	{"1.5 % too high", func(w *way) { w.offset = 0.015 }},
	{"1.5 % too low", func(w *way) { w.offset = -0.015 }},
	{"8 % slower", func(w *way) { w.stretch = 1.08 }},
	{"8 % faster", func(w *way) { w.stretch = 0.92 }},
	{"2 % of packets lost", func(w *way) { w.loss = 0.02 }},
	{"packets of 30 ms", func(w *way) { w.block = 240 }},
	{"odd blocks", func(w *way) { w.block = 61 }},
	{"from the first sample", func(w *way) { w.lead = 0 }},
	{"all at once", func(w *way) { w.snr, w.offset, w.stretch, w.twist, w.loss = 16, 0.01, 1.05, 2, 0.01 }},
}

// within is how long after its beginning a tone must have been told, ms: two
// periods of its cadence.
func within(t *Tone, stretch float64) float64 {
	switch {
	case t.Once:
		return t.Cadence[0].middle() + 1000
	case len(t.Cadence) == 0:
		return dialLength/perMS + 200
	}
	sum := 0.0
	for _, s := range t.Cadence {
		sum += s.middle()
	}
	return 2 * sum * max(1, stretch)
}

// want is what a tone may be taken for: countries differ in what a cadence means.
func want(t *Tone) []amd.Kind {
	switch t.Kind {
	case amd.Busy, amd.Congestion:
		return []amd.Kind{amd.Busy, amd.Congestion}
	}
	return []amd.Kind{t.Kind}
}

func TestEveryToneIsHeardWithinTwoCadences(t *testing.T) {
	t.Parallel()
	tones := Tones()
	tried, missed := 0, 0
	for n, c := range conditions {
		if testing.Short() && n%4 != 0 {
			continue
		}
		for i := range tones {
			tone := &tones[i]
			w := newWay(uint64(i), c.change)
			limit := within(tone, w.stretch)
			pcm := w.noise(w.tone(tone, limit+200))
			l := New(Options{Countries: []string{tone.Country}})
			tried++
			if why := judge(w.hear(l, pcm), tone, float64(w.lead)+limit); why != "" {
				missed++
				t.Logf("%s, %s %s: %s", c.name, tone.Country, tone.Kind, why)
			}
		}
	}
	if share := float64(tried-missed) / float64(tried); share < 0.995 {
		t.Errorf("%d of %d right: %.1f %%", tried-missed, tried, 100*share)
	} else {
		t.Logf("%d of %d right", tried-missed, tried)
	}
}

// judge says what is wrong with the findings of one tone; "" is nothing.
func judge(all []found, tone *Tone, until float64) string {
	heard := false
	for _, f := range all {
		right := false
		for _, k := range want(tone) {
			right = right || f.Kind == k
		}
		switch {
		case !right:
			return fmt.Sprintf("told %s at %d ms", f.Kind, f.told)
		case float64(f.told) <= until+20: // the frame that is being filled
			heard = true
		}
	}
	if !heard {
		return fmt.Sprintf("not told by %.0f ms: %v", until, all)
	}
	return ""
}

func TestATonesOwnCountryComesFirst(t *testing.T) {
	t.Parallel()
	tones := Tones()
	for i := range tones {
		tone := &tones[i]
		if tone.Kind != amd.Busy && tone.Kind != amd.Congestion {
			continue
		}
		w := newWay(uint64(i), nil)
		all := w.hear(New(Options{Countries: []string{tone.Country}}), w.noise(w.tone(tone, 3500)))
		if len(all) != 1 || all[0].Kind != tone.Kind || all[0].Detail != tone.Country {
			// Poland has one cadence for both; congestion begins as busy does in Spain,
			// and as that of others in Turkey.
			if tone.Country != "PL" && tone.Country != "ES" && tone.Country != "TR" {
				t.Errorf("%s %s: told %v", tone.Country, tone.Kind, all)
			}
		}
	}
}

func TestSpecialInformationTonesHaveAClass(t *testing.T) {
	t.Parallel()
	cases := []struct {
		hz, ms [3]float64
		class  string
	}{
		{[3]float64{950, 1400, 1800}, [3]float64{330, 330, 330}, ""},
		{[3]float64{905, 1440, 1840}, [3]float64{270, 390, 300}, ""},
		{[3]float64{913.8, 1370.6, 1776.7}, [3]float64{274, 274, 380}, "ic"},
		{[3]float64{985.2, 1370.6, 1776.7}, [3]float64{380, 274, 380}, "vc"},
		{[3]float64{985.2, 1428.5, 1776.7}, [3]float64{380, 380, 380}, "nc"},
		{[3]float64{913.8, 1428.5, 1776.7}, [3]float64{274, 380, 380}, "ro"},
	}
	for _, c := range cases {
		for _, cond := range conditions {
			w := newWay(1, cond.change)
			if w.stretch != 0 || w.offset != 0 {
				continue // the lengths and frequencies are what it is about
			}
			pcm := w.sine(nil, float64(w.lead))
			for i := range c.hz {
				pcm = w.sine(pcm, c.ms[i], c.hz[i])
			}
			all := w.hear(New(Options{}), w.noise(w.sine(pcm, 800)))
			if len(all) != 1 || all[0].Kind != amd.SIT || all[0].Detail != c.class || all[0].told > w.lead+1250 {
				t.Errorf("%v, %s: told %v", c.hz, cond.name, all)
			}
		}
	}
}

func TestFaxesAreHeardByTheirTones(t *testing.T) {
	t.Parallel()
	for _, cond := range conditions {
		w := newWay(3, cond.change)
		if w.stretch != 0 {
			continue
		}
		pcm := w.sine(nil, float64(w.lead))
		for range 2 {
			pcm = w.sine(w.sine(pcm, 500, 1100), 3000)
		}
		all := w.hear(New(Options{}), w.noise(pcm))
		if n := len(all); n == 0 || all[n-1].Kind != amd.FaxCNG || all[n-1].Confidence != certain || all[n-1].told > w.lead+7000 {
			t.Errorf("calling, %s: told %v", cond.name, all)
		}
		if w.offset != 0 {
			continue // 15 Hz is what T.30 allows, and 2000 Hz is a beep
		}
		// An answering one turns the phase every 450 ms (ITU-T V.8).
		pcm = w.sine(nil, float64(w.lead))
		for i := range 7 {
			from := len(pcm)
			pcm = w.sine(pcm, 450, 2100)
			for k := from; i%2 == 1 && k < len(pcm); k++ {
				pcm[k] = -pcm[k]
			}
		}
		all = w.hear(New(Options{}), w.noise(pcm))
		if len(all) != 1 || all[0].Kind != amd.FaxCED || all[0].told > w.lead+1000 {
			t.Errorf("answering, %s: told %v", cond.name, all)
		}
	}
}
