package engine

import "zvonar/internal/calls"

// otherOf is who talks with p; nil: nobody does.
func (s *session) otherOf(p *party) *party {
	switch {
	case s.phase != bridged:
		return nil
	case p == s.manager:
		return s.customer
	}
	return s.manager
}

// holdChanged: a far end put us on hold, or took us back. What is played to it
// waits by itself; whoever talks with it hears the hold clip meanwhile.
func (s *session) holdChanged(p *party, held bool) {
	p.holds = held
	if other := s.otherOf(p); other != nil && !other.waits {
		s.music(other, held)
	}
}

// putOnHold: we ask a far end to hold, and it hears the hold clip. Who talks with
// nobody goes on hearing the flow: another clip in its place would end it.
func (s *session) putOnHold(p *party, on bool) {
	if p.waits == on {
		return
	}
	p.waits = on
	p.leg.Hold(on)
	if other := s.otherOf(p); other != nil && !other.holds {
		s.music(p, on)
	}
}

// music plays the hold clip to p, or ends it.
func (s *session) music(p *party, on bool) {
	p.music = on
	if !on {
		p.leg.StopPlayback(calls.PlayStopped)
		return
	}
	if ref, ok := s.call.Flow.Clips[s.call.Flow.Manager.HoldRecord]; ok && p.leg.Play(0, ref, true) == nil {
		return
	}
	p.leg.Tone(calls.ToneHold)
}

func (s *session) onCustomerHolds(calls.LegEvent)   { s.holdChanged(s.customer, true) }
func (s *session) onCustomerResumes(calls.LegEvent) { s.holdChanged(s.customer, false) }
func (s *session) onManagerHolds(calls.LegEvent)    { s.holdChanged(s.manager, true) }
func (s *session) onManagerResumes(calls.LegEvent)  { s.holdChanged(s.manager, false) }

// joined begins the talk of customer and manager: either may hold already.
func (s *session) joined() {
	s.e.line.Bridge(s.customer.leg, s.manager.leg)
	for _, p := range []*party{s.customer, s.manager} {
		if other := s.otherOf(p); p.waits || other.holds {
			s.music(p, true)
		}
	}
}

// onTalkDigit: the customer pressed something while he talks.
func (s *session) onTalkDigit(ev calls.LegEvent) {
	if s.pressed(calls.RoleCustomer, ev) && (s.call.Flow.Manager.RelayDigits || s.call.Flow.Bridge != nil) {
		s.manager.leg.SendDigits(string(rune(ev.Digit)))
	}
}

// onManagerDigit: what a manager presses is for whoever he talks with.
func (s *session) onManagerDigit(ev calls.LegEvent) {
	if s.pressed(calls.RoleManager, ev) {
		s.customer.leg.SendDigits(string(rune(ev.Digit)))
	}
}
