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

// TestABridgedLegIsLookedForAsItsPacketsAreDue: by the earliest of them, so that one
// that was held up does not put off those that come with it.
func TestABridgedLegIsLookedForAsItsPacketsAreDue(t *testing.T) {
	t.Parallel()
	const ms, frame = int64(time.Millisecond), 20 * int64(time.Millisecond)
	var in inbound
	at := int64(time.Hour)
	for range 50 {
		at += frame
		if in.expect(at, frame); in.soonest != at+frame-early {
			t.Fatalf("the next is looked for %d us after this one", (in.soonest-at)/1000)
		}
	}
	in.expect(at+frame+15*ms, frame)
	if next := in.soonest - at - 2*frame; next > 2*ms-early {
		t.Errorf("after a packet 15 ms late the next is looked for %d us after its time", next/1000)
	}
	for range 50 { // and stays late
		at += frame
		in.expect(at+frame+15*ms, frame)
	}
	if next := in.soonest - at - 2*frame; next < 12*ms || next > 15*ms {
		t.Errorf("who stays 15 ms late is looked for %d us after the former time", next/1000)
	}
	at += time.Hour.Nanoseconds()
	if in.expect(at, frame); in.soonest != at+frame-early {
		t.Error("a pause is taken for lateness")
	}
	if in.expect(at+frame-7*ms, frame); in.soonest != at+2*frame-7*ms-early {
		t.Error("a packet that comes early is not the new measure")
	}
}
