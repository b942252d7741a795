package media

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

func TestFirstAudioIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	for range 5 {
		f.say(0x80)
		s.run(20 * time.Millisecond)
	}
	if !slices.Equal(f.kinds(), []EventKind{EventFirstAudio}) {
		t.Errorf("events %v", f.kinds())
	}
}

func TestWhatIsNoRTPOfTheSessionIsDroppedByItsReason(t *testing.T) {
	t.Parallel()
	good := rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 1, Timestamp: 1, SSRC: 1}
	payload := make([]byte, 160)
	with := func(change func(*rtp.Header)) []byte {
		h := good
		change(&h)
		b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	valid := with(func(*rtp.Header) {})
	version1 := slices.Clone(valid)
	version1[0] = 1 << 6
	padded := slices.Clone(valid)
	padded[0] |= 0x20
	padded[len(padded)-1] = 255
	csrcs := slices.Clone(valid[:20])
	csrcs[0] |= 0x0F
	report := slices.Clone(valid)
	report[1] = 200
	tests := []struct {
		name string
		b    []byte
		want dropKind
	}{
		{"valid", valid, dropNot},
		{"empty", nil, dropMalformed},
		{"eleven bytes", valid[:11], dropMalformed},
		{"no payload", valid[:12], dropMalformed},
		{"version 1", version1, dropMalformed},
		{"more padding than packet", padded, dropMalformed},
		{"more sources than packet", csrcs, dropMalformed},
		{"as long as never", append(slices.Clone(valid), make([]byte, 1400)...), dropMalformed},
		{"RTCP", report, dropRTCP},
		{"another codec", with(func(h *rtp.Header) { h.PayloadType = 0 }), dropPayloadType},
		{"an unknown payload type", with(func(h *rtp.Header) { h.PayloadType = 96 }), dropPayloadType},
		{"comfort noise", with(func(h *rtp.Header) { h.PayloadType = 13 }), dropNot},
	}
	for _, tt := range tests {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		f.answer()
		if got := f.port.leg.packet(tt.b, f.addr, 0); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, dropNames[got], dropNames[tt.want])
		}
	}
}

func TestNothingIsHeardBeforeTheSessionAndOnHold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.say(0x80)
	s.run(40 * time.Millisecond)
	hold := f.session()
	hold.Receive, hold.Patience = false, Patience{Never: time.Second, Lost: time.Second}
	f.port.Set(hold)
	f.say(0x80)
	s.run(5 * time.Second)
	if len(f.events) != 0 {
		t.Errorf("events %v", f.kinds())
	}
	if d := s.shard.count.drops; d[dropUnset] != 1 || d[dropHold] != 1 {
		t.Errorf("dropped %v", d)
	}
}

func TestAPressIsOneDigitWhateverTheNetworkDoes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	sender := s.open("127.0.0.1:20002")
	sender.answer()
	sender.port.SendDigits("0123456789*#")
	s.run(3 * time.Second)
	for i, p := range sender.heard() {
		if i%5 == 2 {
			continue
		}
		f.packet(f.addr, p.Header, p.Payload)
		if i%7 == 3 {
			f.packet(f.addr, p.Header, p.Payload)
		}
		s.run(20 * time.Millisecond)
	}
	if got := f.digits(); got != "0123456789*#" {
		t.Errorf("heard %q", got)
	}
	if f.events[1].Via != "rfc4733" {
		t.Errorf("via %q", f.events[1].Via)
	}
}

func TestAFloodOfDigitsIsBounded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	for i := range 150 {
		h := rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: uint16(i), Timestamp: uint32(i * 1000), SSRC: 1}
		f.packet(f.addr, h, []byte{5, 0, 0, 160})
		s.run(beat)
	}
	if n := len(f.digits()); n > maxDigitRate {
		t.Errorf("%d digits in a second", n)
	}
}

