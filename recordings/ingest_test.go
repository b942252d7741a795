package recordings

import (
	"bytes"
	"context"
	"encoding/binary"
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
	"zvonar/recordings/audio"
)

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

// voice is ten seconds of an espeak-ng voice at 48 kHz stereo.
func voice(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	raw, out := filepath.Join(dir, "raw.wav"), filepath.Join(dir, "voice.wav")
	run(t, "espeak-ng", "-v", "ru", "-w", raw, "Здравствуйте! Ваша посылка ждёт вас в пункте выдачи на улице Ленина. Нажмите один, чтобы подтвердить, или два, чтобы отказаться.")
	run(t, "sox", "-R", raw, "-b", "24", out, "rate", "48000", "channels", "2", "gain", "-3")
	return out
}

func addFile(t testing.TB, l *Library, name string) (*calls.Recording, error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return l.Add(context.Background(), "main", filepath.Base(name), "bot", false, f)
}

// Every kind of file that people have, made of one recording by ffmpeg and sox,
// and what becomes of it. docs/recordings.md shows the same table.
var kinds = []struct {
	file string
	by   []string // ffmpeg's or, with "sox" first, sox's arguments behind the input
	wide bool
	err  string // part of the refusal
}{
	{"pcm8.wav", []string{"-c:a", "pcm_u8", "-ar", "8000", "-ac", "1"}, false, ""},
	{"pcm16.wav", []string{"-c:a", "pcm_s16le", "-ar", "8000", "-ac", "1"}, false, ""},
	{"pcm16-stereo-44100.wav", []string{"-c:a", "pcm_s16le", "-ar", "44100"}, true, ""},
	{"pcm24-48000.wav", []string{"-c:a", "pcm_s24le"}, true, ""},
	{"pcm32-32000.wav", []string{"-c:a", "pcm_s32le", "-ar", "32000"}, true, ""},
	{"float32-22050.wav", []string{"-c:a", "pcm_f32le", "-ar", "22050"}, true, ""},
	{"float64-16000.wav", []string{"-c:a", "pcm_f64le", "-ar", "16000", "-ac", "1"}, true, ""},
	{"alaw.wav", []string{"-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"}, false, ""},
	{"mulaw-stereo.wav", []string{"-c:a", "pcm_mulaw", "-ar", "8000"}, false, ""},
	{"alaw-16000.wav", []string{"-c:a", "pcm_alaw", "-ar", "16000", "-ac", "1"}, true, ""},
	{"extensible.wav", []string{"sox", "-b", "24", "-r", "24000"}, true, ""}, // sox writes 24 bits as extensible
	{"pcm16-12000.wav", []string{"-c:a", "pcm_s16le", "-ar", "12000"}, false, ""},
	{"pcm16-11025.wav", []string{"-c:a", "pcm_s16le", "-ar", "11025"}, false, ""},
	{"rf64.wav", []string{"-rf64", "always"}, false, "64-bit WAV"},
	{"adpcm.wav", []string{"-c:a", "adpcm_ms"}, false, "compressed"},
	{"gsm.wav", []string{"sox", "-e", "gsm-full-rate", "-r", "8000", "-c", "1"}, false, "compressed"},
	{"pcm16-96000.wav", []string{"-c:a", "pcm_s16le", "-ar", "96000"}, false, "samples a second"},
	{"six-channels.wav", []string{"-ac", "6"}, false, "channels"},
	{"stereo-44100.mp3", []string{"-ar", "44100", "-b:a", "128k"}, true, ""},
	{"mono-24000.mp3", []string{"-ar", "24000", "-ac", "1", "-b:a", "48k"}, true, ""},
	{"vbr.mp3", []string{"-q:a", "5"}, true, ""},
	{"22050.mp3", []string{"-ar", "22050", "-ac", "1", "-b:a", "32k"}, true, ""},
	{"8000.mp3", []string{"-ar", "8000", "-ac", "1"}, false, "MPEG 2.5"},
	{"16-bit.flac", []string{"-sample_fmt", "s16", "-ar", "44100"}, true, ""},
	{"24-bit.flac", []string{"-sample_fmt", "s32"}, true, ""},
	{"8000.flac", []string{"-sample_fmt", "s16", "-ar", "8000", "-ac", "1"}, false, ""},
	{"voip.opus", []string{"-c:a", "libopus", "-b:a", "16k", "-ac", "1", "-application", "voip"}, true, ""},
	{"stereo.opus", []string{"-c:a", "libopus", "-b:a", "64k"}, true, ""},
	{"vorbis.ogg", []string{"-c:a", "libvorbis"}, false, "Vorbis"},
	{"aac.m4a", nil, false, "M4A"},
	{"aiff.aiff", nil, false, "AIFF"},
	{"wma.wma", nil, false, "WMA"},
}

