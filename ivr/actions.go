package ivr

import "zvonar/internal/calls"

// act starts the next action of the digit; after the last one the menu follows.
func (s *Session) act() {
	if len(s.rest) == 0 {
		s.menu()
		return
	}
	s.current, s.rest = s.rest[0], s.rest[1:]
	if s.current.Kind == calls.ActionRecord {
		s.record(s.current)
		return
	}
	s.state = acting
	s.leg.Act(s.digit, s.current) // may report the end before it returns
}

// record plays the next clip at once and only then tells of it.
func (s *Session) record(a calls.Action) {
	s.rest = nil
	digits := s.digits
	if a.Digits != nil {
		digits = a.Digits
	}
	digit := s.digit
	s.enter(calls.ClipID(a.Value), digits)
	if s.state != over {
		s.leg.Act(digit, a)
	}
}

// acted goes on after an action, by the table of endings.
func (s *Session) acted(ev event) {
	if s.opening && ev.end != BridgeEnded {
		s.opened()
		return
	}
	if f := endings[s.current.Kind][ev.end]; f != nil {
		f(s)
		return
	}
	s.act()
}

// opened goes on after an opening action that led nowhere.
func (s *Session) opened() {
	if len(s.rest) > 0 {
		s.act()
		return
	}
	s.opening = false
	s.begin(event{})
}

// notReached: the next action is the fallback; with none left, the menu.
func (s *Session) notReached() {
	if len(s.rest) > 0 || !s.prompt(s.flow.Manager.BusyRecord, false) {
		s.act()
	}
}

func (s *Session) bridgeEnded() { s.hangup(calls.ReasonBridgeEnd) }

func (s *Session) smsQueued() {
	if len(s.rest) > 0 || !s.prompt(s.flow.SMSRecord, false) {
		s.act()
	}
}

// blocked: whoever asked not to be called hears no more than a goodbye.
func (s *Session) blocked() {
	s.rest = nil
	s.goodbye(s.flow.BlockRecord, calls.ReasonBlockedByDigit)
}
