package progress

import (
	"strings"
	"testing"

	"zvonar/media/amd"
)

func TestTheBuiltInTableHasWhatEveryCountryNeeds(t *testing.T) {
	t.Parallel()
	have := map[string]map[amd.Kind]bool{}
	for _, tone := range Tones() {
		if tone.Source == "" {
			t.Errorf("%s %s has no source", tone.Country, tone.Kind)
		}
		if have[tone.Country] == nil {
			have[tone.Country] = map[amd.Kind]bool{}
		}
		have[tone.Country][tone.Kind] = true
	}
	if Countries()[0] != "RU" || len(have) < 8 {
		t.Errorf("countries: %v", Countries())
	}
	for country, kinds := range have {
		for _, k := range []amd.Kind{amd.Ringback, amd.Busy, amd.Congestion, amd.Dial} {
			if !kinds[k] {
				t.Errorf("%s has no %s", country, k)
			}
		}
	}
}

func TestABadTableNamesItsLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"RU busy 425":                 "line 1: want country",
		"# x\n\nRU song 425 1/1":      `line 3: there is no tone "song"`,
		"Russia busy 425 300/300":     "line 1: a country is two capital letters",
		"RU busy 12 300/300":          "line 1: a frequency is 300 to 2200 Hz",
		"RU busy 425+440+480 300/300": "line 1: a tone has one frequency or two",
		"RU busy NaN 300/300":         "line 1: a frequency",
		"RU busy 425 300":             "line 1: a cadence is on/off pairs",
		"RU busy 425 300/20":          "line 1: a length is",
		"RU busy 425 300-200/300":     "line 1: a length is",
		"RU busy 425 once:NaN":        "line 1: a length is",
		"RU busy 425 " + strings.Repeat("100/100,", 4) + "100/100": "line 1: a cadence has at most",
	} {
		_, err := ParseTones(strings.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseTones(f *testing.F) {
	f.Add("RU busy 425 300-400/300-400 somewhere\nGB ringback 400+450 400/200,400/2000 x\nUS dial 350+440 continuous\nRU record 1400 once:400")
	f.Fuzz(func(t *testing.T, text string) {
		tones, err := ParseTones(strings.NewReader(text))
		if err != nil {
			return
		}
		// Whatever is accepted can be listened for.
		l := New(Options{Tones: tones})
		w := newWay(1, nil)
		l.Feed(w.noise(w.sine(w.sine(w.sine(nil, 300, 425), 300), 300, 425)), func(amd.Finding) {})
	})
}
