package words

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	isoDate    = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})$`)
	dottedDate = regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})(?:\.(\d{4}))?$`)
)

// Date says a day, "2026-03-02" or "02.03.2026", or "02.03" without its year. In
// Russian the day stands in the case: "второе марта", "до второго марта". Years
// are 1900 to 2099.
func Date(value string, c Case, in Language) (string, error) {
	y, m, d, err := readDate(value)
	if err != nil {
		return "", err
	}
	if in == English {
		said := monthsEN[m] + " " + ordinalEN(d)
		if y != 0 {
			said += ", " + yearEN(y)
		}
		return said, nil
	}
	said := ordinalRU(d, c) + " " + monthsRU[m]
	if y != 0 {
		said += " " + yearRU(y)
	}
	return said, nil
}

// readDate reads a day that exists; y is 0 where none is said.
func readDate(value string) (y, m, d int, err error) {
	var year, month, day string
	if p := isoDate.FindStringSubmatch(value); p != nil {
		year, month, day = p[1], p[2], p[3]
	} else if p := dottedDate.FindStringSubmatch(value); p != nil {
		day, month, year = p[1], p[2], p[3]
	} else {
		return 0, 0, 0, fmt.Errorf("%q is no date: write it like 2026-03-02, 02.03.2026 or 02.03", value)
	}
	y, _ = strconv.Atoi(year) // the patterns let digits through only
	m, _ = strconv.Atoi(month)
	d, _ = strconv.Atoi(day)
	some := y
	if year == "" {
		some = 2000 // has every day
	}
	t := time.Date(some, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Month() != time.Month(m) || t.Day() != d || some < 1900 || some > 2099 {
		return 0, 0, 0, fmt.Errorf("there is no day %q in the years 1900 to 2099", value)
	}
	return y, m, d, nil
}

// Digits says digits one by one.
func Digits(value string, in Language) (string, error) {
	said := make([]string, 0, len(value))
	for _, r := range value {
		switch {
		case r < '0' || r > '9':
			return "", fmt.Errorf("%q has more than digits", value)
		case in == English:
			said = append(said, unitsEN[r-'0'])
		default:
			said = append(said, digitsRU[r-'0'])
		}
	}
	if len(said) == 0 {
		return "", fmt.Errorf("there are no digits")
	}
	return strings.Join(said, " "), nil
}
