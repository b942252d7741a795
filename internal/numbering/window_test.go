package numbering

import (
	"math/rand/v2"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestOpenAt(t *testing.T) {
	t.Parallel()
	work := calls.Window{From: "09:00", To: "21:00"}
	night := calls.Window{From: "22:00", To: "06:00"}
	msk, klg, vvo, kam := "Europe/Moscow", "Europe/Kaliningrad", "Asia/Vladivostok", "Asia/Kamchatka"
	for _, c := range []struct {
		name  string
		w     calls.Window
		zones []string
		now   string
		next  string // "" never; equal to now: open
	}{
		{"Moscow, first minute", work, []string{msk}, "2026-11-20T06:00:00Z", "2026-11-20T06:00:00Z"},
		{"Moscow, a second early", work, []string{msk}, "2026-11-20T05:59:59Z", "2026-11-20T06:00:00Z"},
		{"Moscow, last second", work, []string{msk}, "2026-11-20T17:59:59Z", "2026-11-20T17:59:59Z"},
		{"Moscow, just closed", work, []string{msk}, "2026-11-20T18:00:00Z", "2026-11-21T06:00:00Z"},
		{"Kaliningrad opens an hour later", work, []string{klg}, "2026-11-20T06:00:00Z", "2026-11-20T07:00:00Z"},
		{"Vladivostok opens at 23 UTC", work, []string{vvo}, "2026-11-20T22:59:00Z", "2026-11-20T23:00:00Z"},
		{"Kamchatka at Moscow's noon is closed", work, []string{kam}, "2026-11-20T09:00:00Z", "2026-11-20T21:00:00Z"},
		{"Kaliningrad and Kamchatka share two hours", work, []string{klg, kam}, "2026-11-20T12:00:00Z", "2026-11-21T07:00:00Z"},
		{"in those two hours", work, []string{klg, kam}, "2026-11-20T08:59:00Z", "2026-11-20T08:59:00Z"},
		{"no common hour", calls.Window{From: "09:00", To: "18:00"}, []string{klg, kam}, "2026-11-20T12:00:00Z", ""},
		{"across midnight, before it", night, []string{msk}, "2026-11-20T20:00:00Z", "2026-11-20T20:00:00Z"},
		{"across midnight, after it", night, []string{msk}, "2026-11-21T02:59:59Z", "2026-11-21T02:59:59Z"},
		{"across midnight, closed", night, []string{msk}, "2026-11-21T03:00:00Z", "2026-11-21T19:00:00Z"},
		{"until midnight", calls.Window{From: "20:00", To: "24:00"}, []string{msk}, "2026-11-20T21:00:00Z", "2026-11-21T17:00:00Z"},
		{"until midnight written 00:00", calls.Window{From: "20:00", To: "00:00"}, []string{msk}, "2026-11-20T20:59:59Z", "2026-11-20T20:59:59Z"},
		{"whole day", calls.Window{From: "00:00", To: "24:00"}, []string{kam}, "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z"},
		{"whole day written 00:00", calls.Window{From: "00:00", To: "00:00"}, []string{kam}, "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z"},
		{"whole day without zones", calls.Window{From: "00:00", To: "24:00"}, nil, "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z"},
		{"no zones", work, nil, "2026-11-20T12:00:00Z", ""},
		{"unknown zone", work, []string{"Asia/Atlantis"}, "2026-11-20T12:00:00Z", ""},
		{"zero window", calls.Window{}, []string{msk}, "2026-11-20T12:00:00Z", ""},
		// New York springs forward on 2026-03-08 at 02:00 (07:00 UTC).
		{"an opening that the clock skips", calls.Window{From: "02:30", To: "05:00"}, []string{"America/New_York"}, "2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"},
		{"the morning after the change", work, []string{"America/New_York"}, "2026-03-08T05:00:00Z", "2026-03-08T13:00:00Z"},
		// It falls back on 2026-11-01 at 02:00 (06:00 UTC): 01:30 comes twice.
		{"an opening that comes twice, first", calls.Window{From: "01:30", To: "02:00"}, []string{"America/New_York"}, "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"},
		{"an opening that comes twice, second", calls.Window{From: "01:30", To: "02:00"}, []string{"America/New_York"}, "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z"},
		// 17:00 in Berlin is 19:00 in Moscow in winter, 18:00 in summer.
		{"a meeting that only summer allows", calls.Window{From: "09:00", To: "10:01"}, []string{"Europe/Berlin", msk}, "2026-01-15T12:00:00Z", "2026-03-29T07:00:00Z"},
	} {
		now := at(c.now)
		open, next := OpenAt([]calls.Window{c.w}, "RU", c.zones, now)
		if c.next == "" {
			if open || !next.IsZero() {
				t.Errorf("%s: %v %v, want never", c.name, open, next)
			}
			continue
		}
		want := at(c.next)
		if !next.Equal(want) || open != want.Equal(now) {
			t.Errorf("%s: open %v, next %v, want %v", c.name, open, next, want)
		}
	}
}

// Property: what OpenAt calls open is open on the wall clock of every zone, and
// it skips no minute in which they all are.
func TestOpenAtAgreesWithAWalkMinuteByMinute(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Krasnoyarsk",
		"Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"}
	rng := rand.New(rand.NewPCG(1, 2))
	clock := func() string {
		h, m := rng.IntN(24), rng.IntN(4)*15
		return string([]byte{byte('0' + h/10), byte('0' + h%10), ':', byte('0' + m/10), byte('0' + m%10)})
	}
	for range 150 {
		w := calls.Window{From: clock(), To: clock()}
		if CheckWindow(w) != nil {
			continue
		}
		s, _ := readWindow(w)
		h := s.ordinary
		picked := []string{zones[rng.IntN(len(zones))], zones[rng.IntN(len(zones))]}
		now := at("2026-10-24T00:00:00Z").Add(time.Duration(rng.IntN(14*24*60)) * time.Minute)
		open, next := OpenAt([]calls.Window{w}, "RU", picked, now)

		wall := func(x time.Time) bool {
			if h.whole() {
				return true
			}
			for _, z := range picked {
				l, err := time.LoadLocation(z)
				if err != nil {
					t.Fatal(err)
				}
				if !h.contains(x.In(l).Hour()*60 + x.In(l).Minute()) {
					return false
				}
			}
			return true
		}
		if open != wall(now) {
			t.Fatalf("%v %v at %v: open %v", w, picked, now, open)
		}
		for x := now; x.Before(now.Add(48 * time.Hour)); x = x.Add(time.Minute) {
			if wall(x) {
				if !next.Equal(x) {
					t.Fatalf("%v %v at %v: next %v, want %v", w, picked, now, next, x)
				}
				break
			}
		}
		if !next.IsZero() && !wall(next) {
			t.Fatalf("%v %v at %v: next %v is closed", w, picked, now, next)
		}
	}
}

func TestCheckWindowExplains(t *testing.T) {
	t.Parallel()
	for _, w := range []calls.Window{{}, {From: "9:00", To: "21:00"}, {From: "09:00"}, {From: "09:00", To: "25:00"}, {From: "09:60", To: "21:00"},
		{From: "24:00", To: "09:00"}, {From: "09:00", To: "09:00"}, {From: "09:00", To: "24:01"}, {From: "0900", To: "2100"}, {From: "-1:00", To: "21:00"}} {
		if err := CheckWindow(w); calls.CodeOf(err) != calls.CodeInvalidField || err == nil {
			t.Errorf("%v: %v", w, err)
		}
	}
	if err := CheckWindow(calls.Window{From: "09:00", To: "21:00"}); err != nil {
		t.Error(err)
	}
}
