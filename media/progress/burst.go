package progress

import (
	"math"
	"sort"

	"zvonar/media/spectrum"
)

// How frames become bursts.
const (
	steadyHz   = 24 // a frame belongs to a burst within this of its mean
	bridge     = 35 * perMS
	edgeLevel  = 0.2 // of the plateau's power: a frame that tells where an edge is has more
	edgeFrames = 8   // frames kept at each end to find it
	plateau    = 0.7 // of the mean power: frames above lie wholly in the burst
	perMS      = 8   // samples
)

// burst is one uninterrupted tone, or two at once.
type burst struct {
	from, to int64 // samples; to is where it was last heard while it goes on
	lo, hi   float32
	level    float32 // power on its plateau
	spread   float32 // mean of line.spread
	share    float32 // mean of line.share on the plateau
	wobble   float32 // standard deviation of lo on the plateau, Hz
	ripple   float32 // strongest to weakest frame of the plateau, a ratio of powers
	body     float32 // share of its frames that lie on the plateau
	over     bool
	cut      bool    // another tone followed at once
	before   float32 // power just before it and just after it, to its own
	after    float32
}

// length is in samples.
func (b *burst) length() int64 { return b.to - b.from }

type edge struct {
	at                       int64
	power, lo, share, spread float32
}

// tracker follows the tone that sounds now.
type tracker struct {
	n      int
	first  [edgeFrames]edge
	last   [edgeFrames]edge // ring, last[n%edgeFrames] is the oldest
	lo, hi float64          // sums
	power  float64
	start  int64
	seen   int64 // middle of its last frame
	body   body
}

// body sums up the frames that lie wholly in the burst.
type body struct {
	n                         int
	hz, square, share, spread float64
	least, most               float32
	power                     float64
}

// sounding reports whether a burst is under way.
func (t *tracker) sounding() bool { return t.n > 0 }

// drowns reports whether a tone sounds that what has this power cannot be heard
// against, or is as loud.
func (t *tracker) drowns(level float32) bool {
	return t.n >= 3 && float32(t.power)/float32(t.n)*quieter > level
}

// take adds a frame. It reports the burst that it ended, if it did.
func (t *tracker) take(l *line) (ended burst, ok bool) {
	if t.n > 0 && l.tonal && t.fits(l) {
		t.add(l)
		return burst{}, false
	}
	if t.n > 0 && (l.at-t.seen > bridge || l.tonal && !t.passing(l)) {
		ended, ok = t.burst(true), true
		ended.cut = l.tonal && l.power*quieter > ended.level
		t.n = 0
	}
	if t.n == 0 && l.tonal {
		*t = tracker{start: l.at}
		t.add(l)
	}
	return ended, ok
}

// passing: one odd frame in a burst is an interruption, not another tone.
func (t *tracker) passing(l *line) bool { return l.at-t.seen <= 20*perMS }

func (t *tracker) fits(l *line) bool {
	n := float64(t.n)
	lo, hi := float32(t.lo/n), float32(t.hi/n)
	if (hi > 0) != (l.hi > 0) {
		return false
	}
	return near(lo, l.lo, steadyHz) && near(hi, l.hi, steadyHz)
}

func (t *tracker) add(l *line) {
	e := edge{l.at, l.power, l.lo, l.share, l.spread}
	if t.n < edgeFrames {
		t.first[t.n] = e
	}
	t.last[t.n%edgeFrames] = e
	t.n++
	t.lo += float64(l.lo)
	t.hi += float64(l.hi)
	t.power += float64(l.power)
	t.seen = l.at
	if l.power >= plateau*float32(t.power)/float32(t.n) && t.n > 2 {
		t.body.add(&e)
	}
}

func (b *body) add(l *edge) {
	if b.n == 0 || l.power < b.least {
		b.least = l.power
	}
	b.most = max(b.most, l.power)
	b.n++
	b.hz += float64(l.lo)
	b.square += float64(l.lo) * float64(l.lo)
	b.share += float64(l.share)
	b.spread += float64(l.spread)
	b.power += float64(l.power)
}

// short sums up a burst of which every frame is kept: what its plateau is shows
// at its end only.
func (t *tracker) short() (b body) {
	most := float32(0)
	for _, e := range t.first[:t.n] {
		most = max(most, e.power)
	}
	for i := range t.n {
		if e := &t.first[i]; e.power >= plateau*most {
			b.add(e)
		}
	}
	return b
}

// gap tells that samples are missing: the tone is thought to sound through, and
// the window behind them must fill first.
func (t *tracker) gap(samples int) {
	if t.n > 0 {
		t.seen += int64(samples) + spectrum.Window - spectrum.Hop
	}
}

// burst is what is known of the tone so far.
func (t *tracker) burst(over bool) burst {
	b := burst{over: over, lo: float32(t.lo / float64(t.n)), hi: float32(t.hi / float64(t.n))}
	b.level = float32(t.power / float64(t.n))
	y := &t.body
	if t.n <= edgeFrames {
		short := t.short()
		y = &short
	}
	if n := float64(y.n); n > 0 {
		mean := y.hz / n
		b.level, b.lo = float32(y.power/n), float32(mean)
		b.wobble = float32(math.Sqrt(max(0, y.square/n-mean*mean)))
		b.share, b.spread = float32(y.share/n), float32(y.spread/n)
		b.ripple = y.most / y.least
	}
	b.from = t.rise(b.level)
	b.to = t.seen
	if over {
		b.to = t.fall(b.level)
	}
	b.body = float32(y.n) / max(1, float32(b.length())/spectrum.Hop-3)
	return b
}

// rise is where the tone began: from the first frame that it fills by a good
// part, and how far.
func (t *tracker) rise(level float32) int64 {
	for i := range min(t.n, edgeFrames) {
		if e := t.first[i]; e.power >= edgeLevel*level {
			return e.at - covered(e.power/level)
		}
	}
	return t.start
}

// fall is where it ended, by the last such frame.
func (t *tracker) fall(level float32) int64 {
	for i := range min(t.n, edgeFrames) {
		if e := t.last[(t.n-1-i)%edgeFrames]; e.power >= edgeLevel*level {
			return e.at + covered(e.power/level)
		}
	}
	return t.seen
}

// covered is how far beyond the middle of a window a tone reaches that makes up
// this share of the power it has where it fills the window.
func covered(share float32) int64 {
	i := sort.Search(len(coverage), func(i int) bool { return coverage[i] >= share })
	return int64(i - spectrum.Window/2)
}

// coverage is the share of a window's power in its first i samples.
var coverage = func() (c [spectrum.Window]float32) {
	sum := 0.0
	for i := range c {
		s := math.Sin(math.Pi * (float64(i) + 0.5) / spectrum.Window)
		sum += s * s * s * s
		c[i] = float32(sum / (3.0 / 8 * spectrum.Window))
	}
	return c
}()
