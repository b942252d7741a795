package audio

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
)

func TestResamplerPassesTheBandAndStopsTheRest(t *testing.T) {
	t.Parallel()
	for _, rate := range sampleRates[1:] {
		for _, hz := range []float64{100, 300, 1000, 2500, 3400} {
			a := mustConvert(t, pcm16(rate, 1).tone(hz, 0.9, 500*time.Millisecond).bytes())
			if got, want := level(a.pcm), 20*math.Log10(0.9/math.Sqrt2); math.Abs(got-want) > 0.1 {
				t.Errorf("%d Hz: a tone of %.0f Hz comes out at %.2f dBFS, want %.2f", rate, hz, got, want)
			}
		}
		for _, hz := range []float64{4000, 4100, 4500, 5000, 7000, 7900, 8100, 11000, 15000, 20000, 23000} {
			if hz >= float64(rate)/2 {
				break
			}
			a := mustConvert(t, pcm16(rate, 1).tone(hz, 0.9, 500*time.Millisecond).bytes())
			if got := level(a.pcm) - 20*math.Log10(0.9/math.Sqrt2); got > -60 {
				t.Errorf("%d Hz: a tone of %.0f Hz is only %.1f dB down", rate, hz, got)
			}
		}
	}
}

func TestResamplerKeepsTimeAndLength(t *testing.T) {
	t.Parallel()
	for _, rate := range sampleRates {
		f := pcm16(rate, 1)
		n := int(rate) * 2
		click := int(rate) // after one second
		for i := range n {
			v := uint16(0)
			if i == click {
				v = 30000
			}
			f.data = binary.LittleEndian.AppendUint16(f.data, v)
		}
		pcm := mustConvert(t, f.bytes()).pcm
		if len(pcm) != 2*Narrow {
			t.Errorf("%d Hz: %d samples", rate, len(pcm))
		}
		peak := 0
		for i, s := range pcm {
			if s > pcm[peak] {
				peak = i
			}
		}
		if peak != Narrow {
			t.Errorf("%d Hz: the click is at sample %d, want %d", rate, peak, Narrow)
		}
	}
}

func TestResamplerDoesNotCareHowItsInputIsCut(t *testing.T) {
	t.Parallel()
	in := make([]float64, 10_000)
	for i := range in {
		in[i] = math.Sin(float64(i) * 0.05)
	}
	whole := newResampler(44100, Narrow)
	want := whole.flush(whole.write(nil, in))
	pieces := newResampler(44100, Narrow)
	var got []float64
	for i, n := 0, 1; i < len(in); i, n = i+n, n%97+7 {
		got = pieces.write(got, in[i:min(i+n, len(in))])
	}
	got = pieces.flush(got)
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sample %d is %g, want %g", i, got[i], want[i])
		}
	}
}
