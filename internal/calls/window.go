package calls

// Window is when somebody may be called, in his own time: "09:00" to "21:00".
// From == To == "00:00", or To == "24:00" with From "00:00", is the whole day. A
// window that names a preset has its hours, too: all must be open.
type Window struct {
	From string `json:"from,omitempty" yaml:"from"`
	To   string `json:"to,omitempty" yaml:"to"`
	// Weekend are the hours of Saturday, Sunday and holidays; zero: as other days.
	Weekend Span `json:"weekend,omitzero" yaml:"weekend"`
	// Days it is open on, "mon" to "sun"; empty: every day.
	Days []string `json:"days,omitempty" yaml:"days"`
	// Holidays says what a holiday of the callee's country is.
	Holidays Holidays `json:"holidays,omitempty" yaml:"holidays"`
	// Preset names hours and limits of the configuration, or built in.
	Preset string `json:"preset,omitempty" yaml:"preset"`
	// Timezone (IANA) is where the hours are told; "": at the callee. A window of the
	// configuration is always the callee's, so that such a one only narrows it.
	Timezone string `json:"timezone,omitempty" yaml:"-"`
}

// Span is from one time of day to another.
type Span struct {
	From string `json:"from,omitempty" yaml:"from"`
	To   string `json:"to,omitempty" yaml:"to"`
}

// Holidays says what a window makes of a holiday.
type Holidays string

// What a window makes of a holiday.
const (
	HolidaysWeekend  Holidays = ""         // a day of the weekend
	HolidaysClosed   Holidays = "closed"   // nobody is called
	HolidaysOrdinary Holidays = "ordinary" // a day as any other
)

// Caps bound how often one number is called, over all calls and campaigns of its
// account; 0: no bound. They count charged attempts. A day is the callee's own, a
// week the last seven of these days, a month the last 31.
type Caps struct {
	PerDay   int `json:"per_day,omitempty" yaml:"per_day"`
	PerWeek  int `json:"per_week,omitempty" yaml:"per_week"`
	PerMonth int `json:"per_month,omitempty" yaml:"per_month"`
	// Gap lies between the beginnings of two attempts.
	Gap Duration `json:"gap,omitempty" yaml:"gap"`
	// Counts is what PerDay, PerWeek and PerMonth of a preset count; "": attempts.
	Counts Counted `json:"counts,omitempty" yaml:"counts"`
}

// Counted is what caps count.
type Counted string

// What caps may count. Gap always lies between attempts.
const (
	CountedAttempts Counted = "attempts" // whatever may have rung
	CountedTalks    Counted = "talks"    // attempts that were answered, or of which nobody can tell
)

// Tighter are the bounds that keep both, where both count the same.
func (c Caps) Tighter(o Caps) Caps {
	least := func(a, b int) int {
		if a == 0 || b > 0 && b < a {
			return b
		}
		return a
	}
	return Caps{PerDay: least(c.PerDay, o.PerDay), PerWeek: least(c.PerWeek, o.PerWeek), PerMonth: least(c.PerMonth, o.PerMonth), Gap: max(c.Gap, o.Gap), Counts: c.Counts}
}

// Preset is a window with its limits under a name.
type Preset struct {
	Window Window `yaml:"window"`
	Limits Caps   `yaml:"limits"`
}
