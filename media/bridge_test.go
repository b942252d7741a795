package media

import (
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

// pair is two answered ports that hear each other, the second in another codec if
// asked.
func pair(t *testing.T, second codec.ID) (*stage, *far, *far) {
	s := newStage(t)
	a, b := s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002")
	a.answer()
	session := b.session()
	info, _ := codec.Lookup(second)
	b.pt, session.Codec, session.PayloadType = info.PayloadType, second, info.PayloadType
	b.port.Set(session)
	Bridge(a.port, b.port)
	s.settle()
	return s, a, b
}

// first is the first code word of each packet that is not silence.
func first(packets []sentPacket) (words []byte) {
	for _, p := range packets {
		if p.Payload[0] != 0xD5 && p.Payload[0] != 0xFF {
			words = append(words, p.Payload[0])
		}
	}
	return words
}

func TestBridgedPortsHearEachOther(t *testing.T) {
	t.Parallel()
	for _, second := range []codec.ID{codec.PCMA, codec.PCMU} {
		s, a, b := pair(t, second)
		for i := range 50 {
			a.say(byte(i))
			b.say(byte(i + 20))
			s.run(20 * time.Millisecond)
		}
		s.run(100 * time.Millisecond)
		packets := b.heard()
		checkStream(t, packets[:51], 160)
		var atB, atA []byte
		for i := range 50 {
			atA, atB = append(atA, byte(i+20)), append(atB, byte(i))
		}
		if second == codec.PCMU {
			for i := range 50 {
				atA[i] = codec.Translation(1, 0)[atA[i]]
				atB[i] = codec.Translation(0, 1)[atB[i]]
			}
		}
		if got := first(packets[:51]); !slices.Equal(got, atB) {
			t.Errorf("%s: b hears % x", second, got)
		}
		if got := first(a.heard()[:51]); !slices.Equal(got, atA) {
			t.Errorf("%s: a hears % x", second, got)
		}
	}
}

func TestABridgeDelaysNoMoreThanItsJitterAsksFor(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t, codec.PCMA)
	for range 100 {
		a.say(0x11)
		s.run(20 * time.Millisecond)
	}
	b.heard()
	said := s.now
	a.say(0x22)
	for {
		s.run(beat)
		if words := first(b.heard()); slices.Contains(words, 0x22) {
			break
		}
		if a.say(0x33); s.now-said > time.Second {
			t.Fatal("never heard")
		}
	}
	if d := s.now - said; d > beat {
		t.Errorf("steady sound is delayed by %v", d)
	}
}

func TestABridgePutsSwappedPacketsInOrderOnceItKnowsTheJitter(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t, codec.PCMA)
	// Droughts of two frames teach the ring to keep some in stock.
	for range 4 {
		for range 10 {
			a.say(0x11)
			s.run(20 * time.Millisecond)
		}
		s.run(40 * time.Millisecond)
		a.say(0x11)
		a.say(0x11)
	}
	for range 10 {
		a.say(0x11)
		s.run(20 * time.Millisecond)
	}
	b.heard()
	a.seq, a.ts = a.seq+1, a.ts+160
	a.say(0x33)
	s.run(20 * time.Millisecond)
	a.seq, a.ts = a.seq-2, a.ts-320
	a.say(0x22)
	a.seq, a.ts = a.seq+1, a.ts+160
	s.run(20 * time.Millisecond)
	for range 10 {
		a.say(0x44)
		s.run(20 * time.Millisecond)
	}
	words := slices.Compact(first(b.heard()))
	if !slices.Equal(words, []byte{0x22, 0x33, 0x44}) && !slices.Equal(words, []byte{0x11, 0x22, 0x33, 0x44}) {
		t.Errorf("heard % x", words)
	}
}

