package campaign

import (
	"context"
	"time"
)

const (
	// pacedLines is how many lines a second an import stores at most while calls
	// tell what happens to them (docs/decisions/135): a fast machine does four times that.
	pacedLines = 25_000
	// crowdedFor is how long an import goes on like that after somebody waited for it.
	crowdedFor = 10 * time.Second
	// mostCredit is how far behind its time an import may fall and catch up again.
	mostCredit = 50 * time.Millisecond
)

// pace says how long an import rests between two units, and how large they are, so
// that what happens in calls meanwhile finds a processor, the writer and the disk
// free. Where nobody waits for the writer it does not rest. The zero pace is ready
// for use.
type pace struct {
	waited time.Time // when somebody else last waited for a unit to end
	due    time.Time // of the next unit
	size   int       // contacts of a unit while others write; 0: none do
}

// after notes a unit of n contacts that ended now, for somebody else where waited is
// true, and gives how long to rest. Units are as small as the pace allows: whoever
// comes during a commit waits for all of it.
func (p *pace) after(now time.Time, n int, waited bool) time.Duration {
	if waited {
		p.waited = now
	}
	if p.waited.IsZero() || now.Sub(p.waited) > crowdedFor {
		*p = pace{}
		return 0
	}
	if earliest := now.Add(-mostCredit); p.due.Before(earliest) {
		p.due = earliest
	}
	p.due = p.due.Add(time.Duration(n) * time.Second / pacedLines)
	if p.due.After(now) {
		p.size = max(p.size/2, leastUnit)
		return p.due.Sub(now)
	}
	p.size = min(max(2*p.size, leastUnit), mostUnit)
	return 0
}

// unit is how many contacts the next unit has, where it would have ordinary ones.
func (p *pace) unit(ordinary int) int {
	if p.size > 0 {
		return p.size
	}
	return ordinary
}

// rest waits for d, or for the end of ctx. It is real time: nothing that comes of an
// import depends on it.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
