package numbering

import (
	"slices"
	"time"

	"zvonar/internal/calls"
)

// day is the length of a day in minutes.
const day = 24 * 60

// hours is a window in minutes of the local day: open from ≤ t < to, or, where
// it crosses midnight (from > to), t ≥ from or t < to.
type hours struct{ from, to int }

func (h hours) whole() bool { return h.from == 0 && h.to == day }

func (h hours) contains(t time.Time) bool {
	m := t.Hour()*60 + t.Minute()
	if h.from < h.to {
		return m >= h.from && m < h.to
	}
	return m >= h.from || m < h.to
}

// CheckWindow reports with an Error (invalid-field) a window that cannot be
// understood or is never open. "00:00" to "00:00" and "00:00" to "24:00" are
// the whole day.
func CheckWindow(w calls.Window) error {
	if _, err := parseWindow(w); err != nil {
		return err
	}
	return nil
}

func parseWindow(w calls.Window) (hours, *calls.Error) {
	from, ok1 := minutes(w.From)
	to, ok2 := minutes(w.To)
	switch {
	case !ok1 || !ok2 || from == day:
		return hours{}, calls.Errorf(calls.CodeInvalidField, `a window is two times of day, "09:00" and "21:00"; its end may be "24:00"`)
	case from == 0 && to == 0:
		return hours{0, day}, nil
	case from == to:
		return hours{}, calls.Errorf(calls.CodeInvalidField, `a window that ends when it begins is never open; for the whole day write "00:00" and "24:00"`)
	}
	return hours{from, to}, nil
}

// minutes reads "HH:MM", "24:00" included.
func minutes(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	for _, i := range []int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	h, m := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	return h*60 + m, m < 60 && h*60+m <= day
}

// OpenAt reports whether w is open at now in all of zones, and when it is open
// next: now itself if it is open, the first instant at which it opens in all of
// them together, or the zero time if that does not happen within a year.
//
// It errs on the quiet side: a window that cannot be understood, an unknown zone
// and an empty list of zones are never open (but for a window of the whole day,
// which no zone can narrow).
func OpenAt(w calls.Window, zones []string, now time.Time) (open bool, next time.Time) {
	h, err := parseWindow(w)
	if err != nil {
		return false, time.Time{}
	}
	if h.whole() {
		return true, now
	}
	locs := make([]*time.Location, 0, len(zones))
	for _, z := range zones {
		l, err := location(z)
		if err != nil {
			return false, time.Time{}
		}
		locs = append(locs, l)
	}
	if len(locs) == 0 {
		return false, time.Time{}
	}
	if openIn(h, locs, now) {
		return true, now
	}
	return false, nextOpen(h, locs, now)
}

func openIn(h hours, locs []*time.Location, t time.Time) bool {
	for _, l := range locs {
		if !h.contains(t.In(l)) {
			return false
		}
	}
	return true
}

// nextOpen finds the first instant after now at which all zones are open. Such
// an instant is an opening time of one zone, or a clock change in one. Between
// two clock changes everything repeats daily, so two days of each such stretch
// tell all; most zones have one stretch for ever.
func nextOpen(h hours, locs []*time.Location, now time.Time) time.Time {
	horizon := now.AddDate(1, 0, 1)
	for stretch := now; stretch.Before(horizon); {
		end := nextChange(locs, stretch)
		if t := firstOpen(h, locs, stretch, end); !t.IsZero() {
			return t.In(now.Location())
		}
		if end.IsZero() {
			break
		}
		stretch = end
	}
	return time.Time{}
}

// firstOpen looks for the instant within [start, end), where no clock changes.
func firstOpen(h hours, locs []*time.Location, start, end time.Time) time.Time {
	candidates := []time.Time{start}
	for _, l := range locs {
		local := start.In(l)
		sinceMidnight := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute +
			time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
		opening := start.Add(time.Duration(h.from)*time.Minute - sinceMidnight)
		for range 3 {
			if opening.After(start) {
				candidates = append(candidates, opening)
			}
			opening = opening.Add(24 * time.Hour)
		}
	}
	slices.SortFunc(candidates, time.Time.Compare)
	for _, t := range candidates {
		if !end.IsZero() && !t.Before(end) {
			break
		}
		if openIn(h, locs, t) {
			return t
		}
	}
	return time.Time{}
}

// nextChange is the first clock change after t in any zone; zero if there is none.
func nextChange(locs []*time.Location, t time.Time) time.Time {
	var first time.Time
	for _, l := range locs {
		if _, end := t.In(l).ZoneBounds(); !end.IsZero() && (first.IsZero() || end.Before(first)) {
			first = end
		}
	}
	return first
}
