package progress

import "zvonar/media/spectrum"

// hush is the mean power between the last tone and the next: of the frames that
// lie wholly between them.
type hush struct {
	sum  float64
	n    int
	mean float32
}

func (h *hush) take(l *line, sounding bool) {
	if sounding {
		if h.n > 0 {
			h.mean = float32(h.sum / float64(h.n))
		}
		h.sum, h.n = 0, 0
		return
	}
	if h.n++; h.n > 5 { // the window and the doubt about the end
		h.sum += float64(l.total)
	}
}

func (h *hush) last() float32 { return h.mean }

// speech remembers how loud the last five seconds were where no tone sounded.
type speech struct {
	loud [500]float32 // power of the frames; the one in the middle at sample m is loud[m/Hop%500]
	last int64        // frames so far
}

func (s *speech) take(l *line) {
	n := l.at / spectrum.Hop
	for k := max(s.last+1, n-int64(len(s.loud))+1); k < n; k++ { // frames that did not arrive
		s.loud[k%int64(len(s.loud))] = 0
	}
	s.loud[n%int64(len(s.loud))] = l.total
	s.last = n
}

// mean is the mean power of the frames whose middle lies from a to b.
func (s *speech) mean(a, b int64) float32 {
	sum, n := float32(0), 0
	for k := max(0, (a+spectrum.Hop-1)/spectrum.Hop); k <= b/spectrum.Hop && k <= s.last; k++ {
		sum += s.loud[k%int64(len(s.loud))]
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float32(n)
}

// about finds what sounded just before and after the burst.
func (s *speech) about(b *burst) {
	if b.length() > int64(len(s.loud)-20)*spectrum.Hop {
		return
	}
	const clear = 28 * perMS // the window, and the ramp that a codec makes
	b.before = s.mean(b.from-clear-60*perMS, b.from-clear) / b.level
	b.after = s.mean(b.to+clear, b.to+clear+60*perMS) / b.level
}

// forget takes the burst out: it is no speech.
func (s *speech) forget(b *burst) {
	first := max(0, b.from-spectrum.Window/2) / spectrum.Hop
	for k := max(first, s.last-int64(len(s.loud))+1); k <= (b.to+spectrum.Window/2)/spectrum.Hop; k++ {
		s.loud[k%int64(len(s.loud))] = 0
	}
}

// spoken reports whether somebody spoke before the burst: for 300 ms at least of
// the last five seconds nearly as loud as it is.
func (s *speech) spoken(b *burst) bool {
	n := 0
	for _, p := range s.loud {
		if p*softer > b.level {
			n++
		}
	}
	return n >= 30
}

const (
	softer   = 30 // how far below a beep a voice may be, in power
	unsteady = 6  // Hz: what wobbles more is a voice
)
