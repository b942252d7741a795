package dialer

import (
	"fmt"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// rules are what holds for one call: the configuration's and its own, with the
// presets that they name written out. A call narrows, it never widens.
type rules struct {
	windows []calls.Window
	caps    calls.Caps // of attempts
	talks   calls.Caps // of talks
	unknown string     // a preset that nobody knows
}

func (d *Dialer) rulesOf(c *calls.Call) rules {
	r := rules{caps: d.cfg.Caps}
	r.add(d.cfg.Window, d.cfg.Presets)
	if c.Window != nil {
		r.add(*c.Window, d.cfg.Presets)
	}
	return r
}

func (r *rules) add(w calls.Window, presets map[string]calls.Preset) {
	if w.Preset != "" {
		p, ok := presets[w.Preset]
		if !ok {
			r.unknown = w.Preset
			return
		}
		r.windows = append(r.windows, p.Window)
		if p.Limits.Counts == calls.CountedTalks {
			r.talks = r.talks.Tighter(p.Limits)
			r.caps = r.caps.Tighter(calls.Caps{Gap: p.Limits.Gap})
		} else {
			r.caps = r.caps.Tighter(p.Limits)
		}
	}
	if w.From != "" || w.To != "" {
		r.windows = append(r.windows, w)
	}
}

// spans are the hours in words.
func (r *rules) spans() string {
	parts := make([]string, 0, len(r.windows))
	for _, w := range r.windows {
		part := w.From + "–" + w.To
		if w.Weekend != (calls.Span{}) {
			part += " (weekends and holidays " + w.Weekend.From + "–" + w.Weekend.To + ")"
		}
		if len(w.Days) > 0 {
			part += " on " + strings.Join(w.Days, ", ")
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " and ")
}

// zones is where the callee may be.
func (d *Dialer) zones(c *calls.Call) []string {
	if c.Timezone != "" {
		return []string{c.Timezone}
	}
	return d.cfg.Zones(c.To)
}

// OpensAt tells whether somebody may be called at now by the hours of the configuration
// and w (nil: none of its own), and when next (zero: never); zones is where he may be.
// timezone "" is where the numbering plan has him.
func (d *Dialer) OpensAt(number, timezone string, w *calls.Window, now time.Time) (open bool, next time.Time, zones []string) {
	c := &calls.Call{To: number, Timezone: timezone, Window: w}
	r, zones := d.rulesOf(c), d.zones(c)
	if r.unknown != "" {
		return false, time.Time{}, zones
	}
	open, next = d.cfg.OpenAt(r.windows, d.cfg.Country(number), zones, now)
	return open, next, zones
}

// The days of a week and of a month, counted back from the present one: no week and
// no month of the calendar holds more of them.
const (
	daysOfWeek  = 7
	daysOfMonth = 31
)

// span is one of the bounds: at most most attempts, or talks, in the last days; text has
// a place for how many there were.
type span struct {
	days, most int
	text       string
}

// mostCounted bounds how many attempts are read; no cap is higher.
const mostCounted = 1000

// spansOf are the bounds that caps set.
func spansOf(c calls.Caps, words string) (spans []span) {
	for _, s := range []span{{1, c.PerDay, words + "today"}, {daysOfWeek, c.PerWeek, words + "in seven days"}, {daysOfMonth, c.PerMonth, words + "in 31 days"}} {
		if s.most > 0 {
			spans = append(spans, s)
		}
	}
	return spans
}

// capGate counts the charged attempts to the number, whoever made them, those that were
// talks, and those of this call. Where the callee may be in several zones a day is the
// span from the first midnight among them to the last: in no zone he gets more than the cap.
func capGate(d *Dialer, tx calls.ReadTx, w *work, now time.Time) (verdict, error) {
	c := w.call
	r := d.rulesOf(c)
	zones := d.zones(c)
	if v := ownCap(c, zones, now); !v.open() {
		return v, nil
	}
	if v, err := gapGate(tx, c, time.Duration(r.caps.Gap), now); err != nil || !v.open() {
		return v, err
	}
	worst, err := counted(tx.ChargedSince, c, spansOf(r.caps, "called %d times "), zones, now)
	if err != nil {
		return worst, err
	}
	v, err := counted(tx.TalksSince, c, spansOf(r.talks, "talked to %d times "), zones, now)
	if v.next.After(worst.next) {
		worst = v
	}
	return worst, err
}

// gapGate wants a time between two attempts to a number.
func gapGate(tx calls.ReadTx, c *calls.Call, gap time.Duration, now time.Time) (verdict, error) {
	if gap == 0 {
		return verdict{}, nil
	}
	sent, err := tx.ChargedSince(c.Account, c.To, now.Add(-gap), 1)
	if err != nil || len(sent) == 0 {
		return verdict{}, err
	}
	end := sent[0].Add(gap)
	if !end.After(now) {
		return verdict{}, nil
	}
	text := fmt.Sprintf("this number was called a moment ago; %s must lie between two attempts", gap)
	return verdict{hold: &calls.Hold{Gate: calls.GateGap, Until: &end, Text: text}, next: end}, nil
}

// counted looks at what was counted of a number within spans, the longest last.
func counted(since func(account, number string, since time.Time, limit int) ([]time.Time, error), c *calls.Call, spans []span, zones []string, now time.Time) (worst verdict, err error) {
	if len(spans) == 0 {
		return worst, nil
	}
	sent, err := since(c.Account, c.To, numbering.DaysSince(zones, now, spans[len(spans)-1].days), mostCounted)
	if err != nil {
		return worst, err
	}
	for _, s := range spans {
		if v := s.count(sent, zones, now); !v.open() && v.next.After(worst.next) {
			worst = v
		}
	}
	return worst, nil
}

// count looks at the attempts (newest first) within the span.
func (s span) count(sent []time.Time, zones []string, now time.Time) verdict {
	if s.most == 0 || len(sent) < s.most {
		return verdict{}
	}
	since := numbering.DaysSince(zones, now, s.days)
	n := 0
	for n < len(sent) && !sent[n].Before(since) {
		n++
	}
	if n < s.most {
		return verdict{}
	}
	// Once the oldest of the last most attempts is out of the span there is room for one.
	until := numbering.DayAfter(zones, sent[s.most-1], s.days)
	text := fmt.Sprintf("this number was "+s.text+", at most %d are allowed", n, s.most)
	return verdict{hold: &calls.Hold{Gate: calls.GateCap, Until: &until, Text: text}, next: until}
}

// ownCap bounds the attempts of one call in the callee's day.
func ownCap(c *calls.Call, zones []string, now time.Time) verdict {
	if c.Retry == nil || c.Retry.MaxAttemptsPerDay == 0 {
		return verdict{}
	}
	var sent []time.Time
	for i := len(c.Attempts) - 1; i >= 0; i-- {
		if a := c.Attempts[i]; a.Charged && a.Role == calls.RoleCustomer {
			sent = append(sent, a.SentAt)
		}
	}
	v := span{1, c.Retry.MaxAttemptsPerDay, "called %d times today by this call"}.count(sent, zones, now)
	return v
}

// bounded reports whether how often a number is called is bounded.
func (r *rules) bounded() bool { return r.caps != (calls.Caps{}) || r.talks != (calls.Caps{}) }
