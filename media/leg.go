package media

import (
	"net/netip"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
	"zvonar/media/dtmf"
)

// leg is the shard's side of a port: everything that changes with a packet.
type leg struct {
	port   *Port
	sock   socket
	shard  *shard
	owner  atomic.Pointer[shard] // the same for those who may not read shard
	placed bool
	closed bool

	configured bool
	session    Session
	codec      codec.Info
	known      bool // the codec is one of ours
	ptime      time.Duration
	frame      int // samples, and bytes, of a packet we send
	events     payloadTypes
	offered    payloadTypes // codecs that the far end may choose from yet

	in      inbound
	out     outbound
	reports reports
	armour  armour // nil: packets go as they are
	hear    *ring  // what the other side of a bridge says
	speak   *ring  // where the other side hears us
	other   *leg   // that other side; another shard may own it
}

// inbound is the state of what is received.
type inbound struct {
	latch     latch
	source    source
	digits    dtmf.Receiver
	recorder  *Recorder
	tap       *tap // nil: nobody analyses the sound
	script    script
	ear       *ear  // nil: digits in the audio are not listened for
	anything  bool  // some datagram came
	heard     bool  // valid RTP came
	due       int64 // nominal time of the last packet, by the clock that stamps them
	soonest   int64 // when a bridged leg need be looked at again
	waitsFrom time.Duration
	timedOut  bool
	silence   calls.Silence // what nothing would mean now

	digitWindow time.Duration
	digitCount  int
}

// payloadTypes is a set of RTP payload types.
type payloadTypes [2]uint64

func (p *payloadTypes) add(pt uint8)      { p[pt>>6&1] |= 1 << (pt & 63) }
func (p *payloadTypes) has(pt uint8) bool { return p[pt>>6&1]&(1<<(pt&63)) != 0 }

const defaultPtime = 20 * time.Millisecond

func newLeg(p *Port, sock socket) *leg {
	l := &leg{port: p, sock: sock}
	l.setPtime(defaultPtime)
	l.out.init()
	return l
}

// beat is the leg's turn: hear, then speak.
func (l *leg) beat() {
	if l.speak == nil { // else the shard has looked in this beat
		l.receive()
	}
	if l.configured {
		l.watch()
	}
	if l.in.recorder != nil {
		l.in.recorder.idle(l.shard.now)
	}
	l.transmit()
	if l.out.follows { // what waits behind a gap that was just filled
		l.follow()
	}
	if l.shard.now >= l.reports.look {
		l.report()
	}
}

// configure takes a session description.
func (l *leg) configure(s Session) {
	if l.closed {
		return
	}
	// Sources are compared in this form.
	s.Remote = netip.AddrPortFrom(s.Remote.Addr().Unmap(), s.Remote.Port())
	l.session, l.configured = s, true
	l.arm(s.Keys)
	l.offered = payloadTypes{}
	for _, id := range s.Offered {
		if info, ok := codec.Lookup(id); ok {
			l.offered.add(info.PayloadType)
		}
	}
	l.codec, l.known = codec.Lookup(s.Codec)
	l.events = payloadTypes{}
	for _, pt := range s.DTMFReceive {
		l.events.add(pt)
	}
	l.listenInband(s.Inband && s.Receive && l.known)
	l.in.latch.aim(s.Remote, s.AcceptFrom, l.shard.now)
	l.await()
	if s.Ptime != l.ptime {
		l.setPtime(s.Ptime)
		l.out.due = l.shard.place(l, l.shard.now+l.ptime)
	}
	if sends := s.Send && l.known && l.in.latch.target().IsValid(); sends != l.out.sending {
		l.out.sending, l.out.started = sends, false
	}
	l.shard.kicked = append(l.shard.kicked, l)
}

// setPtime takes a packet time that fits the wheel; others become 20 ms.
func (l *leg) setPtime(d time.Duration) {
	switch d {
	case 10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond:
	default:
		d = defaultPtime
	}
	l.ptime = d
	l.frame = int(d * sampleRate / time.Second)
}

// await sets the clock of dead air on, as a new session asks for it. A hold goes
// on through sessions that say the same again.
func (l *leg) await() {
	in := &l.in
	held := !l.session.Send
	if held && in.silence == calls.SilenceHeld {
		return
	}
	in.waitsFrom, in.timedOut = l.shard.now, false
	switch {
	case held:
		in.silence = calls.SilenceHeld
	case in.heard:
		in.silence = calls.SilenceLost
	default:
		in.silence = calls.SilenceNever
	}
}

// watch reports dead air, once.
func (l *leg) watch() {
	in := &l.in
	if in.timedOut || l.session.Send && !l.session.Receive { // who only listens is silent by right
		return
	}
	p := l.session.Patience.of(in.silence)
	if p <= 0 || l.shard.now-in.waitsFrom < p {
		return
	}
	in.timedOut = true
	l.shard.count.timeouts[silenceIndex(in.silence)]++
	l.shard.emit(l.port, Event{Kind: EventMediaTimeout, Silence: in.silence})
}

func (p *Patience) of(s calls.Silence) time.Duration {
	switch s {
	case calls.SilenceNever:
		return p.Never
	case calls.SilenceHeld:
		return p.Held
	}
	return p.Lost
}

// bridge connects the leg to the rings of another; nil, nil disconnects it.
func (l *leg) bridge(hear, speak *ring, other *leg) {
	if l.closed {
		return
	}
	l.hear, l.speak, l.other = hear, speak, other
	l.out.owed, l.out.wanting = 0, 0
	l.shard.setQuick(l, speak != nil)
	if hear != nil {
		l.stop(calls.PlayStopped)
	}
}

// record replaces the recorder.
func (l *leg) record(r *Recorder) {
	if l.closed {
		return
	}
	if old := l.in.recorder; old != nil {
		old.flush()
	}
	l.in.recorder = r
}

// close ends everything; the last event carries the facts.
func (l *leg) close() {
	if l.closed {
		return
	}
	// What the far end said last may still wait in the sockets.
	for range maxReceive {
		l.receive()
	}
	l.report()
	l.goodbye()
	l.closed = true
	l.untap()
	l.dismiss(l.in.script.scribe)
	l.stop(calls.PlayHangup)
	if l.in.recorder != nil {
		l.in.recorder.flush()
	}
	l.shard.remove(l)
	// Closing a datagram socket has nothing left to fail at that anyone could act on.
	_ = l.sock.close()
	if l.reports.sock != nil {
		_ = l.reports.sock.close()
	}
	l.port.heard = l.in.anything
	facts := l.facts()
	l.shard.count.quality(&facts)
	l.shard.emit(l.port, Event{Kind: EventClosed, Facts: facts})
}

// facts are what is told of the leg at its end.
func (l *leg) facts() calls.LegFacts {
	r := &l.reports
	f := l.in.source.facts(string(l.session.Codec), r.rtt)
	f.TX = int64(r.sent)
	f.SRTP = l.armour != nil
	if r.heardOf {
		f.TXLost, f.TXJitterMS = max(0, r.theirLost), round(float64(r.theirJit)*1000/sampleRate)
	}
	return f
}
