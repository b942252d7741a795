package foreign

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

var self = []string{os.Args[0], "decode-audio"}

func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed: apt-get install " + name)
	}
	return path
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// made is a file that sox and ffmpeg make of a sweep of d.
func made(t testing.TB, d, name string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, name)
	run(t, "sox", "-R", "-n", "-r", "48000", "-c", "2", "-b", "24", in, "synth", d, "sine", "300-3000", "sine", "500-2500", "vol", "0.5")
	run(t, "ffmpeg", append(append([]string{"-loglevel", "error", "-i", in}, args...), out)...)
	return out
}

type decoded struct {
	Format
	samples []float64
}

func decodeFile(ctx context.Context, name string, kind Kind, seconds int) (*decoded, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var d decoded
	err = Decode(ctx, self, kind, seconds, f, func(f Format) error { d.Format = f; return nil },
		func(b []float64) error { d.samples = append(d.samples, b...); return nil })
	return &d, err
}

// goldens are files of every kind, as ffmpeg makes them.
var goldens = []struct {
	name string
	args []string
	kind Kind
	want Format
	snr  float64 // dB against ffmpeg's own decoding, at least
}{
	{"stereo.mp3", []string{"-b:a", "128k"}, MP3, Format{48000, 2}, 60},
	{"mono.mp3", []string{"-ac", "1", "-ar", "44100", "-b:a", "64k"}, MP3, Format{44100, 2}, 60},
	{"vbr.mp3", []string{"-q:a", "4", "-ar", "32000"}, MP3, Format{32000, 2}, 60},
	{"mpeg2.mp3", []string{"-ac", "1", "-ar", "24000", "-b:a", "32k"}, MP3, Format{24000, 2}, 60},
	{"mpeg2.mp3", []string{"-ar", "24000", "-b:a", "64k"}, MP3, Format{24000, 2}, 60},
	{"low.mp3", []string{"-ac", "1", "-ar", "44100", "-b:a", "32k"}, MP3, Format{44100, 2}, 60},
	{"low.mp3", []string{"-ac", "1", "-ar", "48000", "-b:a", "40k"}, MP3, Format{48000, 2}, 60},
	{"low.mp3", []string{"-ar", "32000", "-b:a", "48k"}, MP3, Format{32000, 2}, 60},
	{"best.mp3", []string{"-ar", "44100", "-b:a", "320k"}, MP3, Format{44100, 2}, 60},
	{"low22.mp3", []string{"-ac", "1", "-ar", "22050", "-b:a", "32k"}, MP3, Format{22050, 2}, 60},
	{"mid22.mp3", []string{"-ac", "1", "-ar", "22050", "-b:a", "48k"}, MP3, Format{22050, 2}, 60},
	{"full22.mp3", []string{"-ar", "22050", "-b:a", "64k"}, MP3, Format{22050, 2}, 60},
	{"more22.mp3", []string{"-ar", "22050", "-b:a", "96k"}, MP3, Format{22050, 2}, 60},
	{"vbr22.mp3", []string{"-ac", "1", "-ar", "22050", "-q:a", "5"}, MP3, Format{22050, 2}, 60},
	{"mpeg2.mp3", []string{"-ac", "1", "-ar", "16000", "-b:a", "24k"}, MP3, Format{16000, 2}, 60},
	{"24.flac", []string{"-sample_fmt", "s32"}, FLAC, Format{48000, 2}, 120},
	{"16.flac", []string{"-ac", "1", "-ar", "8000", "-sample_fmt", "s16"}, FLAC, Format{8000, 1}, 120},
	{"best.flac", []string{"-ar", "44100", "-sample_fmt", "s16", "-compression_level", "12"}, FLAC, Format{44100, 2}, 120},
	{"speech.opus", []string{"-c:a", "libopus", "-ac", "1", "-b:a", "16k", "-application", "voip"}, Opus, Format{48000, 1}, 40},
	{"hybrid.opus", []string{"-c:a", "libopus", "-ac", "1", "-b:a", "28k", "-application", "voip"}, Opus, Format{48000, 1}, 40},
	{"music.opus", []string{"-c:a", "libopus", "-b:a", "96k"}, Opus, Format{48000, 2}, 40},
	{"long.opus", []string{"-c:a", "libopus", "-b:a", "32k", "-frame_duration", "60"}, Opus, Format{48000, 2}, 40},
}

