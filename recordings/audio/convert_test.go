package audio

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// converted is a file in the forms of the line.
type converted struct {
	pcm, wide []int16
	*Report
}

func convert(b []byte) (*converted, error) {
	r := bytes.NewReader(b)
	w, err := Inspect(r, int64(len(b)))
	if err != nil {
		return nil, err
	}
	if w.Duration() > MaxDuration {
		return nil, TooLong(w.Duration())
	}
	a := &converted{}
	c := NewConverter(w.Rate(), w.Channels(), Outputs{
		Narrow: func(p []int16) error { a.pcm = append(a.pcm, p...); return nil },
		Wide:   func(p []int16) error { a.wide = append(a.wide, p...); return nil },
	})
	if err := DecodeWAV(context.Background(), r, w, c.Write); err != nil {
		return nil, err
	}
	a.Report, err = c.Close()
	return a, err
}

func mustConvert(t testing.TB, b []byte) *converted {
	t.Helper()
	a, err := convert(b)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// level is the RMS of pcm in dBFS, without the edges where a filter settles.
func level(pcm []int16) float64 {
	pcm = pcm[len(pcm)/10 : len(pcm)*9/10]
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return DBFS(sum / float64(len(pcm)))
}

// residue is what is left of pcm, in dB below it, once its tone of hz is removed.
func residue(pcm []int16, hz float64) float64 {
	pcm = pcm[400 : 400+(len(pcm)-800)/8*8]
	var re, im, total float64
	for i, s := range pcm {
		p := 2 * math.Pi * hz * float64(i) / Narrow
		re += float64(s) * math.Cos(p)
		im += float64(s) * math.Sin(p)
	}
	n := float64(len(pcm))
	rest := 0.0
	for i, s := range pcm {
		p := 2 * math.Pi * hz * float64(i) / Narrow
		d := float64(s) - 2*(re*math.Cos(p)+im*math.Sin(p))/n
		rest += d * d
		total += float64(s) * float64(s)
	}
	return 10 * math.Log10(rest/total)
}

func TestEveryFormatComesOutAsTheSameTone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f     file
		noise float64 // dB: what the format itself allows
	}{
		"PCM 8 bit":          {file{tag: tagPCM, bits: 8, channels: 1, rate: 8000}, -38},
		"PCM 16 bit":         {file{tag: tagPCM, bits: 16, channels: 1, rate: 8000}, -80},
		"PCM 24 bit":         {file{tag: tagPCM, bits: 24, channels: 1, rate: 8000}, -80},
		"PCM 32 bit":         {file{tag: tagPCM, bits: 32, channels: 1, rate: 8000}, -80},
		"PCM 24 bit stereo":  {file{tag: tagPCM, bits: 24, channels: 2, rate: 48000}, -70},
		"PCM 8 bit stereo":   {file{tag: tagPCM, bits: 8, channels: 2, rate: 11025}, -38},
		"float":              {file{tag: tagFloat, bits: 32, channels: 1, rate: 8000}, -80},
		"double":             {file{tag: tagFloat, bits: 64, channels: 1, rate: 8000}, -80},
		"float stereo 44.1":  {file{tag: tagFloat, bits: 32, channels: 2, rate: 44100}, -70},
		"A-law":              {file{tag: tagALaw, bits: 8, channels: 1, rate: 8000}, -33},
		"A-law stereo":       {file{tag: tagALaw, bits: 8, channels: 2, rate: 8000}, -34},
		"µ-law":              {file{tag: tagMuLaw, bits: 8, channels: 1, rate: 8000}, -33},
		"extensible PCM":     {file{tag: tagPCM, bits: 16, channels: 2, rate: 16000, extensible: true}, -70},
		"extensible float":   {file{tag: tagFloat, bits: 32, channels: 1, rate: 48000, extensible: true}, -70},
		"PCM 16 bit, 12 kHz": {pcm16(12000, 1), -70},
		"PCM 16 bit, 22.05":  {pcm16(22050, 1), -70},
		"PCM 16 bit, 24 kHz": {pcm16(24000, 1), -70},
		"PCM 16 bit, 32 kHz": {pcm16(32000, 1), -70},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := mustConvert(t, c.f.tone(1000, 0.5, time.Second).bytes())
			if d := len(a.pcm) - Narrow; d < -1 || d > 1 {
				t.Errorf("%d samples, want %d", len(a.pcm), Narrow)
			}
			if got, want := level(a.pcm), 20*math.Log10(0.5/math.Sqrt2); math.Abs(got-want) > 0.2 {
				t.Errorf("level %.2f dBFS, want %.2f", got, want)
			}
			if got := residue(a.pcm, 1000); got > c.noise {
				t.Errorf("noise %.1f dB, want at most %.0f", got, c.noise)
			}
		})
	}
}

