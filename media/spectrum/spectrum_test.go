package spectrum

import (
	"math"
	"math/rand/v2"
	"testing"
)

func sine(hz, amplitude float64, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/Rate)))
	}
	return pcm
}

func frames(pcm []int16, block int) []Frame {
	var all []Frame
	a := New()
	for len(pcm) > 0 {
		n := min(block, len(pcm))
		a.Write(pcm[:n], func(f *Frame) { all = append(all, *f) })
		pcm = pcm[n:]
	}
	return all
}

func TestTheTransformIsTheFourierSum(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, Window)
	for i := range pcm {
		pcm[i] = int16(rng.IntN(20000) - 10000)
	}
	got := frames(pcm, Window)[0]
	square := 0.0
	for _, w := range hann {
		square += float64(w) * float64(w)
	}
	for k := range Bins {
		var re, im float64
		for i, x := range pcm {
			s, c := math.Sincos(2 * math.Pi * float64(k*i) / Window)
			re += float64(x) * float64(hann[i]) * c
			im -= float64(x) * float64(hann[i]) * s
		}
		want := 2 * (re*re + im*im) / (Window * square)
		if k == 0 || k == Bins-1 {
			want /= 2
		}
		if math.Abs(float64(got.Power[k])-want) > 1e-4*want+1 {
			t.Fatalf("bin %d: %v, want %v", k, got.Power[k], want)
		}
	}
}

func TestASineHasItsPowerAndItsPlace(t *testing.T) {
	t.Parallel()
	for _, hz := range []float64{300, 425, 1234.5, 3100} {
		for _, f := range frames(sine(hz, 8000, 4000), 160) {
			sum, best := 0.0, 0
			for k, p := range f.Power {
				sum += float64(p)
				if p > f.Power[best] {
					best = k
				}
			}
			if math.Abs(sum/(8000*8000/2)-1) > 0.01 {
				t.Errorf("%v Hz: power %v", hz, sum)
			}
			if math.Abs(float64(best)*float64(BinHz)-hz) > float64(BinHz) {
				t.Errorf("%v Hz found in bin %d", hz, best)
			}
		}
	}
}

func TestBlocksOfAnySizeGiveTheSameFrames(t *testing.T) {
	t.Parallel()
	pcm := sine(700, 5000, 3000)
	want := frames(pcm, len(pcm))
	for _, block := range []int{1, 7, 80, 160, 240, 333, 1000} {
		got := frames(pcm, block)
		if len(got) != len(want) {
			t.Fatalf("blocks of %d: %d frames, want %d", block, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("blocks of %d: frame %d differs", block, i)
			}
		}
	}
}

func TestNoFrameLooksAcrossAGap(t *testing.T) {
	t.Parallel()
	a := New()
	var at []int64
	note := func(f *Frame) { at = append(at, f.At) }
	a.Write(make([]int16, 300), note)
	a.Gap(160)
	a.Write(sine(500, 1000, 256), note)
	if len(at) != 2 || at[0] != 0 || at[1] != 460 || a.Seen() != 716 {
		t.Errorf("frames at %v, %d samples seen", at, a.Seen())
	}
}

func TestSilenceThatWasNotSentIsSilent(t *testing.T) {
	t.Parallel()
	a := New()
	silent, loud := 0, 0
	note := func(f *Frame) {
		if f.Silent {
			silent++
		} else {
			loud++
		}
	}
	a.Write(sine(500, 1000, 800), note)
	a.Silence(8000, note)
	if want := 10 - Window/Hop; loud < want || silent < 95 {
		t.Errorf("%d loud and %d silent frames", loud, silent)
	}
}

func TestNothingIsAllocatedForAFrame(t *testing.T) {
	a, pcm := New(), sine(500, 1000, 160)
	note := func(*Frame) {}
	if n := testing.AllocsPerRun(100, func() { a.Write(pcm, note) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFrameOf20ms(b *testing.B) {
	a, pcm := New(), sine(500, 1000, 160)
	note := func(*Frame) {}
	b.ReportAllocs()
	for b.Loop() {
		a.Write(pcm, note)
	}
}
