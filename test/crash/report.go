package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zvonar/internal/failpoint"
)

// kill is one death of the daemon.
type kill struct {
	Point failpoint.Name
	Hit   bool // died there by itself; otherwise it was killed from outside
	Depth int  // 0: from normal running, n: in the nth recovery in a row
	At    time.Time
	Plan  string // of its round
	World int
}

// row is what is said of one point.
type row struct {
	Point      string `json:"point"`
	Rounds     int    `json:"rounds"`
	Hit        int    `json:"hit"`
	Deepest    int    `json:"deepest_recovery"`
	Violations int    `json:"violations"`
}

// summary is the result of a run, as it is printed and written as JSON.
type summary struct {
	Seed       uint64      `json:"seed"`
	Store      string      `json:"store"`
	Kills      int         `json:"kills"`
	Hit        int         `json:"hit"`
	Seconds    int         `json:"seconds"`
	Calls      int         `json:"calls_acknowledged"`
	Completed  int         `json:"calls_completed"`
	Lost       int         `json:"calls_lost"`
	Invites    int         `json:"invites"`
	Unknown    int         `json:"answered_legs_never_stored"` // answered in the moment of a death; no next process can know of them
	Events     int         `json:"events"`
	Arrivals   int         `json:"arrivals"`
	Repeats    int         `json:"repeated_arrivals"`
	Texts      int         `json:"texts"`
	Copies     int         `json:"power_cut_copies"`
	Ends       tallies     `json:"outcomes"`
	Types      tallies     `json:"event_types"`
	Points     []row       `json:"points"`
	Rules      []ruleRow   `json:"rules"`
	Violations []violation `json:"violations"`
}

// tallies counts things by name.
type tallies map[string]int

// String lists them by name.
func (t tallies) String() string {
	var items []string
	for _, k := range slices.Sorted(maps.Keys(t)) {
		items = append(items, fmt.Sprintf("%s %d", k, t[k]))
	}
	return strings.Join(items, ", ")
}

// ruleRow is what is said of one promise.
type ruleRow struct {
	Rule    string `json:"rule"`
	Promise string `json:"promise"`
	Broken  int    `json:"broken"`
}

// tally counts kills by point; violations go to the kill that they came after.
func (s *summary) tally(kills []kill, found []violation) {
	rows := map[string]*row{}
	for _, n := range append(failpoint.Names(), atRandom) {
		rows[string(n)] = &row{Point: string(n)}
		s.Points = append(s.Points, *rows[string(n)])
	}
	for _, k := range kills {
		r := rows[string(k.Point)]
		r.Rounds++
		s.Kills++
		if k.Hit {
			r.Hit++
			s.Hit++
			r.Deepest = max(r.Deepest, k.Depth)
		}
	}
	for _, v := range found {
		if k, ok := before(kills, v.At); ok {
			rows[string(k.Point)].Violations++
		}
	}
	for i := range s.Points {
		s.Points[i] = *rows[s.Points[i].Point]
	}
	for _, r := range rules() {
		n := 0
		for _, v := range found {
			if v.Rule == r.name {
				n++
			}
		}
		s.Rules = append(s.Rules, ruleRow{r.name, r.promise, n})
	}
	s.Violations = append(s.Violations, found...)
}

// before is the first kill after at: the one that the call did not survive as it should.
func before(kills []kill, at time.Time) (k kill, ok bool) {
	if at.IsZero() {
		return k, false
	}
	i := slices.IndexFunc(kills, func(k kill) bool { return k.At.After(at) })
	if i < 0 {
		return k, false
	}
	return kills[i], true
}

// String is the table for people.
func (s *summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %7s %7s %8s %10s\n", "failpoint", "kills", "hit", "deepest", "violations")
	for _, r := range s.Points {
		fmt.Fprintf(&b, "%-24s %7d %7d %8d %10d\n", r.Point, r.Rounds, r.Hit, r.Deepest, r.Violations)
	}
	fmt.Fprintf(&b, "\n%-24s %7s  %s\n", "promise", "broken", "")
	for _, r := range s.Rules {
		fmt.Fprintf(&b, "%-24s %7d  %s\n", r.Rule, r.Broken, r.Promise)
	}
	fmt.Fprintf(&b, "\n%d kills in %d s (seed %d, %s): %d calls acknowledged, %d completed, %d of them lost; %d INVITEs (%d answered in the moment of a death), %d events, %d arrivals (%d of them again), %d texts, %d copies of a running store\n",
		s.Kills, s.Seconds, s.Seed, s.Store, s.Calls, s.Completed, s.Lost, s.Invites, s.Unknown, s.Events, s.Arrivals, s.Repeats, s.Texts, s.Copies)
	fmt.Fprintf(&b, "outcomes: %s\nevents: %s\n", s.Ends, s.Types)
	return b.String()
}
