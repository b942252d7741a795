package audio

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

func TestTheWideFormKeepsWhatTheNarrowOneCannot(t *testing.T) {
	t.Parallel()
	for _, rate := range []uint32{16000, 22050, 24000, 32000, 44100, 48000} {
		for hz, kept := range map[float64]bool{1000: true, 3400: true, 5000: true, 6900: true, 8100: false, 9000: false, 10900: false} {
			if hz >= float64(rate)/2 {
				continue
			}
			a := mustConvert(t, pcm16(rate, 1).tone(hz, 0.9, 500*time.Millisecond).bytes())
			if len(a.wide) != Wide/2 {
				t.Fatalf("%d Hz: %d samples", rate, len(a.wide))
			}
			got := level(a.wide) - 20*math.Log10(0.9/math.Sqrt2)
			if kept && math.Abs(got) > 0.1 || !kept && got > -60 {
				t.Errorf("%d Hz: a tone of %.0f Hz is at %.2f dB", rate, hz, got)
			}
		}
	}
	if a := mustConvert(t, pcm16(12000, 1).tone(1000, 0.5, time.Second).bytes()); len(a.wide) != 0 {
		t.Error("12 kHz have a wide form")
	}
}

// The reference points of EBU Tech 3341 that a mono meter can show, 3 dB lower
// for having one channel instead of two.
func TestLoudnessIsThatOfTheStandard(t *testing.T) {
	t.Parallel()
	tone := func(lufs float64, d time.Duration) []int16 {
		pcm := make([]int16, int(d*Narrow/time.Second))
		for i := range pcm {
			pcm[i] = int16(math.Round(32767 * math.Pow(10, lufs/20) * math.Sin(2*math.Pi*1000*float64(i)/Narrow)))
		}
		return pcm
	}
	for name, c := range map[string]struct {
		pcm  [][]int16
		want float64
	}{
		"a tone":                       {[][]int16{tone(-23, 20*time.Second)}, -26},
		"a quiet tone":                 {[][]int16{tone(-33, 20*time.Second)}, -36},
		"quiet parts are gated":        {[][]int16{tone(-36, 10*time.Second), tone(-23, 60*time.Second), tone(-36, 10*time.Second)}, -26},
		"silence is gated":             {[][]int16{tone(-80, 10*time.Second), tone(-23, 60*time.Second), make([]int16, 80000)}, -26},
		"nothing but silence":          {[][]int16{make([]int16, 80000)}, Floor},
		"too short for a single block": {[][]int16{tone(-23, 300*time.Millisecond)}, Floor},
	} {
		l := newLoudness(Narrow)
		for _, p := range c.pcm {
			l.write(p)
		}
		if got := l.integrated(); math.Abs(got-c.want) > 0.15 {
			t.Errorf("%s: %.2f LUFS, want %.1f", name, got, c.want)
		}
	}
}

func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed: apt-get install " + name)
	}
	return path
}

