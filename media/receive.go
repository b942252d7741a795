package media

import (
	"net/netip"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

// maxReceive packets are taken from a socket in 20 ms, or in one turn where that
// is shorter: a flood on one leg takes no time from the others, while a far end
// that sends every 5 ms is heard whole.
const maxReceive = 4

// maxRefused packets of a beat of a shard do not count towards that because they
// were refused: strangers who spray a port do not crowd out the far end. They
// take a microsecond each.
const maxRefused = 200

// comfortNoise is the static payload type of RFC 3389.
const comfortNoise = 13

// maxPayload is 100 ms of audio and some: nobody sends longer packets.
const maxPayload = 1024

// Digits beyond this many a second are no finger's.
const maxDigitRate = 40

// receive takes what has arrived, up to the first packet whose successor is not due
// yet: the next look at the socket would find nothing, and is left out. What jitter
// sent along with it is taken at the next turn, where its age tells that more may
// wait.
func (l *leg) receive() {
	s := l.shard
	for left := max(maxReceive, int(maxReceive*l.ptime/defaultPtime)); left > 0; {
		if !l.sock.recv(&s.in) {
			return
		}
		at := s.in.at
		l.in.anything, l.in.soonest = true, 0
		drop := l.packet(s.in.datagram(), s.in.from, at)
		if drop != dropNot {
			s.count.drops[drop]++
			if s.refusals > 0 {
				s.refusals--
				continue
			}
		} else if length := int64(len(s.packet.Payload)) * int64(time.Second/sampleRate); s.wall-at < length {
			l.in.expect(at, length)
			return
		}
		left--
	}
}

// early is how much sooner than expected a packet is looked for.
const early = int64(time.Millisecond)

// expect notes when the packet after one of that length is due, from the earliest of
// those before: one that jitter held up does not put off the next.
func (in *inbound) expect(at, length int64) {
	due := in.due + length
	if late := at - due; late < 0 || late > 3*length {
		due = at
	} else {
		due += late / 8 // clocks differ
	}
	in.due, in.soonest = due, due+length-early
}

// packet judges and uses one datagram.
func (l *leg) packet(b []byte, from netip.AddrPort, at int64) dropKind {
	s, p := l.shard, &l.shard.packet
	switch {
	case !l.configured:
		return dropUnset
	case !l.session.Receive:
		return dropHold
	case len(b) < rtpHeader || len(b) > maxDatagram || b[0]>>6 != 2:
		return dropMalformed
	case b[1] >= 192 && b[1] <= 223:
		return l.reported(b, from, at) // RFC 5761 4
	}
	if l.armour != nil { // before anything is believed of it
		var trusted bool
		if b, trusted = l.armour.open(b); !trusted {
			return dropKeys
		}
	}
	if err := p.Unmarshal(b); err != nil || len(p.Payload) == 0 || len(p.Payload) > maxPayload {
		return dropMalformed
	}
	chosen := l.offered.has(p.PayloadType)
	audio := chosen || l.known && p.PayloadType == l.session.PayloadType
	event := !audio && l.events.has(p.PayloadType)
	if !audio && !event && p.PayloadType != comfortNoise {
		return dropPayloadType
	}
	if !l.in.latch.accept(from, p.SSRC, p.SequenceNumber, s.now) {
		return dropSource
	}
	if chosen { // a stranger chooses nothing
		l.choose(p.PayloadType)
	}
	v := l.in.source.take(p.SSRC, p.SequenceNumber, p.Timestamp, !event, at, s.now)
	if v == refused {
		return dropSSRC
	}
	s.count.received++
	if l.in.silence != calls.SilenceHeld {
		l.in.waitsFrom, l.in.timedOut, l.in.silence = s.now, false, calls.SilenceLost
	}
	if !l.in.heard {
		l.in.heard = true
		s.count.firstAudio++
		s.emit(l.port, Event{Kind: EventFirstAudio})
	}
	switch {
	case event:
		l.digit()
	case audio:
		l.sound(v == restarted)
	default:
		l.noise()
	}
	return dropNot
}

// choose takes the codec that the far end speaks before its answer.
func (l *leg) choose(pt uint8) {
	if l.known && l.session.PayloadType == pt {
		return
	}
	for _, id := range l.session.Offered {
		if info, ok := codec.Lookup(id); ok && info.PayloadType == pt {
			l.session.Codec, l.session.PayloadType = id, pt
			l.codec, l.known = info, true
		}
	}
}

// digit takes the telephone-event in the shard's packet.
func (l *leg) digit() {
	s, p, in := l.shard, &l.shard.packet, &l.in
	if l.speak != nil {
		l.speak.skip(p.SequenceNumber)
	}
	if in.tap != nil {
		in.tap.ring.skip(p.SequenceNumber)
	}
	d, pressed := in.digits.Packet(p.SSRC, p.Timestamp, p.SequenceNumber, p.Marker, p.Payload)
	if !pressed {
		return
	}
	if s.now-in.digitWindow >= time.Second {
		in.digitWindow, in.digitCount = s.now, 0
	}
	if in.digitCount++; in.digitCount > maxDigitRate {
		s.count.drops[dropDigits]++
		return
	}
	s.count.digitsIn++
	s.emit(l.port, Event{Kind: EventDigit, Digit: d, Via: viaRFC4733})
}

// noise takes the comfort noise in the shard's packet: the far end is silent, and
// nothing was lost.
func (l *leg) noise() {
	s, p, in := l.shard, &l.shard.packet, &l.in
	if l.speak != nil {
		l.speak.skip(p.SequenceNumber)
	}
	if in.tap != nil {
		in.tap.ring.pause(p.SequenceNumber, s.now)
		s.rouse(in.tap.analyst)
	}
}

// sound passes the audio in the shard's packet on.
func (l *leg) sound(restarted bool) {
	s, p := l.shard, &l.shard.packet
	if l.in.recorder != nil {
		l.in.recorder.write(p.Timestamp, restarted, l.codec.Index, p.Payload, s.now)
	}
	if l.in.script.scribe != nil {
		l.hearWords(p.Timestamp, restarted, p.Payload)
	}
	if t := l.in.tap; t != nil {
		if !t.ring.put(p.SequenceNumber, p.Timestamp, restarted, l.codec.Index, p.Payload, s.now) {
			s.count.drops[dropAnalysis]++
		}
		s.rouse(t.analyst)
	}
	switch {
	case l.speak == nil:
	case l.speak.put(p.SequenceNumber, restarted, l.codec.Index, p.Payload):
		l.leads()
	default:
		s.count.drops[dropLate]++
	}
}
