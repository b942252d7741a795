package media

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"zvonar/media/codec"
)

func TestAFarEndThatSendsOftenIsHeardWholeAtALongPtime(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	session := f.session()
	session.Ptime = 60 * time.Millisecond
	f.port.Set(session)
	for range 600 { // 6 s, 80 samples a packet
		payload := make([]byte, 80)
		f.packet(f.addr, rtp.Header{Version: 2, PayloadType: f.pt, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: f.ssrc}, payload)
		f.seq, f.ts = f.seq+1, f.ts+80
		s.run(10 * time.Millisecond)
	}
	s.run(60 * time.Millisecond)
	if n := len(f.sock.in); n != 0 {
		t.Errorf("%d packets still wait in the socket", n)
	}
}

func TestASprayerPutsNothingIntoACall(t *testing.T) {
	t.Parallel()
	const loud = 0xAA
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	r := f.port.Record(time.Minute)
	strangers := []netip.AddrPort{netip.MustParseAddrPort("198.51.100.9:4000"), netip.MustParseAddrPort("203.0.113.1:4000")}
	fake := uint16(0)
	spray := func() {
		for _, from := range strangers {
			// As a guesser and as one who read the stream along the way.
			for _, h := range []rtp.Header{{SSRC: 666, SequenceNumber: fake, Timestamp: uint32(fake) * 160}, {SSRC: f.ssrc, SequenceNumber: f.seq, Timestamp: f.ts}} {
				h.Version, h.PayloadType = 2, f.pt
				payload := make([]byte, 160)
				fill(payload, loud)
				f.packet(from, h, payload)
				h.PayloadType, h.Marker = 101, true
				f.packet(from, h, []byte{9, 0x8A, 3, 0x20})
			}
		}
		fake++
	}
	hold := f.session()
	hold.Remote, hold.Send = netip.AddrPort{}, false
	for _, phase := range []struct {
		session Session
		speaks  bool
	}{{f.session(), false}, {f.session(), true}, {f.session(), false}, {hold, false}, {f.session(), true}} {
		f.port.Set(phase.session)
		for range 300 { // longer than a silent source keeps its place
			spray()
			if phase.speaks {
				f.say(0x2A)
			}
			s.run(20 * time.Millisecond)
		}
	}
	for _, p := range f.heard() {
		if p.to != f.addr {
			t.Fatalf("something was sent to %s", p.to)
		}
	}
	f.port.Close()
	s.settle()
	if f.digits() != "" {
		t.Errorf("a stranger pressed %q", f.digits())
	}
	if slices.Contains(r.PCM(), codec.DecodeALaw(loud)) {
		t.Error("a stranger is in the recording")
	}
	if n := len(f.sock.in); n != 0 || len(r.PCM()) < 600*160 {
		t.Errorf("the flood crowded the far end out: %d packets wait, %d samples were heard", n, len(r.PCM()))
	}
}

func TestAMovedFarEndIsSentToAndReplacesWhereItWas(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	r := f.port.Record(time.Minute)
	f.say(0x2A)
	s.run(20 * time.Millisecond)
	old := f.addr
	f.addr = netip.MustParseAddrPort("192.0.2.77:6000")
	f.heard()
	f.answer()
	s.run(100 * time.Millisecond)
	for _, p := range f.heard() {
		if p.to != f.addr {
			t.Fatalf("sent to %s after the new description", p.to)
		}
	}
	for range 3 {
		f.say(0x2A)
		s.run(20 * time.Millisecond)
	}
	intruder := *f
	for range 400 { // 8 s: longer than a silent source keeps its place
		intruder.sayFrom(old, 0xAA)
		s.run(20 * time.Millisecond)
	}
	f.port.Close()
	s.settle()
	if slices.Contains(r.PCM(), codec.DecodeALaw(0xAA)) {
		t.Error("the old address was heard after the new one")
	}
}
