package codec

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "make the vectors of testdata with ffmpeg anew")

// signals are what the vectors are made of: 16 kHz, everything that a quantiser
// meets.
func signals() map[string][]int16 {
	const n = 16000
	rng := rand.New(rand.NewPCG(7, 22))
	all := map[string][]int16{}
	make16 := func(name string, f func(i int) float64) {
		pcm := make([]int16, n)
		for i := range pcm {
			pcm[i] = int16(max(-32768, min(f(i), 32767)))
		}
		all[name] = pcm
	}
	make16("silence", func(int) float64 { return 0 })
	make16("sweep", func(i int) float64 { t := float64(i) / n; return 16000 * math.Sin(math.Pi*8000*t*t) })
	make16("noise", func(int) float64 { return rng.NormFloat64() * 8000 })
	make16("loudest", func(int) float64 { return float64(rng.IntN(2)*65535 - 32768) })
	make16("square", func(i int) float64 { return float64(i/40%2*65535 - 32768) })
	make16("bursts", func(i int) float64 {
		if i/1600%2 == 0 {
			return 0
		}
		return 12000*math.Sin(float64(i)*0.9) + rng.NormFloat64()*300
	})
	make16("faint", func(int) float64 { return rng.NormFloat64() * 3 })
	return all
}

func little(pcm []int16) []byte {
	b := make([]byte, 0, 2*len(pcm))
	for _, x := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return b
}

func sum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

// reference runs ffmpeg, a G.722 that is not ours.
func reference(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v %s", err, &words)
	}
	return out.Bytes()
}

func encode16(pcm []int16) []byte {
	e := NewG722Encoder()
	b := make([]byte, len(pcm)/2)
	e.Encode(b, pcm)
	return b
}

func decode16(b []byte) []int16 {
	d := NewG722Decoder()
	pcm := make([]int16, 2*len(b))
	d.Decode(pcm, b)
	return pcm
}

// TestG722IsBitExactWithTheReferenceVectors compares with what ffmpeg made once;
// the hashes lie in testdata, so that it needs no ffmpeg.
func TestG722IsBitExactWithTheReferenceVectors(t *testing.T) {
	t.Parallel()
	file := filepath.Join("testdata", "g722.sha256")
	if *update {
		var lines strings.Builder
		all := signals()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			pcm := all[name]
			words := reference(t, little(pcm), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
			back := reference(t, words, "-f", "g722", "-i", "-", "-f", "s16le", "-")
			lines.WriteString(name + " " + sum(words) + " " + sum(back) + "\n")
		}
		words := randomWords()
		lines.WriteString("words - " + sum(reference(t, words, "-f", "g722", "-i", "-", "-f", "s16le", "-")) + "\n")
		if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := signals()
	seen := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		seen++
		words := randomWords()
		if f[0] != "words" {
			if words = encode16(all[f[0]]); sum(words) != f[1] {
				t.Errorf("%s is encoded otherwise than by the reference", f[0])
			}
		}
		if sum(little(decode16(words))) != f[2] {
			t.Errorf("%s is decoded otherwise than by the reference", f[0])
		}
	}
	if seen != len(all)+1 {
		t.Errorf("%d vectors", seen)
	}
}

// randomWords are code words that no encoder makes.
func randomWords() []byte {
	rng := rand.New(rand.NewPCG(1, 722))
	b := make([]byte, 16000)
	for i := range b {
		b[i] = byte(rng.UintN(256))
	}
	return b
}

// TestG722AgainstFFmpeg compares sample by sample, on sound that is new each time.
func TestG722AgainstFFmpeg(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed; the vectors in testdata are checked all the same")
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	pcm := make([]int16, 48000)
	for i := range pcm {
		loud := math.Pow(10, 1+3*math.Sin(float64(i)/4000)) // from a whisper to clipping
		pcm[i] = int16(max(-32768, min(rng.NormFloat64()*loud, 32767)))
	}
	words := encode16(pcm)
	want := reference(t, little(pcm), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
	if !bytes.Equal(words, want) {
		t.Errorf("seed %d: encoded otherwise", seed)
	}
	if got := little(decode16(words)); !bytes.Equal(got, reference(t, words, "-f", "g722", "-i", "-", "-f", "s16le", "-")) {
		t.Errorf("seed %d: decoded otherwise", seed)
	}
}
