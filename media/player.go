package media

import "time"

// player walks through a clip, one frame after another.
type player struct {
	clip  *Clip
	id    int64
	loop  bool
	pos   int    // next sample of the clip
	sent  int64  // samples that left, over all turns of a loop
	begun bool   // its first frame left
	tone  bool   // makes no events
	lead  []byte // of the codec's Lead, what has to leave before the clip
}

func (p *player) active() bool { return p.clip != nil }

// over tells that the last frame left; a loop never is.
func (p *player) over() bool { return p.pos >= p.clip.samples && (!p.loop || p.clip.samples == 0) }

// frame gives the next n code words of the codec with that index. They lie in the
// clip itself, or in scratch where the clip ends within the frame: then the rest
// is the clip from its start (loop) or silence. A lead comes first. The result is
// only to be read.
func (p *player) frame(index, n int, scratch []byte, silence byte) []byte {
	words := p.clip.words[index]
	if len(p.lead) == 0 && p.pos+n <= len(words) {
		f := words[p.pos : p.pos+n]
		p.pos += n
		p.sent += int64(n)
		return f
	}
	f := scratch[:n]
	early := copy(f, p.lead)
	p.lead = p.lead[early:]
	filled := early
	for filled < n {
		if p.pos >= len(words) {
			if !p.loop || len(words) == 0 {
				break
			}
			p.pos = 0
		}
		k := copy(f[filled:], words[p.pos:])
		p.pos += k
		filled += k
	}
	p.sent += int64(filled - early)
	fill(f[filled:], silence)
	return f
}

// played is the audio that left.
func (p *player) played() time.Duration { return durationOf(p.sent) }

func fill(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}
