package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// Progress is how a campaign gets on.
type Progress struct {
	Counts    calls.CampaignCounts
	Held      int64     // calls that a gate keeps back
	Talking   int64     // calls that ring or talk
	PerMinute float64   // contacts that came to their end lately
	ETA       time.Time // zero: not known
	// NextDue is when the next contact may be called: now or before, or when its
	// hours begin; zero: there is none.
	NextDue time.Time
}

// Share is what of the contacts is behind, 0 to 1.
func (p *Progress) Share() float64 {
	total := p.Counts[calls.CountTotal]
	if total == 0 {
		return 0
	}
	return float64(p.Counts[calls.CountDone]+p.Counts[calls.CountSkipped]+p.Counts[calls.CountFailed]) / float64(total)
}

// Progress tells how a campaign gets on.
func (d *Desk) Progress(tx calls.ReadTx, c *calls.Campaign) (*Progress, error) {
	now := d.clock.Now()
	p := &Progress{}
	var err error
	if p.Counts, err = tx.CampaignCounts(c.Account, c.ID); err != nil {
		return nil, err
	}
	live, err := tx.LiveOfCampaign(c.Account, c.ID)
	if err != nil {
		return nil, err
	}
	p.Held = live[calls.StatusHeld]
	for _, s := range []calls.Status{calls.StatusDialing, calls.StatusRinging, calls.StatusAnswered, calls.StatusBridged} {
		p.Talking += live[s]
	}
	if c.State == calls.CampaignIsRunning {
		if err := d.forecast(tx, c, p, now); err != nil {
			return nil, err
		}
	}
	if p.Counts.Waiting() > 0 && c.State != calls.CampaignIsStopped {
		_, p.NextDue, err = d.hours(tx, c, now)
	}
	return p, err
}

// Hours are the hours of the contacts of one zone key.
type Hours struct {
	Zones    []string
	Contacts int64 // that wait; 0 where they were not counted
	Open     bool
	OpensAt  time.Time // where it is not open; zero: never
}

// hours asks for each line of a campaign whether it may be called.
func (d *Desk) hours(tx calls.ReadTx, c *calls.Campaign, now time.Time) (list []Hours, next time.Time, err error) {
	lines, err := tx.ContactLines(c.Account, c.ID)
	if err != nil {
		return nil, next, err
	}
	for _, l := range lines {
		first, err := tx.NextContacts(c.Account, c.ID, l.Zones, l.Turn, 1)
		if err != nil {
			return nil, next, err
		}
		if len(first) == 0 {
			continue
		}
		h := Hours{Zones: calls.ZonesOfKey(l.Zones)}
		h.Open, h.OpensAt = d.opens(first[0].Number, first[0].Timezone, c.Window, now)
		due := h.OpensAt
		if h.Open {
			h.OpensAt, due = time.Time{}, now
		}
		if turn := time.UnixMicro(l.Turn); !due.IsZero() && turn.After(due) {
			due = turn
		}
		next = sooner(next, due)
		list = append(list, h)
	}
	return list, next, nil
}

// Preflight is what is to be known before a campaign is started.
type Preflight struct {
	Counts    calls.CampaignCounts
	Blocked   int64 // contacts that wait and are on the blacklist
	Hours     []Hours
	NextDue   time.Time
	AtLeast   time.Duration // to begin all calls at the pace of the campaign; 0: it has none
	Obstacles []string      // what would keep calls from being made, in words
}

// Preflight looks at a campaign before it is started.
func (d *Desk) Preflight(ctx context.Context, account, id string) (p *Preflight, err error) {
	err = d.store.View(ctx, func(tx calls.ReadTx) error {
		c, err := tx.Campaign(account, id)
		if err != nil {
			return err
		}
		p = &Preflight{}
		if p.Counts, err = tx.CampaignCounts(account, id); err != nil {
			return err
		}
		census, err := tx.CountContacts(account, id)
		if err != nil {
			return err
		}
		if p.Hours, p.NextDue, err = d.hours(tx, c, d.clock.Now()); err != nil {
			return err
		}
		p.Blocked = census.Blocked
		for i := range p.Hours {
			p.Hours[i].Contacts = census.ByZones[calls.ContactZoneKey(p.Hours[i].Zones)]
		}
		slices.SortFunc(p.Hours, func(a, b Hours) int { return int(b.Contacts - a.Contacts) })
		p.AtLeast = atLeast(c.Pace, p.Counts.Waiting())
		p.Obstacles = d.obstacles(tx, c, p)
		return nil
	})
	return p, err
}

// atLeast is how long the beginnings of n calls take at a pace.
func atLeast(p calls.Pace, n int64) time.Duration {
	every := p.IntervalTime()
	if p.CPS > 0 {
		every = max(every, time.Duration(float64(time.Second)/p.CPS))
	}
	return every * time.Duration(n)
}

func (d *Desk) obstacles(tx calls.ReadTx, c *calls.Campaign, p *Preflight) (list []string) {
	if p.Counts.Waiting() == 0 {
		list = append(list, "there is nobody to call: import contacts")
	}
	for _, id := range c.Flow.ClipIDs() {
		if err := d.resolve(tx, c.Account, id); err != nil {
			words := err.Error()
			if _, after, found := strings.Cut(words, ": "); found {
				words = after
			}
			list = append(list, fmt.Sprintf("recording %s: %s", id, words))
		}
	}
	for _, h := range p.Hours {
		if !h.Open && h.OpensAt.IsZero() {
			list = append(list, fmt.Sprintf("%d contacts are in no known time zone, or their hours never come", h.Contacts))
		}
	}
	return list
}

// namedHours is how many closed time zones a sentence names.
const namedHours = 3

// Words is a preflight in one sentence: "of 1,000,000 lines: 41 invalid, 212
// blacklisted, 88 duplicates; Yekaterinburg opens at 09:00 (in 3h20m)".
func (p *Preflight) Words(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "of %s lines: %s invalid, %s blacklisted, %s duplicates; %s to call", grouped(p.Counts[calls.CountLines]), grouped(p.Counts[calls.CountInvalid]),
		grouped(p.Blocked), grouped(p.Counts[calls.CountDuplicates]), grouped(p.Counts.Waiting()))
	named := 0
	for _, h := range p.Hours {
		if h.Open || h.OpensAt.IsZero() || len(h.Zones) == 0 || named == namedHours {
			continue
		}
		named++
		place, at := h.Zones[0], h.OpensAt
		if zone, err := time.LoadLocation(place); err == nil {
			at = at.In(zone)
		}
		if len(h.Zones) > 1 {
			place = fmt.Sprintf("%s and %d more", place, len(h.Zones)-1)
		}
		fmt.Fprintf(&b, "; %s opens at %s (in %s)", place[strings.LastIndexByte(strings.SplitN(place, " ", 2)[0], '/')+1:], at.Format("15:04"), strings.TrimSuffix(h.OpensAt.Sub(now).Round(time.Minute).String(), "0s"))
	}
	return b.String()
}

// grouped is 1000000 as "1,000,000".
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
