package words

import (
	"strings"
	"testing"
)

func TestSumsAreSaidInRussian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sum, currency string
		in            Case
		want          string
	}{
		{"0", "RUB", Nominative, "ноль рублей"},
		{"1", "RUB", Nominative, "один рубль"},
		{"2", "RUB", Nominative, "два рубля"},
		{"5", "RUB", Nominative, "пять рублей"},
		{"11", "RUB", Nominative, "одиннадцать рублей"},
		{"12", "RUB", Nominative, "двенадцать рублей"},
		{"21", "RUB", Nominative, "двадцать один рубль"},
		{"22.22", "RUB", Nominative, "двадцать два рубля двадцать две копейки"},
		{"101,01", "RUB", Nominative, "сто один рубль одна копейка"},
		{"111.11", "RUB", Nominative, "сто одиннадцать рублей одиннадцать копеек"},
		{"1000", "RUB", Nominative, "одна тысяча рублей"},
		{"1234.50", "RUB", Nominative, "одна тысяча двести тридцать четыре рубля пятьдесят копеек"},
		{"1 234,5", "RUB", Nominative, "одна тысяча двести тридцать четыре рубля пятьдесят копеек"},
		{"2002", "RUB", Nominative, "две тысячи два рубля"},
		{"21001", "RUB", Nominative, "двадцать одна тысяча один рубль"},
		{"1000001", "RUB", Nominative, "один миллион один рубль"},
		{"999999999.99", "RUB", Nominative, "девятьсот девяносто девять миллионов девятьсот девяносто девять тысяч девятьсот девяносто девять рублей девяносто девять копеек"},
		{"1", "RUB", Genitive, "одного рубля"},
		{"2000", "RUB", Genitive, "двух тысяч рублей"},
		{"341", "RUB", Genitive, "трёхсот сорока одного рубля"},
		{"1.01", "RUB", Accusative, "один рубль одну копейку"},
		{"1000", "RUB", Accusative, "одну тысячу рублей"},
		{"2.02", "RUB", Accusative, "два рубля две копейки"},
		{"1000", "RUB", Dative, "одной тысяче рублей"},
		{"1200", "RUB", Dative, "одной тысяче двумстам рублям"},
		{"58.40", "RUB", Instrumental, "пятьюдесятью восемью рублями сорока копейками"},
		{"875", "RUB", Instrumental, "восемьюстами семьюдесятью пятью рублями"},
		{"93", "RUB", Prepositional, "девяноста трёх рублях"},
		{"500", "RUB", Prepositional, "пятистах рублях"},
		{"31.02", "USD", Nominative, "тридцать один доллар два цента"},
		{"3", "EUR", Genitive, "трёх евро"},
		{"7002", "KZT", Nominative, "семь тысяч два тенге"},
	} {
		if got, err := Sum(c.sum, c.currency, c.in, Russian); err != nil || got != c.want {
			t.Errorf("%s %s in %v: %q, %v; want %q", c.sum, c.currency, c.in, got, err, c.want)
		}
	}
}

func TestSumsAreSaidInEnglish(t *testing.T) {
	t.Parallel()
	for sum, want := range map[string]string{
		"0":         "zero rubles",
		"1.01":      "one ruble and one kopeck",
		"21":        "twenty-one rubles",
		"115.40":    "one hundred fifteen rubles and forty kopecks",
		"1000000":   "one million rubles",
		"2340017.5": "two million three hundred forty thousand seventeen rubles and fifty kopecks",
	} {
		if got, err := Sum(sum, "RUB", Genitive, English); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", sum, got, err, want)
		}
	}
}

func TestDatesAreSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		date string
		in   Case
		ru   string
		en   string
	}{
		{"2026-03-02", Nominative, "второе марта две тысячи двадцать шестого года", "March second, twenty twenty-six"},
		{"08.03", Genitive, "восьмого марта", "March eighth"},
		{"3.1", Dative, "третьему января", "January third"},
		{"31.12.1999", Genitive, "тридцать первого декабря тысяча девятьсот девяносто девятого года", "December thirty-first, nineteen ninety-nine"},
		{"2000-02-29", Accusative, "двадцать девятое февраля двухтысячного года", "February twenty-ninth, two thousand"},
		{"30.04.2003", Instrumental, "тридцатым апреля две тысячи третьего года", "April thirtieth, two thousand and three"},
		{"1905-01-20", Prepositional, "двадцатом января тысяча девятьсот пятого года", "January twentieth, nineteen oh five"},
		{"1900-01-14", Nominative, "четырнадцатое января тысяча девятисотого года", "January fourteenth, nineteen hundred"},
		{"2040-05-23", Genitive, "двадцать третьего мая две тысячи сорокового года", "May twenty-third, twenty forty"},
	} {
		if got, err := Date(c.date, c.in, Russian); err != nil || got != c.ru {
			t.Errorf("%s: %q, %v; want %q", c.date, got, err, c.ru)
		}
		if got, err := Date(c.date, c.in, English); err != nil || got != c.en {
			t.Errorf("%s: %q, %v; want %q", c.date, got, err, c.en)
		}
	}
}

func TestDigitsAreSaidOneByOne(t *testing.T) {
	t.Parallel()
	if got, err := Digits("4071", Russian); err != nil || got != "четыре ноль семь один" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Digits("90", English); err != nil || got != "nine zero" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatIsNoSumDateOrDigitsIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "-1", "1.234", "1.2.3", "12 34", "1 2345", "1e3", "0x10", "1234567890", "сто", "1,", "٣"} {
		if got, err := Sum(s, "RUB", Nominative, Russian); err == nil {
			t.Errorf("the sum %q was said: %q", s, got)
		}
	}
	if _, err := Sum("1", "XXX", Nominative, Russian); err == nil {
		t.Error("an unknown currency was said")
	}
	for _, s := range []string{"", "2026-02-30", "29.02.2025", "31.04", "00.01", "1.13", "1899-01-01", "2100-01-01", "2026-3-2", "завтра", "01/02/2026", "0000-01-01"} {
		if got, err := Date(s, Nominative, Russian); err == nil {
			t.Errorf("the date %q was said: %q", s, got)
		}
	}
	for _, s := range []string{"", "12a", "+7", "1 2"} {
		if _, err := Digits(s, Russian); err == nil {
			t.Errorf("the digits %q were said", s)
		}
	}
}

// Every number has words, none has a hole in them.
func TestEveryNumberHasWords(t *testing.T) {
	t.Parallel()
	for n := int64(0); n < 20_000; n++ {
		for c := Nominative; c <= Prepositional; c++ {
			if s := counted(n*7919%(MaxSum+1), currencies["RUB"].ru, c); strings.Contains(s, "  ") || strings.TrimSpace(s) != s || s == "" {
				t.Fatalf("%d in %v: %q", n, c, s)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("1234.50", "2026-03-02")
	f.Add("0", "31.12")
	f.Fuzz(func(t *testing.T, sum, date string) {
		for c := Nominative; c <= Prepositional; c++ {
			for _, in := range []Language{Russian, English} {
				if s, err := Sum(sum, "RUB", c, in); err == nil && strings.ContainsAny(s, "0123456789") {
					t.Errorf("%q has digits", s)
				}
				if s, err := Date(date, c, in); err == nil && strings.ContainsAny(s, "0123456789") {
					t.Errorf("%q has digits", s)
				}
			}
		}
	})
}