func TestPCM16At8kHzIsKeptBitByBit(t *testing.T) {
	t.Parallel()
	f := pcm16(8000, 1)
	for i := range 65536 {
		f.data = binary.LittleEndian.AppendUint16(f.data, uint16(i))
	}
	for i, s := range mustConvert(t, f.bytes()).pcm {
		if s != int16(i) {
			t.Fatalf("sample %d became %d", int16(i), s)
		}
	}
}

func TestStereoIsAveraged(t *testing.T) {
	t.Parallel()
	f := pcm16(8000, 2)
	for range 100 {
		f.data = binary.LittleEndian.AppendUint16(f.data, 10_000)
		f.data = binary.LittleEndian.AppendUint16(f.data, 0xFFFF&(1<<16-2000)) // −2000
	}
	for _, s := range mustConvert(t, f.bytes()).pcm {
		if s != 4000 {
			t.Fatalf("10000 and -2000 became %d", s)
		}
	}
}

func size(n uint32) *uint32 { return &n }

func TestStreamedLengthsAreMended(t *testing.T) {
	t.Parallel()
	f := pcm16(8000, 1).tone(440, 0.5, time.Second)
	for name, n := range map[string]uint32{"zero": 0, "all ones": 0xFFFFFFFF, "too long": 1 << 30, "one odd byte more": 16001} {
		f.dataSize = size(n)
		if got := len(mustConvert(t, f.bytes()).pcm); got != 8000 {
			t.Errorf("%s: %d samples", name, got)
		}
	}
	f.dataSize = nil
	f.before = []byte("LIST\x05\x00\x00\x00INFOx\x00bext\x02\x00\x00\x00ab")
	f.after = []byte("LIST\x04\x00\x00\x00INFO")
	if got := len(mustConvert(t, f.bytes()).pcm); got != 8000 {
		t.Errorf("with chunks around: %d samples", got)
	}
}

func TestBadFilesAreRefusedWithWords(t *testing.T) {
	t.Parallel()
	good := pcm16(8000, 1).tone(440, 0.5, 100*time.Millisecond)
	change := func(fn func(*file)) []byte {
		f := good
		fn(&f)
		return f.bytes()
	}
	patch := func(at int, b ...byte) []byte {
		w := good.bytes()
		copy(w[at:], b)
		return w
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":             {nil, "not a WAV"},
		"text":              {[]byte("#EXTM3U\nhttp://127.0.0.1/x.mp3\nconcat:/etc/passwd"), "not a WAV"},
		"MP3":               {append([]byte("ID3\x03\x00\x00\x00\x00\x00\x00"), make([]byte, 100)...), "not a WAV"},
		"zip":               {append([]byte("PK\x03\x04"), make([]byte, 100)...), "not a WAV"},
		"AVI":               {patch(8, []byte("AVI ")...), "not a WAV"},
		"RF64":              {patch(0, []byte("RF64")...), "64-bit"},
		"header only":       {good.bytes()[:12], "ends before"},
		"fmt cut":           {good.bytes()[:30], "ends within"},
		"no data chunk":     {good.bytes()[:36], "ends before"},
		"no samples":        {good.bytes()[:44], "no sound"},
		"fmt of 256 MiB":    {patch(16, 0, 0, 0, 0x10), "fmt chunk"},
		"fmt of 4 GiB":      {patch(16, 0xff, 0xff, 0xff, 0xff), "fmt chunk"},
		"fmt too small":     {patch(16, 14, 0, 0, 0), "fmt chunk"},
		"LIST of 4 GiB":     {change(func(f *file) { f.before = []byte("LIST\xff\xff\xff\xff") }), "ends before"},
		"data before fmt":   {change(func(f *file) { f.before = []byte("data\x02\x00\x00\x00ab") }), "before its format"},
		"two fmt":           {change(func(f *file) { f.before = good.bytes()[12:36] }), "two fmt"},
		"a thousand chunks": {change(func(f *file) { f.before = bytes.Repeat([]byte("junk\x00\x00\x00\x00"), 1000) }), "chunks"},
		"0 Hz":              {change(func(f *file) { f.rate = 0 }), "samples a second"},
		"7 kHz":             {change(func(f *file) { f.rate = 7000 }), "samples a second"},
		"96 kHz":            {change(func(f *file) { f.rate = 96000 }), "samples a second"},
		"0 channels":        {change(func(f *file) { f.channels = 0 }), "channels"},
		"6 channels":        {change(func(f *file) { f.channels = 6 }), "channels"},
		"65535 channels":    {change(func(f *file) { f.channels = 65535 }), "channels"},
		"12 bits":           {change(func(f *file) { f.bits = 12 }), "bits"},
		"64 bits":           {change(func(f *file) { f.bits = 64 }), "bits"},
		"0 bits":            {change(func(f *file) { f.bits = 0 }), "bits"},
		"block alignment":   {patch(32, 3), "contradicts"},
		"ADPCM":             {change(func(f *file) { f.tag = 2 }), "compressed"},
		"MP3 in WAV":        {change(func(f *file) { f.tag = 0x55 }), "compressed"},
		"A-law of 16 bits":  {change(func(f *file) { f.tag = tagALaw }), "bits"},
		"float of 16 bits":  {change(func(f *file) { f.tag = tagFloat }), "bits"},
		"extensible, short": {patch(20, 0xfe, 0xff), "extensible"},
		"not a number":      {file{tag: tagFloat, bits: 32, channels: 1, rate: 8000, data: bytes.Repeat([]byte{0, 0, 0xc0, 0x7f}, 100)}.bytes(), "not numbers"},
		"infinite":          {file{tag: tagFloat, bits: 32, channels: 1, rate: 8000, data: bytes.Repeat([]byte{0, 0, 0x80, 0xff}, 100)}.bytes(), "not numbers"},
		"a quarter hour":    {pcm16(8000, 1).silence(time.Hour / 4).bytes(), "at most 10m"},
	} {
		_, err := convert(c.b)
		if calls.CodeOf(err) != calls.CodeBadAudio || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want bad-audio with %q", name, err, c.want)
		}
	}
}

