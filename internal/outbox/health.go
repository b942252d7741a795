package outbox

import (
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
)

// failingAfter says after how many different lanes in a row a destination counts as
// failing, by the faults that are counted. One lane alone never makes a
// destination failing, and any success begins the row anew: so a body that the
// receiver does not want harms nothing but its own lane.
var failingAfter = []struct {
	fault Fault // this one, and the graver ones
	lanes int
}{
	{Unreachable, 3},
	{Unwell, 5},
	{Unwanted, 20},
}

// probes is how long a failing destination is left alone between two attempts:
// at most 60 s, the jitter included.
var probes = Schedule{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 54 * time.Second}

// newcomers is how many lanes a destination may have under way before it has
// answered once: many that hang together must not take all the places.
const newcomers = 8

// destination is one destination as the owner of the outbox sees it. halt and
// bucket may be used by those who deliver; all else is the owner's.
type destination struct {
	id     string
	halt   atomic.Bool // begin nothing further of a run
	bucket *bucket

	rate    Rate
	sending int  // runs under way
	proven  bool // it has taken something since the start

	ready []*run         // read, not begun
	busy  map[lane]*held // lanes read, under way, or with something unsettled
	dry   bool           // nothing is due before dueAt, as far as is known
	dueAt time.Time      // zero: nothing waits

	row          map[lane]Fault // failures of different lanes since the last success
	failures     int
	failingSince time.Time // zero: it is not failing
	probeAt      time.Time
	probing      bool
	authFailedAt time.Time // zero: its credential works
	durable      bool      // the store has a row that says so
	quietUntil   time.Time // it asked for silence
}

// held is a lane that must not be read again yet.
type held struct {
	under     bool // a run of it is under way
	unsettled int  // outcomes that are not on disk
}

func (d *destination) failing() bool { return !d.failingSince.IsZero() }

// failed counts a failure and reports whether the destination counts as failing
// from now on.
func (d *destination) failed(l lane, f Fault) bool {
	d.failures++
	if d.row == nil {
		d.row = map[lane]Fault{}
	}
	if len(d.row) < 64 {
		d.row[l] = f
	}
	if d.failing() {
		return false
	}
	for _, policy := range failingAfter {
		n := 0
		for _, fault := range d.row {
			if fault >= policy.fault {
				n++
			}
		}
		if n >= policy.lanes {
			return true
		}
	}
	return false
}

// took notes a success.
func (d *destination) took() {
	d.row, d.failures, d.proven = nil, 0, true
}

// places is how many runs it may have under way.
func (d *destination) places(most int) int {
	if d.rate.Parallel > 0 {
		most = min(most, d.rate.Parallel)
	}
	if !d.proven {
		return min(most, newcomers)
	}
	return most
}

// opens is when it may be spoken to again; zero: now.
func (d *destination) opens(now time.Time) time.Time {
	at := d.quietUntil
	if d.failing() && d.probeAt.After(at) {
		at = d.probeAt
	}
	if !at.After(now) {
		return time.Time{}
	}
	return at
}

// health is what the store keeps of a destination that is not well.
func (d *destination) health(account, lastError string) calls.DestinationHealth {
	return calls.DestinationHealth{Destination: d.id, Account: account, FailingSince: d.failingSince, Failures: d.failures,
		ProbeAt: d.probeAt, AuthFailedAt: d.authFailedAt, LastError: lastError}
}
