package media

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"zvonar/internal/calls"
)

// told parses what a socket sent as RTCP.
func reportsOf(t *testing.T, sock *memorySocket) (all []rtcp.Packet, last memoryDatagram) {
	t.Helper()
	for _, d := range sock.out {
		p, err := rtcp.Unmarshal(d.b)
		if err != nil {
			t.Fatalf("no RTCP: %v", err)
		}
		if err := rtcp.CompoundPacket(p).Validate(); err != nil {
			t.Errorf("not as RFC 3550 6.1 has it: %v", err)
		}
		all, last = append(all, p...), d
	}
	sock.out = nil
	return all, last
}

// report hands RTCP to the port.
func (f *far) report(sock *memorySocket, from netip.AddrPort, packets ...rtcp.Packet) {
	f.t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		f.t.Fatal(err)
	}
	sock.in = append(sock.in, memoryDatagram{b: b, peer: from, at: f.stage.now})
}

func pick[T rtcp.Packet](all []rtcp.Packet) (found []T) {
	for _, p := range all {
		if q, ok := p.(T); ok {
			found = append(found, q)
		}
	}
	return found
}

var farControl = netip.MustParseAddrPort("192.0.2.1:4001")

func TestReportsSayWhatWasSentAndWhatWasHeard(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	for i := range 1000 {
		if i%10 == 5 {
			f.seq, f.ts = f.seq+1, f.ts+160
		} else {
			f.say(0x80)
		}
		if i == 400 {
			f.report(f.control, farControl, &rtcp.SenderReport{SSRC: f.ssrc, NTPTime: 0x1122334455667788, RTPTime: f.ts})
		}
		s.run(20 * time.Millisecond)
	}
	all, last := reportsOf(t, f.control)
	sent := f.heard()
	if last.peer != farControl {
		t.Errorf("reports go to %s", last.peer)
	}
	srs, names := pick[*rtcp.SenderReport](all), pick[*rtcp.SourceDescription](all)
	if len(srs) < 3 || len(srs) > 8 || len(names) != len(srs) {
		t.Fatalf("%d reports and %d names in 20 s", len(srs), len(names))
	}
	for _, sr := range srs {
		i := slices.IndexFunc(sent, func(p sentPacket) bool { return int32(p.Timestamp-sr.RTPTime) > 0 })
		if i < 0 {
			i = len(sent)
		}
		if sr.SSRC != sent[0].SSRC || sr.PacketCount != uint32(i) || sr.OctetCount != uint32(160*i) {
			t.Errorf("a report of %d packets, %d bytes where %d had left", sr.PacketCount, sr.OctetCount, i)
		}
		// The same instant by both clocks, within the beat.
		wall := time.Duration(sr.NTPTime>>32-2208988800)*time.Second + time.Duration((sr.NTPTime&0xFFFFFFFF)*uint64(time.Second)>>32)
		media := sent[0].at + time.Duration(sr.RTPTime-sent[0].Timestamp)*time.Second/sampleRate
		if d := (wall - media).Abs(); d > 10*time.Millisecond {
			t.Errorf("the clocks of a report are %v apart", d)
		}
	}
	rep := srs[len(srs)-1].Reports[0]
	if rep.SSRC != f.ssrc || rep.FractionLost < 20 || rep.FractionLost > 32 || math.Abs(float64(rep.TotalLost)-float64(rep.LastSequenceNumber-100)/10) > 2 {
		t.Errorf("%+v with a tenth lost", rep)
	}
	if low := uint16(rep.LastSequenceNumber); rep.LastSequenceNumber>>16 != 0 || f.seq-low > 400 {
		t.Errorf("highest %d, the far end is at %d", rep.LastSequenceNumber, f.seq)
	}
	if rep.LastSenderReport != 0x33445566 {
		t.Errorf("names the report %#x", rep.LastSenderReport)
	}
	if delay := time.Duration(rep.Delay) * time.Second >> 16; delay < 2*time.Second || delay > 13*time.Second {
		t.Errorf("the report came %v before", delay)
	}
	f.port.Close()
	s.settle()
	all, _ = reportsOf(t, f.control)
	if bye := pick[*rtcp.Goodbye](all); len(bye) != 1 || bye[0].Sources[0] != sent[0].SSRC || !f.control.closed {
		t.Errorf("no goodbye: %v", all)
	}
}

