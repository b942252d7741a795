package numbering

import "time"

// DaysSince is when the last n days of the callee began, the present one among
// them: the earliest beginning in zones, so that in no zone a day is left out.
// Where no zone is known they are the days of UTC.
func DaysSince(zones []string, now time.Time, n int) time.Time {
	var first time.Time
	for _, t := range midnights(zones, now, 1-n) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// DayAfter is when the n-th day after that of t begins in all of zones.
func DayAfter(zones []string, t time.Time, n int) time.Time {
	var last time.Time
	for _, m := range midnights(zones, t, n) {
		if m.After(last) {
			last = m
		}
	}
	return last
}

// midnights are the beginnings of the day n days from that of t, zone by zone.
func midnights(zones []string, t time.Time, n int) []time.Time {
	list := make([]time.Time, 0, max(1, len(zones)))
	for _, z := range zones {
		l, err := location(z)
		if err != nil {
			continue
		}
		y, m, d := t.In(l).Date()
		list = append(list, time.Date(y, m, d+n, 0, 0, 0, 0, l).UTC())
	}
	if len(list) == 0 {
		y, m, d := t.UTC().Date()
		list = append(list, time.Date(y, m, d+n, 0, 0, 0, 0, time.UTC))
	}
	return list
}

// NextAt is the first instant, not before after, at which it was or is the time of
// day hhmm in all of zones since then. Where no zone is known it is that of UTC.
func NextAt(hhmm string, zones []string, after time.Time) time.Time {
	m, ok := minutes(hhmm)
	if !ok {
		return after
	}
	var last time.Time
	for _, z := range append([]string{}, zones...) {
		l, err := location(z)
		if err != nil {
			continue
		}
		if t := nextIn(l, m, after); t.After(last) {
			last = t
		}
	}
	if last.IsZero() {
		last = nextIn(time.UTC, m, after)
	}
	return last.UTC()
}

func nextIn(l *time.Location, m int, after time.Time) time.Time {
	y, mon, d := after.In(l).Date()
	t := time.Date(y, mon, d, 0, m, 0, 0, l)
	if t.Before(after) {
		t = time.Date(y, mon, d+1, 0, m, 0, 0, l)
	}
	return t
}

// CheckZone reports whether a time zone is known by this name (IANA).
func CheckZone(zone string) bool {
	if zone == "" || zone == "Local" {
		return false
	}
	_, err := location(zone)
	return err == nil
}
