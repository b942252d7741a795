package media

import "time"

// Beats that are late by one are heard as jitter of that size, and worse comes with
// the next legs; a single stall of a tenth of a second is no strain. Nor is a shard
// in time for long that works most of the time, and whoever shares its processor
// gets what is left.
const (
	strainMemory = 400 // beats
	lateBegins   = 0.2 // share of late beats
	lateEnds     = 0.1
	busyBegins   = 0.8 // share of the time that beats take
	busyEnds     = 0.7
)

// gauge counts a beat towards the strain.
func (s *shard) gauge(late bool) {
	share := 0.0
	if late {
		s.count.lateTicks++
		share = 1
	}
	s.late += (share - s.late) / strainMemory
	s.busy += (float64(s.toil)/float64(beat) - s.busy) / strainMemory
	s.toil = 0
	if was := s.strained.Load(); !was && (s.late > lateBegins || s.busy > busyBegins) || was && s.late < lateEnds && s.busy < busyEnds {
		s.strained.Store(!was)
	}
}

// labour counts the time that a turn took.
func (s *shard) labour(spent time.Duration) {
	s.toil += spent
	s.count.busy += spent
}
