package numbering

import (
	"testing"
	"time"

	"zvonar/internal/calls"
)

// TestAWindowInAZoneOfItsOwnNarrowsTheCallees: hours told in UTC hold beside those at
// the callee, and the next opening is found in either.
func TestAWindowInAZoneOfItsOwnNarrowsTheCallees(t *testing.T) {
	t.Parallel()
	windows := []calls.Window{{From: "09:00", To: "21:00"}, {From: "10:00", To: "12:00", Timezone: "UTC"}}
	zones := []string{"Europe/Moscow"} // UTC+3
	at := func(h, m int) time.Time { return time.Date(2026, 11, 20, h, m, 0, 0, time.UTC) }
	for _, c := range []struct {
		now  time.Time
		open bool
		next time.Time
	}{
		{at(9, 59), false, at(10, 0)}, {at(10, 0), true, at(10, 0)}, {at(11, 59), true, at(11, 59)}, {at(12, 0), false, at(34, 0)},
	} {
		if open, next := OpenAt(windows, "RU", zones, c.now); open != c.open || !next.Equal(c.next) {
			t.Errorf("%s: %t, %s", c.now, open, next)
		}
	}
	far := []string{"Asia/Vladivostok"} // UTC+10: 10:00 UTC is 20:00 there
	if open, _ := OpenAt(windows, "RU", far, at(10, 30)); !open {
		t.Error("20:30 in Vladivostok is within both")
	}
	if open, next := OpenAt(windows, "RU", far, at(11, 0)); open || !next.Equal(at(34, 0)) {
		t.Errorf("21:00 in Vladivostok: %t, %s", open, next)
	}
	if err := CheckWindow(calls.Window{From: "09:00", To: "21:00", Timezone: "Mars/Base"}); err == nil {
		t.Error("a zone that is none was taken")
	}
	if open, _ := OpenAt([]calls.Window{{From: "00:00", To: "24:00", Timezone: "Local"}}, "RU", zones, at(10, 0)); open {
		t.Error("a window that cannot be understood is open")
	}
}