func TestWhatTheFarEndReportsIsInTheFacts(t *testing.T) {
	t.Parallel()
	for _, mux := range []bool{false, true} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		session := f.session()
		session.Mux = mux
		f.port.Set(session)
		sock, from := f.control, farControl
		if mux {
			sock, from = f.sock, f.addr
		}
		f.say(0x80)
		var sr *rtcp.SenderReport
		for i := 0; sr == nil && i < 1000; i++ {
			s.run(20 * time.Millisecond)
			out := &memorySocket{out: slices.DeleteFunc(slices.Clone(sock.out), func(d memoryDatagram) bool { return d.b[1] < 200 })}
			if all, last := reportsOf(t, out); len(all) > 0 {
				sr = pick[*rtcp.SenderReport](all)[0]
				if last.peer != from {
					t.Errorf("mux %v: to %s", mux, last.peer)
				}
			}
		}
		if sr == nil {
			t.Fatalf("mux %v: no report", mux)
		}
		// 60 ms there, half a second of thinking, 60 ms back.
		s.run(620 * time.Millisecond)
		answer := rtcp.ReceptionReport{SSRC: sr.SSRC, TotalLost: 17, Jitter: 40, LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 1 << 15}
		foreign := answer
		foreign.SSRC, foreign.TotalLost = 5, 99
		f.report(sock, from, &rtcp.ReceiverReport{SSRC: f.ssrc, Reports: []rtcp.ReceptionReport{foreign, answer}})
		stranger := answer
		stranger.TotalLost = 5000
		f.report(sock, netip.MustParseAddrPort("203.0.113.9:4001"), &rtcp.ReceiverReport{SSRC: f.ssrc, Reports: []rtcp.ReceptionReport{stranger}})
		s.run(2 * time.Second)
		f.port.Close()
		s.settle()
		facts := f.events[len(f.events)-1].Facts
		// The report left within a turn of 20 ms of its time.
		if math.Abs(facts.RTTMS-120) > 21 || facts.TXLost != 17 || facts.TXJitterMS != 5 || facts.TX < 100 {
			t.Errorf("mux %v: %+v", mux, facts)
		}
		if n := s.shard.count.drops[dropRTCP]; n != 1 {
			t.Errorf("mux %v: %d reports of strangers", mux, n)
		}
	}
}

// shakenStream is a stream of 20 ms packets that arrive late by chance, with
// telephone-events and a pause in it; truth is its jitter by RFC 3550 A.8, in ms.
func shakenStream(seed uint64, worst float64) (packets []rtp.Header, late []time.Duration, truth float64) {
	rng := rand.New(rand.NewPCG(seed, 3550))
	var before float64
	ts := uint32(math.MaxUint32 - 160*20) // wraps
	for i := range 600 {
		d := time.Duration(rng.Float64() * worst * float64(time.Millisecond))
		h := rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: uint16(i + 65500), Timestamp: ts, SSRC: 9}
		ts += 160
		if i%100 >= 90 {
			h.PayloadType, h.Timestamp = 101, ts-160*uint32(i%100-90) // one press
		} else {
			ms := float64(d) / float64(time.Millisecond)
			if len(packets) > 0 {
				truth += (math.Abs(ms-before) - truth) / 16
			}
			before = ms
		}
		packets, late = append(packets, h), append(late, d)
	}
	return packets, late, truth
}

func TestJitterIsWithinAMillisecondOfTheTruth(t *testing.T) {
	t.Parallel()
	for _, worst := range []float64{0, 5, 20, 60} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		f.answer()
		packets, late, truth := shakenStream(uint64(worst), worst)
		payload := make([]byte, 160)
		for i, h := range packets {
			b := payload
			if h.PayloadType == 101 {
				b = []byte{5, 0, 1, 0}
			}
			f.packet(f.addr, h, b)
			f.sock.in[len(f.sock.in)-1].at = time.Duration(i)*20*time.Millisecond + late[i] // when the kernel had it
			s.run(20 * time.Millisecond)                                                    // when we look
		}
		if got := f.port.leg.in.source.facts("", 0); math.Abs(got.JitterMS-truth) > 0.2 || got.Lost != 0 {
			t.Errorf("up to %v ms late: %v ms of jitter, the truth is %.2f; %+v", worst, got.JitterMS, truth, got)
		}
	}
}

