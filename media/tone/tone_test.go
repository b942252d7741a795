package tone

import (
	"math"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// power is the level of one frequency, as the amplitude of its sine.
func power(pcm []int16, hz float64) float64 {
	var re, im float64
	for i, x := range pcm {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / rate)
		re += float64(x) * c
		im += float64(x) * s
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}

func TestTonesHaveTheirFrequencyCadenceAndLevel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind    calls.ToneKind
		hz      float64
		on, all time.Duration
		repeat  bool
	}{
		{calls.ToneRingback, 425, time.Second, 5 * time.Second, true},
		{calls.ToneBusy, 425, 350 * time.Millisecond, 700 * time.Millisecond, true},
		{calls.ToneBeep, 1000, 400 * time.Millisecond, 400 * time.Millisecond, false},
	}
	for _, tt := range tests {
		c, known := Of(tt.kind)
		if !known {
			t.Fatalf("tone %d is unknown", tt.kind)
		}
		pcm := c.PCM()
		if len(pcm) != samples(tt.all) || c.Repeat != tt.repeat {
			t.Errorf("tone %d: %d samples, repeat %v", tt.kind, len(pcm), c.Repeat)
		}
		inside := pcm[samples(ramp) : samples(tt.on)-samples(ramp)]
		// Full scale of A-law is a sine of +3.14 dBm0.
		level := 20*math.Log10(power(inside, tt.hz)/32767) + 3.14
		if math.Abs(level+15) > 0.3 {
			t.Errorf("tone %d: %.2f dBm0 at %.0f Hz, want -15", tt.kind, level, tt.hz)
		}
		for i, x := range pcm[samples(tt.on):] {
			if x != 0 {
				t.Fatalf("tone %d: sample %d of the pause is %d", tt.kind, i, x)
			}
		}
	}
}

func TestEveryKindListedExistsAndOthersDoNot(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		if _, known := Of(k); !known {
			t.Errorf("tone %d is listed and unknown", k)
		}
	}
	if _, known := Of(0); known {
		t.Error("tone 0 exists")
	}
}

func TestABurstBeginsAndEndsSoftly(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		c, _ := Of(k)
		pcm := c.PCM()
		if pcm[0] != 0 || pcm[samples(c.On)-1] != 0 {
			t.Errorf("tone %d starts at %d and ends at %d", k, pcm[0], pcm[samples(c.On)-1])
		}
	}
}
