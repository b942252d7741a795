package dialer

import (
	"math"
	"time"

	"zvonar/internal/calls"
)

// meter counts who uses a trunk or a campaign. It remembers when the last legs began,
// as many as the rate allows in a window: the next may begin once the oldest of them
// has left the window, so no window ever holds more.
type meter struct {
	down       bool // calls are not dialled over it
	gone       bool // it is no longer configured
	used, most int
	window     time.Duration
	began      []time.Time // ring; empty: no limit of rate
	next       int         // the oldest, to be overwritten
}

// slack makes a second of a rate a little longer than it is: what lies between the
// decision and the INVITE is not always the same, and the trunk counts by its own clock.
const slack = 1.01

func newMeter(t TrunkLimits) *meter {
	m := &meter{most: t.MaxCalls, window: time.Second}
	if t.MaxCPS > 0 {
		n := t.MaxCPS
		if n != math.Trunc(n) {
			n = 1 // spaced evenly: several at once would be too many for some seconds
		}
		m.began = make([]time.Time, int(n))
		m.window = time.Duration(slack * n / t.MaxCPS * float64(time.Second))
	}
	return m
}

// spaced is a meter that lets one begin each d.
func spaced(d time.Duration) *meter {
	m := &meter{window: d}
	if d > 0 {
		m.began = make([]time.Time, 1)
	}
	return m
}

// after takes over what another meter counted, so that a change of the rate does not
// allow a second one at once.
func (m *meter) after(old *meter) *meter {
	m.used = old.used
	for i := range old.began {
		if t := old.began[(old.next+i)%len(old.began)]; len(m.began) > 0 && !t.IsZero() {
			m.began[m.next] = t
			m.next = (m.next + 1) % len(m.began)
		}
	}
	return m
}

func (m *meter) check(now time.Time) (calls.Gate, time.Duration) {
	if m.most > 0 && m.used >= m.most {
		return calls.GateChannels, 0
	}
	if len(m.began) == 0 {
		return "", 0
	}
	oldest := m.began[m.next]
	if wait := m.window - now.Sub(oldest); !oldest.IsZero() && wait > 0 {
		return calls.GateCPS, wait
	}
	return "", 0
}

func (m *meter) take(now time.Time) {
	m.used++
	if len(m.began) > 0 {
		m.began[m.next] = now
		m.next = (m.next + 1) % len(m.began)
	}
}
