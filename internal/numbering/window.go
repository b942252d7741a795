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

func (h hours) contains(m int) bool {
	if h.from < h.to {
		return m >= h.from && m < h.to
	}
	return m >= h.from || m < h.to
}

// schedule is a window as it is asked. Where hours cross midnight each part
// belongs to its own day.
type schedule struct {
	ordinary, weekend hours
	uniform           bool // every day is as the other
	days              [7]bool
	holidays          calls.Holidays
	zone              *time.Location // where the hours are told; nil: at the callee
}

// weekdays are the names of time.Weekday, in its order.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// CheckWindow reports with an Error (invalid-field) a window that cannot be
// understood or is never open. "00:00" to "00:00" and "00:00" to "24:00" are
// the whole day. A window that only names a preset is in order; whether there is
// such a preset is not asked.
func CheckWindow(w calls.Window) error {
	if _, err := readWindow(w); err != nil {
		return err
	}
	return nil
}

// readWindow reads the hours of w itself, not those of its preset.
func readWindow(w calls.Window) (s schedule, err *calls.Error) {
	s.holidays = w.Holidays
	switch {
	case !slices.Contains([]calls.Holidays{calls.HolidaysWeekend, calls.HolidaysClosed, calls.HolidaysOrdinary}, w.Holidays):
		return s, calls.Errorf(calls.CodeInvalidField, "holidays is closed or ordinary; leave it out where they are as the weekend")
	case w.From == "" && w.To == "" && w.Preset != "":
		s.ordinary = hours{0, day}
	default:
		if s.ordinary, err = readSpan(calls.Span{From: w.From, To: w.To}); err != nil {
			return s, err
		}
	}
	s.weekend = s.ordinary
	if w.Weekend != (calls.Span{}) {
		if s.weekend, err = readSpan(w.Weekend); err != nil {
			return s, err
		}
	}
	for i := range s.days {
		s.days[i] = len(w.Days) == 0
	}
	for _, name := range w.Days {
		i := slices.Index(weekdays[:], name)
		if i < 0 || s.days[i] {
			return s, calls.Errorf(calls.CodeInvalidField, "days are named once each: mon, tue, wed, thu, fri, sat, sun")
		}
		s.days[i] = true
	}
	s.uniform = s.ordinary == s.weekend && len(w.Days) == 0 && w.Holidays != calls.HolidaysClosed
	if w.Timezone != "" {
		zone, err := location(w.Timezone)
		if err != nil || w.Timezone == "Local" {
			return s, calls.Errorf(calls.CodeInvalidField, "there is no time zone %q; write it like Asia/Yekaterinburg", calls.Clean(w.Timezone, 40))
		}
		s.zone = zone
	}
	return s, nil
}

func readSpan(w calls.Span) (hours, *calls.Error) {
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

// contains reports whether the schedule is open at a local time in a country.
func (s *schedule) contains(c *Calendar, country string, local time.Time) bool {
	h := s.ordinary
	if !s.uniform {
		weekday := local.Weekday()
		if !s.days[weekday] {
			return false
		}
		holiday := s.holidays != calls.HolidaysOrdinary && c.Holiday(country, local)
		if holiday && s.holidays == calls.HolidaysClosed {
			return false
		}
		if holiday || weekday == time.Saturday || weekday == time.Sunday {
			h = s.weekend
		}
	}
	return h.contains(local.Hour()*60 + local.Minute())
}

// OpenAt reports whether all of windows are open at now in all of zones, and when
// they are next: now itself if they are, the first instant at which they all are,
// or the zero time if that does not happen within a year. country (ISO) is whose
// holidays count. Presets are not looked at.
//
// It errs on the quiet side: a window that cannot be understood, an unknown zone,
// no window and an empty list of zones are never open (but for windows of the
// whole day, which no zone can narrow).
func OpenAt(windows []calls.Window, country string, zones []string, now time.Time) (open bool, next time.Time) {
	a := asked{country: country, calendar: calendar()}
	always := true
	for _, w := range windows {
		s, err := readWindow(w)
		if err != nil {
			return false, time.Time{}
		}
		if !s.uniform || !s.ordinary.whole() {
			always = false
			a.schedules = append(a.schedules, s)
			if s.zone != nil {
				a.zones = append(a.zones, s.zone)
			}
		}
	}
	if always {
		return len(windows) > 0, now
	}
	for _, z := range zones {
		l, err := location(z)
		if err != nil {
			return false, time.Time{}
		}
		a.locs = append(a.locs, l)
	}
	if len(a.locs) == 0 {
		return false, time.Time{}
	}
	a.zones = append(a.zones, a.locs...)
	if a.open(now) {
		return true, now
	}
	return false, a.next(now)
}

// asked is what OpenAt was asked.
type asked struct {
	schedules []schedule
	country   string
	calendar  *Calendar
	locs      []*time.Location // of the callee
	zones     []*time.Location // these, and those in which windows are told
}

func (a *asked) open(t time.Time) bool {
	for _, l := range a.locs {
		for i := range a.schedules {
			local := t.In(l)
			if z := a.schedules[i].zone; z != nil {
				local = t.In(z)
			}
			if !a.schedules[i].contains(a.calendar, a.country, local) {
				return false
			}
		}
	}
	return true
}

// next finds the first instant after now at which all is open. Such an instant is
// an opening time or a midnight in one zone, or a clock change in one. Between two
// clock changes everything repeats daily where every day is as the other, so two
// days of each such stretch tell all; most zones have one stretch for ever.
func (a *asked) next(now time.Time) time.Time {
	horizon := now.AddDate(1, 0, 1)
	for stretch := now; stretch.Before(horizon); {
		end := nextChange(a.zones, stretch)
		last := end
		if end.IsZero() || end.After(horizon) {
			last = horizon
		}
		if t := a.first(stretch, last); !t.IsZero() {
			return t.In(now.Location())
		}
		if end.IsZero() {
			break
		}
		stretch = end
	}
	return time.Time{}
}

// first looks for the instant within [start, end), where no clock changes.
func (a *asked) first(start, end time.Time) time.Time {
	days, openings := 2, []int{0}
	for _, s := range a.schedules {
		if !s.uniform {
			days = 400
		}
		openings = append(openings, s.ordinary.from, s.weekend.from)
	}
	var candidates []time.Time
	for k := range days {
		from := start.Add(time.Duration(k) * 24 * time.Hour)
		if !from.Before(end) {
			break
		}
		candidates = append(candidates[:0], from)
		for _, l := range a.zones {
			local := start.In(l)
			midnight := from.Add(-time.Duration(local.Hour())*time.Hour - time.Duration(local.Minute())*time.Minute -
				time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
			for _, o := range openings {
				t := midnight.Add(time.Duration(o) * time.Minute)
				if t.Before(from) {
					t = t.Add(24 * time.Hour)
				}
				candidates = append(candidates, t)
			}
		}
		slices.SortFunc(candidates, time.Time.Compare)
		for _, t := range candidates {
			if t.Before(end) && a.open(t) {
				return t
			}
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
