package media

import (
	"testing"
	"time"

	"zvonar/media/codec"
)

// TestABridgePassesOnWithoutWaiting: whatever the phases of the two sides are, in
// one codec a frame leaves at the beat in which it is read.
func TestABridgePassesOnWithoutWaiting(t *testing.T) {
	t.Parallel()
	for phase := range 4 {
		s, a, b := pair(t, codec.PCMA)
		s.run(time.Duration(phase) * beat)
		for range 50 {
			a.say(0x11)
			s.run(20 * time.Millisecond)
		}
		b.heard()
		for i := range 50 {
			a.say(byte(0x20 + i%16))
			s.run(beat)
			if got := first(b.heard()); len(got) != 1 || got[0] != byte(0x20+i%16) {
				t.Fatalf("phase %d: after one beat b has heard % x", phase, got)
			}
			s.run(15 * time.Millisecond)
		}
	}
}

// TestABridgeKeepsItsPaceThroughLossAndJitter: the time goes on evenly, and what comes late
// in a burst leaves nobody behind for good.
func TestABridgeKeepsItsPaceThroughLossAndJitter(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t, codec.PCMA)
	for range 50 {
		a.say(0x11)
		s.run(20 * time.Millisecond)
	}
	b.heard()
	for i := range 30 {
		switch i % 3 {
		case 0: // lost
			a.seq, a.ts = a.seq+1, a.ts+160
			s.run(20 * time.Millisecond)
		case 1: // late, and then all at once
			s.run(60 * time.Millisecond)
			for range 3 {
				a.say(0x22)
			}
		}
		for range 10 {
			a.say(0x33)
			s.run(20 * time.Millisecond)
		}
	}
	s.run(200 * time.Millisecond)
	packets := b.heard()
	// Thirty rounds of ten frames, ten lost, thirty late, and 200 ms of silence.
	took := (packets[len(packets)-1].Timestamp - packets[0].Timestamp) / 160
	if want := uint32(300 + 10 + 30 + 10); took < want-5 || took > want+5 {
		t.Errorf("%d frames of time, want about %d", took, want)
	}
	for i := 1; i < len(packets); i++ {
		before, p := packets[i-1], packets[i]
		if step := p.Timestamp - before.Timestamp; step%160 != 0 || step == 0 || step > 5*160 {
			t.Fatalf("packet %d: timestamp %+d", i, int32(step))
		}
	}
}
