package main

import "testing"

func TestTheHoursOfACallAreReadInTheirSpellings(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "10:00-18:00": `{"from":"10:00","to":"18:00"}`, "debt_collection": `{"preset":"debt_collection"}`, `{"preset":"x"}`: `{"preset":"x"}`,
	} {
		window, retry, err := (&callCmd{Window: given, Retry: `{"max_attempts":2}`}).rules()
		if string(window) != want || string(retry) != `{"max_attempts":2}` || err != nil {
			t.Errorf("%q: %s %s %v", given, window, retry, err)
		}
	}
	for _, c := range []callCmd{{Window: "{"}, {Retry: "5m"}} {
		if _, _, err := c.rules(); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
