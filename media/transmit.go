package media

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
	"zvonar/media/dtmf"
)

const (
	rtpHeader  = 12
	rtpVersion = 2 << 6
	markerBit  = 1 << 7
	// maxBurst frames are sent in one turn of a late shard; what is missing
	// beyond that is left out of the clock, for nobody could play it any more.
	maxBurst = 3
)

// outbound is the state of what is sent: one clock for sequence and timestamp,
// whatever the packet holds.
type outbound struct {
	sending bool // the session asks for it
	started bool // the clock runs
	early   bool // the one frame ahead of the clock has been spent
	due     time.Duration
	ssrc    uint32
	ts      uint32
	seq     uint16
	marker  bool
	player  player
	digits  dtmf.Sender
	digitTS uint32
	toned   int           // samples of the present digit that left as a tone
	stopped time.Duration // when the clock was last seen running
	ran     bool
	follows bool // the last frame left when the other side of the bridge said it
	owed    int  // frames of the other side that were sent as silence, being late
	wanting int  // frames wanted in vain, one after another
	paced   int  // frames passed on at the speaker's pace, one after another
}

func (o *outbound) init() {
	o.ssrc, o.ts, o.seq = rand.Uint32(), rand.Uint32(), uint16(rand.Uint32())>>1 // SRTP wants it far from the wrap (RFC 3711 3.3.1)
}

// kick lets a leg that was commanded send at once: the first frame of a stream,
// or, once a stream, the first frame of a clip ahead of its time.
func (l *leg) kick() {
	o := &l.out
	switch {
	case l.closed || !o.sending:
		return
	case !o.started:
		l.start()
	case !o.early && o.player.active() && !o.player.begun && l.hear == nil && !o.digits.Busy():
		// The frame is early by less than one ptime, and so is all that follows:
		// a jitter buffer takes that as it takes any early packet.
		o.early = true
		l.send(o.due)
		o.due = l.shard.place(l, l.shard.now+l.ptime)
	}
}

// start begins or resumes the stream with a frame that leaves now. The timestamp
// goes on as if it had never stopped.
func (l *leg) start() {
	o := &l.out
	now := l.shard.now
	if o.ran {
		o.ts += uint32(max(0, now-o.stopped) / (time.Second / sampleRate))
	}
	if l.hear != nil {
		l.hear.drain() // what was said before is stale
	}
	o.started, o.ran, o.early, o.marker = true, true, false, true
	l.send(now)
	o.due = l.shard.place(l, now+l.ptime)
}

// transmit sends what is due.
func (l *leg) transmit() {
	o := &l.out
	if !o.sending || !o.started {
		return
	}
	now := l.shard.now
	for range maxBurst {
		if o.due > now {
			return
		}
		if o.follows { // its beat is not the other side's
			o.follows, o.due = false, now
		}
		l.send(o.due)
		o.due += l.ptime
	}
	if o.due <= now {
		missed := (now-o.due)/l.ptime + 1
		o.due += missed * l.ptime
		o.ts += uint32(missed) * uint32(l.frame)
		o.marker = true
		l.shard.count.reanchors++
	}
}

// send puts one packet on the wire, whose nominal time is due, and moves the
// clock on by it.
func (l *leg) send(due time.Duration) {
	o, scratch := &l.out, &l.shard.scratch
	pt, ts := l.session.PayloadType, o.ts
	var (
		payload int
		clip    []byte // what is sent, where it lies in a clip
	)
	step, ev, first := o.digits.Next(l.frame)
	switch step {
	case dtmf.Packet:
		if first {
			o.digitTS, o.toned = o.ts, 0
		}
		if l.session.DTMFPayload == 0 {
			payload = copy(scratch[rtpHeader:], l.tone(ev.Code))
			break
		}
		o.marker = o.marker || first
		pt, ts = l.session.DTMFPayload, o.digitTS
		ev.Put(scratch[rtpHeader:])
		payload = dtmf.EventLen
	case dtmf.Pause:
		payload = l.frame
		fill(scratch[rtpHeader:rtpHeader+payload], l.codec.Silence)
	default:
		words := l.audio()
		if &words[0] != &l.shard.frame[0] {
			clip = words
		}
		payload = copy(scratch[rtpHeader:], words)
		if l.leaveOut() {
			return
		}
	}
	switch {
	case l.in.script.scribe == nil || step == dtmf.Packet && l.session.DTMFPayload != 0:
	case clip != nil:
		l.sayWords(clip, true)
	default:
		l.sayWords(scratch[rtpHeader:rtpHeader+payload], false)
	}
	l.reports.sent++
	l.reports.octets += uint32(payload)
	b := scratch[:rtpHeader+payload]
	b[0], b[1] = rtpVersion, pt
	if o.marker {
		b[1] |= markerBit
	}
	binary.BigEndian.PutUint16(b[2:], o.seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], o.ssrc)
	l.emit(b, due)
	o.marker = false
	o.seq++
	o.ts += uint32(l.frame)
	o.stopped = l.shard.now + l.ptime
}

