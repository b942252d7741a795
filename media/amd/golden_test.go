package amd

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Update is for the corpus's golden decisions, too.
var Update = flag.Bool("update", false, "write what is decided now to testdata")

// goldenFile holds what is decided of generated sounds, with the table that is
// built in: a change of features, table or rules shows here, wanted or not.
const goldenFile = "testdata/golden.txt"

// GoldenSounds are generated answers, short and long ones, with their names.
func GoldenSounds() (names []string, sounds [][]int16) {
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
	names, sounds := GoldenSounds()
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
