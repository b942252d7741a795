package amd

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"zvonar/media/codec"
)

// Update is for the corpus's golden decisions, too.
var Update = flag.Bool("update", false, "write what is decided now to testdata")

// goldenFile holds what is decided of generated sounds, with the table that is
// built in: a change of features, table or rules shows here, wanted or not.
const goldenFile = "testdata/golden.txt"

func goldenSounds() (names []string, sounds [][]int16) {
	add := func(name string, pcm []int16) { names, sounds = append(names, name), append(sounds, pcm) }
	for seed := uint64(0); seed < 4; seed++ {
		add(fmt.Sprintf("short%d", seed), talk(seed, 0.3, 0.5, 8))
		add(fmt.Sprintf("long%d", seed), talk(seed, 0.5, 7, 10))
	}
	add("twice", append(talk(9, 0.3, 0.6, 2.5), talk(9, 0, 0.6, 6)...))
	add("quiet", make([]int16, 7*Rate))
	return names, sounds
}

func TestDecisionsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	names, sounds := goldenSounds()
	for i, pcm := range sounds {
		b.WriteString(names[i])
		for _, e := range hear(Defaults(), pcm, 160) {
			if e.Kind != Speech {
				fmt.Fprintf(&b, " %s:%s:%s@%d", e.Kind, e.Verdict, e.Cause, e.At/(Rate/1000))
			}
		}
		b.WriteString("\n")
	}
	if *Update {
		if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("decided\n%swant\n%s(go test ./media/amd -update writes it anew)", b.String(), want)
	}
}

// What a line does to the sound leaves the verdict as it is.
func TestTheVerdictDoesNotDependOnTheCodecOrTheLevel(t *testing.T) {
	t.Parallel()
	lines := map[string]func(int16) int16{
		"µ-law":      func(v int16) int16 { return codec.DecodeULaw(codec.EncodeULaw(v)) },
		"A-law":      func(v int16) int16 { return codec.DecodeALaw(codec.EncodeALaw(v)) },
		"6 dB less":  func(v int16) int16 { return v / 2 },
		"12 dB less": func(v int16) int16 { return codec.DecodeALaw(codec.EncodeALaw(v / 4)) },
	}
	names, sounds := goldenSounds()
	for i, pcm := range sounds {
		first, last, _ := verdicts(hear(Defaults(), pcm, 160))
		for name, line := range lines {
			out := make([]int16, len(pcm))
			for k, v := range pcm {
				out[k] = line(v)
			}
			if a, b, _ := verdicts(hear(Defaults(), out, 160)); taken(b) != taken(last) || a == Machine && first == Human {
				t.Errorf("%s through %s: %s, then %s; else %s, then %s", names[i], name, a, b, first, last)
			}
		}
	}
}

func taken(v Verdict) bool { return v == Machine || v == Announced || v == Fax }
