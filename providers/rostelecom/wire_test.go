package rostelecom

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zvonar/internal/clock"
)

func TestNumbersAreReadInEachOfTheirForms(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"sip:+79771234567@test.20.rt.ru": "79771234567", "+7 (977) 123-45-67": "79771234567", "89771234567": "79771234567",
		"79771234567@test.20.rt.ru": "79771234567", "sip:201@test.20.rt.ru": "201", "<sip:201@d;user=phone>": "201", "SIPS:+7495@x": "7495",
		"tel:+74951234567": "74951234567", "ivan@test.20.rt.ru": "", "": "", "anonymous": "", "375291234567": "375291234567",
	} {
		if got := digits(in); got != want {
			t.Errorf("digits(%q) = %q, want %q", in, got, want)
		}
	}
	if !same("sip:+79771234567@d", "89771234567") || same("201", "1201") || same("", "") || !same("201", "sip:201@d") {
		t.Error("numbers are compared wrongly")
	}
}

func TestTimesAreThoseOfMoscow(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2018-04-23 15:01:27.214": "2018-04-23T12:01:27.214Z", "2018-04-23 00:00:00": "2018-04-22T21:00:00Z", "1524484887": "2018-04-23T12:01:27Z",
	} {
		got, err := parseTime(in)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("parseTime(%q) = %s, %v; want %s", in, got.UTC(), err, want)
		}
	}
	for _, bad := range []string{"", "2018-04-23", "23.04.2018 15:01:27", "2018-13-23 15:01:27", "-5", "99999999999999"} {
		if got, err := parseTime(bad); err == nil {
			t.Errorf("parseTime(%q) = %s", bad, got)
		}
	}
}

func TestSessionsNameOurCallsBothWays(t *testing.T) {
	t.Parallel()
	id := clock.NewIDs(clock.System(), nil).New("call_")
	session := sessionOf(id)
	if len(session) != 36 || callOf(session) != id || callOf(strings.ToUpper(session)) != id {
		t.Errorf("%s is %s is %s", id, session, callOf(session))
	}
	for _, bad := range []string{"", "5a56aff8", "zzzzzzzz-2352-4c94-8778-07cbfb60d242", "5a56aff82352-4c94-8778-07cb-fb60d242", strings.Repeat("-", 36), id} {
		if got := callOf(bad); got != "" {
			t.Errorf("callOf(%q) = %q", bad, got)
		}
	}
	if sessionOf("call_nonsense") != "" || sessionOf("") != "" {
		t.Error("an id that is none has a session")
	}
}

func TestValuesAreStringsOrNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]text{`"0"`: "0", `0`: "0", `-20`: "-20", `null`: "", `true`: "true", `"Иван"`: "Иван"} {
		var got text
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{`{}`, `[0]`} {
		var got text
		if json.Unmarshal([]byte(bad), &got) == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(sampleEvent))
	f.Add([]byte(`{"session_id":1,"state":"end","timestamp":"1524484887","is_record":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := parseEvent(body)
		if err != nil {
			return
		}
		if e.SessionID == "" || e.State == "" {
			t.Fatalf("%+v", e)
		}
		newTelling("79771234567", "201", onNumber).event(e)
	})
}

func FuzzNumber(f *testing.F) {
	f.Add("sip:+79771234567@test.20.rt.ru")
	f.Add("<sip:201@d;x>")
	f.Fuzz(func(t *testing.T, s string) {
		if d := digits(s); strings.Trim(d, "0123456789") != "" {
			t.Fatalf("digits(%q) = %q", s, d)
		}
		same(s, "79771234567")
		callOf(s)
	})
}
