package capture

import (
	"time"

	"zvonar/media"
)

// The two channels.
const (
	ours = iota // left
	theirs
)

const (
	// tapeTime is how long a tape may be before it is handed to the writer.
	tapeTime = 2 * time.Second
	// stripWords are as much of one side.
	stripWords = int(tapeTime * Rate / time.Second)
	// stripRuns is how often one side of a tape may begin anew: a talk without losses
	// does it once.
	stripRuns = 16
)

// tape is what crossed the shard, of both sides.
type tape [2]strip

// strip is one side of a talk, in the order of time.
type strip struct {
	n    int // runs
	used int // words of the runs that are complete
	runs [stripRuns]run
	data []byte // stripWords, or nil before the first words that had to be copied
}

// run are words without a gap between them.
type run struct {
	at       time.Time // of the first packet
	position int64     // of the first word in its stream
	stream   int
	codec    int
	words    []byte // in the strip's data, or in a clip
}

// has tells whether there is room for a run that begins with that.
func (s *strip) has(w media.Words) bool {
	return s.n < stripRuns && s.used+len(w.Words) <= stripWords
}

// begin notes where a run begins, and gives room for its words: none of them yet,
// the capacity says how many there may be.
func (s *strip) begin(w media.Words) []byte {
	s.runs[s.n] = run{at: w.At, position: w.Position, stream: w.Stream, codec: w.Codec}
	s.n++
	if w.Lasting {
		return w.Words[:0:min(cap(w.Words), stripWords-s.used)]
	}
	if s.data == nil {
		s.data = make([]byte, stripWords)
	}
	return s.data[s.used:s.used]
}

// complete ends the run that was begun last.
func (s *strip) complete(words []byte) {
	s.runs[s.n-1].words = words
	s.used += len(words)
}

// wipe makes the tape an empty one, which holds no clip.
func (t *tape) wipe() {
	for i := range t {
		s := &t[i]
		clear(s.runs[:s.n])
		s.n, s.used = 0, 0
	}
}

// first is the run that began before all others; the tape is not empty.
func (t *tape) first() *run {
	a, b := &t[ours], &t[theirs]
	if a.n == 0 || b.n > 0 && b.runs[0].at.Before(a.runs[0].at) {
		a = b
	}
	return &a.runs[0]
}
