package amd_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"zvonar/media/amd"
	"zvonar/media/codec"
	"zvonar/media/progress"
)

var whole = flag.Bool("whole", false, "send the whole corpus through every line, not a sixth of it (figures of docs/amd.md)")

// way is what a line does to a sound: another sound, cut into other packets, some
// of them lost.
type way struct {
	name   string
	change func(pcm []int16) []int16 // nil: none
	packet int                       // samples; 0: 160
	loss   float64                   // share of packets
	burst  int                       // packets that are lost together; 0: 1
}

// through is a codec there and back, word by word.
func through(id codec.ID) func([]int16) []int16 {
	return func(pcm []int16) []int16 {
		words, out := make([]byte, len(pcm)), make([]int16, len(pcm))
		codec.Encode(id, words, pcm)
		info, _ := codec.Lookup(id)
		table := codec.DecodeTable(info.Index)
		for i, w := range words {
			out[i] = table[w]
		}
		return out
	}
}

// gsm sends a sound through GSM 06.10 (full rate), as a mobile's leg does.
func gsm(t *testing.T) func([]int16) []int16 {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed: sudo apt-get install sox libsox-fmt-base (make test does it)")
	}
	run := func(in []byte, args ...string) []byte {
		var out, said bytes.Buffer
		cmd := exec.Command(sox, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
		if err := cmd.Run(); err != nil {
			t.Errorf("sox: %v: %s", err, said.String())
		}
		return out.Bytes()
	}
	raw := []string{"-t", "raw", "-e", "signed", "-b", "16", "-r", "8000", "-c", "1", "-L", "-"}
	words := []string{"-t", "gsm", "-r", "8000", "-c", "1", "-"}
	return func(pcm []int16) []int16 {
		in := make([]byte, 2*len(pcm))
		for i, v := range pcm {
			binary.LittleEndian.PutUint16(in[2*i:], uint16(v))
		}
		back := run(run(in, append(append([]string{"-D"}, raw...), words...)...), append(append([]string{"-D"}, words...), raw...)...)
		out := make([]int16, len(back)/2)
		for i := range out {
			out[i] = int16(binary.LittleEndian.Uint16(back[2*i:]))
		}
		return out
	}
}

// level makes a sound louder or softer by a factor.
func level(factor float64) func([]int16) []int16 {
	return func(pcm []int16) []int16 {
		out := make([]int16, len(pcm))
		for i, v := range pcm {
			out[i] = int16(max(-32768, min(32767, float64(v)*factor)))
		}
		return out
	}
}

// ways are the lines that a verdict must not depend on.
func ways() []way {
	return []way{
		{name: "A-law", change: through(codec.PCMA)},
		{name: "mu-law", change: through(codec.PCMU)},
		{name: "GSM"}, // changed by a program, where there is one
		{name: "6 dB less", change: level(0.5)},
		{name: "12 dB less", change: level(0.25)},
		{name: "1 % of packets lost", loss: 0.01},
		{name: "3 % of packets lost", loss: 0.03},
		{name: "3 % lost, three in a row", loss: 0.03, burst: 3},
		{name: "packets of 10 ms", packet: 80},
		{name: "packets of 30 ms", packet: 240},
		{name: "packets of 60 ms, 3 % lost", packet: 480, loss: 0.03},
	}
}

// exact: nothing is changed but where the packets begin.
func (w *way) exact() bool { return w.change == nil && w.loss == 0 }

// answer is what became of a sound: the first and the last verdict, and when the
// first was given, ms.
type answer struct {
	first, last amd.Verdict
	at          int
}

// machine reports whether a policy for machines acts.
func (a answer) machine() bool {
	return a.last == amd.Machine || a.last == amd.Announced || a.last == amd.Fax
}

// hear judges a sound at the end of the way; seed says which packets are lost.
func (w *way) hear(pcm []int16, seed uint64) (a answer) {
	if w.change != nil {
		pcm = w.change(pcm)
	}
	l := amd.New(amd.Defaults(), progress.New(progress.Options{}))
	tell := func(e amd.Event) {
		switch e.Kind {
		case amd.Decided:
			a = answer{e.Verdict, e.Verdict, int(e.At * 1000 / amd.Rate)}
		case amd.Revised:
			a.last = e.Verdict
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	n, together, losing := w.packet, max(w.burst, 1), 0
	if n == 0 {
		n = 160
	}
	for i := 0; i < len(pcm); i += n {
		end := min(len(pcm), i+n)
		if losing == 0 && rnd.Float64() < w.loss/float64(together) {
			losing = together
		}
		if losing > 0 {
			losing--
			l.Gap(end - i)
			continue
		}
		l.Feed(pcm[i:end], tell)
	}
	l.Close(tell)
	return a
}

// A small set that always runs.
func TestGeneratedAnswersAreJudgedTheSameOnEveryLine(t *testing.T) {
	t.Parallel()
	names, sounds := amd.GoldenSounds()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			if w.name == "GSM" {
				w.change = gsm(t)
			}
			plain := way{}
			for i, pcm := range sounds {
				want, got := plain.hear(pcm, 0), w.hear(pcm, uint64(i))
				if got.machine() != want.machine() || got.first == amd.Machine && want.first == amd.Human || w.exact() && got != want {
					t.Errorf("%s: %+v, else %+v", names[i], got, want)
				}
			}
		})
	}
}

// item is a sound of the corpus with its label.
type item struct {
	label string
	pcm   []int16
	plain answer // as it is
}

// manyAnswers is every sixth sound of the corpus, or all.
func manyAnswers(t *testing.T) (list []item) {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, "manifest.csv"))
	if err != nil {
		t.Skip("the corpus of answers is not beside the checkout (../shared/corpus/amd)")
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	step := 6
	if *whole {
		step = 1
	}
	for i := 1; i < len(rows); i += step {
		list = append(list, item{label: rows[i][1], pcm: readAnswer(t, rows[i][0])})
	}
	each(len(list), func(i int) { list[i].plain = (&way{}).hear(list[i].pcm, 0) })
	return list
}

// What a line does to recorded answers changes few verdicts, and takes as many from
// the wrong side as from the right one; how the sound is cut into packets changes
// none.
func TestRecordedAnswersAreJudgedTheSameOnEveryLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("sends hundreds of answers through every line")
	}
	list := manyAnswers(t)
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			if w.name == "GSM" {
				w.change = gsm(t)
			}
			got := make([]answer, len(list))
			each(len(list), func(i int) { got[i] = w.hear(list[i].pcm, uint64(i)) })
			judgeLine(t, &w, list, got)
		})
	}
}

// judgeLine compares what is heard at the end of a line with what is heard without
// it: 95 % of the verdicts stay, and no more than 3 % more of them are wrong.
func judgeLine(t *testing.T, w *way, list []item, got []answer) {
	t.Helper()
	same, right, plainRight, exact := 0, 0, 0, 0
	for i, it := range list {
		machine := it.label != "human" && it.label != "music" && it.label != "noise" && it.label != "silence"
		same += count(got[i].machine() == it.plain.machine())
		right += count(got[i].machine() == machine)
		plainRight += count(it.plain.machine() == machine)
		exact += count(got[i] == it.plain)
	}
	n := len(list)
	t.Logf("%d of %d are judged as without it, %d right (%d)", same, n, right, plainRight)
	if same*100 < n*95 || (plainRight-right)*100 > n*3 {
		t.Error("that is too few")
	}
	if w.exact() && exact != n {
		t.Errorf("%d of %d verdicts depend on the packets", n-exact, n)
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
