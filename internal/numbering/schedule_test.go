package numbering

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestWeekendsHolidaysAndDays(t *testing.T) {
	t.Parallel()
	debt := calls.Presets()["debt_collection"].Window
	advert := calls.Presets()["advertising"].Window
	weekdays := calls.Window{From: "09:00", To: "18:00", Days: []string{"mon", "tue", "wed", "thu", "fri"}}
	ordinary := calls.Window{From: "08:00", To: "22:00", Weekend: calls.Span{From: "09:00", To: "20:00"}, Holidays: calls.HolidaysOrdinary}
	kam, klg, msk := "Asia/Kamchatka", "Europe/Kaliningrad", "Europe/Moscow"
	for _, c := range []struct {
		name      string
		w         calls.Window
		zones     []string
		now, next string
	}{
		{"Friday at 21:30", debt, []string{msk}, "2026-11-20T18:30:00Z", "2026-11-20T18:30:00Z"},
		{"Saturday at 8:30", debt, []string{msk}, "2026-11-21T05:30:00Z", "2026-11-21T06:00:00Z"},
		{"Saturday at 20:00", debt, []string{msk}, "2026-11-21T17:00:00Z", "2026-11-22T06:00:00Z"},
		{"Sunday at 20:00 opens on Monday at 8", debt, []string{msk}, "2026-11-22T17:00:00Z", "2026-11-23T05:00:00Z"},
		{"Unity Day is a Wednesday", debt, []string{msk}, "2026-11-04T05:30:00Z", "2026-11-04T06:00:00Z"},
		{"and a day as any other where that is wanted", ordinary, []string{msk}, "2026-11-04T05:30:00Z", "2026-11-04T05:30:00Z"},
		{"Saturday in Kamchatka, Friday in Kaliningrad", debt, []string{kam, klg}, "2026-11-20T20:30:00Z", "2026-11-21T07:00:00Z"},
		{"nobody is advertised to on a holiday", advert, []string{msk}, "2026-11-04T09:00:00Z", "2026-11-05T06:00:00Z"},
		{"the New Year holidays are long", advert, []string{msk}, "2026-12-31T09:00:00Z", "2027-01-09T06:00:00Z"},
		{"Friday evening", weekdays, []string{kam}, "2026-11-20T06:00:00Z", "2026-11-22T21:00:00Z"},
	} {
		open, next := OpenAt([]calls.Window{c.w}, "RU", c.zones, at(c.now))
		if !next.Equal(at(c.next)) || open != (c.now == c.next) {
			t.Errorf("%s: open %v, next %v, want %s", c.name, open, next, c.next)
		}
	}
	if open, next := OpenAt([]calls.Window{debt, advert}, "RU", []string{msk}, at("2026-11-20T18:30:00Z")); open || !next.Equal(at("2026-11-21T06:00:00Z")) {
		t.Errorf("two windows: %v %v", open, next)
	}
	if open, _ := OpenAt([]calls.Window{advert}, "KZ", []string{"Asia/Almaty"}, at("2026-11-04T09:00:00Z")); !open {
		t.Error("a Russian holiday counts in Kazakhstan")
	}
}

// Property: over all Russian zones and a year, next is the first minute that is open, and
// open means open on every wall clock.
func TestSchedulesAgreeWithAWalkThroughTheYear(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	zones := builtin().ru
	cal := builtinCalendar()
	windows := []calls.Window{calls.Presets()["debt_collection"].Window, calls.Presets()["advertising"].Window,
		{From: "10:00", To: "19:00", Days: []string{"tue", "sat"}}, {From: "09:00", To: "21:00"}, {From: "22:00", To: "02:00", Weekend: calls.Span{From: "12:00", To: "14:00"}}}
	for range 250 {
		ws := []calls.Window{windows[rng.IntN(len(windows))]}
		picked := []string{zones[rng.IntN(len(zones))]}
		if rng.IntN(3) == 0 {
			picked = append(picked, zones[rng.IntN(len(zones))])
		}
		now := at("2026-01-01T00:00:00Z").Add(time.Duration(rng.IntN(365*24*60)) * time.Minute)
		s, err := readWindow(ws[0])
		if err != nil {
			t.Fatal(err)
		}
		wall := func(x time.Time) bool {
			for _, z := range picked {
				l, err := location(z)
				if err != nil || !s.contains(cal, "RU", x.In(l)) {
					return false
				}
			}
			return true
		}
		open, next := OpenAt(ws, "RU", picked, now)
		if open != wall(now) || !next.IsZero() && !wall(next) {
			t.Fatalf("%+v %v at %v: open %v, next %v", ws, picked, now, open, next)
		}
		for x := now; x.Before(now.Add(5*24*time.Hour)) && (next.IsZero() || x.Before(next)); x = x.Add(time.Minute) {
			if wall(x) {
				t.Fatalf("%+v %v at %v: next %v, but %v is open", ws, picked, now, next, x)
			}
		}
	}
}

func TestWindowsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, w := range []calls.Window{
		{From: "09:00", To: "21:00", Days: []string{"mon", "mon"}}, {From: "09:00", To: "21:00", Days: []string{"Monday"}},
		{From: "09:00", To: "21:00", Weekend: calls.Span{From: "10:00"}}, {From: "09:00", To: "21:00", Holidays: "never"}, {From: "09:00", Preset: "x"},
	} {
		if err := CheckWindow(w); calls.CodeOf(err) != calls.CodeInvalidField || err == nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
	if err := CheckWindow(calls.Window{Preset: "information"}); err != nil {
		t.Error(err)
	}
}

func TestDaysAreTheCalleesOwn(t *testing.T) {
	t.Parallel()
	now := at("2026-11-20T20:00:00Z") // Friday 23:00 in Moscow, Saturday in Kamchatka
	both := []string{"Europe/Moscow", "Asia/Kamchatka"}
	for _, c := range []struct {
		got  time.Time
		want string
	}{
		{DaysSince([]string{"Europe/Moscow"}, now, 1), "2026-11-19T21:00:00Z"},
		{DaysSince(both, now, 1), "2026-11-19T21:00:00Z"},
		{DaysSince(both, now, 7), "2026-11-13T21:00:00Z"},
		{DaysSince(nil, now, 1), "2026-11-20T00:00:00Z"},
		{DayAfter(both, now, 1), "2026-11-21T12:00:00Z"},
		{DayAfter([]string{"Europe/Moscow"}, now, 7), "2026-11-26T21:00:00Z"},
		{NextAt("18:30", []string{"Europe/Moscow"}, now), "2026-11-21T15:30:00Z"},
		{NextAt("23:00", []string{"Europe/Moscow"}, now), "2026-11-20T20:00:00Z"},
		{NextAt("18:30", both, now), "2026-11-21T15:30:00Z"},
		{NextAt("18:30", nil, now), "2026-11-21T18:30:00Z"},
	} {
		if !c.got.Equal(at(c.want)) {
			t.Errorf("got %v, want %s", c.got, c.want)
		}
	}
}

func TestACalendarNamesTheLineOfItsFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"country,day,name\nRU,01-01,x\nru,01-02,x\n": "line 3", "country,day,name\nRU,13-01,x\n": "line 2", "country,day,name\nRU,2026-02-30,x\n": "line 2", "country,day,name\nRU,01-01\n": "line 2",
	} {
		if _, err := LoadCalendar(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if c := builtinCalendar(); !c.Holiday("RU", at("2031-06-12T00:00:00Z")) || c.Holiday("KZ", at("2031-06-12T00:00:00Z")) || c.Holiday("RU", at("2027-03-09T00:00:00Z")) {
		t.Error("the calendar that is built in is wrong")
	}
}

func TestHalfAPlanIsNoPlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole, part := filepath.Join(dir, "whole.gz"), filepath.Join(dir, "part.csv")
	if err := os.WriteFile(whole, embedded, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, []byte("prefix_from,prefix_to,region,tz,kind\n9161000000,9169999999,Москва,Europe/Moscow,mobile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPlan(whole); err != nil || p.Ranges() != builtin().Ranges() {
		t.Errorf("%v", err)
	}
	if _, err := ReadPlan(part); err == nil || !strings.Contains(err.Error(), "is it the whole plan?") {
		t.Errorf("a plan of one range: %v", err)
	}
	if _, err := ReadPlan(filepath.Join(dir, "none")); err == nil {
		t.Error("a plan that is not there was read")
	}
}

func FuzzLoadCalendar(f *testing.F) {
	f.Add(embeddedHolidays)
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := LoadCalendar(bytes.NewReader(data)); err == nil && c == nil {
			t.Fatal("neither a calendar nor an error")
		}
	})
}