func TestABridgeRecoversFromJumpsDroughtsAndFloods(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t, codec.PCMA)
	trouble := []func(){
		func() { s.run(3 * time.Second) },
		func() { a.seq += 500 },
		func() { a.seq += 30000; a.ts += 1 << 30 },
		func() { a.ssrc++; a.seq = 1 },
		func() {
			for range 100 {
				a.say(0x55)
			}
		},
		func() { s.jump(700 * time.Millisecond) },
		func() {
			b.port.Play(1, rampClip(8000), false)
			for range 80 {
				a.say(0x66)
				s.run(20 * time.Millisecond)
			}
		},
	}
	for i, cause := range trouble {
		cause()
		for range 100 { // drains what was queued
			a.say(0x11)
			s.run(20 * time.Millisecond)
		}
		b.heard()
		for range 20 {
			a.say(0x77)
			s.run(20 * time.Millisecond)
		}
		s.run(200 * time.Millisecond)
		n := 0
		for _, w := range first(b.heard()) {
			if w == 0x77 {
				n++
			}
		}
		if n < 18 {
			t.Errorf("after trouble %d only %d of 20 frames are heard", i, n)
		}
	}
}

func TestDigitsOnABridgeAreToldAndNotPassedOnAsNoise(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t, codec.PCMA)
	keypad := s.open("127.0.0.1:20004")
	keypad.answer()
	keypad.port.SendDigits("42")
	s.run(time.Second)
	b.heard()
	for _, p := range keypad.heard() {
		if p.PayloadType != 101 {
			continue
		}
		a.packet(a.addr, p.Header, p.Payload)
		s.run(20 * time.Millisecond)
	}
	if a.digits() != "42" || b.digits() != "" {
		t.Errorf("a pressed %q, b %q", a.digits(), b.digits())
	}
	for _, p := range b.heard() {
		if p.PayloadType != 8 || p.Payload[0] != 0xD5 {
			t.Fatalf("b was sent type %d, %#x", p.PayloadType, p.Payload[0])
		}
	}
}

func TestBridgingStopsPlaybackAndUnbridgingGoesBackToSilence(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a, b, c := s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002"), s.open("127.0.0.1:20004")
	for _, f := range []*far{a, b, c} {
		f.answer()
	}
	a.port.Play(1, rampClip(80000), false)
	b.port.Tone(calls.ToneRingback)
	s.run(100 * time.Millisecond)
	Bridge(a.port, b.port)
	Bridge(a.port, b.port) // again changes nothing
	s.settle()
	if last := a.events[len(a.events)-1]; last.Kind != EventPlaybackFinished || last.Reason != calls.PlayStopped {
		t.Errorf("%+v", last)
	}
	talk := func(f *far) {
		for range 10 {
			f.say(0x12)
			s.run(20 * time.Millisecond)
		}
	}
	hears := func(f *far) bool { return len(first(f.heard())) > 0 }
	for _, f := range []*far{a, b, c} {
		f.heard()
	}
	talk(a)
	if !hears(b) || hears(c) {
		t.Error("a is not heard by b alone")
	}
	Bridge(a.port, c.port) // a leaves b
	talk(a)
	s.run(100 * time.Millisecond)
	b.heard()
	c.heard()
	talk(a)
	if hears(b) || !hears(c) {
		t.Error("a is not heard by c alone")
	}
	Unbridge(a.port, b.port) // not bridged: nothing happens
	talk(a)
	if !hears(c) {
		t.Error("the wrong bridge ended")
	}
	Unbridge(a.port, c.port)
	s.settle()
	c.heard()
	talk(a)
	if hears(c) {
		t.Error("c still hears a")
	}
	Bridge(a.port, c.port)
	a.port.Close()
	s.run(100 * time.Millisecond)
	if packets := c.heard(); len(packets) < 4 || len(first(packets)) != 0 {
		t.Error("c does not hear silence after a closed")
	}
	if len(s.shard.quick) != 0 {
		t.Errorf("%d legs are still drained on every beat", len(s.shard.quick))
	}
}
