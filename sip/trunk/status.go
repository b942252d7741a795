package trunk

import "time"

// State is whether a trunk, or one address of it, can be used.
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
	Targets      []Target // in the order of the DNS
}

// Status tells how the trunk stands at now: by its registration where it has one,
// and by its addresses.
func (t *Trunk) Status(now time.Time) Status {
	targets, why := t.health.targets(now)
	s := Status{Registration: t.Registration(), Targets: targets}
	s.State, s.Reason = judge(targets, why)
	if t.Registered() == AnyUser && s.State == Down {
		s.State, s.Reason = Unknown, "" // that no telephone answers is no fault of a trunk
	}
	r := s.Registration
	if !r.Wanted || s.State == Down && why != "" {
		return s
	}
	switch {
	case r.Until.After(now):
		if s.State != Down {
			s.State, s.Reason = Up, ""
		}
	case r.Next.IsZero(): // the first REGISTER is on its way
		s.State, s.Reason = Unknown, r.Error
	default:
		s.State, s.Reason = Down, r.Error
		if s.Reason == "" {
			s.Reason = "the registration ran out and is being renewed"
		}
	}
	return s
}