// leaveOut passes on a gap of the other side of a bridge as a gap, which the far end
// conceals better than we could (docs/decisions/056): its time goes by, and its
// number, if the speaker's packet had one.
func (l *leg) leaveOut() bool {
	o := &l.out
	if l.hear == nil {
		return false
	}
	from := &l.hear.out
	gap := from.gap
	o.seq += uint16(from.holes)
	from.gap, from.holes = gapNone, 0
	switch gap {
	case gapNone:
		return false
	case gapMade:
		l.shard.count.gapsMade++
		return false
	case gapLost:
		o.seq++
	}
	o.ts += uint32(l.frame)
	o.stopped = l.shard.now + l.ptime
	l.shard.count.gapsLeft++
	return true
}

func (l *leg) emit(b []byte, due time.Duration) {
	c := &l.shard.count
	c.lateness.observe((l.shard.now - due).Seconds())
	to := l.in.latch.target()
	sealed := true
	if l.armour != nil {
		b, sealed = l.armour.seal(b)
	}
	switch {
	case !to.IsValid():
		c.drops[dropNoTarget]++
	case !sealed:
		c.drops[dropKeys]++
	case l.sock.send(b, to):
		c.sent++
	default:
		c.drops[dropSend]++
	}
}

// audio is the next frame of whatever is to be heard: a clip, a tone, the other
// side of a bridge, silence. It is only to be read, before the next call.
func (l *leg) audio() []byte {
	o := &l.out
	p := &o.player
	tail := l.shard.frame[:l.frame]
	if p.active() && p.begun && p.over() {
		l.finish(calls.PlayEnd)
	}
	if p.active() && !p.begun {
		p.begun, p.lead = true, codec.Lead(l.codec.Index)
		if !p.tone {
			l.shard.emit(l.port, Event{Kind: EventPlaybackStarted, PlayID: p.id})
		}
		if p.over() {
			l.finish(calls.PlayEnd)
		}
	}
	switch {
	case p.active():
		if l.hear != nil {
			l.hear.drain()
		}
		return p.frame(l.codec.Index, l.frame, tail, l.codec.Silence)
	case l.hear != nil:
		heard := l.hear.take(tail, l.codec.Index, l.codec.Silence)
		o.owe(heard || l.hear.out.frame == 0)
	default:
		fill(tail, l.codec.Silence)
	}
	return tail
}

// play replaces what is played.
func (l *leg) play(p player) {
	if l.closed {
		return
	}
	l.stop(calls.PlayStopped)
	l.out.player = p
	l.out.due = min(l.out.due, l.shard.now+l.ptime) // it may have waited for the other side of a bridge
	l.shard.kicked = append(l.shard.kicked, l)
}

// stop ends what is played, if anything. What never began to be heard ends
// without having started.
func (l *leg) stop(reason calls.PlayReason) {
	if l.out.player.active() {
		l.finish(reason)
	}
}

func (l *leg) finish(reason calls.PlayReason) {
	p := l.out.player
	l.out.player = player{}
	if !p.tone {
		l.shard.emit(l.port, Event{Kind: EventPlaybackFinished, PlayID: p.id, Played: p.played(), Reason: reason})
	}
}

// sendDigits queues digits: telephone-events, or tones in the sound where the far
// end takes none (docs/decisions/038).
func (l *leg) sendDigits(digits string) {
	if l.closed {
		return
	}
	taken := l.out.digits.Queue(digits)
	if l.configured && l.session.DTMFPayload == 0 {
		l.shard.count.tonesOut += uint64(taken)
		return
	}
	l.shard.count.digitsOut += uint64(taken)
}

// tone is the next frame of a digit as a tone: silence once the key is up. The
// lead of a codec that needs one is taken from the tone's time.
func (l *leg) tone(code uint8) []byte {
	o := &l.out
	frame := l.shard.frame[:l.frame]
	fill(frame, l.codec.Silence)
	lead, words := codec.Lead(l.codec.Index), l.shard.engine.keys[code].words[l.codec.Index]
	for i := range frame {
		switch at := o.toned + i; {
		case at < len(lead):
			frame[i] = lead[at]
		case at < len(words):
			frame[i] = words[at-len(lead)]
		}
	}
	o.toned += l.frame
	return frame
}
