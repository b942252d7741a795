package media

import (
	"net/netip"
	"slices"
	"time"
)

// latch decides whose packets are heard and where ours go (a far end behind NAT
// sends from another address than its SDP says; a stranger sends too).
//
// The address of the SDP is heard at once. Another port of that host, or a host
// of the allowed prefixes (signalling address, the trunk's media_from), is learned
// once and only from a stream: three packets in sequence of one source. What has
// been learned stays, and where somebody is heard learning ends three seconds after
// the description that began it, until the SDP names a new address, the source has been
// silent for so long that it must have moved, or its own stream (SSRC, sequence)
// goes on at another address that may be heard (a NAT gave it another port).
type latch struct {
	remote  netip.AddrPort // of the SDP
	allowed []netip.Prefix
	current netip.AddrPort // whom we hear; invalid: nobody yet
	heardAt time.Duration
	aimedAt time.Duration
	settled bool // no other source may be learned
	stream  struct {
		ssrc     uint32
		sequence uint16
	} // of the last packet of current

	candidate candidate
}

type candidate struct {
	from     netip.AddrPort
	ssrc     uint32
	sequence uint16
	packets  int
}

const (
	streamPackets = 3
	learnWithin   = 3 * time.Second
	relearnAfter  = 5 * time.Second
	// A stream that goes on elsewhere was silent for movedAfter where it was, and
	// has lost at most movedAhead packets on the way: with the SSRC and the place in
	// the sequence nobody guesses it.
	movedAfter = 200 * time.Millisecond
	movedAhead = 250
)

// aim takes the far end's address from a new session description.
func (l *latch) aim(remote netip.AddrPort, allowed []netip.Prefix, now time.Duration) {
	l.allowed = slices.Clone(allowed)
	if remote == l.remote {
		return
	}
	// The former source is heard until the new one speaks: a re-INVITE makes no
	// gap in the sound.
	l.remote, l.aimedAt, l.settled, l.candidate = remote, now, false, candidate{}
}

// accept judges a well-formed packet. now counts from any fixed point.
func (l *latch) accept(from netip.AddrPort, ssrc uint32, sequence uint16, now time.Duration) bool {
	switch {
	case from == l.current && l.current.IsValid():
		if from == l.remote {
			l.settled = true
		}
		l.note(ssrc, sequence, now)
		return true
	case from == l.remote:
		// Stated by authenticated signalling: it wins over anything learned.
		l.take(from, ssrc, sequence, now)
		return true
	case l.moved(ssrc, sequence, now) && l.mayBe(from.Addr()):
		l.take(from, ssrc, sequence, now)
		return true
	case l.learned(now) && now-l.heardAt < relearnAfter:
		return false
	case !l.mayBe(from.Addr()):
		return false
	}
	c := &l.candidate
	if c.from != from || c.ssrc != ssrc || sequence != c.sequence+1 {
		*c = candidate{from: from, ssrc: ssrc}
	}
	c.sequence = sequence
	c.packets++
	if c.packets < streamPackets {
		return false
	}
	l.take(from, ssrc, sequence, now)
	return true
}

func (l *latch) take(from netip.AddrPort, ssrc uint32, sequence uint16, now time.Duration) {
	l.current, l.settled, l.candidate = from, true, candidate{}
	l.note(ssrc, sequence, now)
}

func (l *latch) note(ssrc uint32, sequence uint16, now time.Duration) {
	l.heardAt, l.stream.ssrc, l.stream.sequence = now, ssrc, sequence
}

// learned tells that whom we hear stays. Where nobody is heard, a stream may come
// however late: a far end behind NAT may be silent at first.
func (l *latch) learned(now time.Duration) bool {
	return l.settled || l.current.IsValid() && now-l.aimedAt >= learnWithin
}

// moved tells that a packet goes on with the stream that fell silent.
func (l *latch) moved(ssrc uint32, sequence uint16, now time.Duration) bool {
	ahead := sequence - l.stream.sequence
	return l.current.IsValid() && now-l.heardAt >= movedAfter && ssrc == l.stream.ssrc && ahead > 0 && ahead <= movedAhead
}

func (l *latch) mayBe(a netip.Addr) bool {
	if a == l.remote.Addr() {
		return true
	}
	for _, p := range l.allowed {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// target is where to send: to whom we hear, once the SDP's address is known to
// be another; invalid: nowhere.
func (l *latch) target() netip.AddrPort {
	if !l.remote.IsValid() || l.remote.Addr().IsUnspecified() || l.remote.Port() == 0 {
		return netip.AddrPort{}
	}
	if l.settled && l.current.IsValid() {
		return l.current
	}
	return l.remote
}
