package dialer

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// judge knows the law by itself: it reads the plan on its own and asks no code that the
// dialer asks.
type judge struct {
	from, to []uint64
	zones    [][]string
	byZones  map[string][]int
	locs     map[string]*time.Location
	faults   []string
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	f, err := os.Open("../numbering/data/numbering_ru.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{byZones: map[string][]int{}, locs: map[string]*time.Location{}}
	for i, row := range rows[1:] {
		from, _ := strconv.ParseUint(row[0], 10, 64)
		to, _ := strconv.ParseUint(row[1], 10, 64)
		j.from, j.to, j.zones = append(j.from, from), append(j.to, to), append(j.zones, strings.Split(row[3], "|"))
		if row[4] == "mobile" && row[0][0] == '9' {
			j.byZones[row[3]] = append(j.byZones[row[3]], i)
		}
		for _, name := range strings.Split(row[3], "|") {
			if j.locs[name], err = time.LoadLocation(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return j
}

// where lists the zones of a number.
func (j *judge) where(number string) []string {
	n, _ := strconv.ParseUint(number[1:], 10, 64)
	i := sort.Search(len(j.from), func(i int) bool { return j.from[i] > n }) - 1
	if i < 0 || n > j.to[i] {
		return nil
	}
	return j.zones[i]
}

// yearly are the Russian holidays of every year, moved those of 2026.
var (
	yearlyOff = "0101 0102 0103 0104 0105 0106 0107 0108 0223 0308 0501 0509 0612 1104"
	movedOff  = "0109 0309 0511 1231"
)

// lawful reports whether somebody may be called at a local time under a kind of call.
func lawful(kind string, local time.Time) bool {
	m := local.Hour()*60 + local.Minute()
	in := func(from, to int) bool { return m >= from*60 && m < to*60 }
	holiday := strings.Contains(yearlyOff+" "+movedOff, local.Format("0102"))
	free := holiday || local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	if !in(9, 21) { // the configuration's, for everybody
		return false
	}
	switch kind {
	case "debt_collection":
		return !free && in(8, 22) || free && in(9, 20)
	case "advertising":
		return !holiday && in(9, 20)
	case "narrow":
		return in(10, 18)
	}
	return true
}

// sentAt is one attempt to a number as the world saw it.
type sentAt struct {
	at      time.Time
	charged bool
}

// dialled judges an attempt; before are those to the number so far.
func (j *judge) dialled(number, timezone, kind string, blocked bool, before []sentAt, now time.Time) {
	fault := func(format string, args ...any) {
		j.faults = append(j.faults, fmt.Sprintf("%s %s %s: ", now.Format(time.RFC3339), number, kind)+fmt.Sprintf(format, args...))
	}
	if blocked {
		fault("is on the blacklist")
	}
	zones := j.where(number)
	if timezone != "" {
		zones = []string{timezone}
	}
	day, week, month := 3, 1<<30, 1<<30
	switch kind {
	case "debt_collection":
		day, week, month = 1, 2, 8
	case "advertising":
		day = 1
	}
	for _, z := range zones {
		local := now.In(j.locs[z])
		if !lawful(kind, local) {
			fault("it is %s in %s", local.Format("Mon 02.01. 15:04:05"), z)
		}
		days, weeks, months := 0, 0, 0
		for _, s := range slices.Backward(before) {
			if now.Sub(s.at) > 32*24*time.Hour {
				break
			}
			if !s.charged {
				continue
			}
			then := s.at.In(j.locs[z])
			if then.Format(time.DateOnly) == local.Format(time.DateOnly) {
				days++
			}
			y1, w1 := then.ISOWeek()
			if y2, w2 := local.ISOWeek(); y1 == y2 && w1 == w2 || now.Sub(s.at) < 6*24*time.Hour {
				weeks++
			}
			if then.Format("2006-01") == local.Format("2006-01") {
				months++
			}
		}
		if days >= day || weeks >= week || months >= month {
			fault("called %d times today, %d this week, %d this month in %s", days, weeks, months, z)
		}
	}
	if n := len(before); n > 0 && before[n-1].charged && now.Sub(before[n-1].at) < simGap {
		fault("called %s ago", now.Sub(before[n-1].at))
	}
}

// simGap lies between two attempts to a number.
const simGap = 10 * time.Minute
