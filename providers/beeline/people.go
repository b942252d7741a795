package beeline

import (
	"slices"
	"strings"
	"sync"

	"zvonar/internal/calls"
)

// people is who of our employees is which subscriber. Safe for concurrent use.
type people struct {
	mu       sync.Mutex
	staff    []*calls.Employee
	abonents map[string]Abonent // by user id
}

func (p *people) setStaff(list []*calls.Employee) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.staff = list
}

func (p *people) setAbonents(list []Abonent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abonents = make(map[string]Abonent, len(list))
	for _, a := range list {
		if a.UserID != "" {
			p.abonents[a.UserID] = a
		}
	}
}

// knows reports whether the portal told us of a user.
func (p *people) knows(user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.abonents[user]
	return ok
}

// byID is an employee of the last look; nil: none.
func (p *people) byID(id string) *calls.Employee {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.staff, func(e *calls.Employee) bool { return e.ID == id }); i >= 0 {
		return p.staff[i]
	}
	return nil
}

// find is whose user id it is; nil: nobody's that we know.
func (p *people) find(user string) *calls.Employee {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, known := p.abonents[user]
	for _, e := range p.staff {
		if is(e.Subscriber, user, a, known) {
			return e
		}
	}
	return nil
}

// aliases are the numbers by which a user is called: his telephone, his extension,
// and those of the employee (nil: not known).
func (p *people) aliases(user string, e *calls.Employee) (list []string) {
	p.mu.Lock()
	a := p.abonents[user]
	p.mu.Unlock()
	list = append(list, a.Phone, a.Extension)
	if e != nil {
		list = append(list, e.Phone, e.Extension, e.Subscriber)
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// same reports whether a pattern of a request (user id, number, extension) means a user.
func (p *people) same(pattern, user string) bool {
	p.mu.Lock()
	a, known := p.abonents[user]
	p.mu.Unlock()
	return is(pattern, user, a, known)
}

func is(pattern, user string, a Abonent, known bool) bool {
	switch {
	case pattern == "":
		return false
	case strings.EqualFold(pattern, user), sameNumber(pattern, user):
		return true
	case !known:
		return false
	}
	return pattern == a.Extension || sameNumber(pattern, a.Phone)
}

// userOf is the user id that a pattern means, or "" where the portal did not tell.
func (p *people) userOf(pattern string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for user, a := range p.abonents {
		if is(pattern, user, a, true) {
			return user
		}
	}
	return ""
}

// patternOf is by what the portal is told of an employee: his subscriber's name, his
// extension or his number; "": he has none of them.
func patternOf(e *calls.Employee) string {
	switch {
	case e == nil:
		return ""
	case e.Subscriber != "":
		if digits, ok := ten(e.Subscriber); ok && !strings.Contains(e.Subscriber, "@") {
			return digits
		}
		return e.Subscriber
	case e.Extension != "":
		return e.Extension
	}
	digits, _ := ten(e.Phone)
	return digits
}
