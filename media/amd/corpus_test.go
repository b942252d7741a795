package amd_test

import (
	"encoding/binary"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"zvonar/media/amd"
	"zvonar/media/amd/train"
	"zvonar/media/progress"
)

// corpus holds recorded answers, beside the checkout.
const corpus = "../../../shared/corpus/amd"

// corpusGolden names some of the corpus, a few of each kind, and what is decided
// of each with the table that is built in.
const corpusGolden = "testdata/corpus.csv"

// readAnswer gives the samples of a file of the corpus, or skips.
func readAnswer(t *testing.T, name string) []int16 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Skip("the corpus of answers is not beside the checkout (../shared/corpus/amd)")
	}
	const header = 44
	pcm := make([]int16, (len(b)-header)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[header+2*i:]))
	}
	return pcm
}

// goldenRows are the rows of corpusGolden, its header first.
func goldenRows(t *testing.T) [][]string {
	t.Helper()
	f, err := os.Open(corpusGolden)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 61 {
		t.Fatalf("%s: %d rows, %v", corpusGolden, len(rows), err)
	}
	return rows
}

// each does something for all numbers below n, several at a time.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 2 {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// judged is what `zvonar amd` says of a sound, as a row.
func judged(file string, pcm []int16) []string {
	r := train.Run(pcm, amd.Defaults(), progress.New(progress.Options{}))
	return []string{file, string(r.Verdict), r.Cause, ms(r.Decided), ms(r.Beep), string(r.Revised), ms(r.ReviseAt)}
}

// ms is a time as a field, empty where there is none.
func ms(at int) string {
	if at < 0 {
		return ""
	}
	return strconv.Itoa(at)
}

func TestDecisionsOnTheCorpusAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	want := goldenRows(t)
	got := slices.Clone(want)
	sounds := make([][]int16, len(want))
	for i := 1; i < len(want); i++ {
		sounds[i] = readAnswer(t, want[i][0])
	}
	each(len(want)-1, func(i int) { got[i+1] = judged(want[i+1][0], sounds[i+1]) })
	if *amd.Update {
		f, err := os.Create(corpusGolden)
		if err != nil {
			t.Fatal(err)
		}
		if err := csv.NewWriter(f).WriteAll(got); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("decided %v, want %v (go test ./media/amd -update writes it anew)", got[i], want[i])
		}
	}
}
