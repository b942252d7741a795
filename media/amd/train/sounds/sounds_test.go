package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// spoken is something like a word: tone with a little noise around it.
func spoken(seconds, hz float64, rnd *rand.Rand) []float64 {
	x := make([]float64, samples(seconds+0.4))
	for i := range x {
		x[i] = 1e-4 * rnd.NormFloat64()
		if at := float64(i)/rate - 0.2; at > 0 && at < seconds {
			x[i] += 0.3 * math.Sin(2*math.Pi*hz*at) * (0.6 + 0.4*math.Sin(2*math.Pi*4*at))
		}
	}
	return x
}

// vocabulary is what one made-up person says.
func vocabulary(n int, low, high float64) []*phrase {
	rnd := chance("vocabulary")
	var out []*phrase
	for i := range n {
		from := &input{name: strconv.Itoa(i) + ".ogg", voice: "somebody", lang: "xx"}
		out = append(out, phrases(spoken(between(rnd, low, high), between(rnd, 150, 400), rnd), from, 0.3)...)
	}
	return out
}

func TestPhrasesAreFoundBetweenPauses(t *testing.T) {
	t.Parallel()
	rnd := chance("pauses")
	x := spoken(0.5, 200, rnd)
	x = append(x, spoken(0.8, 300, rnd)...)
	found := phrases(x, &input{}, 0.3)
	if len(found) != 2 {
		t.Fatalf("%d phrases instead of 2", len(found))
	}
	for i, want := range []float64{0.5, 0.8} {
		if got := found[i].seconds() - 0.01*(before+after); math.Abs(got-want) > 0.06 {
			t.Errorf("phrase %d lasts %.2f s, spoken were %.2f", i, got, want)
		}
	}
	if one := phrases(x, &input{}, 1); len(one) != 1 {
		t.Errorf("%d phrases where the pause is shorter than asked for", len(one))
	}
	noisy := slices.Clone(x)
	hiss(noisy, 0.05, rand.New(rand.NewPCG(1, 1)))
	if found := phrases(noisy, &input{}, 0.3); len(found) != 0 {
		t.Errorf("%d phrases in a noisy recording", len(found))
	}
}

func TestAnswersAreShortAndSilenceFollows(t *testing.T) {
	t.Parallel()
	to := &shelf{dir: t.TempDir()}
	answers(&source{pkg: "test", licence: "free"}, vocabulary(60, 0.3, 1.2), 40, to)
	if to.err != nil {
		t.Fatal(to.err)
	}
	subs := map[string]int{}
	for _, row := range read(t, to) {
		pcm, onset := wave(t, to.dir, row["file"]), integer(row["onset_ms"])
		subs[row["sub"]]++
		if row["label"] != "human" || row["voice"] != "somebody" {
			t.Errorf("%v", row)
		}
		if onset < 100 || onset > 1600 {
			t.Errorf("%s: onset %d ms", row["file"], onset)
		}
		top := peak(pcm)
		if quiet := peak(pcm[:(onset-20)*8]); quiet > top/2 {
			t.Errorf("%s: speech before the onset", row["file"])
		}
		if after := peak(pcm[len(pcm)-2*rate:]); after > top/2 {
			t.Errorf("%s: no silence at the end", row["file"])
		}
		if top > 32767*db(-2.5) || top < 32767*db(-20) {
			t.Errorf("%s: peak %.0f", row["file"], top)
		}
	}
	if subs["word"] < 25 || subs["business"] < 3 {
		t.Errorf("%v", subs)
	}
}

func TestGreetingsAreLongAndTellTheirBeep(t *testing.T) {
	t.Parallel()
	to := &shelf{dir: t.TempDir()}
	greetings(&source{pkg: "test"}, vocabulary(60, 0.6, 3), 30, to)
	beeps := 0
	for _, row := range read(t, to) {
		if n := integer(row["duration_ms"]); n < 4000 || n > 12000 {
			t.Errorf("%s lasts %d ms", row["file"], n)
		}
		if (row["sub"] == "voicemail") != (row["beep_at_ms"] != "") {
			t.Errorf("%v", row)
		}
		if row["beep_at_ms"] == "" {
			continue
		}
		beeps++
		at := integer(row["beep_at_ms"])
		pcm := wave(t, to.dir, row["file"])
		if peak(pcm[(at+50)*8:(at+150)*8]) < 0.2*peak(pcm) {
			t.Errorf("%s: no beep at %d ms", row["file"], at)
		}
	}
	if beeps < 4 {
		t.Errorf("%d beeps", beeps)
	}
}

