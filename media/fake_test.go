package media

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"zvonar/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is one shard played by the test: sockets, time and delivery are in its
// hands, and nothing runs beside it.
type stage struct {
	t      testing.TB
	engine *Engine
	shard  *shard
	now    time.Duration
}

type noSleep struct{}

func (noSleep) wait(time.Duration) {}
func (noSleep) rest()              {}
func (noSleep) wake()              {}
func (noSleep) close() error       { return nil }

func newStage(t testing.TB) *stage {
	t.Helper()
	e, err := NewEngine(Config{IP: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, engine: e, shard: newShard(e, noSleep{})}
	e.wall = func() int64 { return int64(s.now) }
	s.shard.next = beat
	return s
}

// open makes a port on a socket in memory; its events collect in far.
func (s *stage) open(address string) *far {
	sock := &memorySocket{local: netip.MustParseAddrPort(address), clock: &s.now}
	f := &far{t: s.t, stage: s, sock: sock, seq: 100, ts: 5000, ssrc: 77, pt: 8, addr: netip.MustParseAddrPort("192.0.2.1:4000")}
	p := &Port{engine: s.engine, shard: s.shard, home: s.shard, local: sock.local}
	p.events = func(ev Event) { f.events = append(f.events, ev) }
	p.leg = newLeg(p, sock)
	f.control = &memorySocket{local: netip.AddrPortFrom(sock.local.Addr(), sock.local.Port()+1), clock: &s.now}
	p.leg.reports.sock = f.control
	s.engine.open++
	f.port = p
	s.shard.do(func(sh *shard) { sh.add(p.leg) })
	s.settle()
	return f
}

// settle runs the queued commands without moving the time.
func (s *stage) settle() { s.turn() }

// run lets the time pass, beat by beat.
func (s *stage) run(d time.Duration) {
	for end := s.now + d; s.now < end; {
		s.now += beat
		s.turn()
	}
}

// jump lets the time pass while the shard does not get the processor.
func (s *stage) jump(d time.Duration) {
	s.now += d
	s.turn()
}

func (s *stage) turn() {
	s.shard.advance(s.now)
	for _, a := range s.engine.analysts {
		a.turn()
	}
	s.shard.box.mu.Lock()
	batch := s.shard.box.waiting
	s.shard.box.waiting = nil
	s.shard.box.mu.Unlock()
	for _, told := range batch {
		told.port.tell(told.event)
	}
}

// far is the far end of a port, and the port.
type far struct {
	t       testing.TB
	stage   *stage
	port    *Port
	sock    *memorySocket
	control *memorySocket // of RTCP
	events  []Event
	addr    netip.AddrPort
	seq     uint16
	ts      uint32
	ssrc    uint32
	pt      uint8
}

func (f *far) session() Session {
	return Session{
		Remote: f.addr, Codec: codec.PCMA, PayloadType: 8, DTMFPayload: 101, DTMFReceive: []uint8{101},
		Ptime: 20 * time.Millisecond, Send: true, Receive: true,
	}
}

// answer sets the port up both ways.
func (f *far) answer() {
	f.port.Set(f.session())
	f.stage.settle()
}

// say sends one frame of audio of 20 ms to the port.
func (f *far) say(c byte) { f.sayFrom(f.addr, c) }

func (f *far) sayFrom(from netip.AddrPort, c byte) {
	payload := make([]byte, 160)
	fill(payload, c)
	f.packet(from, rtp.Header{Version: 2, PayloadType: f.pt, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: f.ssrc}, payload)
	f.seq++
	f.ts += 160
}

// header is of the next packet of audio.
func (f *far) header() rtp.Header {
	h := rtp.Header{Version: 2, PayloadType: f.pt, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: f.ssrc}
	f.seq, f.ts = f.seq+1, f.ts+160
	return h
}

func (f *far) packet(from netip.AddrPort, h rtp.Header, payload []byte) {
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		f.t.Fatal(err)
	}
	f.raw(from, b)
}

func (f *far) raw(from netip.AddrPort, b []byte) {
	f.sock.in = append(f.sock.in, memoryDatagram{b: b, peer: from, at: f.stage.now})
}

// heard parses and takes what the port sent so far.
func (f *far) heard() []sentPacket {
	var all []sentPacket
	for _, d := range f.sock.out {
		s := sentPacket{at: d.at, to: d.peer}
		if err := s.Unmarshal(d.b); err != nil {
			f.t.Fatalf("the port sent no RTP: %v", err)
		}
		all = append(all, s)
	}
	f.sock.out = nil
	return all
}

// kinds are the kinds of the events so far.
func (f *far) kinds() (k []EventKind) {
	for _, ev := range f.events {
		k = append(k, ev.Kind)
	}
	return k
}

func (f *far) digits() string {
	var d []byte
	for _, ev := range f.events {
		if ev.Kind == EventDigit {
			d = append(d, ev.Digit)
		}
	}
	return string(d)
}

type sentPacket struct {
	rtp.Packet
	at time.Duration
	to netip.AddrPort
}

type memoryDatagram struct {
	b    []byte
	peer netip.AddrPort
	at   time.Duration
}

// memorySocket keeps what is sent, with the time of the shard's turn.
type memorySocket struct {
	local   netip.AddrPort
	in, out []memoryDatagram
	discard bool          // for benchmarks: forget what is sent, and repeat what came as one stream
	next    time.Duration // when the next packet of that stream is there
	sent    int
	clock   *time.Duration
	closed  bool
	looks   int // calls of recv
}

func (s *memorySocket) recv(in *intake) bool {
	s.looks++
	if len(s.in) == 0 {
		return false
	}
	d := s.in[0]
	if !s.discard {
		s.in = s.in[1:]
		in.n, in.from, in.at = copy(in.room[:], d.b), d.peer, int64(d.at)
		return true
	}
	if *s.clock < s.next {
		return false
	}
	s.next = *s.clock + 20*time.Millisecond
	binary.BigEndian.PutUint16(d.b[2:], binary.BigEndian.Uint16(d.b[2:])+1)
	binary.BigEndian.PutUint32(d.b[4:], binary.BigEndian.Uint32(d.b[4:])+160)
	in.n, in.from, in.at = copy(in.room[:], d.b), d.peer, int64(d.at)
	return true
}

func (s *memorySocket) send(b []byte, to netip.AddrPort) bool {
	s.sent++
	if s.discard {
		return true
	}
	d := memoryDatagram{b: append([]byte(nil), b...), peer: to}
	if s.clock != nil {
		d.at = *s.clock
	}
	s.out = append(s.out, d)
	return true
}

func (s *memorySocket) addr() netip.AddrPort { return s.local }

func (s *memorySocket) close() error {
	s.closed = true
	return nil
}