func TestEveryKindOfFileBecomesAClipOrIsRefusedInWords(t *testing.T) {
	t.Parallel()
	source := voice(t)
	dir := t.TempDir()
	for _, k := range kinds {
		t.Run(k.file, func(t *testing.T) {
			t.Parallel()
			l, m := library(t)
			name := filepath.Join(dir, k.file)
			if len(k.by) > 0 && k.by[0] == "sox" {
				run(t, "sox", append(append([]string{"-R", source}, k.by[1:]...), name)...)
			} else {
				run(t, "ffmpeg", append(append([]string{"-loglevel", "error", "-i", source}, k.by...), name)...)
			}
			rec, err := addFile(t, l, name)
			if k.err != "" {
				if calls.CodeOf(err) != calls.CodeBadAudio || !strings.Contains(err.Error(), k.err) {
					t.Errorf("%v, want %q", err, k.err)
				}
				if left, _ := os.ReadDir(l.cfg.Dir); len(left) != 0 || len(m.state.recordings) != 0 {
					t.Errorf("left behind: %v", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (rec.WideSHA256 != "") != k.wide {
				t.Errorf("wide form %q", rec.WideSHA256)
			}
			pcm, err := l.Load(rec.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			if s := named(t, rec, "speech_percent"); s.Level != levelOK {
				t.Errorf("speech %+v", s)
			}
			least := 0.97
			if filepath.Ext(k.file) != ".wav" {
				least = 0.8 // lossy codecs keep the sound, not the wave
			}
			if got := sameSound(t, source, pcm, audio.Narrow); got < least {
				t.Errorf("correlation with the source %.4f", got)
			}
			if !k.wide {
				return
			}
			wide, err := l.LoadWide(rec.SHA256, rec.WideSHA256)
			if err != nil || len(wide)/2-len(pcm) > 1 {
				t.Fatalf("%d samples at 16 kHz, %d at 8 kHz, %v", len(wide), len(pcm), err)
			}
			if got := sameSound(t, source, wide, audio.Wide); got < least {
				t.Errorf("correlation of the wide form %.4f", got)
			}
		})
	}
}

// soxed is a file as sox converts it: 16 bit, mono, at rate.
func soxed(t testing.TB, file string, rate string) []int16 {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.raw")
	run(t, "sox", "-R", "-D", file, "-t", "raw", "-e", "signed-integer", "-b", "16", "-c", "1", "-r", rate, out)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// sameSound is the best correlation of pcm with what sox makes of source, within
// 80 ms: encoders add delay.
func sameSound(t testing.TB, source string, pcm []int16, rate int) float64 {
	t.Helper()
	want := soxed(t, source, map[int]string{8000: "8000", 16000: "16000"}[rate])
	best, at, middle := 0.0, 0, len(want)/2
	for shift := 0; shift < rate/12 && middle+shift < len(pcm); shift++ {
		if fit := correlation(pcm[middle+shift:], want[middle:], 8000); fit > best {
			best, at = fit, shift
		}
	}
	return correlation(pcm[at:], want, len(want))
}

func correlation(a, b []int16, n int) float64 {
	n = min(len(a), len(b), n)
	var ab, aa, bb float64
	for i := 0; i < n; i++ {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb+1)
}

// Both conversions are held against the sound itself: tones whose samples at the
// new rate are known exactly.
func TestConversionIsAsGoodAsThatOfSox(t *testing.T) {
	t.Parallel()
	hz := []float64{320, 710, 1130, 1770, 2350, 2930, 3310}
	tones := func(rate float64, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			for k, f := range hz {
				x[i] += 0.12 * math.Sin(2*math.Pi*f*float64(i)/rate+float64(k))
			}
		}
		return x
	}
	for _, rate := range []uint32{11025, 16000, 22050, 24000, 32000, 44100, 48000} {
		in := tones(float64(rate), int(rate)*8)
		b := audio.Header(1, rate, 16, uint32(2*len(in)))
		for _, x := range in {
			b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(32767*x))))
		}
		name := filepath.Join(t.TempDir(), "in.wav")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		ours, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		want := tones(8000, len(ours))
		got, reference := snr(ours, want), snr(soxed(t, name, "8000"), want)
		t.Logf("%d Hz: %.1f dB, sox %.1f dB", rate, got, reference)
		if got < reference-0.5 {
			t.Errorf("%d Hz: %.1f dB, sox has %.1f", rate, got, reference)
		}
	}
}

// snr in dB, edges and a common gain left out.
func snr(pcm []int16, want []float64) float64 {
	n := min(len(pcm), len(want))
	pcm, want = pcm[n/10:n*9/10], want[n/10:n*9/10]
	var xy, yy float64
	for i, y := range want {
		xy, yy = xy+float64(pcm[i])*y, yy+y*y
	}
	gain := xy / yy
	signal, noise := 0.0, 0.0
	for i, y := range want {
		d := float64(pcm[i]) - gain*y
		signal, noise = signal+gain*y*gain*y, noise+d*d
	}
	return 10 * math.Log10(signal/noise)
}

func TestBombsAreRefusedAtOnceAndCheaply(t *testing.T) {
	// Not parallel: it measures allocation.
	l, _ := library(t)
	riff := func(chunk string) []byte {
		b := tone(440, 0.5, 8*time.Second)
		return slices.Concat(b[:12], []byte(chunk), b[12:])
	}
	for name, b := range map[string][]byte{
		"fmt of 256 MiB":      riff("fmt \x00\x00\x00\x10"),
		"LIST of 256 MiB":     riff("LIST\x00\x00\x00\x10"),
		"cue of 2 GiB":        riff("cue \xff\xff\xff\x7f"),
		"smpl of 4 GiB":       riff("smpl\xff\xff\xff\xff"),
		"two hours of A-law":  hours(2),
		"ID3 tag of 256 MiB":  []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + strings.Repeat("x", 1000)),
		"FLAC of many hours":  []byte("fLaC\x80\x00\x00\x22\x10\x00\x10\x00\x00\x00\x00\x00\x00\x00\x0b\xb8\x02\xff\xff\xff\xff\xff" + strings.Repeat("\x00", 64)),
		"zip":                 []byte("PK\x03\x04" + strings.Repeat("\x00", 1000)),
		"playlist of a cheat": []byte("#EXTM3U\nconcat:/etc/passwd\n"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		_, err := l.Add(context.Background(), "main", name, "bot", false, bytes.NewReader(b))
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		wantCode(t, err, calls.CodeBadAudio)
		t.Logf("%-20s %5.1f MB: refused in %5.1f ms, %4.1f MB allocated", name, float64(len(b))/1e6, float64(took.Microseconds())/1000, float64(after.TotalAlloc-before.TotalAlloc)/1e6)
		if got := after.TotalAlloc - before.TotalAlloc; got > 10<<20 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

// hours of A-law in a file that is shorter than it says.
func hours(n uint32) []byte {
	b := audio.Header(1, 8000, 16, n*3600*8000)
	b[20], b[32], b[34] = 6, 1, 8
	return append(b, make([]byte, 24<<20)...)
}

func TestAWholeIngestKeepsNoClipInMemory(t *testing.T) {
	// Not parallel: it measures the heap.
	l, _ := library(t, func(c *Config) { c.MaxBytes = 200 << 20 })
	name := filepath.Join(t.TempDir(), "long.wav")
	run(t, "sox", "-R", "-n", "-r", "48000", "-c", "2", "-b", "16", name, "synth", "200", "sine", "300-3000", "vol", "0.5")
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	most := uint64(0)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = l.ingest(context.Background(), "main", f, options{progress: func(done float64) {
		if int(done*1000)%50 == 0 {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("at most %d KiB more", (int64(most)-int64(before.HeapInuse))>>10)
	if most > before.HeapInuse+16<<20 {
		t.Errorf("the heap grew by %d MiB", (most-before.HeapInuse)>>20)
	}
}

func TestLoudnessIsBroughtToWhatIsConfigured(t *testing.T) {
	t.Parallel()
	l, _ := library(t, func(c *Config) { c.Loudness = -20 })
	name := filepath.Join(t.TempDir(), "quiet.wav")
	run(t, "sox", "-R", voice(t), name, "gain", "-14")
	rec, err := addFile(t, l, name)
	if err != nil {
		t.Fatal(err)
	}
	gain := named(t, rec, "gain_db")
	if gain.Value < 3 {
		t.Errorf("%+v", gain)
	}
	for _, wide := range []bool{false, true} {
		pcm, err := l.Load(rec.SHA256)
		rate := audio.Narrow
		if wide {
			pcm, err = l.LoadWide(rec.SHA256, rec.WideSHA256)
			rate = audio.Wide
		}
		if err != nil {
			t.Fatal(err)
		}
		peak := 0
		for _, s := range pcm {
			peak = max(peak, int(s), -int(s))
		}
		if db := 20 * math.Log10(float64(peak)/32768); db > -0.5 {
			t.Errorf("%d Hz: the peak is at %.2f dBFS", rate, db)
		}
	}
	if _, err := New(Config{Store: &memory{}, Dir: t.TempDir(), Loudness: 3}); err == nil {
		t.Error("3 LUFS are taken")
	}
}

func TestAClipThatPressesKeysIsRefused(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	pcm := sine(300, 0.1, 8*time.Second)
	for k := range 800 {
		x := 2 * math.Pi * float64(k) / 8000
		pcm[20000+k] = int16(6000 * (math.Sin(770*x) + math.Sin(1336*x)))
	}
	_, err := l.Add(context.Background(), "main", "", "bot", false, bytes.NewReader(wav(pcm)))
	e := wantCode(t, err, calls.CodeRecordingHasDigits)
	if e.Extra["digits"] != "5" {
		t.Errorf("%v", e.Extra)
	}
}

func TestTheSameVoiceInAnotherFileIsNoted(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	source := voice(t)
	first, err := addFile(t, l, source)
	if err != nil {
		t.Fatal(err)
	}
	mp3 := filepath.Join(t.TempDir(), "x.mp3")
	run(t, "ffmpeg", "-loglevel", "error", "-i", source, "-b:a", "48k", "-ac", "1", mp3)
	second, err := addFile(t, l, mp3)
	if err != nil {
		t.Fatal(err)
	}
	if c := named(t, second, "similarity_percent"); c.Level != levelWarning || c.Detail != first.ID {
		t.Errorf("%+v, want the name of %s", c, first.ID)
	}
	if c := named(t, second, "duplicates"); c.Value != 0 {
		t.Errorf("%+v", c)
	}
}
