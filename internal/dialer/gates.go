package dialer

import (
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// verdict is what a gate says of a call; the zero verdict is "open".
type verdict struct {
	hold    *calls.Hold       // closed
	next    time.Time         // with hold: when to look again
	blocked *calls.BlockEntry // never
	refused calls.Reason      // never, because of its recording
	wait    time.Time         // not yet, and nobody need be told: look again then
}

// gate examines one call at now.
type gate func(d *Dialer, tx calls.ReadTx, it *item, now time.Time) (verdict, error)

// gates are examined in this order; the first that is not open decides. The
// trunk's channels and rate come last, in pass.go: they are taken, not looked at.
var gates = []gate{blacklistGate, clipGate, windowGate, capGate, lineGate, textGate}

// Times after which a call is looked at again where its gate has no known end.
const (
	unknownZoneRetry = time.Hour
	noTrunkRetry     = time.Minute
	trunkDownRetry   = 5 * time.Second
	storeRetry       = time.Second
)

func blacklistGate(_ *Dialer, tx calls.ReadTx, it *item, _ time.Time) (verdict, error) {
	entry, err := tx.Blocked(it.account, it.to)
	if errors.Is(err, calls.ErrNotFound) {
		return verdict{}, nil
	}
	return verdict{blocked: entry}, err
}

func windowGate(d *Dialer, _ calls.ReadTx, it *item, now time.Time) (verdict, error) {
	zones := d.cfg.Zones(it.to)
	for _, w := range it.windows {
		open, next := d.cfg.OpenAt(w, zones, now)
		if open {
			continue
		}
		span := w.From + "–" + w.To
		if next.IsZero() {
			hold := &calls.Hold{Gate: calls.GateWindow, Text: "the calling window " + span + " never opens for this number: its time zone is not known, or its zones have no common hour"}
			return verdict{hold: hold, next: now.Add(unknownZoneRetry)}, nil
		}
		hold := &calls.Hold{Gate: calls.GateWindow, Until: &next, Text: "outside the calling window " + span + " of the callee's local time"}
		return verdict{hold: hold, next: next}, nil
	}
	return verdict{}, nil
}

// capGate counts the charged attempts of the callee's local day. Where he may be
// in several zones the day is the span from the first midnight among them to the
// last: in no zone he gets more than the cap.
func capGate(d *Dialer, tx calls.ReadTx, it *item, now time.Time) (verdict, error) {
	most := d.cfg.MaxAttemptsPerDay
	if most <= 0 {
		return verdict{}, nil
	}
	since, until := d.localDay(d.cfg.Zones(it.to), now)
	n, err := tx.AttemptsSince(it.account, it.to, since)
	if err != nil {
		return verdict{}, err
	}
	begun, err := d.begun(tx, it)
	if err != nil || n+begun < most {
		return verdict{}, err
	}
	hold := &calls.Hold{Gate: calls.GateCap, Until: &until, Text: fmt.Sprintf("this number was called %d times today, max_attempts_per_day is %d", n+begun, most)}
	return verdict{hold: hold, next: until}, nil
}

// localDay is the earliest beginning and the latest end of the present day in zones.
// Where no zone is known it is the day of UTC.
func (d *Dialer) localDay(zones []string, now time.Time) (since, until time.Time) {
	for _, z := range zones {
		l, err := d.location(z)
		if err != nil {
			continue
		}
		y, m, day := now.In(l).Date()
		from, to := time.Date(y, m, day, 0, 0, 0, 0, l), time.Date(y, m, day+1, 0, 0, 0, 0, l)
		if since.IsZero() || from.Before(since) {
			since = from
		}
		if to.After(until) {
			until = to
		}
	}
	if since.IsZero() {
		since = now.UTC().Truncate(24 * time.Hour)
		until = since.Add(24 * time.Hour)
	}
	return since, until
}

// location is time.LoadLocation, which reads a file, remembered.
func (d *Dialer) location(zone string) (*time.Location, error) {
	if l, ok := d.locations[zone]; ok {
		return l, nil
	}
	l, err := time.LoadLocation(zone)
	if err == nil {
		d.locations[zone] = l
	}
	return l, err
}

// begunCall is a call that was begun a moment ago.
type begunCall struct {
	id, account, to string
	at              time.Time
}

// commitPatience is how long after its beginning a call's attempt may still be
// missing in the store.
const commitPatience = 30 * time.Second

// remember keeps a call in mind until its attempt is surely in the store.
func (d *Dialer) remember(it *item, now time.Time) {
	if d.cfg.MaxAttemptsPerDay <= 0 {
		return
	}
	old := 0
	for old < len(d.recent) && now.Sub(d.recent[old].at) > commitPatience {
		old++
	}
	d.recent = append(d.recent[old:], begunCall{it.id, it.account, it.to, now})
}

// begun counts the calls to the same number that were begun and whose attempt
// is not committed yet: AttemptsSince cannot see these.
func (d *Dialer) begun(tx calls.ReadTx, it *item) (n int, err error) {
	for _, r := range d.recent {
		if r.to != it.to || r.account != it.account || d.Has(r.id) { // Has: it was put back
			continue
		}
		c, err := tx.Call(r.account, r.id)
		switch {
		case errors.Is(err, calls.ErrNotFound):
		case err != nil:
			return 0, err
		case c.Status == calls.StatusQueued || c.Status == calls.StatusHeld:
			n++
		}
	}
	return n, nil
}

// lineGate wants a trunk that may carry the call at all.
func lineGate(_ *Dialer, _ calls.ReadTx, it *item, now time.Time) (verdict, error) {
	if len(it.lane.trunks) > 0 {
		return verdict{}, nil
	}
	hold := &calls.Hold{Gate: calls.GateTrunkDown, Text: "no configured trunk carries this call: its trunk, or the owner of its caller number, is gone from the configuration"}
	return verdict{hold: hold, next: now.Add(noTrunkRetry)}, nil
}
