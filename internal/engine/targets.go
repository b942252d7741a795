package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// Targets of managers: a number, an extension at a trunk (201@office), an
// employee (employee:ID, employee:201, or 201), a group of employees (group:sales).
// People are found when they are rung: who is asked for may change until then.

// The spellings of targets that are people.
const (
	employeePrefix = "employee:"
	groupPrefix    = "group:"
)

// telephone is one place that may ring.
type telephone struct {
	to, trunk string
	employee  string        // whose it is; "": nobody's
	ring      time.Duration // 0: as long as the flow says
	any       bool          // a number that other trunks can call as well
}

// key is what makes it the same telephone.
func (t telephone) key() telephone { return telephone{to: t.to, trunk: t.trunk} }

// resolvePatience bounds the look-up of people while a caller waits.
const resolvePatience = 2 * time.Second

// isPeople reports whether a target is found in the store.
func isPeople(value string) bool {
	return strings.HasPrefix(value, employeePrefix) || strings.HasPrefix(value, groupPrefix)
}

// peopleValue is a target in its own spelling if it names people.
func peopleValue(value string) (string, bool) {
	if isPeople(value) {
		return value, true
	}
	if len(value) > 0 && len(value) <= 6 && digitsOnly(value) == value { // no number of any plan is that short
		return employeePrefix + value, true
	}
	return "", false
}

// employeeOf finds an employee by id or extension.
func employeeOf(tx calls.ReadTx, account, name string) (*calls.Employee, error) {
	if digitsOnly(name) == name {
		return tx.EmployeeByExtension(account, name)
	}
	return tx.Employee(account, name)
}

// checkPeople finds the people that a flow names, so that a wrong one is refused
// now and not when somebody presses the digit.
func checkPeople(tx calls.ReadTx, account string, m calls.DigitMap, location string) error {
	for digit, actions := range m {
		for i, a := range actions {
			at := actionPlace(location, digit, i, len(actions))
			if a.Kind == calls.ActionManager {
				if err := checkTarget(tx, account, a.Value, at); err != nil {
					return err
				}
			}
			if err := checkPeople(tx, account, a.Digits, at+".digits"); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkTarget finds the people that a target names.
func checkTarget(tx calls.ReadTx, account, value, location string) error {
	var err error
	what := "employee"
	if name, ok := strings.CutPrefix(value, employeePrefix); ok {
		_, err = employeeOf(tx, account, name)
	} else if name, ok := strings.CutPrefix(value, groupPrefix); ok {
		what = "group"
		_, err = tx.Group(account, name)
	}
	if errors.Is(err, calls.ErrNotFound) {
		return calls.Errorf(calls.CodeBadAction, "there is no such %s; GET /v1/%ss lists them", what, what).At(location, value)
	}
	return err
}

// telephones are whom a target means, in rounds: those of a round ring at once.
func (e *Engine) telephones(tx calls.ReadTx, account, value, trunk string) ([][]telephone, error) {
	if name, ok := strings.CutPrefix(value, employeePrefix); ok {
		someone, err := employeeOf(tx, account, name)
		if err != nil {
			return nil, err
		}
		return [][]telephone{e.telephonesOf(someone, trunk, 0)}, nil
	}
	group, err := tx.Group(account, strings.TrimPrefix(value, groupPrefix))
	if err != nil {
		return nil, err
	}
	return e.groupRounds(tx, group, trunk)
}

// groupRounds puts the members of a group in the order in which they ring.
func (e *Engine) groupRounds(tx calls.ReadTx, g *calls.Group, trunk string) (rounds [][]telephone, err error) {
	first := 0
	if g.Strategy == calls.RoundRobin && len(g.Members) > 0 {
		first = e.turns.next(g.Account+" group "+g.Name) % len(g.Members)
	}
	var all []telephone
	for i := range g.Members {
		someone, err := tx.Employee(g.Account, g.Members[(first+i)%len(g.Members)])
		switch {
		case errors.Is(err, calls.ErrNotFound): // he left
			continue
		case err != nil:
			return nil, err
		}
		his := e.telephonesOf(someone, trunk, time.Duration(g.RingTimeout))
		rounds, all = append(rounds, his), append(all, his...)
	}
	if g.Strategy == calls.Simultaneous {
		return [][]telephone{all}, nil
	}
	return rounds, nil
}

// telephonesOf are the telephones of an employee that ring at once.
func (e *Engine) telephonesOf(someone *calls.Employee, trunk string, ring time.Duration) (his []telephone) {
	add := func(to, trunk string, any bool) {
		his = append(his, telephone{to: to, trunk: trunk, employee: someone.ID, ring: ring, any: any})
	}
	if someone.SIPUser != "" && e.cfg.Softphones != nil && e.cfg.Softphones(someone.SIPUser) {
		add(someone.SIPUser, calls.SoftphoneTrunk, false)
	}
	if someone.Extension != "" && someone.Trunk != "" && e.hasTrunk(someone.Account, someone.Trunk) {
		add(someone.Extension, someone.Trunk, false)
	}
	if someone.Phone != "" {
		if trunk == calls.SoftphoneTrunk || trunk == "" {
			trunk = e.firstTrunk(someone.Account)
		}
		add(someone.Phone, trunk, true)
	}
	if someone.Ring != calls.RingAll && len(his) > 1 {
		his = his[:1]
	}
	return his
}

// firstTrunk is the first that an account may use.
func (e *Engine) firstTrunk(account string) string {
	for _, t := range e.trunks() {
		if t.carries(account) {
			return t.Name
		}
	}
	return ""
}

// lookUp gives the rounds of a target to then, at once or, where people are to be
// found, later in the goroutine of the call.
func (s *session) lookUp(value string, then func([][]telephone, error)) {
	if !isPeople(value) {
		to, trunk := managerTarget(value, s.call.Trunk)
		then([][]telephone{{{to: to, trunk: trunk, any: !strings.Contains(value, "@")}}}, nil)
		return
	}
	account, trunk := s.call.Account, s.call.Trunk
	s.e.wg.Add(1) // the session holds it, too: it is not waited out yet
	go func() {
		defer s.e.wg.Done()
		ctx, cancel := context.WithTimeout(s.e.life, resolvePatience)
		defer cancel()
		var rounds [][]telephone
		err := s.e.store.View(ctx, func(tx calls.ReadTx) (err error) {
			rounds, err = s.e.telephones(tx, account, value, trunk)
			return err
		})
		s.box.post(func() { then(rounds, err) })
	}()
}

// nobodyThere says why a target has nobody to ring.
func nobodyThere(err error) string {
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return "there is no such employee or group any more"
	case err != nil:
		return "the employee could not be looked up in time"
	}
	return "there is no telephone to ring"
}