func TestTheSamePackagesMakeTheSameFolder(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	unpacked := t.TempDir()
	files := filepath.Join(unpacked, "some-data/usr/share/some")
	if err := os.MkdirAll(files, 0o755); err != nil {
		t.Fatal(err)
	}
	rnd := chance("files")
	for i := range 30 {
		name := filepath.Join(files, strconv.Itoa(10+i)+".wav")
		sound, err := wav(spoken(between(rnd, 0.4, 3), 200, rnd))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, sound, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all := regexp.MustCompile(`^some/.*\.wav$`)
	var table []*source
	for _, step := range steps {
		if step.kind != "tts" {
			table = append(table, &source{pkg: "some-data", kind: step.kind, files: all, voice: "v", lang: "xx", take: 12, licence: "free"})
		}
	}
	var folders [2]map[string][]byte
	for i := range folders {
		dir := t.TempDir()
		if err := compose(context.Background(), table, unpacked, dir); err != nil {
			t.Fatal(err)
		}
		folders[i] = contents(t, dir)
	}
	if len(folders[0]) < 40 {
		t.Errorf("only %d files", len(folders[0]))
	}
	for name, b := range folders[0] {
		if !bytes.Equal(b, folders[1][name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestThePagesNameEverySourceWithItsLicence(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/amd-sounds.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{"voices"}
	for _, step := range steps {
		kinds = append(kinds, step.kind)
	}
	for _, s := range table {
		if !slices.Contains(kinds, s.kind) {
			t.Errorf("%s: nothing makes %q", s.pkg, s.kind)
		}
		if s.kind != "voices" && s.licence == "" {
			t.Errorf("%s has no licence", s.pkg)
		}
		if !regexp.MustCompile(`(?m)^\|.*\b` + regexp.QuoteMeta(s.pkg) + `\b.*` + regexp.QuoteMeta(s.licence)).Match(page) {
			t.Errorf("docs/amd-sounds.md does not name %s with %s", s.pkg, s.licence)
		}
	}
	if _, err := leave(table, "no-such-package"); err == nil {
		t.Error("a package that nothing is of was left out")
	}
}

func TestVoicesCanReadWhatIsWrittenForThem(t *testing.T) {
	t.Parallel()
	table, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range table {
		if s.kind != "tts" {
			continue
		}
		said, err := sayings(s.lang)
		if err != nil {
			t.Fatal(err)
		}
		people := 0
		for _, one := range said {
			if one.human() {
				people++
			}
			limit := map[string]rune{"latin1": 255, "latin2": 0x17f, "utf8": 0xffff}[strings.Join(s.input, "")]
			if strings.ContainsFunc(one.text, func(r rune) bool { return r > limit }) || strings.ContainsRune(one.text, '"') {
				t.Errorf("%s cannot read %q", s.voice, one.text)
			}
			if got := encode(one.text, s.input); limit < 0xffff && len(got) != len([]rune(one.text)) {
				t.Errorf("%q is not in %s", one.text, s.input)
			}
		}
		if people < 5 || len(said)-people < 8 {
			t.Errorf("%s: %d sayings of people, %d of machines", s.lang, people, len(said)-people)
		}
	}
}

// read writes the manifest and reads it.
func read(t *testing.T, s *shelf) []map[string]string {
	t.Helper()
	if err := s.manifest(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "manifest.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// wave is the sound of a file that was written, by sample.
func wave(t *testing.T, dir, file string) []float64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	b = b[44:]
	out := make([]float64, len(b)/2)
	for i := range out {
		out[i] = float64(int16(uint16(b[2*i]) | uint16(b[2*i+1])<<8))
	}
	return out
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path[len(dir):]], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func integer(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
