package train

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"zvonar/media/amd"
)

// toy are sounds of noise bursts: short ones of "humans", long ones of "machines".
func toy() []*Sound {
	var out []*Sound
	for i := range 24 {
		rnd := rand.New(rand.NewPCG(9, uint64(i)))
		pcm := make([]int16, 6*amd.Rate)
		label, until := "human", 1.0
		if i%2 == 1 {
			label, until = "machine", 5.5
		}
		for k := range pcm {
			t := float64(k) / amd.Rate
			level := 5.0
			if t > 0.4 && t < until && math.Mod(t*4+rnd.Float64()*0.01, 1) < 0.7 {
				level = 3000
			}
			pcm[k] = int16(level * rnd.NormFloat64())
		}
		out = append(out, &Sound{File: label, Label: label, Voice: string(rune('a' + i/2)), Onset: 400, Beep: -1, PCM: pcm})
	}
	return out
}

func table(t *testing.T, m amd.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteTable(&b, &m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheSameSoundsMakeTheSameBytes(t *testing.T) {
	t.Parallel()
	o := Options{Variants: 1, Trees: 10, Folds: 3}
	once := table(t, Learn(toy(), o))
	if again := table(t, Learn(toy(), o)); once != again {
		t.Error("two trainings on the same sounds differ")
	}
}

func TestWhatIsLearnedHoldsForVoicesThatWereLeftOut(t *testing.T) {
	t.Parallel()
	results := CrossValidate(toy(), nil, Options{Variants: 1, Trees: 20, Folds: 3}, amd.Defaults(), deaf)
	right := 0
	for _, r := range results {
		v := r.Verdict
		if r.Revised != "" {
			v = r.Revised
		}
		if taken(v) != r.Sound.Human() {
			right++
		}
	}
	if right < len(results)*9/10 {
		t.Errorf("%d of %d right", right, len(results))
	}
	var b bytes.Buffer
	if err := WriteReport(&b, results); err != nil || !strings.Contains(b.String(), "| all | 24 |") {
		t.Errorf("%v: the report reads\n%s", err, b.String())
	}
}

// One voice of a fold changes: the others of that fold must be judged as before, for
// what judges them has heard none of the fold, not in the murmur behind others either.
func TestWhoIsJudgedWasNotHeardInTraining(t *testing.T) {
	t.Parallel()
	o := Options{Variants: 4, Trees: 10, Folds: 3}
	sounds := toy()
	before := CrossValidate(sounds, nil, o, amd.Defaults(), deaf)
	changed := *sounds[0]
	changed.PCM = slices.Clone(changed.PCM)
	slices.Reverse(changed.PCM)
	sounds[0] = &changed
	same, fold := 0, o.foldOf(&changed)
	for i, r := range CrossValidate(sounds, nil, o, amd.Defaults(), deaf) {
		if i == 0 || o.foldOf(r.Sound) != fold {
			continue
		}
		same++
		if r.Sure != before[i].Sure || r.Decided != before[i].Decided {
			t.Errorf("sound %d is judged at %d ms with %v, before another voice of its fold changed at %d ms with %v", i, r.Decided, r.Sure, before[i].Decided, before[i].Sure)
		}
	}
	if same == 0 {
		t.Error("no other sound is in the fold")
	}
}

func TestAVoiceIsJudgedOrLearnedFromBeside(t *testing.T) {
	t.Parallel()
	judged, more := append(toy(), Generated()[:2]...), append(toy(), Generated()[44:46]...)
	if err := Beside(judged, more); err == nil || !strings.Contains(err.Error(), `voice "a"`) {
		t.Errorf("the voices of both are the same: %v", err)
	}
	for _, s := range more {
		s.Voice = "another " + s.Voice
	}
	if err := Beside(judged, more); err != nil {
		t.Fatal(err)
	}
	o := Options{Variants: 1, Trees: 10, Folds: 3, Beside: 0.5}
	if n := len(CrossValidate(judged, more, o, amd.Defaults(), deaf)); n != len(judged) {
		t.Errorf("%d sounds were judged, want %d", n, len(judged))
	}
	with, without := Learn(append(judged, more...), o), Learn(judged, o)
	if reflect.DeepEqual(with.Other, without.Other) {
		t.Error("what speech is was not learned of the sounds beside")
	}
	if !reflect.DeepEqual(with.Machine, without.Machine) {
		t.Error("who answers was learned of sounds beside, which are no answers")
	}
}

func TestTheManifestNamesItsFaults(t *testing.T) {
	t.Parallel()
	decode := func(path string) ([]int16, error) {
		if strings.HasSuffix(path, "bad.wav") {
			return nil, errors.New("no sound")
		}
		return make([]int16, 100), nil
	}
	for in, want := range map[string]string{
		"":                                "empty",
		"file,voice\na.wav,x\n":           `no column "label"`,
		"file,label\nbad.wav,human\n":     "line 2: no sound",
		"file,label\na.wav,human,extra\n": "no CSV",
	} {
		if _, err := ReadManifest(strings.NewReader(in), ".", decode); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	list, err := ReadManifest(strings.NewReader("file,label,sub,voice,onset_ms,aug\na.wav,human,business,es_allison,120,lev-20;snr15;alaw\nb.wav,machine,,,,\n"), ".", decode)
	if err != nil || len(list) != 2 || list[0].SNR != 15 || list[0].Onset != 120 || list[0].Voice != "allison" || list[1].Voice != "b.wav" || list[1].Onset != -1 {
		t.Errorf("read %+v, %v", list, err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add("file,label,onset_ms\na.wav,human,12\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = ReadManifest(strings.NewReader(text), ".", func(string) ([]int16, error) { return nil, nil })
	})
}

func deaf() []amd.Detector { return nil }
