package media

import (
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
	"zvonar/media/dtmf"
)

// ramp is a clip whose code words tell their place: no two neighbours are alike.
func rampClip(samples int) *Clip {
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = codec.DecodeALaw(byte(i*7 + i/256))
	}
	return NewClip(pcm)
}

// checkStream fails unless packets are one stream: sequence, timestamp, source.
func checkStream(t *testing.T, packets []sentPacket, samples uint32) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if b.SequenceNumber != a.SequenceNumber+1 || b.Timestamp != a.Timestamp+samples || b.SSRC != a.SSRC {
			t.Fatalf("packet %d: sequence %d after %d, timestamp %+d", i, b.SequenceNumber, a.SequenceNumber, int32(b.Timestamp-a.Timestamp))
		}
	}
}

func TestSilenceIsSentFromTheAnswerOnEveryPtime(t *testing.T) {
	t.Parallel()
	for _, ptime := range []time.Duration{10, 20, 30, 40, 60} {
		ptime *= time.Millisecond
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		s.run(13 * time.Millisecond)
		session := f.session()
		session.Ptime = ptime
		f.port.Set(session)
		s.settle()
		first := f.heard()
		if len(first) != 1 || !first[0].Marker || first[0].to != f.addr {
			t.Fatalf("%v: %d packets left at once", ptime, len(first))
		}
		s.run(10 * ptime)
		rest := f.heard()
		if len(rest) < 9 || len(rest) > 10 {
			t.Errorf("%v: %d packets in ten ptimes", ptime, len(rest))
		}
		samples := int(ptime * 8 / time.Millisecond)
		checkStream(t, append(first, rest...), uint32(samples))
		for i, p := range rest {
			if len(p.Payload) != samples || p.Payload[0] != 0xD5 || p.PayloadType != 8 || p.Marker {
				t.Fatalf("%v: packet %d: %d bytes of %#x, type %d", ptime, i, len(p.Payload), p.Payload[0], p.PayloadType)
			}
			if i > 0 && p.at-rest[i-1].at != ptime {
				t.Errorf("%v: packet %d came after %v", ptime, i, p.at-rest[i-1].at)
			}
		}
	}
}

func TestAClipLeavesFromItsFirstSampleToItsLastThenIsReportedFinished(t *testing.T) {
	t.Parallel()
	for _, samples := range []int{1, 159, 160, 161, 1600, 4321} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		f.answer()
		f.heard()
		clip := rampClip(samples)
		f.port.Play(7, clip, false)
		s.settle()
		var words []byte
		frames := (samples + 159) / 160
		for len(f.kinds()) < 2 {
			s.run(beat)
			if s.now > 10*time.Second {
				t.Fatalf("%d samples: never finished", samples)
			}
		}
		packets := f.heard()
		checkStream(t, packets, 160)
		for _, p := range packets {
			words = append(words, p.Payload...)
		}
		if !slices.Equal(words[:samples], clip.words[0]) {
			t.Errorf("%d samples: the clip did not leave whole", samples)
		}
		for i, c := range words[samples:] {
			if c != 0xD5 {
				t.Errorf("%d samples: byte %d after the end is %#x, not silence", samples, i, c)
				break
			}
		}
		finished := f.events[1]
		if finished.Kind != EventPlaybackFinished || finished.PlayID != 7 || finished.Reason != calls.PlayEnd || finished.Played != clip.Duration() {
			t.Errorf("%d samples: %+v", samples, finished)
		}
		lastAt := packets[frames-1].at
		if told := finished.At.Sub(s.engine.epoch); told-lastAt < 15*time.Millisecond {
			t.Errorf("%d samples: finished %v after the last frame left, before its time was over", samples, told-lastAt)
		}
	}
}

func TestTheFirstFrameOfAClipLeavesAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	f.heard()
	s.run(5 * time.Millisecond)
	f.port.Play(1, rampClip(1600), false)
	s.settle()
	if p := f.heard(); len(p) != 1 || p[0].Payload[0] == 0xD5 {
		t.Fatalf("%d packets left at once", len(p))
	}
	s.run(100 * time.Millisecond)
	if n := len(f.heard()); n != 5 {
		t.Errorf("%d packets in the next 100 ms, want 5", n)
	}
	// Only once a stream: the clock must not run away.
	for i := range 10 {
		f.port.Play(int64(i), rampClip(1600), false)
		s.settle()
		if n := len(f.heard()); n != 0 {
			t.Fatalf("play %d sent %d frames ahead of the clock", i, n)
		}
	}
}

func TestPlayBeforeTheAnswerWaitsAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	clip := rampClip(800)
	f.port.Play(1, clip, false)
	s.run(200 * time.Millisecond)
	if len(f.heard()) != 0 || len(f.events) != 0 {
		t.Fatal("something left before the answer")
	}
	f.answer()
	s.run(200 * time.Millisecond)
	var words []byte
	for _, p := range f.heard() {
		words = append(words, p.Payload...)
	}
	if len(words) < 800 || !slices.Equal(words[:800], clip.words[0]) {
		t.Error("the clip did not leave whole")
	}
}

func TestPlayReplacesWhatPlaysAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	f.port.Play(1, rampClip(16000), false)
	s.run(100 * time.Millisecond)
	f.port.Play(2, rampClip(16000), false)
	s.run(100 * time.Millisecond)
	f.port.StopPlayback(calls.PlayDigit)
	f.port.StopPlayback(calls.PlayDigit)
	s.settle()
	f.port.Play(3, rampClip(16000), true)
	s.run(100 * time.Millisecond)
	f.port.Close()
	s.settle()
	want := []EventKind{
		EventPlaybackStarted, EventPlaybackFinished, EventPlaybackStarted, EventPlaybackFinished,
		EventPlaybackStarted, EventPlaybackFinished, EventClosed,
	}
	if !slices.Equal(f.kinds(), want) {
		t.Fatalf("events %v, want %v", f.kinds(), want)
	}
	reasons := []calls.PlayReason{f.events[1].Reason, f.events[3].Reason, f.events[5].Reason}
	if !slices.Equal(reasons, []calls.PlayReason{calls.PlayStopped, calls.PlayDigit, calls.PlayHangup}) {
		t.Errorf("reasons %v", reasons)
	}
	if f.events[1].PlayID != 1 || f.events[3].PlayID != 2 || f.events[5].PlayID != 3 {
		t.Error("the ids do not match")
	}
	if d := f.events[1].Played; d < 100*time.Millisecond || d > 140*time.Millisecond {
		t.Errorf("played %v of the first clip", d)
	}
}

func TestALoopGoesOnWithoutASeam(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	clip := rampClip(250)
	f.port.Play(1, clip, true)
	f.answer()
	s.run(200 * time.Millisecond)
	i := 0
	for _, p := range f.heard() {
		for _, c := range p.Payload {
			if c != clip.words[0][i%250] {
				t.Fatalf("sample %d of the loop is wrong", i)
			}
			i++
		}
	}
	if i < 1500 {
		t.Errorf("only %d samples left", i)
	}
}

func TestAnEmptyClipStartsAndFinishes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	f.port.Play(1, nil, false)
	f.port.Play(2, NewClip(nil), true)
	s.run(60 * time.Millisecond)
	if n := len(f.events); n != 3 { // the first never began
		t.Errorf("%d events: %v", n, f.kinds())
	}
}

func TestAStalledShardCatchesUpByTwoFramesThenSetsTheClockOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		stall   time.Duration
		packets int
		marker  bool
	}{
		{20 * time.Millisecond, 1, false},
		{60 * time.Millisecond, 3, false},
		{200 * time.Millisecond, 3, true},
		{3 * time.Second, 3, true},
	} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		f.answer()
		s.run(100 * time.Millisecond)
		before := f.heard()
		s.jump(tt.stall)
		burst := f.heard()
		if len(burst) != tt.packets {
			t.Errorf("%v: %d packets at once, want %d", tt.stall, len(burst), tt.packets)
		}
		s.run(40 * time.Millisecond)
		next := f.heard()[0]
		if next.Marker != tt.marker {
			t.Errorf("%v: marker %v", tt.stall, next.Marker)
		}
		last := before[len(before)-1]
		drift := time.Duration(next.Timestamp-last.Timestamp)*time.Second/sampleRate - (next.at - last.at)
		if drift.Abs() > 5*time.Millisecond {
			t.Errorf("%v: the timestamp is off by %v", tt.stall, drift)
		}
		if next.SequenceNumber != last.SequenceNumber+uint16(len(burst))+1 {
			t.Errorf("%v: a sequence number was left out", tt.stall)
		}
	}
}

