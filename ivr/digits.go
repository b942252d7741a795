package ivr

import "zvonar/internal/calls"

// pressedOver: a digit while something plays.
func (s *Session) pressedOver(ev event) {
	if s.flow.BargeIn {
		s.press(ev)
		return
	}
	if s.pending == 0 || s.digits.Lookup(s.pending) == nil && s.digits.Lookup(ev.digit) != nil {
		s.pending = ev.digit
	}
}

// pressPending acts on the digit that was kept while something played.
func (s *Session) pressPending() {
	if d := s.pending; d != 0 {
		s.pending = 0
		s.press(event{digit: d})
	}
}

// pressedLate: a choice in the pause before the hang-up is still a choice; a
// digit that means nothing does not prolong the call.
func (s *Session) pressedLate(ev event) {
	if s.reason == calls.ReasonNoDigit && len(s.digits.Lookup(ev.digit)) > 0 {
		s.press(ev)
	}
}

// press acts on a digit.
func (s *Session) press(ev event) {
	if s.digits.Empty() {
		return
	}
	actions := s.digits.Lookup(ev.digit)
	if len(actions) == 0 {
		s.unknown()
		return
	}
	s.leg.After(0, TimerDigit)
	s.leg.After(0, TimerLeave)
	s.hush(calls.PlayDigit)
	s.invalid, s.pending = 0, 0
	s.digit, s.rest = ev.digit, actions
	s.act()
}

// unknown: the map has nothing for the digit.
func (s *Session) unknown() {
	s.invalid++
	if s.invalid >= s.flow.MaxInvalid {
		s.leg.After(0, TimerDigit)
		s.hush(calls.PlayDigit)
		s.goodbye(s.flow.InvalidRecord, calls.ReasonInvalidDigits)
		return
	}
	if _, pinned := s.flow.Clips[s.flow.InvalidRecord]; pinned {
		s.leg.After(0, TimerDigit)
		s.hush(calls.PlayDigit)
		s.prompt(s.flow.InvalidRecord, !s.heard)
		return
	}
	if !s.sounding {
		s.listen() // the wait begins anew
	}
}
