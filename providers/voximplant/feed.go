package voximplant

import (
	"slices"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// feed brings reports to whoever follows their call. Safe for concurrent use.
type feed struct {
	mu    sync.Mutex
	lines map[string]*line // by attempt, by call and, once it is known, by session
	early map[string]order // what was asked for before its follower came, by attempt
}

// order is what was asked for, and when.
type order struct {
	data string
	at   time.Time
}

// maxEarly bounds the orders that wait for a follower; they wait for moments.
const maxEarly = 1000

// line is one call that is followed.
type line struct {
	names []string
	facts chan fact
	order // zero: nothing was asked for yet
}

// waiting is how many reports may wait for a follower.
const waiting = 256

func newFeed() *feed { return &feed{lines: map[string]*line{}, early: map[string]order{}} }

// open begins to collect what is told of a call.
func (f *feed) open(r calls.PlaceRequest) *line {
	l := &line{facts: make(chan fact, waiting)}
	f.name(l, r.Attempt)
	f.name(l, r.CallID)
	f.mu.Lock()
	defer f.mu.Unlock()
	if o, ok := f.early[r.Attempt]; ok {
		l.order = o
		delete(f.early, r.Attempt)
	}
	return l
}

// name lets reports find the line by one more name.
func (f *feed) name(l *line, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name != "" && !slices.Contains(l.names, name) {
		l.names = append(l.names, name)
		f.lines[name] = l
	}
}

// close ends that.
func (f *feed) close(l *line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range l.names {
		if f.lines[name] == l {
			delete(f.lines, name)
		}
	}
}

// asked keeps what is asked for in the name of an attempt, also where its follower,
// which runs by itself, comes only now: without it the history could not be asked.
func (f *feed) asked(attempt, data string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.lines[attempt]; l != nil {
		l.order = order{data, at}
		return
	}
	if len(f.early) >= maxEarly { // of followers that were gone before the order was written
		clear(f.early)
	}
	f.early[attempt] = order{data, at}
}

func (f *feed) whatWasAsked(l *line) (data string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return l.data, l.at
}

// told is what became of a report.
type told int

const (
	taken   told = iota
	nobody       // there is no such call, or it is over
	crowded      // too many wait
)

// tell hands a report to its follower.
func (f *feed) tell(x fact) told {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lines[x.attempt]
	if l == nil {
		l = f.lines[x.session]
	}
	if l == nil {
		return nobody
	}
	select {
	case l.facts <- x:
		return taken
	default:
		return crowded
	}
}

// story brings the reports of one call into order. It is pure: time is its user's.
type story struct {
	next     int64 // order of the next report, where they are counted
	held     map[int64]fact
	seen     map[string]bool
	answered bool
	ended    bool
	recorded map[string]bool
}

// maxSeen bounds the reports of one call.
const maxSeen = 2000

func newStory() *story {
	return &story{next: 1, held: map[int64]fact{}, seen: map[string]bool{}, recorded: map[string]bool{}}
}

// add takes a report and gives what may be told now. What came too early waits.
func (s *story) add(f fact) []calls.ProviderReport {
	if s.seen[f.key] || len(s.seen) >= maxSeen {
		return nil
	}
	s.seen[f.key] = true
	if f.order == 0 || f.order < s.next {
		return s.pass(nil, f)
	}
	s.held[f.order] = f
	var out []calls.ProviderReport
	for {
		f, ok := s.held[s.next]
		if !ok {
			return out
		}
		delete(s.held, s.next)
		s.next++
		out = s.pass(out, f)
	}
}

// flush gives up the reports that are missing and tells those that waited for them.
func (s *story) flush() (out []calls.ProviderReport) {
	orders := make([]int64, 0, len(s.held))
	for n := range s.held {
		orders = append(orders, n)
	}
	slices.Sort(orders)
	for _, n := range orders {
		out = s.pass(out, s.held[n])
		delete(s.held, n)
		s.next = n + 1
	}
	return out
}

// pass lets a report through, once of each kind that happens once.
func (s *story) pass(out []calls.ProviderReport, f fact) []calls.ProviderReport {
	return s.tell(out, f.report)
}

func (s *story) tell(out []calls.ProviderReport, r calls.ProviderReport) []calls.ProviderReport {
	switch {
	case r.State == "":
		return out
	case r.State == calls.ReportRecord:
		if s.recorded[r.RecordURL] {
			return out
		}
		s.recorded[r.RecordURL] = true
	case s.ended:
		return out // only the sound may come later
	case r.State == calls.ReportEnded:
		s.ended = true
	case r.State == calls.ReportAnswered:
		if s.answered {
			return out
		}
		s.answered = true
	}
	return append(out, r)
}
