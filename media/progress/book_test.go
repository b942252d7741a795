package progress

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/media/amd"
)

// voice makes something like speech: syllables of harmonics under formants that
// change, and pauses. The same seed says the same.
func voice(seed uint64, ms int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 99))
	var pcm []float64
	for len(pcm) < ms*8 {
		if rng.IntN(6) == 0 {
			pcm = append(pcm, make([]float64, (100+rng.IntN(150))*8)...)
			continue
		}
		n := (80 + rng.IntN(120)) * 8
		f0, glide := 90+80*rng.Float64(), 40*rng.Float64()-20
		formants := [3]float64{300 + 500*rng.Float64(), 900 + 1200*rng.Float64(), 2200 + 900*rng.Float64()}
		var wave [256]float64 // one period
		for h := 1.0; h*f0 < 3000; h++ {
			a := 0.0
			for _, c := range formants {
				d := (h*f0 - c) / 90
				a += 1 / (1 + d*d)
			}
			for i := range wave {
				wave[i] += 2500 * a * math.Sin(2*math.Pi*h*float64(i)/256)
			}
		}
		phase := 0.0
		for i := range n {
			at := float64(i) / float64(n)
			phase += 256 * (f0 + glide*at) / 8000
			pcm = append(pcm, wave[int(phase)%256]*math.Sin(math.Pi*at))
		}
	}
	return pcm[:ms*8]
}

func power(pcm []float64) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += x * x
	}
	return sum / float64(len(pcm))
}

// heardAs is the voice after the line: from a sample on, softer, with noise, A-law.
func (w *way) heardAs(pcm []float64, from int, gain, snr float64) []int16 {
	sigma := math.Sqrt(power(pcm)) * gain * math.Pow(10, -snr/20)
	var out []float64
	for _, x := range pcm[from:] {
		out = append(out, gain*x+sigma*w.rng.NormFloat64())
	}
	return w.noise(out)
}

func announcements(t testing.TB, n int) (list []Announcement, sounds [][]float64) {
	t.Helper()
	for i := range n {
		pcm := voice(uint64(i), 6000)
		w := newWay(1, nil)
		p, err := Print(w.noise(pcm))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Announcement{ID: fmt.Sprint(i), Title: fmt.Sprint("no ", i), Meaning: fmt.Sprint("m", i), Print: p})
		sounds = append(sounds, pcm)
	}
	return list, sounds
}

// known are the announcements among the findings.
func known(all []found) (list []found) {
	for _, f := range all {
		if f.Kind == amd.Known {
			list = append(list, f)
		}
	}
	return list
}

func TestAKnownAnnouncementIsFoundInAboutASecond(t *testing.T) {
	t.Parallel()
	list, sounds := announcements(t, 20)
	book := NewBook(list)
	cases := []struct {
		name      string
		from      int
		gain, snr float64
		change    func(*way)
	}{
		{"as it is", 0, 1, 60, nil},
		{"20 dB softer", 0, 0.1, 60, nil},
		{"from the middle", 8000 + 137, 1, 60, nil},
		{"in noise", 3333, 0.5, 15, nil},
		{"µ-law", 777, 0.5, 25, func(w *way) { w.ulaw = true }},
		{"with losses", 41, 0.7, 20, func(w *way) { w.loss = 0.02 }},
		{"packets of 30 ms", 5000, 0.7, 20, func(w *way) { w.block = 240 }},
	}
	for _, c := range cases {
		late := 0
		for i, pcm := range sounds {
			w := newWay(uint64(i), c.change)
			all := known(w.hear(New(Options{Book: book}), w.heardAs(pcm, c.from, c.gain, c.snr)))
			if len(all) != 1 || all[0].Meaning != list[i].Meaning || all[0].Detail != list[i].Title {
				t.Errorf("%s, no %d: %+v", c.name, i, all)
				continue
			}
			if all[0].told > 1800 {
				late++
			}
			if from := all[0].From / 8; from > 700 {
				t.Errorf("%s, no %d: begins at %d ms", c.name, i, from)
			}
		}
		if late > 2 {
			t.Errorf("%s: %d of %d are told late", c.name, late, len(sounds))
		}
	}
}

func TestNobodyElseIsTakenForAnAnnouncement(t *testing.T) {
	t.Parallel()
	list, _ := announcements(t, 20)
	book := NewBook(list)
	for seed := uint64(1000); seed < 1020; seed++ {
		w := newWay(seed, nil)
		if all := known(w.hear(New(Options{Book: book}), w.heardAs(voice(seed, 8000), 0, 1, 20))); len(all) != 0 {
			t.Errorf("voice %d: %+v", seed, all)
		}
	}
}

