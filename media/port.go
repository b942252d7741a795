package media

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

// Session is what offer and answer agreed on.
type Session struct {
	Remote      netip.AddrPort // where to send; invalid or 0.0.0.0: do not send
	Codec       codec.ID
	PayloadType uint8
	// DTMFPayload is the far end's telephone-event payload type for sending,
	// DTMFReceive those we accept; 0 / empty: not negotiated.
	DTMFPayload uint8
	DTMFReceive []uint8
	Ptime       time.Duration // 20 ms unless negotiated otherwise (10, 20, 30, 40, 60)
	Send        bool          // false: the far end is not to be sent anything (hold)
	Receive     bool
	// Offered are the codecs of an offer that waits for its answer, under their
	// static payload types: a far end may speak before its answer is here (RFC 3264
	// 5.1). Remote and Codec are then unknown; the first packet of AcceptFrom's
	// that fits names the codec. nil: the answer is here.
	Offered []codec.ID
	// Reports is where the far end takes RTCP; invalid: behind Remote. Mux has it
	// beside the audio, on one port (RFC 5761).
	Reports netip.AddrPort
	Mux     bool
	// Keys are those of SRTP; nil: the sound goes as it is.
	Keys *Keys
	// AcceptFrom are further sources whose RTP may be latched (the signalling
	// address, a trunk's media_from).
	AcceptFrom []netip.Prefix
	Patience   Patience
	// Inband has digits heard in the audio, too (EventDigit via inband), for a far
	// end that sends no telephone-events.
	Inband bool
}

// Patience is how long dead air may last until EventMediaTimeout, which comes
// once, and again after RTP came back; 0 is for ever. A far end that only listens
// (Receive off, Send on) is silent by right.
type Patience struct {
	Never time.Duration // nothing was ever received; from the first Set that asks
	Lost  time.Duration // since the last packet
	Held  time.Duration // since Send was switched off, whatever comes
}

// Port is one RTP socket with everything that is played on it and heard from
// it. Methods are safe for concurrent use; they queue a command for the shard,
// wake it and return at once. On a closed port they do nothing.
type Port struct {
	engine *Engine
	place  sync.RWMutex // of shard: commands are queued under it, so a move leaves them in order
	shard  *shard
	home   *shard // whose outbox delivers the port's events
	leg    *leg   // of the shard alone
	number int    // as taken from the range; 0: given by the system
	local  netip.AddrPort
	events func(Event)
	closed atomic.Bool
	heard  bool // something came from the network; known with EventClosed
	last   bool // EventClosed was told; of the delivering goroutine

	peer *Port // bridged with; under engine.bridges
}

// Addr is the address for our SDP.
func (p *Port) Addr() netip.AddrPort { return p.local }

// Set (re)configures the port. With s.Send the first frame leaves at once, with
// silence where nothing is played, and one frame every Ptime from then on; with
// s.Send false and s.Receive true the port only listens (early media, or media
// that is dropped on purpose) and what is played waits. The slices of s belong to
// the port from here on.
func (p *Port) Set(s Session) { p.do(func(l *leg) { l.configure(s) }) }

// Play plays clip from its first sample to its last, replacing what was played
// (which ends with PlayStopped). id comes back in the events. On a bridged port
// it is heard instead of the other side until it ends. A nil clip is an empty one.
func (p *Port) Play(id int64, clip *Clip, loop bool) {
	if clip == nil {
		clip = &Clip{}
	}
	p.do(func(l *leg) { l.play(player{clip: clip, id: id, loop: loop}) })
}

// StopPlayback ends the playback or tone, if any, with reason.
func (p *Port) StopPlayback(reason calls.PlayReason) { p.do(func(l *leg) { l.stop(reason) }) }