func TestDeadAirIsToldOnceByItsKindAndAgainAfterSoundCameBack(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	talk := f.session()
	talk.Patience = Patience{Never: 2 * time.Second, Lost: 3 * time.Second, Held: 4 * time.Second}
	held, listens, early := talk, talk, talk
	held.Send = false
	listens.Receive = false
	early.Send, early.Patience = false, Patience{}
	set := func(s Session) func() { return func() { f.port.Set(s) } }
	for i, step := range []struct {
		do   func()
		run  time.Duration
		want calls.Silence // "": nothing is told
	}{
		{set(early), 10 * time.Second, ""},
		{set(talk), 1900 * time.Millisecond, ""},
		{func() {}, 10 * time.Second, calls.SilenceNever},
		{func() { f.say(0x80) }, 2900 * time.Millisecond, ""},
		{func() {}, 10 * time.Second, calls.SilenceLost},
		{func() { f.say(0x80) }, 2 * time.Second, ""},
		{set(held), 3 * time.Second, ""},
		{set(held), 900 * time.Millisecond, ""}, // a session refresh in the middle of it
		{func() { f.say(0x80) }, 10 * time.Second, calls.SilenceHeld},
		{set(talk), 2900 * time.Millisecond, ""},
		{func() {}, 10 * time.Second, calls.SilenceLost},
		{set(listens), 10 * time.Second, ""},
	} {
		f.events = nil
		step.do()
		f.stage.run(step.run)
		var got []calls.Silence
		for _, ev := range f.events {
			if ev.Kind == EventMediaTimeout {
				got = append(got, ev.Silence)
			}
		}
		if step.want == "" && len(got) != 0 || step.want != "" && !slices.Equal(got, []calls.Silence{step.want}) {
			t.Errorf("step %d: told %v, want %q", i+1, got, step.want)
		}
	}
}

func TestAStrangerIsNeitherHeardNorSentTo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	r := f.port.Record(time.Minute)
	f.say(0x2A)
	s.run(20 * time.Millisecond)
	stranger := *f
	stranger.ssrc, stranger.seq = 666, 1
	for i := range 50 {
		stranger.sayFrom(netip.MustParseAddrPort("198.51.100.9:4000"), 0xAA)
		stranger.packet(netip.AddrPortFrom(f.addr.Addr(), 4002), rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: uint16(i), SSRC: 5, Timestamp: 9}, []byte{1, 0, 0, 1})
		s.run(20 * time.Millisecond)
	}
	for _, p := range f.heard() {
		if p.to != f.addr {
			t.Fatalf("sent to %s", p.to)
		}
	}
	if f.digits() != "" {
		t.Errorf("a stranger pressed %q", f.digits())
	}
	f.port.Close()
	s.settle()
	if pcm := r.PCM(); slices.Contains(pcm, codec.DecodeALaw(0xAA)) || len(pcm) != 160 {
		t.Errorf("a stranger is in the recording (%d samples)", len(pcm))
	}
}

func TestTheFactsCountWhatCameAndWhatDidNot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	for i := range 100 {
		if i%10 == 5 {
			f.seq++
			f.ts += 160
			s.run(20 * time.Millisecond)
			continue
		}
		f.say(0x80)
		s.run(20 * time.Millisecond)
	}
	f.port.Close()
	f.port.Close()
	s.settle()
	last := f.events[len(f.events)-1]
	if last.Kind != EventClosed || last.Facts.RX != 90 || last.Facts.Lost != 10 || last.Facts.Codec != "PCMA" {
		t.Errorf("%+v", last)
	}
	if last.Facts.MOS < 1 || last.Facts.MOS > 3 {
		t.Errorf("MOS %v with a tenth lost", last.Facts.MOS)
	}
	if !f.sock.closed {
		t.Error("the socket is open")
	}
	if n := len(s.shard.legs); n != 0 {
		t.Errorf("%d legs left", n)
	}
	f.port.Play(1, nil, false)
	f.port.Set(f.session())
	s.run(100 * time.Millisecond)
	if f.events[len(f.events)-1].Kind != EventClosed {
		t.Error("something came after the last event")
	}
}

