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

// wait is the pause after the given number of failed attempts (from 1); ok is
// false where there is no further attempt.
func (s Schedule) wait(attempts int) (d time.Duration, ok bool) {
	if attempts < 1 || attempts > len(s) {
		return 0, false
	}
	return s[attempts-1], true
}

// spread moves d by up to a tenth either way, so that lanes that failed
// together do not come back together.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}

// disposition is what an answer does to its delivery.
type disposition int

const (
	retry     disposition = iota // wait, then again
	delivered                    // done
	disable                      // the receiver wants no more: its webhook is switched off
)

// dispositions says what each HTTP status means; the first match counts, and
// what is not listed, redirects included, is tried again.
var dispositions = []struct {
	from, to int
	then     disposition
}{
	{200, 299, delivered},
	{410, 410, disable},
}

func disposed(status int) disposition {
	for _, d := range dispositions {
		if d.from <= status && status <= d.to {
			return d.then
		}
	}
	return retry
}
