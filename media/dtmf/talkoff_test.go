package dtmf

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-audio/wav"
)

// speech is where recordings of people may be: the prompts of Debian's Asterisk
// in five languages, and the corpus of answered calls.
var speech = []string{"/usr/share/asterisk/sounds", filepath.Join("..", "..", "..", "shared", "corpus", "amd")}

func TestNoDigitIsHeardInSpeech(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("hours of speech are left out with -short")
	}
	var heard time.Duration
	for _, root := range speech {
		files, digits, length := 0, 0, time.Duration(0)
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".wav") {
				return nil // a folder that is not there is told below
			}
			pcm := read(t, path)
			files, length = files+1, length+time.Duration(len(pcm))*time.Second/Rate
			found, presses := detect(pcm)
			// A prompt that is itself a tone, or a beep, is no speech; none of them is a digit.
			if found != "" {
				digits += len(found)
				t.Errorf("%s: %q at %v", path, found, presses[0].Onset())
			}
			return nil
		})
		if files == 0 {
			t.Logf("%s is not there: sudo apt-get install asterisk-core-sounds-{en,es,fr,it,ru}-wav", root)
			continue
		}
		t.Logf("%s: %d files, %v, %d digits", root, files, length.Round(time.Second), digits)
		heard += length
	}
	if heard == 0 {
		t.Skip("there is no speech on this machine")
	}
}

// read gives the samples of an 8 kHz mono WAV file.
func read(t *testing.T, path string) []int16 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := wav.NewDecoder(bytes.NewReader(b)).FullPCMBuffer()
	if err != nil || buf.Format.SampleRate != Rate || buf.Format.NumChannels != 1 {
		t.Fatalf("%s: %v", path, err)
	}
	pcm := make([]int16, len(buf.Data))
	for i, x := range buf.Data {
		pcm[i] = int16(x)
	}
	return pcm
}
