package media

import (
	"math"
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
	gaps     int64 // runs of packets that were missing when the next one came
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
// point; now is the shard's time. timed is false of packets whose timestamp is not
// that of their own beginning (telephone-events): they say nothing of jitter.
func (s *source) take(ssrc uint32, sequence uint16, timestamp uint32, timed bool, arrival int64, now time.Duration) verdict {
	if s.known && ssrc != s.ssrc && !s.mayChange(now) {
		return refused
	}
	if !s.known || ssrc != s.ssrc {
		s.restart(ssrc, sequence)
		s.measure(timestamp, timed, arrival)
		return restarted
	}
	step := int16(sequence - uint16(s.highest))
	const jump = 3000 // RFC 3550 A.1 MAX_DROPOUT: a minute of audio
	switch {
	case step > 0 && step < jump:
		if step > 1 {
			s.gaps++
		}
		s.highest += uint32(step)
		s.received++
		s.measure(timestamp, timed, arrival)
		return fresh
	case step > -100 && step <= 0:
		s.received++
		return belated
	}
	s.restart(ssrc, sequence)
	s.measure(timestamp, timed, arrival)
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
func (s *source) measure(timestamp uint32, timed bool, arrival int64) {
	if !timed {
		return
	}
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

// counts are the packets that were to come and those that came, of the present
// SSRC and the former ones.
func (s *source) counts() (expected, received int64) {
	rx, lost := s.totals()
	return rx + lost, rx
}

// facts are what is told of the leg at its end.
func (s *source) facts(codec string, rtt time.Duration) calls.LegFacts {
	rx, lost := s.totals()
	f := calls.LegFacts{Codec: codec, RX: rx, Lost: lost, JitterMS: round(s.jitter * 1000 / sampleRate), RTTMS: round(float64(rtt) / float64(time.Millisecond))}
	if rx > 0 {
		h := heard{loss: float64(lost) / float64(rx+lost), jitter: f.JitterMS, rtt: rtt}
		if s.gaps > 0 {
			h.bursts = float64(lost) / float64(s.gaps)
		}
		f.MOS = mos(h)
	}
	return f
}

// round keeps a hundredth.
func round(ms float64) float64 { return math.Round(ms*100) / 100 }
