package dtmf

import (
	"math/rand/v2"
	"testing"
)

// TestDigitsAreHeardThroughLoss prints the share of presses heard: 100 ms long,
// in packets of 20 ms, three of them ends.
func TestDigitsAreHeardThroughLoss(t *testing.T) {
	t.Parallel()
	const presses = 20000
	random := func(share float64) func(*rand.Rand) func() bool {
		return func(rng *rand.Rand) func() bool { return func() bool { return rng.Float64() < share } }
	}
	// Bursts of five packets that begin on average every second.
	bursts := func(rng *rand.Rand) func() bool {
		left := 0
		return func() bool {
			if left <= 0 && rng.IntN(50) == 0 {
				left = 5
			}
			left--
			return left >= 0
		}
	}
	for _, tc := range []struct {
		name  string
		clock uint32 // Hz
		lost  func(*rand.Rand) func() bool
		least float64 // percent
	}{
		{"5 % at 8 kHz", 8000, random(0.05), 100},
		{"5 % at 16 kHz", 16000, random(0.05), 100},
		{"5 % at 48 kHz", 48000, random(0.05), 100},
		{"20 % at 8 kHz", 8000, random(0.2), 99.9},
		{"20 % at 48 kHz", 48000, random(0.2), 99.9},
		{"bursts of 100 ms", 8000, bursts, 97},
	} {
		rng := rand.New(rand.NewPCG(47, 33))
		lost := tc.lost(rng)
		tick := tc.clock / 50 // of 20 ms
		var r Receiver
		heard, doubled := 0, 0
		seq, ts := uint16(0), uint32(0)
		for range presses {
			n, code := 0, uint8(rng.IntN(10))
			for i := range uint32(8) {
				p := packet{ssrc: 1, ts: ts, seq: seq + uint16(i), marker: i == 0, code: code, end: i >= 5, duration: uint16(tick * min(i+1, 6))}
				if !lost() {
					n += len(hear(&r, []packet{p}))
				}
			}
			heard += min(n, 1)
			doubled += max(n-1, 0)
			seq, ts = seq+12, ts+12*tick
			for range 4 {
				lost() // the pause
			}
		}
		share := 100 * float64(heard) / presses
		t.Logf("%s: %.3f %% of %d presses heard, %d doubled", tc.name, share, presses, doubled)
		if share < tc.least || doubled != 0 {
			t.Errorf("%s: %.3f %% heard, at least %v %% wanted; %d doubled", tc.name, share, tc.least, doubled)
		}
	}
}

func TestALongKeyIsOneDigitAtEveryClock(t *testing.T) {
	t.Parallel()
	for _, clock := range []uint32{8000, 16000, 48000} {
		for _, cut := range []uint32{0xFFFF, 0x10000} {
			var packets []packet
			tick := clock / 50
			start, seq := uint32(0), uint16(0)
			for now := tick; now <= 12*clock; now += tick { // twelve seconds
				if now-start > 0xFFFF {
					start += cut
				}
				packets = append(packets, packet{ssrc: 1, ts: 7000 + start, seq: seq, marker: seq == 0, code: 6, duration: uint16(now - start)})
				seq++
			}
			if got := hear(&Receiver{}, packets); got != "6" {
				t.Errorf("%d Hz, segments of %d: heard %q", clock, cut, got)
			}
		}
	}
}
