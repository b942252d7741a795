package campaign

import (
	"math"
	"slices"
	"time"

	"zvonar/internal/calls"
)

const (
	// rateOver is the stretch that the rate of a campaign is taken over.
	rateOver = 5 * time.Minute
	// recount is how long it is believed in which zones those are who are left: all of
	// them are counted for that.
	recount = time.Minute
	// grain is how finely hours are looked at.
	grain = 15 * time.Minute
	// mostAsked bounds how often a forecast asks for hours (some milliseconds); what
	// is left then is taken to go on as it went so far.
	mostAsked = 4000
	// horizon is how far a forecast looks where nobody may be called.
	horizon = 366 * 24 * time.Hour
)

// forecast tells when the campaign will be through if it goes on as it did lately, in
// the hours in which those who are left may be called.
func (d *Desk) forecast(tx calls.ReadTx, c *calls.Campaign, p *Progress, now time.Time) error {
	rate, err := d.rate(tx, c, p, now)
	left := p.Counts.Waiting() + p.Counts[calls.CountCalling]
	if err != nil || rate <= 0 || left <= 0 {
		return err
	}
	zones, err := d.zonesLeft(tx, c, now)
	if err != nil {
		return err
	}
	var counted int64
	for _, z := range zones {
		counted += z.N
	}
	if counted == 0 {
		return nil // they came since
	}
	var lots []lot
	for _, z := range zones { // some are behind since they were counted
		lots = append(lots, lot{zone: z, left: float64(z.N) * float64(left) / float64(counted), from: time.UnixMicro(z.Turn)})
	}
	p.ETA = d.through(c, lots, rate, now)
	return nil
}

// rate is how many contacts come to their end in a minute: lately or, where nobody may
// be called now, in the minutes before the last of them did; before the first one does
// it is what the pace allows. PerMinute is what it was lately in any case.
func (d *Desk) rate(tx calls.ReadTx, c *calls.Campaign, p *Progress, now time.Time) (float64, error) {
	since := later(now.Add(-rateOver), c.StartedAt)
	done, err := tx.DoneSince(c.Account, c.ID, since.UnixMicro())
	if err != nil {
		return 0, err
	}
	if span := now.Sub(since).Minutes(); span > 0 {
		p.PerMinute = float64(done) / span
	}
	if done > 0 {
		return p.PerMinute, nil
	}
	ended, err := tx.LastDone(c.Account, c.ID)
	if err != nil {
		return 0, err
	}
	if ended == 0 {
		if every := atLeast(c.Pace, 1); every > 0 {
			return float64(time.Minute) / float64(every), nil
		}
		return 0, nil
	}
	last := time.UnixMicro(ended)
	since = later(last.Add(-rateOver), c.StartedAt)
	if done, err = tx.DoneSince(c.Account, c.ID, since.UnixMicro()); err != nil {
		return 0, err
	}
	return float64(done) / math.Max(1, last.Sub(since).Minutes()), nil
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// counted is in which zones the contacts of a campaign were that were left at at.
type counted struct {
	at    time.Time
	zones []calls.ContactsLeft
}

// zonesLeft counts those who are left by zones, or gives what it counted a moment ago.
func (d *Desk) zonesLeft(tx calls.ReadTx, c *calls.Campaign, now time.Time) ([]calls.ContactsLeft, error) {
	fresh := func(n counted) bool { return now.Sub(n.at) < recount && !now.Before(n.at) }
	d.counting.Lock()
	known, ok := d.counted[c.ID]
	d.counting.Unlock()
	if ok && fresh(known) {
		return known.zones, nil
	}
	zones, err := tx.ContactsLeft(c.Account, c.ID)
	if err != nil {
		return nil, err
	}
	d.counting.Lock()
	defer d.counting.Unlock()
	for id, n := range d.counted {
		if !fresh(n) {
			delete(d.counted, id)
		}
	}
	if d.counted == nil {
		d.counted = map[string]counted{}
	}
	d.counted[c.ID] = counted{now, zones}
	return zones, nil
}

// lot is the contacts of one zone key in a forecast.
type lot struct {
	zone calls.ContactsLeft
	left float64
	from time.Time // it is closed until then; zero: for ever
}

// through plays a campaign at a rate (contacts a minute) over the hours of its lots and
// tells when all are behind; zero: never.
func (d *Desk) through(c *calls.Campaign, lots []lot, rate float64, now time.Time) time.Time {
	var total, done float64
	for _, l := range lots {
		total += l.left
	}
	for t, asked := now, 0; ; {
		var open []*lot
		var next time.Time
		for i := range lots {
			l := &lots[i]
			switch {
			case l.left <= 0:
				continue
			case !l.from.After(t):
				asked++
				var is bool
				if is, l.from = d.opensLot(c, l, t); is {
					open = append(open, l)
					continue
				}
			}
			if l.from.IsZero() {
				return time.Time{} // these are never called
			}
			next = sooner(next, l.from)
		}
		if len(open) == 0 {
			if !next.After(t) || next.Sub(now) > horizon {
				return time.Time{}
			}
			t = next
			continue
		}
		if asked > mostAsked && done > 0 {
			return t.Add(time.Duration(float64(t.Sub(now)) * (total - done) / done))
		}
		end := t.Truncate(grain).Add(grain)
		if next.After(t) && next.Before(end) {
			end = next
		}
		did := share(open, rate*end.Sub(t).Minutes())
		if done += did; done >= total-0.5 {
			return t.Add(time.Duration(did / rate * float64(time.Minute)))
		}
		t = end
	}
}

// opensLot asks whether the contacts of a lot may be called at t, and from when else.
func (d *Desk) opensLot(c *calls.Campaign, l *lot, t time.Time) (bool, time.Time) {
	zone := ""
	if zones := calls.ZonesOfKey(l.zone.Zones); len(zones) == 1 {
		zone = zones[0]
	}
	is, next := d.opens(l.zone.Number, zone, c.Window, t)
	if is {
		return true, t
	}
	return false, next
}

// share gives open lots room for so many contacts in equal parts, what one does not need
// to the others, and tells how much of it was taken.
func share(open []*lot, room float64) (taken float64) {
	slices.SortFunc(open, func(a, b *lot) int {
		if a.left < b.left {
			return -1
		}
		return 1
	})
	for i, l := range open {
		part := math.Min(l.left, (room-taken)/float64(len(open)-i))
		l.left -= part
		taken += part
	}
	return taken
}
