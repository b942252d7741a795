package codec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// voice is something between tone and noise, of that rate.
func voice(rate, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		at := 2 * math.Pi * float64(i) / float64(rate)
		pcm[i] = int16(5000*math.Sin(310*at) + 3000*math.Sin(1170*at) + 1500*math.Sin(2650*at))
	}
	return pcm
}

// likeness is the correlation of b with a at the best shift of up to 40 samples.
func likeness(a, b []int16) (best float64) {
	for shift := range 40 {
		var ab, aa, bb float64
		for i := range min(len(a), len(b)-shift) {
			x, y := float64(a[i]), float64(b[i+shift])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		best = max(best, ab/math.Sqrt(aa*bb))
	}
	return best
}

func peakOf(pcm []int16) (peak int) {
	for _, x := range pcm {
		peak = max(peak, int(x), -int(x))
	}
	return peak
}

// disturbed is a decoder in a state that nobody planned.
func disturbed(seed uint64) *Decoder {
	rng := rand.New(rand.NewPCG(seed, 5))
	b, pcm := make([]byte, 800), make([]int16, 800)
	for i := range b {
		b[i] = byte(rng.UintN(256))
	}
	d := &Decoder{}
	d.Decode(2, pcm, b)
	return d
}

func TestTheNarrowFormOfG722IsTheTelephonesBand(t *testing.T) {
	t.Parallel()
	wide, narrow := voice(16000, 16000), voice(8000, 8000)
	words, words8 := make([]byte, 8000), make([]byte, 8000)
	EncodeWide(words, wide)
	Encode(G722, words8, narrow)
	pcm := make([]int16, 8000)
	fresh := func() *Decoder {
		d := &Decoder{}
		d.Decode(2, pcm, Lead(2))
		return d
	}
	fresh().Decode(2, pcm, words)
	if c := likeness(narrow[400:], pcm[400:]); c < 0.98 {
		t.Errorf("wide in, narrow out: correlation %.4f", c)
	}
	fresh().Decode(2, pcm, words8)
	if c := likeness(narrow[400:], pcm[400:]); c < 0.999 {
		t.Errorf("narrow in, narrow out: correlation %.4f", c)
	}
	if c := likeness(wide[800:], decode16(words8)[800:]); c < 0.98 {
		t.Errorf("narrow in, wide out: correlation %.4f", c)
	}
}

func TestAfterItsLeadAClipIsHeardInWhateverStateTheFarEndIs(t *testing.T) {
	t.Parallel()
	words, want := make([]byte, 8000), voice(8000, 8000)
	Encode(G722, words, want)
	for seed := range uint64(20) {
		d := disturbed(seed)
		lead, pcm := make([]int16, leadBytes), make([]int16, 8000)
		if n := d.Decode(2, lead, Lead(2)); n != 160 {
			t.Fatalf("the lead has %d samples", n)
		}
		d.Decode(2, pcm, words)
		if c := likeness(want[:800], pcm[:800]); c < 0.95 {
			t.Errorf("seed %d: the first 100 ms correlate %.3f", seed, c)
		}
	}
	if Lead(0) != nil || Lead(1) != nil {
		t.Error("G.711 needs no lead")
	}
}

func TestSilenceOfG722IsSilentFromAnyState(t *testing.T) {
	t.Parallel()
	info, _ := Lookup(G722)
	b, pcm := make([]byte, 8000), make([]int16, 8000)
	for i := range b {
		b[i] = info.Silence
	}
	Decode(G722, pcm, b)
	if p := peakOf(pcm); p != 0 {
		t.Errorf("silence from the start has a peak of %d", p)
	}
	for seed := range uint64(20) {
		d := disturbed(seed)
		d.Decode(2, pcm, b)
		if p := peakOf(pcm[1600:]); p > 32 {
			t.Errorf("seed %d: a peak of %d after 200 ms of silence", seed, p)
		}
	}
}

func TestEveryPairOfCodecsIsTranslated(t *testing.T) {
	t.Parallel()
	want := voice(8000, 8000)
	for _, from := range All() {
		for _, to := range All() {
			src, dst, pcm := make([]byte, 8000), make([]byte, 8000), make([]int16, 8000)
			Encode(from.ID, src, want)
			var tr Translator
			tr.Translate(from.Index, to.Index, dst, Lead(from.Index))
			for at := 0; at < len(src); at += 480 { // frames of 60 ms
				end := min(at+480, len(src))
				if n := tr.Translate(from.Index, to.Index, dst[at:end], src[at:end]); n != end-at {
					t.Fatalf("%d of %d", n, end-at)
				}
			}
			var d Decoder
			d.Decode(to.Index, pcm, Lead(to.Index))
			d.Decode(to.Index, pcm, dst)
			if c := likeness(want[400:], pcm[400:]); c < 0.995 {
				t.Errorf("%s to %s: correlation %.4f", from.ID, to.ID, c)
			}
		}
	}
}

func TestTranslatingAllocatesNothing(t *testing.T) {
	var tr Translator
	src := make([]byte, 160)
	Encode(PCMA, src, voice(8000, 160))
	if n := testing.AllocsPerRun(100, func() { tr.Translate(0, 2, src, src) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTranslateG722Frame(b *testing.B) {
	var tr Translator
	src, dst := make([]byte, 160), make([]byte, 160)
	Encode(PCMA, src, voice(8000, 160))
	for b.Loop() {
		tr.Translate(0, 2, dst, src)
	}
}
