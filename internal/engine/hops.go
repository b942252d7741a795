package engine

import "zvonar/internal/calls"

// A call that somebody passed on to us and that we pass on in turn keeps count of
// it (RFC 7332), so that two switches that forward to each other end it at last.

// tooManyHops is why a call is not passed on any more.
const tooManyHops = "the call was passed on too often (Max-Forwards is used up); look for two systems that forward to each other"

// passesOn reports whether the flow may forward the call to somebody.
func passesOn(m calls.DigitMap) bool {
	for _, actions := range m {
		for _, a := range actions {
			if a.Kind == calls.ActionManager || passesOn(a.Digits) {
				return true
			}
		}
	}
	return false
}

// mayPassOn reports whether a leg that passes the call on still has a hop to go.
func (s *session) mayPassOn() bool { return s.hops <= calls.MaxForwards }
