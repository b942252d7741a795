package media

import (
	"crypto/rand"
	"encoding/base64"
	mathrand "math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

// reports is a leg's RTCP (RFC 3550 6): what it tells of what it sends and hears,
// and what the far end tells. It is looked at once a second, not a packet at a time.
type reports struct {
	sock   socket        // of the odd port behind the leg's; nil: it could not be had
	look   time.Duration // when to read next
	due    time.Duration // when to report next; 0: not before something is sent or heard
	name   string        // CNAME, made for the leg alone (RFC 7022)
	from   netip.AddrPort
	sent   uint32 // packets with audio or digits
	octets uint32 // their payload

	// The far end's last sender report: middle of its time, and when it came.
	lastReport uint32
	lastAt     int64

	// What the far end says of us; nothing before it said something.
	rtt       time.Duration
	heardOf   bool
	theirLost int64
	theirJit  uint32 // timestamp units

	expected, received int64 // at our last report, for the share lost since
}

const (
	reportEvery = 5 * time.Second
	lookEvery   = time.Second
	// maxReports are read in one look: a far end sends one in five seconds.
	maxReports = 4
	// reasonableRTT bounds what is believed.
	reasonableRTT = 10 * time.Second
)

// report is the leg's turn for RTCP.
func (l *leg) report() {
	r := &l.reports
	r.look = l.shard.now + lookEvery
	if r.sock != nil {
		for range maxReports {
			in := &l.shard.in
			if !r.sock.recv(in) {
				break
			}
			l.in.anything = true
			if drop := l.reported(in.datagram(), in.from, in.at); drop != dropNot {
				l.shard.count.drops[drop]++
			}
		}
	}
	switch {
	case !l.configured || !l.out.ran && !l.in.source.known:
	case r.due == 0:
		r.due = l.shard.now + spread(reportEvery/2)
	case l.shard.now >= r.due:
		r.due = l.shard.now + spread(reportEvery)
		l.tellReport(false)
	}
}

// spread keeps legs that began together from reporting together (RFC 3550 6.3.1).
func spread(d time.Duration) time.Duration {
	return d/2 + time.Duration(mathrand.Int64N(int64(d)))
}

// tellReport sends what we know: a sender's report where we sent since the last
// one, a receiver's otherwise; with bye the last one.
func (l *leg) tellReport(bye bool) {
	r, o := &l.reports, &l.out
	now := l.shard.engine.wall()
	var blocks []rtcp.ReceptionReport
	if l.in.source.known {
		blocks = []rtcp.ReceptionReport{l.receptionReport(now)}
	}
	var packets []rtcp.Packet
	if o.started {
		ahead := o.due - l.shard.now // of the next frame, whose timestamp is o.ts
		packets = append(packets, &rtcp.SenderReport{SSRC: o.ssrc, NTPTime: ntp(now),
			RTPTime: o.ts - uint32(ahead/(time.Second/sampleRate)), PacketCount: r.sent, OctetCount: r.octets, Reports: blocks})
	} else {
		packets = append(packets, &rtcp.ReceiverReport{SSRC: o.ssrc, Reports: blocks})
	}
	if r.name == "" {
		r.name = canonicalName()
	}
	packets = append(packets, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: o.ssrc,
		Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: r.name}}}}})
	if bye {
		packets = append(packets, &rtcp.Goodbye{Sources: []uint32{o.ssrc}})
	}
	b, err := rtcp.Marshal(packets)
	if err != nil {
		l.shard.engine.cfg.Log.Error("an RTCP report could not be written", "err", err)
		return
	}
	l.sendReport(b)
}

// sendReport puts a report out: beside the audio where that was agreed, else to
// the port behind it, or to where their reports come from.
func (l *leg) sendReport(b []byte) {
	r, c := &l.reports, &l.shard.count
	sock, to := r.sock, l.reportTarget()
	if l.session.Mux {
		sock = l.sock
	}
	sealed := true
	if l.armour != nil {
		b, sealed = l.armour.sealReport(b)
	}
	switch {
	case sock == nil || !to.IsValid():
	case !sealed:
		c.drops[dropKeys]++
	case sock.send(b, to):
		c.reportsOut++
	default:
		c.drops[dropSend]++
	}
}

