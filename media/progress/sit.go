package progress

import "zvonar/media/amd"

// The three tones of a special information tone (ITU-T E.180), Hz and ms.
const (
	sitHz       = 55 // about 950, 1400, 1800
	sitShortest = 170 * perMS
	sitLongest  = 480 * perMS
	sitPause    = 60 * perMS
	sitSplit    = 327 // ms: what is longer is "long" (380), else "short" (274)
)

var sitTones = [3]float32{950, 1400, 1800}

// sit reports whether the newest three bursts are the tones of a SIT. The last
// one may go on.
func (h *heard) sit() bool {
	if h.n < 3 {
		return false
	}
	for i, hz := range sitTones {
		b := h.at(2 - i)
		if b.hi != 0 || !near(b.lo, hz, sitHz) || b.length() < sitShortest || b.length() > sitLongest {
			return false
		}
		if i > 0 {
			before := h.at(3 - i)
			if b.from-before.to > sitPause || b.level > 6*before.level || before.level > 6*b.level {
				return false
			}
		}
	}
	return true
}

// sitClass is what the frequencies and lengths of the first two tones say in
// North America: vc vacant code, ic intercept, ro reorder, nc no circuit; "" for
// the tones of the rest of the world.
func (h *heard) sitClass() string {
	first, second := h.at(2), h.at(1)
	high, higher := near(first.lo, 985.2, 6), near(second.lo, 1428.5, 8)
	if !high && !near(first.lo, 913.8, 6) || !higher && !near(second.lo, 1370.6, 8) {
		return ""
	}
	long, longer := first.length() > sitSplit*perMS, second.length() > sitSplit*perMS
	switch {
	case long && (longer || !high):
		return "nc"
	case long:
		return "vc"
	case longer:
		return "ro"
	}
	return "ic"
}

// Tones of fax machines (ITU-T T.30).
const (
	cngHz, cngShortest, cngLongest = 1100, 425 * perMS, 575 * perMS
	cngPause                       = 2400 * perMS
	cedHz                          = 2100
	cedLength                      = 700 * perMS
	dialLength                     = 3000 * perMS
)

func cng(b *burst) bool {
	return b.hi == 0 && near(b.lo, cngHz, 40) && b.length() >= cngShortest && b.length() <= cngLongest && b.spread < broad
}

// fax reports whether the newest two bursts are those of a fax that calls.
func (h *heard) fax() bool {
	return h.n >= 2 && cng(h.at(0)) && cng(h.at(1)) && h.at(0).from-h.at(1).to > cngPause && h.at(0).from-h.at(1).to < 4000*perMS
}

// lasting is what a tone is that does not end: a fax that answers, or a dial tone.
func lasting(tones []Tone, b *burst) (amd.Kind, string) {
	if b.hi == 0 && near(b.lo, cedHz, 25) && b.length() >= cedLength {
		return amd.FaxCED, ""
	}
	if b.length() < dialLength {
		return "", ""
	}
	for i := range tones {
		if t := &tones[i]; len(t.Cadence) == 0 {
			if _, ok := t.sounds(b); ok {
				return t.Kind, t.Country
			}
		}
	}
	return "", ""
}
