package numbering

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestNormalizeGivesDigitsOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, country, want string }{
		{"79004443322", "RU", "79004443322"},
		{"+79004443322", "RU", "79004443322"},
		{"+7 (900) 444-33-22", "RU", "79004443322"},
		{" 7.900.444.33.22 ", "RU", "79004443322"},
		{"(+7) 900 4443322", "RU", "79004443322"},
		{"89004443322", "RU", "79004443322"},
		{"8 (900) 444-33-22", "ru", "79004443322"},
		{"88005553535", "RU", "78005553535"},
		{"87011234567", "RU", "77011234567"}, // Kazakhstan is dialled with 8 as well
		{"74242490764", "RU", "74242490764"},
		{"77172123456", "RU", "77172123456"},
		{"375291234567", "RU", "375291234567"},
		{"+442079460000", "GB", "442079460000"},
		{"+390612345678", "IT", "390612345678"}, // a leading zero that belongs there
		{"+12125551234", "", "12125551234"},
	} {
		got, err := Normalize(c.raw, c.country)
		if err != nil || got != c.want {
			t.Errorf("Normalize(%q, %q) = %q, %v; want %q", c.raw, c.country, got, err, c.want)
		}
	}
}

func TestNormalizeRewrites8OnlyForRussiaAndOnlyIntoThePlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, country string }{
		{"+89004443322", "RU"}, // a plus is never rewritten
		{"89004443322", "KZ"},
		{"89004443322", ""},
		{"81044207946", "RU"}, // 8-10, the way out of Russia
		{"89351234567", "RU"}, // 935 is not allocated
		{"8900444332", "RU"},
		{"890044433221", "RU"},
	} {
		if got, err := Normalize(c.raw, c.country); err == nil {
			t.Errorf("Normalize(%q, %q) = %q, want an error", c.raw, c.country, got)
		}
	}
	// A number abroad that only looks like one with 8: nothing Russian fits it.
	if got, err := Normalize("82212345678", "RU"); err != nil || got != "82212345678" {
		t.Errorf("a Korean number = %q, %v; want it unchanged", got, err)
	}
}

// hostile is the table of reliability T1: spellings that must never become a
// number that is dialled.
var hostile = []string{
	"", " ", "+", "++79004443322", "+7+9004443322", "7900444+3322", "79004443322+", "-", "()", "...",
	"0", "1", "7", "01", "02", "03", "04", "101", "102", "103", "104", "112", "911", "999", "000", "110",
	"+112", "1 1 2", "(112)", "8112", "7112", "+7112", "0611", "0890", "5533", "900", "123456",
	"9004443322", "4443322", "790044433", "7900444332", "790044433221", "7900444332211", "1234567890123456",
	"79004443322790044433227900444332279004443322", strings.Repeat("7", 41), strings.Repeat(" ", 200) + "79004443322",
	"810442079460000", "8104420794600", "8-10-44-20-7946-0000", "810 1 809 555 1234", "0079004443322", "01179004443322", "9810442079460000", "0442079460000",
	"79401234567", "+7 940 123-45-67", "78401234567", "79351234567", "79431234567", "79561234567", "79721234567", "79981234567",
	"71234567890", "72001234567", "75001234567", "78501234567", "76001234567", "+7 000 000 00 00",
	"sip:79004443322@evil.example", "sips:79004443322", "sip:+79004443322", "tel:+79004443322", "79004443322@10.0.0.1", "@79004443322", "<79004443322>",
	"79004443322;phone-context=+7", "+79004443322;ext=5", "79004443322;user=phone", "79004443322;isub=1", "79004443322?Replaces=x",
	"7900444%33322", "%2B79004443322", "7900%00443322", "79004443322%0d%0aEvil:1", "%37%39%30%30",
	"79004443322\r\nX: y", "79004443322\n", "\t79004443322", "7900\x004443322", "79004443322\x7f", "\x1b79004443322", "7900\x854443322",
	"٧٩٠٠٤٤٤٣٣٢٢", "７９００４４４３３２２", "7900444332२", "79\u200b004443322", "79\u00a0004443322", "79\u2010004443322", "＋79004443322", "\ufeff79004443322", "7900444332\u00b2",
	"7900444x3322", "79004443322x5", "1-800-FLOWERS", "7OO4443322", "7900444332l", "NaN", "Infinity", "0x49A6B9F2A", "7.9004443322e10", "1e10",
	"79004443322,79004443323", "79004443322p1", "79004443322w1", "79004443322#", "*10279004443322", "#31#79004443322", "*67", "79004443322*", "79004443322/2", "79004443322&100", "79004443322|x", "7900 444 33 22 доб. 5",
	"+", "+0", "+00", "+1", "+999", "+999999999999999", "+00000000000", "+21012345678", "+9991234567",
	"+810441234567", "+4402079460000", "+3750291234567", // a trunk zero where none belongs
	"'; DROP TABLE calls; --", "{{7*7}}", "${jndi:ldap://x}", "../79004443322", "79004443322\"", "\"79004443322\" <sip:x>", "79004443322\\",
}

func TestHostileSpellingsAreInvalidNumbers(t *testing.T) {
	t.Parallel()
	for _, raw := range hostile {
		for _, country := range []string{"RU", "KZ", "US", ""} {
			got, err := Normalize(raw, country)
			if err == nil {
				t.Errorf("Normalize(%q, %q) = %q, want it refused", raw, country, got)
			} else if calls.CodeOf(err) != calls.CodeInvalidNumber {
				t.Errorf("Normalize(%q, %q): code %s", raw, country, calls.CodeOf(err))
			}
		}
	}
}

func TestErrorsDoNotRepeatWhatWasSent(t *testing.T) {
	t.Parallel()
	_, err := Normalize("7900\r\n4443322", "RU")
	if err == nil || strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("error %q", err)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, raw := range hostile {
		f.Add(raw, "RU")
	}
	f.Add("+7 (900) 444-33-22", "RU")
	f.Add("82212345678", "RU")
	f.Fuzz(func(t *testing.T, raw, country string) {
		n, err := Normalize(raw, country)
		if err != nil {
			if calls.CodeOf(err) != calls.CodeInvalidNumber || n != "" {
				t.Fatalf("Normalize(%q) = %q, %v", raw, n, err)
			}
			return
		}
		if len(n) < minDigits || len(n) > maxDigits || strings.Trim(n, "0123456789") != "" {
			t.Fatalf("Normalize(%q) = %q", raw, n)
		}
		if again, err := Normalize("+"+n, country); err != nil || again != n {
			t.Fatalf("Normalize is not stable: %q, then %q, %v", n, again, err)
		}
		Zones(n)
		_ = Allowed(n, []string{"RU"})
	})
}
