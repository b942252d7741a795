package words

import "strings"

var (
	unitsEN = [20]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
		"fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tensEN = [10]string{2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}

	ordinalsEN = [20]string{1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth", 10: "tenth",
		11: "eleventh", 12: "twelfth", 13: "thirteenth", 14: "fourteenth", 15: "fifteenth", 16: "sixteenth", 17: "seventeenth", 18: "eighteenth", 19: "nineteenth"}
	tenthsEN = [10]string{2: "twentieth", 3: "thirtieth"}

	monthsEN = [13]string{1: "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

// numberEN is 0 to 999,999,999 in words.
func numberEN(n int64) string {
	if n == 0 {
		return unitsEN[0]
	}
	var said []string
	for _, s := range []struct {
		worth int64
		name  string
	}{{1_000_000, "million"}, {1_000, "thousand"}, {1, ""}} {
		k := n / s.worth
		n %= s.worth
		if k == 0 {
			continue
		}
		if k >= 100 {
			said = append(said, unitsEN[k/100], "hundred")
			k %= 100
		}
		if k > 0 {
			said = append(said, below100(k))
		}
		if s.name != "" {
			said = append(said, s.name)
		}
	}
	return strings.Join(said, " ")
}

func below100(n int64) string {
	switch {
	case n < 20:
		return unitsEN[n]
	case n%10 == 0:
		return tensEN[n/10]
	}
	return tensEN[n/10] + "-" + unitsEN[n%10]
}

// ordinalEN is 1 to 31.
func ordinalEN(n int) string {
	switch {
	case n < 20:
		return ordinalsEN[n]
	case n%10 == 0:
		return tenthsEN[n/10]
	}
	return tensEN[n/10] + "-" + ordinalsEN[n%10]
}

// yearEN is a year of 1900 to 2099 as it is spoken.
func yearEN(year int) string {
	century, rest := int64(year/100), int64(year%100)
	switch {
	case year >= 2000 && year < 2010:
		if rest == 0 {
			return "two thousand"
		}
		return "two thousand and " + unitsEN[rest]
	case rest == 0:
		return below100(century) + " hundred"
	case rest < 10:
		return below100(century) + " oh " + unitsEN[rest]
	}
	return below100(century) + " " + below100(rest)
}