// Operators record one beginning for several announcements.
func TestACommonBeginningWaitsForWhatTellsThemApart(t *testing.T) {
	t.Parallel()
	common := voice(1, 2000)
	ends := [][]float64{voice(2, 4000), voice(3, 4000)}
	var list []Announcement
	for i, end := range ends {
		p, err := Print(newWay(1, nil).noise(append(append([]float64(nil), common...), end...)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Announcement{Title: fmt.Sprint(i), Meaning: fmt.Sprint(i), Print: p})
	}
	for i, end := range ends {
		w := newWay(uint64(i), nil)
		all := known(w.hear(New(Options{Book: NewBook(list)}), w.heardAs(append(append([]float64(nil), common...), end...), 0, 0.5, 20)))
		if len(all) != 1 || all[0].Meaning != list[i].Meaning || all[0].told < 2000 {
			t.Errorf("announcement %d: %+v", i, all)
		}
	}
}

func TestTooLittleSoundIsNoAnnouncement(t *testing.T) {
	t.Parallel()
	for _, pcm := range [][]int16{nil, make([]int16, 80000), newWay(1, nil).noise(voice(1, 1200))} {
		if _, err := Print(pcm); !errors.Is(err, ErrTooLittleSound) {
			t.Errorf("%d samples: %v", len(pcm), err)
		}
	}
}

func TestAFingerprintKeepsItsForm(t *testing.T) {
	t.Parallel()
	p, err := Print(newWay(1, nil).noise(voice(5, 90000)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 6+maxWords*4+maxWords/8+1 {
		t.Errorf("%d bytes", len(b))
	}
	var q Fingerprint
	if err := q.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if c, _ := q.MarshalBinary(); !bytes.Equal(b, c) {
		t.Error("it comes back another")
	}
	for _, bad := range [][]byte{nil, b[:5], b[:len(b)-1], append([]byte("ZFP2"), b[4:]...), append(b, 0)} {
		if err := q.UnmarshalBinary(bad); err == nil {
			t.Errorf("%d bytes were taken", len(bad))
		}
	}
}

func FuzzFingerprint(f *testing.F) {
	p, err := Print(newWay(1, nil).noise(voice(5, 6000)))
	if err != nil {
		f.Fatal(err)
	}
	b, _ := p.MarshalBinary()
	f.Add(b)
	f.Add([]byte("ZFP1\x01\x00abcd\x01"))
	sound := newWay(2, nil).noise(voice(5, 3000))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Fingerprint
		if p.UnmarshalBinary(b) != nil {
			return
		}
		if c, err := p.MarshalBinary(); err != nil || len(c) != len(b) {
			t.Errorf("%d bytes came back as %d (%v)", len(b), len(c), err)
		}
		l := New(Options{Book: NewBook([]Announcement{{Print: p}, {Print: p, Meaning: "other"}})})
		l.Feed(sound, func(amd.Finding) {})
	})
}

// Recordings of real voices: none is taken for another, all are found again.
func TestPromptsAreKnownAgainAndNoneForAnother(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left out with -short")
	}
	var list []Announcement
	var sounds [][]float64
	n := 0
	_ = filepath.WalkDir(prompts, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".wav") {
			return nil
		}
		if n++; n%10 != 0 {
			return nil
		}
		pcm := readWAV(t, path)
		p, err := Print(pcm)
		if err != nil || len(pcm) < 3*8000 {
			return nil
		}
		list = append(list, Announcement{Title: path, Meaning: path, Print: p})
		var f []float64
		for _, x := range pcm {
			f = append(f, float64(x))
		}
		sounds = append(sounds, f)
		return nil
	})
	if len(list) == 0 {
		t.Skip("the prompts of Asterisk are not on this machine: asterisk-core-sounds-{en,es,fr,it,ru}-wav")
	}
	book := NewBook(list)
	hit, wrong := 0, 0
	for i, pcm := range sounds {
		w := newWay(uint64(i), func(w *way) { w.loss = 0.01 })
		right := false
		for _, f := range known(w.hear(New(Options{Book: book}), w.heardAs(pcm, i*997%8000, 0.4, 15))) {
			if f.Meaning == list[i].Meaning {
				right = true
			} else {
				wrong++
				t.Logf("%s is taken for %s", list[i].Title, f.Detail)
			}
		}
		if right {
			hit++
		} else {
			t.Logf("%s is not known again", list[i].Title)
		}
	}
	t.Logf("%d of %d known again, %d taken for another", hit, len(list), wrong)
	if hit*100 < len(list)*98 || wrong > 0 {
		t.Error("that is not enough")
	}
	for _, it := range items(t) {
		// The voices of the prompts are in the corpus, too, and say the same words there.
		if it.label != "human" && it.label != "machine" || !strings.HasPrefix(it.voice, "tts") && !strings.HasPrefix(it.voice, "fsdd") && !strings.HasPrefix(it.voice, "precise") {
			continue
		}
		l := New(Options{Book: book})
		l.Feed(readWAV(t, filepath.Join(corpus, it.file)), func(f amd.Finding) {
			if f.Kind == amd.Known {
				t.Errorf("%s is taken for %s", it.file, f.Detail)
			}
		})
	}
}

func BenchmarkFrameWithABook(b *testing.B) {
	list, sounds := announcements(b, 100)
	w := newWay(3, nil)
	sound := w.heardAs(append(voice(5000, 6000), sounds[3]...), 0, 0.5, 20)
	l := New(Options{Book: NewBook(list)})
	tell := func(amd.Finding) {}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		l.Feed(sound[i:i+160], tell)
		i = (i + 160) % (len(sound) - 160)
	}
}