// Tone plays a generated tone until Play, StopPlayback or a bridge replaces it.
// Tones make no playback events. An unknown kind is silence.
func (p *Port) Tone(kind calls.ToneKind) {
	t, known := p.engine.tones[kind]
	if !known {
		p.StopPlayback(calls.PlayStopped)
		return
	}
	p.do(func(l *leg) { l.play(player{clip: t.clip, loop: t.loop, tone: true}) })
}

// SendDigits sends digits one after another (100 ms on, 60 ms off) as RFC 4733
// events, or as tones in the sound where the far end takes no events; what is
// played pauses meanwhile. Characters that are no digits are left out.
func (p *Port) SendDigits(digits string) { p.do(func(l *leg) { l.sendDigits(digits) }) }

// Record starts keeping what is received (decoded, 8 kHz mono, gaps filled with
// silence by RTP timestamp) in memory, at most max. It replaces a recorder that
// was there, whose sound stays readable.
func (p *Port) Record(max time.Duration) *Recorder {
	r := newRecorder(max)
	p.do(func(l *leg) { l.record(r) })
	return r
}

// Analyse has a listen to what is received from now on, until the port is closed
// or stop is called, after which one call of a may still be under way. Of a
// closed port it hears nothing.
func (p *Port) Analyse(a Analyser) (stop func()) {
	p.do(func(l *leg) { l.analyse(a) })
	return func() { p.do(func(l *leg) { l.ignore(a) }) }
}

// Close stops playback (event with PlayHangup), releases the socket and, after
// the last event, sends EventClosed with the facts. It may be called again.
func (p *Port) Close() {
	if p.closed.Swap(true) {
		return
	}
	p.engine.leaveBridge(p)
	p.ask((*leg).close)
}

func (p *Port) do(f func(*leg)) {
	if p.closed.Load() {
		return
	}
	p.ask(f)
}

// ask queues a command even on a port that is marked as closed.
func (p *Port) ask(f func(*leg)) { p.asked(f) }

// asked is ask; false once no more commands are taken.
func (p *Port) asked(f func(*leg)) bool {
	p.place.RLock()
	defer p.place.RUnlock()
	return p.shard.do(func(s *shard) { s.command(p.leg, f) })
}

// tell hands out an event. What an analyser finds after the last event comes too
// late for anybody.
func (p *Port) tell(ev Event) {
	if p.last {
		return
	}
	if p.last = ev.Kind == EventClosed; p.last {
		p.engine.release(p)
	}
	if p.events != nil {
		p.events(ev)
	}
}

// Bridge lets two ports of one engine hear each other (whatever was played on
// them stops); codecs may differ. A port that was bridged with another leaves it.
func Bridge(a, b *Port) {
	bridges := &a.engine.bridges
	bridges.Lock()
	defer bridges.Unlock()
	// Under the lock, which Close takes once the port is marked as closed: nobody
	// is left bridged with a port that is gone.
	if a == b || a.peer == b || a.closed.Load() || b.closed.Load() {
		return
	}
	a.part()
	b.part()
	a.peer, b.peer = b, a
	a.place.RLock()
	home := a.shard
	a.place.RUnlock()
	b.moveTo(home) // one shard passes their packets on at once; see follow.go
	aToB, bToA := &ring{}, &ring{}
	a.do(func(l *leg) { l.bridge(bToA, aToB, b.leg) })
	b.do(func(l *leg) { l.bridge(aToB, bToA, a.leg) })
}

// Unbridge ends that: both go back to silence. Ports that are not bridged with
// each other are left as they are.
func Unbridge(a, b *Port) {
	bridges := &a.engine.bridges
	bridges.Lock()
	defer bridges.Unlock()
	if a.peer == b {
		a.part()
	}
}

// part separates the port from its peer. The caller holds engine.bridges.
func (p *Port) part() {
	other := p.peer
	if other == nil {
		return
	}
	p.peer, other.peer = nil, nil
	for _, one := range []*Port{p, other} {
		one.ask(func(l *leg) { l.bridge(nil, nil, nil) })
	}
}
