package dtmf

import "time"

// mergeWindow is how far apart the same press may arrive by two ways: a SIP INFO
// is often sent when the key is let go, and signalling is slower than media.
const mergeWindow = time.Second

// maxHeld is the longest that a key is believed to have been held.
const maxHeld = 10 * time.Second

// Merger makes one press of a press that arrives by several ways (rfc4733, info,
// inband). Each way may confirm an accepted press once, so two quick presses of
// the same key stay two. The zero value is ready for use.
type Merger struct {
	recent [8]accepted
	next   int
}

type accepted struct {
	digit byte
	at    time.Time
	ways  [3]string
	n     int
}

// Accept tells whether the digit, heard by way via at the time at, is a press of
// its own (true) or one that was accepted already by another way. held is how
// long the key was down by then, where the way tells only when it is let go; 0
// where it tells at once or does not say. More than maxHeld is not believed.
func (m *Merger) Accept(digit byte, via string, at time.Time, held time.Duration) bool {
	earliest, latest := at.Add(-max(0, min(held, maxHeld))-mergeWindow), at.Add(mergeWindow)
	for i := range m.recent {
		// The oldest first: presses are confirmed in their order.
		a := &m.recent[(m.next+i)%len(m.recent)]
		if a.n == 0 || a.digit != digit || a.at.Before(earliest) || a.at.After(latest) || !a.confirmedBy(via) {
			continue
		}
		return false
	}
	a := &m.recent[m.next]
	*a = accepted{digit: digit, at: at, n: 1}
	a.ways[0] = via
	m.next = (m.next + 1) % len(m.recent)
	return true
}

// confirmedBy notes the way and reports whether it is a new one for this press.
func (a *accepted) confirmedBy(via string) bool {
	for _, w := range a.ways[:a.n] {
		if w == via {
			return false
		}
	}
	if a.n == len(a.ways) {
		return false
	}
	a.ways[a.n] = via
	a.n++
	return true
}
