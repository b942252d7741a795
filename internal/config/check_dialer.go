package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// AllPresets are the presets that are built in, and those of the file in their place.
func (d Dialer) AllPresets() map[string]calls.Preset {
	all := calls.Presets()
	maps.Copy(all, d.Presets)
	return all
}

// Caps are the bounds that hold for every number.
func (d Dialer) Caps() calls.Caps {
	return calls.Caps{PerDay: d.MaxAttemptsPerDay, PerWeek: d.MaxAttemptsPerWeek, PerMonth: d.MaxAttemptsPerMonth, Gap: calls.Duration(d.MinGap)}
}

// leastRetention is how long calls must be kept where attempts of a month are counted.
const leastRetention = Duration(32 * day)

func checkDialer(cfg *Config, r *report) {
	d := cfg.Dialer
	checkWindow(r, "dialer.window", d.Window)
	if p := d.Window.Preset; p != "" {
		if _, ok := d.AllPresets()[p]; !ok {
			r.bad("dialer.window.preset", "there is no preset %s; there are %s", quote(p), strings.Join(slices.Sorted(maps.Keys(d.AllPresets())), ", "))
		}
	}
	checkCaps(r, "dialer.max_attempts_per_day", "dialer.max_attempts_per_week", "dialer.max_attempts_per_month", d.Caps())
	monthly := d.MaxAttemptsPerMonth > 0
	for _, name := range slices.Sorted(maps.Keys(d.Presets)) {
		p, at := d.Presets[name], "dialer.presets."+name
		checkWindow(r, at+".window", p.Window)
		if p.Window.Preset != "" {
			r.bad(at+".window.preset", "a preset may not name another one; write its hours out")
		}
		checkCaps(r, at+".limits.per_day", at+".limits.per_week", at+".limits.per_month", p.Limits)
		monthly = monthly || p.Limits.PerMonth > 0
		if c := p.Limits.Counts; c != "" && c != calls.CountedAttempts && c != calls.CountedTalks {
			r.bad(at+".limits.counts", "%s is counted by nobody; write attempts or talks", quote(string(c)))
		}
	}
	if kept := cfg.Retention.Events; kept != 0 && kept < leastRetention && monthly {
		r.bad("retention.events", "%s is too short to count the attempts of a month; keep %s at least, or bound no month", kept, leastRetention)
	}
	checkCountries(cfg, r)
	r.between("dialer.ring_timeout", d.RingTimeout, 5*time.Second, 3*time.Minute)
	r.between("dialer.max_duration", d.MaxDuration, 5*time.Second, 4*time.Hour)
	checkBreaker(r, "dialer.breaker.trunk", d.Breaker.Trunk.Errors, d.Breaker.Trunk.Of)
	checkBreaker(r, "dialer.breaker.campaign", d.Breaker.Campaign.Errors, d.Breaker.Campaign.Of)
	r.between("dialer.breaker.trunk.pause", d.Breaker.Trunk.Pause, time.Second, time.Hour)
	r.between("dialer.breaker.trunk.most_pause", d.Breaker.Trunk.MostPause, d.Breaker.Trunk.Pause.Duration(), 24*time.Hour)
	if d.NumberingPlan != "" {
		if _, err := numbering.ReadPlan(d.NumberingPlan); err != nil {
			r.bad("dialer.numbering_plan", "%s", err)
		}
	}
	if d.Holidays != "" {
		if _, err := numbering.ReadCalendar(d.Holidays); err != nil {
			r.bad("dialer.holidays", "%s", err)
		}
	}
}

// checkWindow wants hours that can be understood and are no nights.
func checkWindow(r *report, at string, w calls.Window) {
	if err := numbering.CheckWindow(w); err != nil {
		r.bad(at, "%s", wordsOf(err))
		return
	}
	for _, span := range []calls.Span{{From: w.From, To: w.To}, w.Weekend} {
		if span.From > span.To && span.To != "00:00" {
			// Times of day compare like their spelling.
			r.bad(at, "%s to %s is the night; were the two meant the other way round?", span.From, span.To)
		}
	}
}

func checkCaps(r *report, perDay, perWeek, perMonth string, c calls.Caps) {
	for _, n := range []struct {
		at   string
		most int
	}{{perDay, c.PerDay}, {perWeek, c.PerWeek}, {perMonth, c.PerMonth}} {
		if n.most < 0 || n.most > 1000 {
			r.bad(n.at, "%d is outside 0 to 1000 (0 is no cap)", n.most)
		}
	}
}

func checkBreaker(r *report, at string, errors, of int) {
	if errors < 0 || of < 1 || of > 1000 || errors > of {
		r.bad(at, "%d errors of %d attempts cannot be; write 1 to 1000 attempts and no more errors than that (0 errors is never)", errors, of)
	}
}

func checkCountries(cfg *Config, r *report) {
	d := cfg.Dialer
	if len(d.Countries) == 0 {
		r.bad("dialer.countries", "no country may be called; name at least one, like [RU]")
	}
	for i, c := range d.Countries {
		if c != strings.ToUpper(c) || phonenumbers.GetCountryCodeForRegion(c) == 0 {
			r.bad(element("dialer.countries", i), "%s is not a country; write two capital letters (ISO 3166-1), like RU", quote(c))
		}
	}
	unique(r, "dialer.countries", d.Countries, "", self)
}