func TestEveryKindDecodesAsFFmpegDoes(t *testing.T) {
	t.Parallel()
	for _, g := range goldens {
		t.Run(strings.Join(append([]string{g.name}, g.args...), " "), func(t *testing.T) {
			t.Parallel()
			file := made(t, "3", g.name, g.args...)
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if kind, err := KindOf(f); err != nil || kind != g.kind {
				t.Fatalf("taken for %q, %v", kind, err)
			}
			got, err := decodeFile(context.Background(), file, g.kind, 600)
			if err != nil {
				t.Fatal(err)
			}
			if got.Format != g.want {
				t.Fatalf("%+v, want %+v", got.Format, g.want)
			}
			raw := file + ".f32"
			decoder := []string{}
			if g.kind == Opus {
				decoder = []string{"-c:a", "libopus"}
			}
			run(t, "ffmpeg", append(append([]string{"-loglevel", "error"}, decoder...), "-i", file, "-f", "f32le", raw)...)
			b, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			want, times := []float64{}, 1
			if g.kind == MP3 && slices.Contains(g.args, "1") {
				times = 2 // our MP3 decoder gives a mono file on both channels
			}
			for i := 0; i < len(b); i += 4 {
				want = append(want, slices.Repeat([]float64{float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))}, times)...)
			}
			if got := bestSNR(got.samples, want, g.want.Channels); got < g.snr {
				t.Errorf("%.1f dB, want %.0f", got, g.snr)
			}
		})
	}
}

// bestSNR compares with the reference at the shift that fits best: ffmpeg leaves
// out the delay of the MP3 encoder, our decoder does not.
func bestSNR(got, want []float64, channels int) float64 {
	best, at := -1000.0, 0
	middle := len(want) / 2 / channels * channels
	for shift := 0; shift <= 3000*channels && middle+shift+1000 < len(got) && middle+1000 < len(want); shift += channels {
		if fit := snr(got[middle+shift:middle+shift+1000], want[middle:middle+1000]); fit > best {
			best, at = fit, shift
		}
	}
	return snr(got[at:], want)
}

// snr skips the edges, where lossy decoders differ by their priming.
func snr(got, want []float64) float64 {
	n := min(len(got), len(want))
	var signal, noise float64
	for i := n / 10; i < n*9/10; i++ {
		signal += want[i] * want[i]
		d := got[i] - want[i]
		noise += d * d
	}
	return 10 * math.Log10(signal/(noise+1e-20))
}

func TestWhatIsNotReadIsNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"x.ogg": "Vorbis", "x.m4a": "M4A", "x.wma": "WMA", "x.aiff": "AIFF", "x.webm": "WebM", "x.aac": "AAC", "x.au": "AU", "x.caf": "CAF"} {
		args := []string{}
		if name == "x.webm" {
			args = []string{"-c:a", "libopus"}
		}
		f, err := os.Open(made(t, "0.5", name, args...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := KindOf(f); calls.CodeOf(err) != calls.CodeBadAudio || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
	for _, text := range []string{"", "text", "\xff", "<html>"} {
		if _, err := KindOf(strings.NewReader(text)); calls.CodeOf(err) != calls.CodeBadAudio {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func temp(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDamagedFilesAreRefusedInWords(t *testing.T) {
	t.Parallel()
	flac, err := os.ReadFile(made(t, "2", "x.flac"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(flac)
	for i := 9000; i < len(flipped); i += 50 {
		flipped[i] ^= 0x55
	}
	long := bytes.Clone(flac)
	long[21] |= 0x0F // the upper bits of the number of samples
	for name, c := range map[string]struct {
		kind Kind
		b    []byte
		want string
	}{
		"no MP3":                  {MP3, []byte("ID3\x04\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 500)), "MP3 file is damaged"},
		"an MP3 that is all tag":  {MP3, []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + strings.Repeat("x", 500)), "within its tag"},
		"a cut FLAC head":         {FLAC, flac[:30], "damaged"},
		"a FLAC with wrong bits":  {FLAC, flipped, "damaged"},
		"a FLAC of many hours":    {FLAC, long, "longer than is taken"},
		"an Ogg Opus head alone":  {Opus, []byte("OggS" + strings.Repeat("\x00", 24) + "OpusHead"), "damaged"},
		"a kind that is not ours": {"GIF", []byte("GIF89a"), "no decoder"},
	} {
		_, err := decodeFile(context.Background(), temp(t, c.b), c.kind, 600)
		if calls.CodeOf(err) != calls.CodeBadAudio || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestNoMoreSoundComesThanIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind Kind
		name string
	}{{MP3, "x.mp3"}, {Opus, "x.opus"}} {
		got, err := decodeFile(context.Background(), made(t, "3", c.name), c.kind, 2)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if frames := len(got.samples) / got.Channels; frames != 2*got.Rate+1 {
			t.Errorf("%s: %d frames at %d Hz", c.name, frames, got.Rate)
		}
	}
}

func TestDecodingStopsWithItsContextAndWithItsTaker(t *testing.T) {
	t.Parallel()
	file := made(t, "20", "x.flac")
	ctx, cancel := context.WithCancel(context.Background())
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = Decode(ctx, self, FLAC, 600, f, func(Format) error { cancel(); return nil }, func([]float64) error { return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	full := errors.New("disk full")
	err = Decode(context.Background(), self, FLAC, 600, f, func(Format) error { return nil }, func([]float64) error { return full })
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

func TestAChildThatTakesTooMuchEndsByItsLimits(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("limits are of Linux")
	}
	if os.Getenv("CONFINED") != "" {
		if err := Confine(Limits{Memory: 128 << 20, CPU: time.Second, NoFiles: true}); err != nil {
			t.Fatal(err)
		}
		switch os.Getenv("CONFINED") {
		case "memory":
			hog := make([]byte, 512<<20)
			for i := range hog {
				hog[i] = 1
			}
			t.Log(hog[len(hog)-1])
		case "processor":
			for n := 0; ; n++ {
				if n < 0 {
					return
				}
			}
		case "file":
			if err := os.WriteFile(filepath.Join(os.TempDir(), "confined-test"), []byte("x"), 0o600); err == nil {
				return
			}
			os.Exit(9)
		}
		os.Exit(0)
	}
	for _, what := range []string{"memory", "processor", "file"} {
		if underRace && what == "memory" {
			continue
		}
		cmd := exec.Command(os.Args[0], "-test.run", "^TestAChildThatTakesTooMuchEndsByItsLimits$")
		cmd.Env = append(os.Environ(), "CONFINED="+what)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s: it went on\n%s", what, out)
		}
	}
}

// fuzz feeds a decoder with mutated files, as Child does but for the limits of
// the process: it must end, and send no more than it may.
func fuzz(f *testing.F, kind Kind, seeds ...string) {
	for _, name := range seeds {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out counter
		defer func() { _ = recover() }() // as Child does; a crash of the decoder is the file's fault
		s := &sender{out: bufio.NewWriter(&out), seconds: 2}
		_ = decode(kind, bufio.NewReader(bytes.NewReader(b)), s)
		_ = s.out.Flush()
		if limit := int64(pipeHead + (2*s.rate+1)*s.channels*4); s.rate > 0 && int64(out) > limit {
			t.Fatalf("%d bytes, at most %d", out, limit)
		}
	})
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

func FuzzMP3(f *testing.F)  { fuzz(f, MP3, "tone.mp3", "low.mp3") }
func FuzzFLAC(f *testing.F) { fuzz(f, FLAC, "tone.flac") }
func FuzzOpus(f *testing.F) { fuzz(f, Opus, "tone.opus", "speech.opus") }

func FuzzReceive(f *testing.F) {
	f.Add([]byte(magic + "\x40\x1f\x00\x00\x01\x00\x00\x00\x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		_ = receive(bufio.NewReader(bytes.NewReader(b)), func(format Format) error {
			if format.Channels < 1 || format.Channels > 2 || format.Rate < 0 {
				t.Fatalf("%+v", format)
			}
			return nil
		}, func(block []float64) error { n += len(block); return nil })
		if n > len(b)/4 {
			t.Fatalf("%d samples of %d bytes", n, len(b))
		}
	})
}
