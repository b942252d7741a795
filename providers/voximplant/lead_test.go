package voximplant

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/clock"
)

func TestLeadsThatDoNotSuitAreLeftToPeople(t *testing.T) {
	t.Parallel()
	h, _ := testHouse(t, clock.NewFake(noon))
	made := func(more string) *client {
		p, err := newClient(h, "vox", settingsOf(t, "https://api.example.com/platform_api", more))
		if err != nil {
			t.Fatal(err)
		}
		return p.(*client)
	}
	p := made("")
	at := func(h, m int) time.Time { return time.Date(2026, 11, 20, h, m, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		given, number, zone string
		at                  time.Time
		why                 string
	}{
		"eleven characters":       {"79031234567", "79031234567", "", at(9, 0), ""},
		"with spaces around":      {" 79031234567 ", "79031234567", "", at(9, 0), ""},
		"ten characters":          {"9031234567", "79031234567", "", at(9, 0), ""},
		"a plus makes twelve":     {"+79031234567", "79031234567", "", at(9, 0), "12 characters"},
		"punctuation counts":      {"8-903-123-45-67", "79031234567", "", at(9, 0), "15 characters"},
		"one minute early":        {"74951234567", "74951234567", "", at(5, 59), "not the hour"},
		"nine in Moscow":          {"74951234567", "74951234567", "", at(6, 0), ""},
		"nine in the evening":     {"74951234567", "74951234567", "", at(18, 0), "not the hour"},
		"where he really is":      {"74951234567", "74951234567", "Asia/Vladivostok", at(12, 0), "not the hour"},
		"early there, late there": {"74232123456", "74232123456", "", at(11, 0), "not the hour"},
	} {
		if why := p.Unfit(c.given, c.number, c.zone, c.at); (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q", name, why)
		}
	}
	if !p.NeedsPeople() {
		t.Error("failures are not shown")
	}
	off := made("lead_rule: {off: true}\n")
	if off.Unfit("+79031234567", "79031234567", "", at(0, 0)) != "" || off.NeedsPeople() {
		t.Error("the rule is off")
	}
	own := made("lead_rule: {max_length: 12, window: {from: \"10:00\", to: \"11:00\"}}\n")
	if own.Unfit("+74951234567", "74951234567", "", at(7, 30)) != "" || own.Unfit("74951234567", "74951234567", "", at(8, 30)) == "" {
		t.Error("the rule's own length and hours do not hold")
	}
}