func TestNothingIsSentOnHoldAndTheClipGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	clip := rampClip(3200)
	f.port.Play(1, clip, false)
	f.answer()
	s.run(100 * time.Millisecond)
	words := 160 * len(f.heard())
	hold := f.session()
	hold.Send = false
	f.port.Set(hold)
	s.run(time.Second)
	if n := len(f.heard()); n != 0 {
		t.Fatalf("%d packets left on hold", n)
	}
	f.answer()
	resumed := f.heard()
	if len(resumed) != 1 || !resumed[0].Marker || !slices.Equal(resumed[0].Payload, clip.words[0][words:words+160]) {
		t.Errorf("the clip did not go on where it was")
	}
	s.run(time.Second)
	if f.events[len(f.events)-1].Reason != calls.PlayEnd {
		t.Error("the clip did not reach its end")
	}
}

func TestNothingIsSentToAnUnspecifiedAddress(t *testing.T) {
	t.Parallel()
	for _, remote := range []string{"0.0.0.0:4000", "192.0.2.1:0", ""} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		session := f.session()
		session.Remote.UnmarshalText([]byte(remote))
		f.port.Set(session)
		f.port.Play(1, rampClip(160), false)
		s.run(time.Second)
		if len(f.heard()) != 0 || len(f.events) != 0 {
			t.Errorf("%q: something was sent or played", remote)
		}
	}
}

func TestDigitsAreSentInPlaceOfAudioWhichWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	clip := rampClip(3200)
	f.port.Play(1, clip, false)
	f.answer()
	f.port.SendDigits("1#")
	s.run(time.Second)
	peer := s.open("127.0.0.1:20002")
	peer.answer()
	var words []byte
	var last sentPacket
	for i, p := range f.heard() {
		if i > 0 && p.SequenceNumber != last.SequenceNumber+1 {
			t.Fatal("a sequence number is missing or doubled")
		}
		last = p
		if p.PayloadType == 101 {
			peer.packet(peer.addr, p.Header, p.Payload)
			s.run(beat)
			continue
		}
		if slices.Max(p.Payload) != slices.Min(p.Payload) {
			words = append(words, p.Payload...)
		}
	}
	s.run(200 * time.Millisecond)
	if got := peer.digits(); got != "1#" {
		t.Errorf("the far end heard %q", got)
	}
	if !slices.Equal(words, clip.words[0]) {
		t.Errorf("%d samples of the clip left, want %d", len(words), len(clip.words[0]))
	}
	if f.events[len(f.events)-1].Reason != calls.PlayEnd {
		t.Error("the clip did not reach its end")
	}
}

func TestDigitsAreTonesWhereNoTelephoneEventWasAgreed(t *testing.T) {
	t.Parallel()
	for _, ptime := range []time.Duration{10, 20, 30, 60} {
		for _, id := range []codec.ID{codec.PCMA, codec.PCMU, codec.G722} {
			s := newStage(t)
			f, peer := s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002")
			info, _ := codec.Lookup(id)
			session := f.session()
			session.Codec, session.PayloadType, session.DTMFPayload = id, info.PayloadType, 0
			session.Ptime = ptime * time.Millisecond
			f.port.Set(session)
			session.Inband = true
			peer.port.Set(session)
			f.port.SendDigits(dtmf.Alphabet)
			for range 500 {
				s.run(10 * time.Millisecond)
				for _, p := range f.heard() {
					if p.PayloadType != info.PayloadType {
						t.Fatalf("payload type %d", p.PayloadType)
					}
					peer.packet(peer.addr, p.Header, p.Payload)
				}
			}
			if got := peer.digits(); got != dtmf.Alphabet {
				t.Errorf("%s, packets of %d ms: the far end heard %q", id, ptime, got)
			}
		}
	}
}

func TestATonePlaysWithoutEventsUntilReplaced(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	f.port.Tone(calls.ToneRingback)
	s.run(300 * time.Millisecond)
	packets := f.heard()
	p := packets[len(packets)-1].Payload
	if slices.Max(p) == slices.Min(p) {
		t.Error("no tone left")
	}
	f.port.StopPlayback(calls.PlayStopped)
	s.run(100 * time.Millisecond)
	packets = f.heard()
	if p := packets[len(packets)-1].Payload; p[0] != 0xD5 || p[159] != 0xD5 {
		t.Error("the tone goes on")
	}
	if len(f.events) != 0 {
		t.Errorf("a tone made events: %v", f.kinds())
	}
}