// TestJitterThroughRealSocketsIsThatOfTheRelay sends at times of its own and
// reckons the jitter from when the packets really left.
func TestJitterThroughRealSocketsIsThatOfTheRelay(t *testing.T) {
	t.Parallel()
	p, owner := open(t, Config{})
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.Set(towards(facing(conn)))
	packets, late, _ := shakenStream(7, 15)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var truth, before, doubt float64
	begun, timed := time.Now(), 0
	for i, h := range packets[:300] {
		at := time.NewTimer(time.Until(begun.Add(time.Duration(i)*20*time.Millisecond + late[i])))
		select {
		case <-at.C:
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
		payload := make([]byte, 160)
		if h.PayloadType == 101 {
			payload = []byte{5, 0, 1, 0}
		}
		b, _ := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		from := time.Since(begun)
		if _, err := conn.WriteToUDPAddrPort(b, p.Addr()); err != nil {
			t.Fatal(err)
		}
		to := time.Since(begun)
		if h.PayloadType == 101 {
			continue
		}
		// The packet left between two looks at the clock: what lies between them on a
		// busy machine is nobody's error.
		transit := float64(from+to)/2/float64(time.Millisecond) - float64(h.Timestamp-packets[0].Timestamp)/8
		if timed++; timed > 1 {
			truth += (math.Abs(transit-before) - truth) / 16
			doubt += (float64(to-from)/float64(time.Millisecond) - doubt) / 16
		}
		before = transit
	}
	p.Close()
	owner.until(t, "closed", owner.has(EventClosed))
	facts := owner.all()[len(owner.all())-1].Facts
	if math.Abs(facts.JitterMS-truth) > 1+doubt || facts.RX != 300 {
		t.Errorf("jitter %v ms, of the relay %.2f ms (in doubt by %.2f); %+v", facts.JitterMS, truth, doubt, facts)
	}
}

func TestTwoEndsMeasureTheirRoundTripAndLoss(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a, b := s.open("192.0.2.1:4000"), s.open("192.0.2.2:4000")
	for _, end := range []struct{ one, other *far }{{a, b}, {b, a}} {
		session := end.one.session()
		session.Remote = end.other.sock.local
		end.one.port.Set(session)
	}
	// The network takes 40 ms each way, and every eighth packet of a's.
	const there = 40 * time.Millisecond
	pass := func(from, to *memorySocket, lose bool) {
		keep := from.out[:0]
		for i, d := range from.out {
			switch {
			case s.now-d.at < there:
				keep = append(keep, from.out[i])
			case lose && d.b[3]%8 == 0:
			default:
				to.in = append(to.in, memoryDatagram{b: d.b, peer: from.local, at: d.at + there})
			}
		}
		from.out = keep
	}
	for range 30 * 200 {
		s.run(beat)
		pass(a.sock, b.sock, true)
		pass(b.sock, a.sock, false)
		pass(a.control, b.control, false)
		pass(b.control, a.control, false)
	}
	a.port.Close()
	b.port.Close()
	s.settle()
	fa, fb := a.events[len(a.events)-1].Facts, b.events[len(b.events)-1].Facts
	for _, f := range []calls.LegFacts{fa, fb} {
		if math.Abs(f.RTTMS-80) > 1 {
			t.Errorf("round trip %v ms, want 80", f.RTTMS)
		}
	}
	if fa.Lost != 0 || fa.TXLost < fa.TX/8*6/10 || fa.TXLost > fa.TX/8+1 || fb.Lost < fa.TX/8-5 || fb.TXLost != 0 {
		t.Errorf("a %+v\nb %+v", fa, fb)
	}
	if fa.MOS < 4.2 || fb.MOS > 2.5 {
		t.Errorf("a hears everything (%v), b seven eighths (%v)", fa.MOS, fb.MOS)
	}
}

func TestALegWithoutThePortBehindItsOwnIsHeardAllTheSame(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Config{IP: loopback})
	if err != nil {
		t.Fatal(err)
	}
	listen, turn := e.cfg.listen, 0
	var mu sync.Mutex
	e.cfg.listen = func(a netip.AddrPort) (socket, error) {
		mu.Lock()
		defer mu.Unlock()
		if a.Port()%2 == 1 {
			turn++
			return nil, net.ErrClosed
		}
		return listen(a)
	}
	startEngine(t, e)
	o := newOwner()
	p, err := e.Open(o.take)
	if err != nil {
		t.Fatal(err)
	}
	p.Set(towards(netip.AddrPortFrom(loopback, 9)))
	p.Play(1, rampClip(160), false)
	o.until(t, "the clip is over", o.has(EventPlaybackFinished))
	if e.unreported.Load() == 0 || turn == 0 {
		t.Error("the port behind it was not asked for")
	}
}

func FuzzReports(f *testing.F) {
	s := newStage(f)
	far := s.open("127.0.0.1:20000")
	far.answer()
	far.say(0x80)
	s.run(10 * time.Second)
	for _, d := range far.control.out {
		f.Add(d.b)
	}
	b, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: far.port.leg.out.ssrc, LastSenderReport: 1, TotalLost: 1 << 23}}}})
	f.Add(b)
	f.Add([]byte{0x81, 201, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		l := far.port.leg
		l.reported(b, farControl, int64(s.now))
		if r := l.reports; r.rtt < 0 || r.rtt > reasonableRTT {
			t.Errorf("round trip %v", r.rtt)
		}
		if f := l.facts(); f.TXLost < 0 || f.MOS < 0 || f.MOS > 5 {
			t.Errorf("%+v", f)
		}
	})
}
