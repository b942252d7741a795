package media

import (
	"time"

	"zvonar/internal/calls"
)

// source keeps the reception statistics of a leg (RFC 3550 6.4.1, A.3, A.8) over
// all SSRCs it ever had.
type source struct {
	known    bool
	ssrc     uint32
	base     uint32 // extended sequence number of the first packet
	highest  uint32 // extended
	received int64  // of this SSRC
	jitter   float64
	transit  int64
	arrived  bool // transit is valid

	rx, lost int64 // of the former SSRCs
	changes  int   // within the present window
	window   time.Duration
}

// A source that restarts its stream gets a new SSRC; a stream of new SSRCs is an
// attack or a fault, and must not reset the state on every packet.
const (
	ssrcChanges = 4
	ssrcWindow  = 10 * time.Second
)

// verdict of source.take.
type verdict int

const (
	fresh     verdict = iota // newer than all before
	belated                  // reordered, not seen yet as far as we know
	restarted                // the first of a new SSRC, or after a jump
	refused                  // too many SSRCs
)

// take counts one accepted packet. arrival is in nanoseconds from any fixed
// point; now is the shard's time.
func (s *source) take(ssrc uint32, sequence uint16, timestamp uint32, arrival int64, now time.Duration) verdict {
	if s.known && ssrc != s.ssrc && !s.mayChange(now) {
		return refused
	}
	if !s.known || ssrc != s.ssrc {
		s.restart(ssrc, sequence)
		s.measure(timestamp, arrival)
		return restarted
	}
	step := int16(sequence - uint16(s.highest))
	const jump = 3000 // RFC 3550 A.1 MAX_DROPOUT: a minute of audio
	switch {
	case step > 0 && step < jump:
		s.highest += uint32(step)
		s.received++
		s.measure(timestamp, arrival)
		return fresh
	case step > -100 && step <= 0:
		s.received++
		return belated
	}
	s.restart(ssrc, sequence)
	s.measure(timestamp, arrival)
	return restarted
}

func (s *source) mayChange(now time.Duration) bool {
	if now-s.window > ssrcWindow {
		s.window, s.changes = now, 0
	}
	s.changes++
	return s.changes <= ssrcChanges
}

func (s *source) restart(ssrc uint32, sequence uint16) {
	s.rx, s.lost = s.totals()
	s.known, s.ssrc = true, ssrc
	// One cycle up, so that a late packet before the first does not go below 0.
	s.base = 1<<16 | uint32(sequence)
	s.highest = s.base
	s.received = 1
	s.arrived = false
}

// measure updates the interarrival jitter, in timestamp units.
func (s *source) measure(timestamp uint32, arrival int64) {
	transit := arrival/(int64(time.Second)/sampleRate) - int64(timestamp)
	if s.arrived {
		// The difference is taken modulo 2^32: the timestamp wraps.
		d := float64(int32(transit - s.transit))
		s.jitter += (max(d, -d) - s.jitter) / 16
	}
	s.transit, s.arrived = transit, true
}

func (s *source) totals() (rx, lost int64) {
	rx, lost = s.rx, s.lost
	if s.known {
		rx += s.received
		// Duplicates can make it negative; they do not undo the losses before.
		lost += max(0, int64(s.highest-s.base)+1-s.received)
	}
	return rx, lost
}

// facts are what is told of the leg at its end.
func (s *source) facts(codec string) calls.LegFacts {
	rx, lost := s.totals()
	f := calls.LegFacts{Codec: codec, RX: rx, Lost: lost, JitterMS: s.jitter * 1000 / sampleRate}
	if rx > 0 {
		f.MOS = mos(float64(lost)/float64(rx+lost), f.JitterMS)
	}
	return f
}

// mos estimates the opinion score of G.711 from random loss and jitter (ITU-T
// G.107 with Ie 0 and Bpl 4.3, G.113 appendix I; the delay of a buffer twice the
// jitter and of the frame is assumed).
func mos(loss, jitterMS float64) float64 {
	const base, bpl = 93.2, 4.3
	delay := 20 + 2*jitterMS
	r := base - 0.024*delay
	if delay > 177.3 {
		r -= 0.11 * (delay - 177.3)
	}
	ppl := 100 * loss
	r -= 95 * ppl / (ppl + bpl)
	r = max(0, min(100, r))
	score := 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
	return float64(int(max(1, score)*100+0.5)) / 100
}
