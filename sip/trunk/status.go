package trunk

import (
	"time"
)

// State is whether a trunk can be used.
type State string

// The states.
const (
	Unknown State = "unknown" // nothing has shown it yet; calls are tried
	Up      State = "up"
	Down    State = "down"
)

// Status is how a trunk stands, for people.
type Status struct {
	State        State
	Reason       string // why it is not up, and what to do; "": it is
	Registration Registration
}

// Status tells how the trunk stands at now.
func (t *Trunk) Status(now time.Time) Status {
	s := Status{State: Unknown, Registration: t.Registration()}
	if r := s.Registration; r.Wanted {
		switch {
		case r.Until.After(now):
			s.State = Up
		case r.Next.IsZero(): // the first REGISTER is on its way
			s.Reason = r.Error
		default:
			s.State, s.Reason = Down, r.Error
			if s.Reason == "" {
				s.Reason = "the registration ran out"
			}
		}
	}
	return s
}