func (f file) silence(d time.Duration) file {
	f.data = make([]byte, int(d/time.Second)*int(f.rate)*int(f.channels*f.bits/8))
	return f
}

func TestBombsCostLittleMemory(t *testing.T) {
	// Not parallel: it measures allocation.
	bombs := map[string][]byte{}
	for name, chunk := range map[string]string{"fmt": "fmt \x00\x00\x00\x10", "LIST": "LIST\x00\x00\x00\x10", "cue": "cue \xff\xff\xff\x7f", "smpl": "smpl\xff\xff\xff\xff"} {
		f := pcm16(8000, 1).tone(440, 0.5, 10*time.Millisecond)
		f.before = []byte(chunk)
		bombs[name] = f.bytes()
	}
	for name, b := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := convert(b)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: taken", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

func TestDecodingStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := pcm16(8000, 1).tone(440, 0.5, time.Second).bytes()
	w, err := Inspect(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeWAV(ctx, bytes.NewReader(b), w, func([]float64) error { return nil }); err != context.Canceled {
		t.Error(err)
	}
}

func TestConversionAgreesWithSox(t *testing.T) {
	t.Parallel()
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed: apt-get install sox")
	}
	for name, args := range map[string][]string{
		"16 bit, 44.1 kHz stereo": {"-r", "44100", "-b", "16", "-c", "2"},
		"24 bit, 48 kHz":          {"-r", "48000", "-b", "24", "-c", "1"},
		"float, 16 kHz":           {"-r", "16000", "-e", "floating-point", "-b", "32", "-c", "1"},
		"A-law":                   {"-r", "8000", "-e", "a-law", "-c", "1"},
		"µ-law":                   {"-r", "8000", "-e", "mu-law", "-c", "1"},
		"8 bit, 22.05 kHz":        {"-r", "22050", "-e", "unsigned-integer", "-b", "8", "-c", "1"},
	} {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out.raw")
		synth := append(append([]string{"-R", "-n"}, args...), in, "synth", "2", "sine", "300-3000", "vol", "0.5")
		run(t, sox, synth...)
		run(t, sox, "-R", in, "-t", "raw", "-e", "signed-integer", "-b", "16", "-c", "1", "-r", "8000", out)
		b, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		ours := mustConvert(t, b).pcm
		theirs := make([]int16, len(raw)/2)
		for i := range theirs {
			theirs[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		if d := len(ours) - len(theirs); d < -2 || d > 2 {
			t.Errorf("%s: %d samples, sox has %d", name, len(ours), len(theirs))
		}
		if c := correlation(ours, theirs); c < 0.999 {
			t.Errorf("%s: correlation with sox %.5f", name, c)
		}
	}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func correlation(a, b []int16) float64 {
	n := min(len(a), len(b))
	var ab, aa, bb float64
	for i := range n {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

func FuzzWAV(f *testing.F) {
	for _, w := range []file{pcm16(8000, 1), pcm16(48000, 2), {tag: tagALaw, bits: 8, channels: 1, rate: 8000}, {tag: tagFloat, bits: 32, channels: 2, rate: 44100, extensible: true}} {
		b := w.tone(440, 0.5, 5*time.Millisecond).bytes()
		f.Add(b)
		f.Add(b[:len(b)-3])
	}
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Inspect(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if calls.CodeOf(err) != calls.CodeBadAudio {
				t.Fatalf("error %v", err)
			}
			return
		}
		if w.offset+w.length > int64(len(b)) || w.length <= 0 || w.length%w.frameBytes() != 0 {
			t.Fatalf("%+v does not lie in %d bytes", w, len(b))
		}
		a, err := convert(b)
		if err != nil {
			if calls.CodeOf(err) != calls.CodeBadAudio {
				t.Fatalf("convert: %v", err)
			}
			return
		}
		want := (w.Frames()*Narrow + int64(w.rate) - 1) / int64(w.rate)
		if int64(len(a.pcm)) != want {
			t.Fatalf("%d samples of %d frames at %d Hz, want %d", len(a.pcm), w.Frames(), w.rate, want)
		}
	})
}
