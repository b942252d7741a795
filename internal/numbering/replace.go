package numbering

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// What is in force: what an operator gave, else what is built in.
var (
	plan            atomic.Pointer[Plan]
	holidays        atomic.Pointer[Calendar]
	builtinHolidays = sync.OnceValue(builtinCalendar)
)

func current() *Plan {
	if p := plan.Load(); p != nil {
		return p
	}
	return builtin()
}

func calendar() *Calendar {
	if c := holidays.Load(); c != nil {
		return c
	}
	return builtinHolidays()
}

// leastShare of the ranges that are built in a plan must have to be believed: half
// a file would refuse half of the country.
const leastShare = 0.8

// ReadPlan reads a plan from a file and refuses one that is no whole plan.
func ReadPlan(file string) (*Plan, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	p, err := LoadPlan(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if n, known := p.Ranges(), builtin().Ranges(); float64(n) < leastShare*float64(known) {
		return nil, fmt.Errorf("%s: it has %d ranges where the plan that is built in has %d; is it the whole plan?", file, n, known)
	}
	return p, nil
}

// ReadCalendar reads a table of holidays from a file.
func ReadCalendar(file string) (*Calendar, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	c, err := LoadCalendar(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// Use puts a plan and a table of holidays in force for everyone, from the next
// question on; nil is what is built in. Only the daemon calls it.
func Use(p *Plan, c *Calendar) {
	plan.Store(p)
	holidays.Store(c)
}

// Ranges is how many ranges of numbers the plan has.
func (p *Plan) Ranges() int { return len(p.ranges) }
