package engine

import (
	"time"

	"zvonar/internal/calls"
)

// early is what was heard before the answer.
type early struct {
	heard  calls.Heard // what says most of why nobody answers
	enough bool        // we hung up because of it
}

// earlyData is a call.amd of before the answer.
type earlyData struct {
	Attempt    string        `json:"attempt"`
	Verdict    calls.Verdict `json:"verdict"`
	Cause      string        `json:"cause"`
	Confidence float64       `json:"confidence"`
	Early      bool          `json:"early"`
	Meaning    calls.Meaning `json:"meaning,omitempty"`
	Title      string        `json:"title,omitempty"`
}

// onEarlyHeard keeps what a tone or an announcement before the answer says. The
// call is hung up at once where its trunk is configured so; else it goes on, for
// somebody may answer all the same.
func (s *session) onEarlyHeard(ev calls.LegEvent) {
	h := ev.Heard
	switch {
	case h.Outweighs(s.early.heard):
		s.early.heard = h
	case h.Kind == calls.HeardSpeech && s.early.heard.Kind == calls.HeardNothing: // it only tells
	default:
		return
	}
	s.call.Verdict = h.Verdict()
	data := earlyData{Attempt: s.customer.attempt.ID, Verdict: h.Verdict(), Cause: h.Cause(), Confidence: h.Confidence, Early: true}
	if h.Kind == calls.HeardKnown {
		data.Meaning, data.Title = h.Meaning, h.Detail
	}
	s.tell(s.event(calls.CallAMD, data))
	switch {
	case h.Kind == calls.HeardSpeech, !s.hangsUpEarly():
	case h.Kind == calls.HeardSIT: // the words that follow may be known
		s.after(timerEarly, wordsAfterSIT, s.hangUpEarly)
	default:
		s.hangUpEarly()
	}
}

// wordsAfterSIT is how long the words after a SIT are waited for: a known
// announcement is recognised in about a second of them.
const wordsAfterSIT = 3 * time.Second

// hangUpEarly ends an attempt by what was heard, unless somebody has answered.
func (s *session) hangUpEarly() {
	r, ok := s.early.heard.Early()
	if !ok || s.phase != dialing {
		return
	}
	s.early.enough = true
	s.because(r.Reason, calls.ByZvonar)
	s.leave(0)
}

// hangsUpEarly reports whether the call ends with what is heard before the answer:
// as its flow says, else as its trunk does.
func (s *session) hangsUpEarly() bool {
	if wish := s.call.Flow.AMD.EarlyMedia; wish != "" {
		return wish == calls.EarlyHangup
	}
	for _, t := range s.e.trunks() {
		if t.Name == s.call.Trunk {
			return t.HangUpEarly
		}
	}
	return false
}
