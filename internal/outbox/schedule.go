package outbox

import (
	"math/rand/v2"
	"time"
)

// Schedule is how long to wait after the first, second, … failed attempt. When
// it is used up the delivery is dead.
type Schedule []time.Duration

// DefaultSchedule spreads its attempts over about 72 hours: quick ones for a
// receiver that restarts, slow ones for a weekend.
func DefaultSchedule() Schedule {
	return Schedule{
		time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour,
		10 * time.Hour, 12 * time.Hour, 14 * time.Hour, 14 * time.Hour,
	}
}

// wait is the pause after the given number of failed attempts (from 1).
func (s Schedule) wait(attempts int) time.Duration {
	return s[min(max(attempts, 1), len(s))-1]
}

// span is how long a delivery is tried.
func (s Schedule) span() (d time.Duration) {
	for _, w := range s {
		d += w
	}
	return d
}

// over reports whether a delivery that failed once more is to be given up: its
// attempts are used up and, because the pauses are not exact and a receiver may
// ask for other ones, nearly all of the time is too. Attempts at a destination
// that is failing are made for all its lanes, so there only the time counts.
func (s Schedule) over(attempts int, age time.Duration, failing bool) bool {
	return age >= s.span()*9/10 && (failing || attempts > len(s))
}

// spread moves d by up to a tenth either way, so that lanes that failed
// together do not come back together.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}
