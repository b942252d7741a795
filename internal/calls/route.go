package calls

import (
	"slices"
	"strings"
)

// RouteQuery asks an outside system whose caller somebody is.
type RouteQuery struct {
	Account string
	CallID  string // our call, for journals
	From    string // who calls, digits only
	To      string // the number that he called
}

// RouteAnswer is whom an outside system holds responsible for a caller.
type RouteAnswer struct {
	Found bool
	// Target is whom to ring, named as the managers of a Flow are: an extension,
	// employee:ID, a number. "": as our own rules say.
	Target string
	Name   string // of the caller, to be shown on the telephone; "": none
}

// Responsible gives the target that a caller is redirected to: somebody was found
// and named, and the redirect works for him. except are the extensions and
// employees for which it does not.
func (a RouteAnswer) Responsible(except []string) (target string, ok bool) {
	if !a.Found || a.Target == "" {
		return "", false
	}
	plain := plainTarget(a.Target)
	if slices.ContainsFunc(except, func(x string) bool { return plainTarget(x) == plain }) {
		return "", false
	}
	return a.Target, true
}

// plainTarget is a target without what says where it is found: 201 of employee:201
// and of 201@office.
func plainTarget(s string) string {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "employee:"), "@")
	return s
}
