package media

import (
	"net"
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

// One who does not know which ports are in use sends to all of them, through real
// sockets, with what passes for the stream of a call.
func TestASprayerOverTheWholeRangeIsSentNothingAndHeardNowhere(t *testing.T) {
	t.Parallel()
	const low, high, loud = 11000, 11062, 0xAA
	e, err := NewEngine(Config{IP: loopback, PortMin: low, PortMax: high})
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	openOn := func() (*Port, *owner) {
		o := newOwner()
		p, err := e.Open(o.take)
		if err != nil {
			t.Fatal(err)
		}
		return p, o
	}
	a, aOwner := openOn()
	b, bOwner := openOn()
	waiting, waitingOwner := openOn() // its far end has not spoken yet
	a.Set(towards(b.Addr()))
	b.Set(towards(a.Addr()))
	session := towards(netip.MustParseAddrPort("127.0.0.1:9"))
	session.Inband = true
	waiting.Set(session)
	recorders := []*Recorder{a.Record(time.Minute), b.Record(time.Minute), waiting.Record(time.Minute)}

	sprayer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 66)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sprayer.Close() }()
	payload := make([]byte, 160)
	fill(payload, loud)
	aOwner.until(t, "the call is on", aOwner.has(EventFirstAudio))
	bOwner.until(t, "the call is on", bOwner.has(EventFirstAudio))
	for n := range 200 {
		for port := low; port <= high; port++ {
			for _, h := range []rtp.Header{{PayloadType: 8}, {PayloadType: 101, Marker: true}} {
				h.Version, h.SSRC, h.SequenceNumber, h.Timestamp = 2, 7, uint16(n), uint32(n)*160
				body := payload
				if h.PayloadType == 101 {
					body = []byte{9, 0x8A, 3, 0x20}
				}
				raw, err := (&rtp.Packet{Header: h, Payload: body}).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				// A port that nobody has refuses; the next send may say so.
				_, _ = sprayer.WriteToUDPAddrPort(raw, netip.AddrPortFrom(loopback, uint16(port)))
			}
		}
	}
	for _, p := range []*Port{a, b, waiting} {
		p.Close()
	}
	for _, o := range []*owner{aOwner, bOwner, waitingOwner} {
		o.until(t, "the end", o.has(EventClosed))
		if o.digits() != "" {
			t.Errorf("a stranger pressed %q", o.digits())
		}
	}
	if waitingOwner.has(EventFirstAudio)() {
		t.Error("a stranger counts as the far end")
	}
	for i, r := range recorders {
		if slices.Contains(r.PCM(), codec.DecodeALaw(loud)) {
			t.Errorf("a stranger is in recording %d", i)
		}
	}
	if err := sprayer.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, from, err := sprayer.ReadFromUDPAddrPort(make([]byte, 2048)); err == nil {
		t.Errorf("%d bytes came back from %s", n, from)
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
