package progress

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-audio/wav"

	"zvonar/media/amd"
)

var (
	corpus  = filepath.Join("..", "..", "..", "shared", "corpus", "amd")
	prompts = "/usr/share/asterisk/sounds"
)

// readWAV gives the samples of an 8 kHz mono file.
func readWAV(t testing.TB, path string) []int16 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := wav.NewDecoder(bytes.NewReader(b)).FullPCMBuffer()
	if err != nil || buf.Format.SampleRate != 8000 || buf.Format.NumChannels != 1 {
		t.Fatalf("%s: %v", path, err)
	}
	pcm := make([]int16, len(buf.Data))
	for i, x := range buf.Data {
		pcm[i] = int16(x)
	}
	return pcm
}

// item is one row of the manifest of the corpus; beep in ms or -1.
type item struct {
	file, label, sub, voice, aug string
	beep, length                 int
}

func items(t testing.TB) []item {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, "manifest.csv"))
	if err != nil {
		t.Skip("the corpus of answered calls is not on this machine")
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []item
	for _, r := range rows[1:] {
		it := item{file: r[0], label: r[1], sub: r[2], voice: r[4], aug: r[13], beep: -1}
		if r[8] != "" {
			if it.beep, err = strconv.Atoi(r[8]); err != nil {
				t.Fatal(err)
			}
		}
		if it.length, err = strconv.Atoi(r[12]); err != nil {
			t.Fatal(err)
		}
		list = append(list, it)
	}
	return list
}

// all is what is found in a whole file.
func all(pcm []int16) (list []amd.Finding) {
	l := New(Options{})
	tell := func(f amd.Finding) { list = append(list, f) }
	for len(pcm) > 0 {
		n := min(160, len(pcm))
		l.Feed(pcm[:n], tell)
		pcm = pcm[n:]
	}
	l.Close(tell)
	return list
}

func TestTonesOfTheCorpusAreNamed(t *testing.T) {
	t.Parallel()
	right, tried := 0, 0
	for _, it := range items(t) {
		kind := amd.Kind(it.label)
		switch it.label {
		case "human", "machine", "music", "noise", "silence":
			continue
		case "record_warn":
			kind = amd.RecordWarning
		}
		tried++
		ok := false
		found := all(readWAV(t, filepath.Join(corpus, it.file)))
		for _, f := range found {
			ok = ok || f.Kind == kind
		}
		if ok {
			right++
		} else {
			t.Logf("%s: %v", it.file, found)
		}
	}
	if right*100 < tried*98 {
		t.Errorf("%d of %d", right, tried)
	}
	t.Logf("%d of %d", right, tried)
}

func TestBeepsOfGreetingsAreFoundAndNothingInSpeechIsOne(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("an hour of speech is left out with -short")
	}
	beeps, heard, wrong, off, spoken := 0, 0, 0, 0, 0
	for _, it := range items(t) {
		if it.label != "human" && it.label != "machine" {
			continue
		}
		end := it.length
		if it.beep >= 0 {
			beeps++
			end = it.beep
		}
		spoken += end
		hit := false
		for _, f := range all(readWAV(t, filepath.Join(corpus, it.file))) {
			from := int(f.From / 8)
			switch {
			case f.Kind == amd.Beep && it.beep >= 0 && from > it.beep-60 && from < it.beep+100:
				hit = true
				off = max(off, from-it.beep, it.beep-from)
			default:
				wrong++
				t.Logf("%s (%s): %+v", it.file, it.aug, f)
			}
		}
		if hit {
			heard++
		} else if it.beep >= 0 {
			t.Logf("%s (%s): the beep at %d ms is not heard", it.file, it.aug, it.beep)
		}
	}
	minutes := float64(spoken) / 60000
	t.Logf("%d of %d beeps, their beginnings off by %d ms at most; %d wrong in %.0f minutes", heard, beeps, off, wrong, minutes)
	if heard*100 < beeps*90 || float64(wrong) > 0.02*minutes {
		t.Error("that is not enough")
	}
}

// toneFiles are prompts that are tones.
var toneFiles = []string{"beep", "ascending-2tone", "descending-2tone", "confbridge-leave", "confbridge-join", "beeperr"}

func TestNothingIsHeardInPrompts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("hours of speech are left out with -short")
	}
	files, samples, wrong := 0, 0, 0
	_ = filepath.WalkDir(prompts, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".wav") {
			return nil // a folder that is not there is told below
		}
		name := strings.TrimSuffix(filepath.Base(path), ".wav")
		for _, tone := range toneFiles {
			if name == tone {
				return nil
			}
		}
		pcm := readWAV(t, path)
		files, samples = files+1, samples+len(pcm)
		for _, f := range all(pcm) {
			wrong++
			t.Logf("%s: %+v", path, f)
		}
		return nil
	})
	if files == 0 {
		t.Skip("the prompts of Asterisk are not on this machine: asterisk-core-sounds-{en,es,fr,it,ru}-wav")
	}
	minutes := float64(samples) / 8000 / 60
	t.Logf("%d files, %.0f minutes, %d findings", files, minutes, wrong)
	if float64(wrong) > 0.01*minutes {
		t.Error("that is too much")
	}
}