func (l *leg) reportTarget() netip.AddrPort {
	audio := l.in.latch.target()
	switch {
	case !audio.IsValid() || l.session.Mux:
		return audio
	case l.reports.from.Addr() == audio.Addr():
		return l.reports.from
	case audio == l.session.Remote && l.session.Reports.IsValid():
		return l.session.Reports
	case audio.Port() == 1<<16-1:
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(audio.Addr(), audio.Port()+1)
}

// receptionReport is what is told of the far end's stream.
func (l *leg) receptionReport(now int64) rtcp.ReceptionReport {
	r, s := &l.reports, &l.in.source
	expected, received := s.counts()
	since, got := expected-r.expected, received-r.received
	r.expected, r.received = expected, received
	share := int64(0)
	if since > 0 && since > got {
		share = (since - got) << 8 / since
	}
	rep := rtcp.ReceptionReport{SSRC: s.ssrc, FractionLost: uint8(min(share, 255)), TotalLost: uint32(min(max(expected-received, 0), 1<<23-1)),
		LastSequenceNumber: s.highest - 1<<16, Jitter: uint32(s.jitter)}
	if r.lastReport != 0 {
		rep.LastSenderReport = r.lastReport
		rep.Delay = uint32(max(0, now-r.lastAt) * (1 << 16) / int64(time.Second))
	}
	return rep
}

// reported takes RTCP from the network. Only the far end of the audio is heard,
// and only of streams that are ours or its.
func (l *leg) reported(b []byte, from netip.AddrPort, at int64) dropKind {
	if !l.configured || !l.fromFarEnd(from.Addr()) {
		return dropRTCP
	}
	if l.armour != nil {
		var trusted bool
		if b, trusted = l.armour.openReport(b); !trusted {
			return dropKeys
		}
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return dropRTCP
	}
	l.shard.count.reportsIn++
	l.reports.from = from
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			if s := &l.in.source; s.known && p.SSRC == s.ssrc {
				l.reports.lastReport, l.reports.lastAt = uint32(p.NTPTime>>16), at
			}
			l.heardOf(p.Reports, at)
		case *rtcp.ReceiverReport:
			l.heardOf(p.Reports, at)
		}
	}
	return dropNot
}

func (l *leg) fromFarEnd(a netip.Addr) bool {
	audio := l.in.latch.target()
	return audio.IsValid() && (a == audio.Addr() || a == l.session.Reports.Addr())
}

// heardOf takes what the far end says of our stream: how much it lost, and by the
// time of our report in it how long the way there and back is.
func (l *leg) heardOf(blocks []rtcp.ReceptionReport, at int64) {
	r := &l.reports
	for _, b := range blocks {
		if b.SSRC != l.out.ssrc {
			continue
		}
		r.heardOf, r.theirJit = true, b.Jitter
		r.theirLost = int64(int32(b.TotalLost<<8) >> 8) // 24 bits with a sign
		if b.LastSenderReport == 0 {
			continue
		}
		trip := int32(uint32(ntp(at)>>16) - b.LastSenderReport - b.Delay)
		if d := time.Duration(trip) * time.Second >> 16; d >= 0 && d <= reasonableRTT {
			r.rtt = d
			l.shard.count.rtt.observe(d.Seconds())
		}
	}
}

// goodbye ends the stream for whoever listens to reports.
func (l *leg) goodbye() {
	if l.configured && l.out.ran {
		l.tellReport(true)
	}
}

// ntp is a Unix time in nanoseconds as RTCP writes it: seconds since 1900, 32.32.
func ntp(unix int64) uint64 {
	const since1900 = 2208988800
	seconds := uint64(unix/int64(time.Second)) + since1900
	return seconds<<32 | uint64(unix%int64(time.Second))<<32/uint64(time.Second)
}

// canonicalName is 96 random bits: it tells nobody who we are.
func canonicalName() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawStdEncoding.EncodeToString(b[:])
}