// spoken is a text read by espeak-ng, as a WAV file with the given sox effects.
func spoken(t testing.TB, voice, text string, effects ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	raw, out := filepath.Join(dir, "raw.wav"), filepath.Join(dir, "out.wav")
	run(t, program(t, "espeak-ng"), "-v", voice, "-w", raw, text)
	run(t, program(t, "sox"), append([]string{"-R", raw, out}, effects...)...)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const notice = "Здравствуйте! Ваша посылка ждёт вас в пункте выдачи на улице Ленина. Нажмите один, чтобы подтвердить, или два, чтобы отказаться."

func TestLoudnessAgreesWithFFmpeg(t *testing.T) {
	t.Parallel()
	ffmpeg := program(t, "ffmpeg")
	for name, effects := range map[string][]string{"as it is": nil, "quiet, with pauses": {"gain", "-12", "pad", "3", "5"}} {
		b := spoken(t, "ru", notice, effects...)
		file := filepath.Join(t.TempDir(), "in.wav")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(ffmpeg, "-hide_banner", "-nostats", "-i", file, "-af", "aresample=8000,ebur128", "-f", "null", "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		found := regexp.MustCompile(`(?s)Integrated loudness:\s+I:\s+(-[0-9.]+) LUFS`).FindSubmatch(out)
		if found == nil {
			t.Fatalf("ffmpeg says %s", out)
		}
		want, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := mustConvert(t, b).Loudness; math.Abs(got-want) > 0.5 {
			t.Errorf("%s: %.2f LUFS, ffmpeg has %.2f", name, got, want)
		}
	}
}

func wavOf(pcm []int16) []byte {
	f := pcm16(Narrow, 1)
	for _, s := range pcm {
		f.data = binary.LittleEndian.AppendUint16(f.data, uint16(s))
	}
	return f.bytes()
}

func TestSpeechIsToldFromWhatIsNot(t *testing.T) {
	t.Parallel()
	for _, voice := range []string{"ru", "en", "ru+f3", "en+m4"} {
		if got := mustConvert(t, spoken(t, voice, notice)).Speech; got < 0.7 {
			t.Errorf("voice %s: speech %.2f", voice, got)
		}
	}
	if got := mustConvert(t, spoken(t, "ru", notice, "pad", "10", "10")).Speech; got > 0.45 || got < 0.2 {
		t.Errorf("between long pauses: speech %.2f", got)
	}
	noise, beeps := make([]int16, 80000), make([]int16, 80000)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = int16(rnd.NormFloat64() * 3000)
		if i/2800%2 == 0 { // a busy tone
			beeps[i] = int16(9000 * math.Sin(2*math.Pi*425*float64(i)/Narrow))
		}
	}
	for name, pcm := range map[string][]int16{"noise": noise, "beeps": beeps, "silence": make([]int16, 80000)} {
		if got := mustConvert(t, wavOf(pcm)).Speech; got > 0.1 {
			t.Errorf("%s: speech %.2f", name, got)
		}
	}
	if got := mustConvert(t, pcm16(8000, 1).tone(440, 0.5, 10*time.Second).bytes()).Speech; got > 0.1 {
		t.Errorf("a tone: speech %.2f", got)
	}
}

func TestKeyTonesAreHeard(t *testing.T) {
	t.Parallel()
	pcm := mustConvert(t, spoken(t, "ru", notice)).pcm
	if got := mustConvert(t, wavOf(pcm)).Digits; got != "" {
		t.Errorf("speech has digits %q", got)
	}
	for i, hz := range [][2]float64{{697, 1209}, {770, 1336}} { // 1, 5
		for k := range 800 {
			x := 6000 * (math.Sin(2*math.Pi*hz[0]*float64(k)/Narrow) + math.Sin(2*math.Pi*hz[1]*float64(k)/Narrow))
			pcm[8000+4000*i+k] = int16(x)
		}
	}
	if got := mustConvert(t, wavOf(pcm)).Digits; got != "15" {
		t.Errorf("digits %q, want 15", got)
	}
}

func TestOnlyRunsOfFullScaleAreClipped(t *testing.T) {
	t.Parallel()
	pcm := make([]int16, 8000)
	for _, at := range []int{100, 200, 201, 300, 301, 302, 400, 401, 402, 403, 404} {
		pcm[at] = math.MaxInt16
	}
	if got, want := mustConvert(t, wavOf(pcm)).Clipped, 8.0/8000; math.Abs(got-want) > 1e-9 {
		t.Errorf("%g, want %g", got, want)
	}
}

func TestThePrintKnowsTheSameRecordingAgain(t *testing.T) {
	t.Parallel()
	print := func(b []byte) Print { return ParsePrint(mustConvert(t, b).Print.String()) }
	original := print(spoken(t, "ru", notice))
	if got := original.Similarity(original); got != 1 {
		t.Errorf("like itself: %.2f", got)
	}
	dir := t.TempDir()
	in, mp3, back := filepath.Join(dir, "in.wav"), filepath.Join(dir, "x.mp3"), filepath.Join(dir, "back.wav")
	if err := os.WriteFile(in, spoken(t, "ru", notice), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, program(t, "ffmpeg"), "-loglevel", "error", "-i", in, "-b:a", "32k", mp3)
	run(t, program(t, "ffmpeg"), "-loglevel", "error", "-i", mp3, back)
	coded, err := os.ReadFile(back)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"quieter":         spoken(t, "ru", notice, "gain", "-9"),
		"8 kHz A-law":     spoken(t, "ru", notice, "rate", "8000"),
		"later":           spoken(t, "ru", notice, "pad", "1.23", "0"),
		"a little later":  spoken(t, "ru", notice, "pad", "0.032", "0"),
		"cut at its ends": spoken(t, "ru", notice, "trim", "0.3", "-0.3"),
		"through MP3":     coded,
	} {
		if got := original.Similarity(print(b)); got < 0.52 {
			t.Errorf("%s: like the original by %.2f", name, got)
		}
	}
	for name, b := range map[string][]byte{
		"another text":  spoken(t, "ru", "Добрый день! Напоминаем о записи к врачу на завтра, на девять часов утра. Возьмите с собой паспорт и полис."),
		"another voice": spoken(t, "ru+f3", notice),
		"a tone":        pcm16(8000, 1).tone(440, 0.5, 9*time.Second).bytes(),
	} {
		if got := original.Similarity(print(b)); got > 0.4 {
			t.Errorf("%s: like the original by %.2f", name, got)
		}
	}
	if got := original.Similarity(ParsePrint("?")); got != 0 {
		t.Errorf("like a broken print by %.2f", got)
	}
}
