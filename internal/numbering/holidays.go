package numbering

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"
)

//go:embed data/holidays.csv
var embeddedHolidays []byte

// maxHolidays bounds a table of holidays.
const maxHolidays = 100_000

// Calendar is a table of holidays by country. It never changes once it is made.
type Calendar struct {
	yearly map[yearly]bool
	once   map[once]bool
}

type yearly struct {
	country string
	month   time.Month
	day     int
}

type once struct {
	yearly
	year int
}

// LoadCalendar reads a table of the format that data/README.md describes: country,
// day (MM-DD of every year, or YYYY-MM-DD), name. Every row is checked; an error
// names the line.
func LoadCalendar(r io.Reader) (*Calendar, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.ReuseRecord, c.Comment = 3, true, '#'
	cal := &Calendar{yearly: map[yearly]bool{}, once: map[once]bool{}}
	for header := true; ; header = false {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return cal, nil
		}
		if err != nil { // says the line itself
			return nil, fmt.Errorf("holidays: %w", err)
		}
		if header {
			continue
		}
		if err := cal.add(row[0], row[1]); err != nil {
			line, _ := c.FieldPos(0)
			return nil, fmt.Errorf("holidays, line %d: %w", line, err)
		}
	}
}

func (c *Calendar) add(country, day string) error {
	if len(c.yearly)+len(c.once) >= maxHolidays {
		return fmt.Errorf("more than %d rows", maxHolidays)
	}
	if len(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z' {
		return errors.New("a country is two capital letters (ISO 3166-1), like RU")
	}
	country = string([]byte(country))                                 // the reader uses its memory again
	if t, err := time.Parse(time.DateOnly, "2024-"+day); err == nil { // a leap year
		c.yearly[yearly{country, t.Month(), t.Day()}] = true
		return nil
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return errors.New("a day is MM-DD (every year) or YYYY-MM-DD")
	}
	c.once[once{yearly{country, t.Month(), t.Day()}, t.Year()}] = true
	return nil
}

// Holiday reports whether the day of a local time is a holiday in country.
func (c *Calendar) Holiday(country string, local time.Time) bool {
	y, m, d := local.Date()
	day := yearly{country, m, d}
	return c.yearly[day] || c.once[once{day, y}]
}

func builtinCalendar() *Calendar {
	c, err := LoadCalendar(bytes.NewReader(embeddedHolidays))
	if err != nil {
		// The bytes are compiled in and a test parses them.
		panic("numbering: embedded holidays: " + err.Error())
	}
	return c
}
