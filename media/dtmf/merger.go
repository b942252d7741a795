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
	recent []accepted // at most keptPresses; most calls have a press or two
	next   int        // the oldest, once there are so many
}

// keptPresses is how many presses are looked at.
const keptPresses = 8

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
		if a.digit != digit || a.at.Before(earliest) || a.at.After(latest) || !a.confirmedBy(via) {
			continue
		}
		return false
	}
	press := accepted{digit: digit, at: at, ways: [3]string{via}, n: 1}
	if len(m.recent) < keptPresses {
		m.recent = append(m.recent, press)
		return true
	}
	m.recent[m.next] = press
	m.next = (m.next + 1) % keptPresses
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
