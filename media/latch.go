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
// been learned stays, until the SDP names a new address or the source has been
// silent for so long that it must have moved.
type latch struct {
	remote  netip.AddrPort // of the SDP
	allowed []netip.Prefix
	current netip.AddrPort // whom we hear; invalid: nobody yet
	heardAt time.Duration
	settled bool // no other source may be learned

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
	relearnAfter  = 5 * time.Second
)

// aim takes the far end's address from a new session description.
func (l *latch) aim(remote netip.AddrPort, allowed []netip.Prefix) {
	l.allowed = slices.Clone(allowed)
	if remote == l.remote {
		return
	}
	// The former source is heard until the new one speaks: a re-INVITE makes no
	// gap in the sound.
	l.remote, l.settled, l.candidate = remote, false, candidate{}
}

// accept judges a well-formed packet. now counts from any fixed point.
func (l *latch) accept(from netip.AddrPort, ssrc uint32, sequence uint16, now time.Duration) bool {
	switch {
	case from == l.current && l.current.IsValid():
		if from == l.remote {
			l.settled = true
		}
		l.heardAt = now
		return true
	case from == l.remote:
		// Stated by authenticated signalling: it wins over anything learned.
		l.take(from, now)
		return true
	case l.settled && now-l.heardAt < relearnAfter:
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
	l.take(from, now)
	return true
}

func (l *latch) take(from netip.AddrPort, now time.Duration) {
	l.current, l.heardAt, l.settled, l.candidate = from, now, true, candidate{}
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
