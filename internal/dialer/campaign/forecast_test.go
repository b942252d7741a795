package campaign

import (
	"fmt"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// byDay is a desk for which everybody may be called from nine to nine in his zone.
func byDay() *Desk {
	return &Desk{opens: func(_, zone string, _ *calls.Window, now time.Time) (bool, time.Time) {
		if zone == "" { // it is not known
			return false, time.Time{}
		}
		return numbering.OpenAt([]calls.Window{{From: "09:00", To: "21:00"}}, "XX", []string{zone}, now)
	}}
}

// lotsOf makes lots of so many contacts in each zone.
func lotsOf(n float64, zones ...string) (lots []lot) {
	for _, z := range zones {
		lots = append(lots, lot{zone: calls.ContactsLeft{Zones: z}, left: n})
	}
	return lots
}

const moscow, vladivostok = "Europe/Moscow", "Asia/Vladivostok"

func TestAForecastWaitsForTheHoursOfEachZone(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC) // 23:00 in Moscow, 06:00 in Vladivostok
	for name, c := range map[string]struct {
		now  time.Time
		lots []lot
		want string // at ten contacts a minute
	}{
		"Vladivostok begins at nine of its own":       {night, lotsOf(600, vladivostok), "24 00:00"},
		"Moscow comes hours later":                    {night, lotsOf(600, moscow, vladivostok), "24 07:00"},
		"what is not through at nine goes on at nine": {night, lotsOf(18000, vladivostok), "26 05:00"},
		"two that are open share":                     {night.Add(10 * time.Hour), lotsOf(300, moscow, vladivostok), "24 07:00"},
		"in the middle of the day":                    {night.Add(11*time.Hour + 7*time.Minute), lotsOf(50, moscow), "24 07:12"},
		"a zone that closes meanwhile":                {night.Add(14 * time.Hour), lotsOf(800, vladivostok), "24 23:20"},
		"nobody ever":                                 {night, lotsOf(1, moscow, "?"), ""},
	} {
		got := ""
		if at := byDay().through(&calls.Campaign{}, c.lots, 10, c.now); !at.IsZero() {
			got = at.UTC().Round(time.Second).Format("02 15:04")
		}
		if got != c.want {
			t.Errorf("%s: through at %q, want %q", name, got, c.want)
		}
	}
}

// A forecast from each hour of a day agrees with a walk minute by minute over all zones
// of Russia.
func TestForecastsAgreeWithAWalkThroughTheMinutes(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Kaliningrad", moscow, "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk",
		vladivostok, "Asia/Magadan", "Asia/Kamchatka", "Asia/Kamchatka Europe/Moscow"}
	d := byDay()
	d.opens = func(_, zone string, _ *calls.Window, now time.Time) (bool, time.Time) {
		list := []string{zone}
		if zone == "" {
			list = []string{"Asia/Kamchatka", moscow}
		}
		return numbering.OpenAt([]calls.Window{{From: "09:00", To: "21:00"}}, "XX", list, now)
	}
	for hour := range 24 {
		now := time.Date(2026, 11, 23, hour, 20, 0, 0, time.UTC)
		got := d.through(&calls.Campaign{}, lotsOf(70, zones...), 1, now)
		want := walk(d, lotsOf(70, zones...), now)
		if diff := got.Sub(want).Abs(); diff > 2*time.Minute {
			t.Errorf("from %s: %s, on foot %s", now.Format("15:04"), got, want)
		}
	}
}

// walk is through at one contact a minute, minute by minute.
func walk(d *Desk, lots []lot, now time.Time) time.Time {
	for t := now; ; t = t.Add(time.Minute) {
		var open []*lot
		waits := false
		for i := range lots {
			if l := &lots[i]; l.left > 0.01 {
				waits = true
				if is, _ := d.opensLot(&calls.Campaign{}, l, t); is {
					open = append(open, l)
				}
			}
		}
		if !waits {
			return t
		}
		if len(open) > 0 {
			share(open, 1)
		}
	}
}

func TestALongForecastIsToldFromItsBeginning(t *testing.T) {
	t.Parallel()
	d, asked := byDay(), 0
	inner := d.opens
	d.opens = func(number, zone string, w *calls.Window, now time.Time) (bool, time.Time) {
		asked++
		return inner(number, zone, w, now)
	}
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	got := d.through(&calls.Campaign{}, lotsOf(7200*200, moscow), 10, now) // 7200 a day
	if days := got.Sub(now).Hours() / 24; days < 198 || days > 202 || asked > mostAsked+10 {
		t.Errorf("%d days of work end in %.1f days; asked %d times", 200, days, asked)
	}
}

func TestAtNightACampaignIsForecastByTheRateItHad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	numbers := ""
	for i := range 40 {
		numbers += fmt.Sprintf(" m%02d", i)
	}
	c := b.campaign(func(c *calls.Campaign) { c.Pace.Interval = calls.Duration(30 * time.Second) }, numbers)
	b.move(c, calls.CampaignStart)
	// Before anybody was called the pace is all there is to go by: two a minute.
	if p := b.progress(c); p.PerMinute != 0 || !p.ETA.Equal(noon.Add(20*time.Minute)) {
		t.Errorf("before the first: %v a minute, through at %s", p.PerMinute, p.ETA)
	}
	b.clock.Advance(9*time.Hour - 10*time.Minute) // to 20:50 in Moscow
	called := 0
	for called < 20 {
		if _, err := b.r.look(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		for _, number := range b.caller.take() {
			called++
			b.over(c, number)
		}
	}
	b.clock.Advance(3*time.Hour + 10*time.Minute) // midnight in Moscow
	left := 40 - called
	p := b.progress(c)
	// All of them ended in one instant, which counts as five minutes.
	want := noon.Add(21 * time.Hour).Add(time.Duration(float64(left) / (float64(called) / 5) * float64(time.Minute)))
	if p.PerMinute != 0 || p.ETA.Sub(want).Abs() > time.Second {
		t.Errorf("at midnight: %v a minute, %d of %d left, through at %s, want %s", p.PerMinute, left, 40, p.ETA, want)
	}
}

func (b *bench) progress(c *calls.Campaign) (p *Progress) {
	b.Helper()
	now, _ := b.state(c)
	err := b.store.View(b.Context(), func(tx calls.ReadTx) (err error) {
		p, err = b.desk.Progress(tx, now)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return p
}