func TestRecordingPutsEachPacketAtItsTime(t *testing.T) {
	t.Parallel()
	const loud = 0xAA
	x := codec.DecodeALaw(loud)
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	// Early media: received, not sent.
	early := f.session()
	early.Send = false
	f.port.Set(early)
	r := f.port.Record(time.Minute)
	s.settle()
	say := func(n int) {
		for range n {
			f.say(loud)
			s.run(20 * time.Millisecond)
		}
	}
	say(5)
	f.seq, f.ts = f.seq+3, f.ts+480 // three lost
	s.run(60 * time.Millisecond)
	say(5)
	f.answer()
	f.ts += 1600 // a pause of 200 ms: the sequence goes on
	s.run(200 * time.Millisecond)
	say(2)
	f.ssrc, f.ts, f.seq = 99, 123456789, 7 // another source
	say(3)
	// Two packets change places.
	f.seq, f.ts = f.seq+1, f.ts+160
	f.say(loud)
	f.seq, f.ts = f.seq-2, f.ts-320
	f.say(loud)
	f.seq, f.ts = f.seq+1, f.ts+160
	s.run(40 * time.Millisecond)
	say(2)
	f.port.Close()
	s.settle()
	pcm := r.PCM()
	want := 160 * (5 + 3 + 5 + 10 + 2 + 3 + 2 + 2)
	if len(pcm) != want {
		t.Fatalf("%d samples, want %d", len(pcm), want)
	}
	silent := func(frame int) bool { return frame >= 5 && frame < 8 || frame >= 13 && frame < 23 }
	for i, got := range pcm {
		expected := x
		if silent(i / 160) {
			expected = 0
		}
		if got != expected {
			t.Fatalf("sample %d (frame %d) is %d, want %d", i, i/160, got, expected)
		}
	}
}

func TestARecordingEndsAtItsLimitAndCrossesChunks(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	r := f.port.Record(10 * time.Second)
	for range 600 {
		f.say(0xAA)
		s.run(20 * time.Millisecond)
	}
	s.run(time.Second)
	if n := len(r.PCM()); n != 80000 {
		t.Errorf("%d samples", n)
	}
	if slices.Contains(r.PCM(), 0) {
		t.Error("there is a hole")
	}
}

func FuzzInbound(f *testing.F) {
	valid, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 9, SSRC: 1}, Payload: make([]byte, 160)}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	event, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: 9, SSRC: 1}, Payload: []byte{5, 0x80, 3, 0x20}}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid, event)
	f.Add(valid[:12], []byte{0x80})
	f.Add([]byte{0x9F, 8, 0, 0}, append([]byte{0xB0, 0x88}, valid[2:]...))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		if len(one) > maxDatagram || len(two) > maxDatagram {
			return
		}
		s := newStage(t)
		a, b := s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002")
		session := a.session()
		session.Inband = true
		a.port.Set(session)
		b.answer()
		r := a.port.Record(time.Minute)
		Bridge(a.port, b.port)
		for range 3 {
			a.raw(a.addr, one)
			a.raw(a.addr, two)
			s.run(20 * time.Millisecond)
		}
		a.port.Close()
		s.settle()
		if n := len(r.PCM()); n > 60*sampleRate {
			t.Fatalf("%d samples recorded", n)
		}
		for _, p := range b.heard() {
			if len(p.Payload) != 160 {
				t.Fatalf("%d bytes were passed on", len(p.Payload))
			}
		}
	})
}

// TestBeforeTheAnswerTheFarEndChoosesAmongWhatWasOffered: the codec is named by the
// first packets, everything that was not offered is refused.
func TestBeforeTheAnswerTheFarEndChoosesAmongWhatWasOffered(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.port.Set(Session{Offered: []codec.ID{codec.PCMU}, Receive: true, AcceptFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}})
	s.settle()
	for i := range uint16(6) {
		f.packet(f.addr, rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: i, SSRC: 1, Timestamp: uint32(i) * 160}, make([]byte, 160))
	}
	s.run(100 * time.Millisecond)
	if f.port.leg.in.heard {
		t.Error("a codec that was not offered is heard")
	}
	for i := range uint16(6) {
		f.packet(f.addr, rtp.Header{Version: 2, PayloadType: 0, SequenceNumber: 100 + i, SSRC: 1, Timestamp: uint32(i) * 160}, make([]byte, 160))
	}
	s.run(100 * time.Millisecond)
	if leg := f.port.leg; !leg.in.heard || leg.session.Codec != codec.PCMU {
		t.Errorf("heard %v in codec %q", leg.in.heard, leg.session.Codec)
	}
	if got := f.heard(); len(got) != 0 {
		t.Errorf("%d packets left before it was known where to", len(got))
	}
}
