package ivr

import (
	"time"

	"zvonar/internal/calls"
)

// leavePause lies between the end of the flow and the hang-up, so that the far
// end's buffers play the last word out (DESIGN 4.3).
const leavePause = 500 * time.Millisecond

// Session runs one flow on one leg. It belongs to the goroutine that owns the call.
type Session struct {
	flow  calls.Flow
	leg   Leg
	state state

	clip   calls.ClipID   // the current clip
	digits calls.DigitMap // the map that is valid with it
	plays  int            // of the current clip that count as repeats
	heard  bool           // the current clip was played to its end

	sounding bool  // something that we started plays
	playID   int64 // its id

	pending byte // a digit kept for the end of what plays, 0 = none
	invalid int  // digits in a row that the map did not know

	digit   byte           // the digit whose actions run
	current calls.Action   // the one that runs
	rest    []calls.Action // those that follow

	// opening: the actions that stand before the flow run, see StartWith.
	opening bool

	again  bool         // after the prompt: play the clip again, do not just wait
	reason calls.Reason // of the hang-up that is coming
}

// New makes a session of flow, whose clips are pinned (flow.Clips). Nothing
// happens until Start. The flow is not changed.
func New(flow calls.Flow, leg Leg) *Session {
	return &Session{flow: flow, leg: leg, clip: flow.Record, digits: flow.Digits}
}

// Start begins the flow: the first clip plays at once. A second Start does nothing.
func (s *Session) Start() { s.on(started, event{}) }

// StartWith begins with actions that nobody pressed a digit for, each the fallback
// of the one before. The first that connects the caller ends the flow with its
// talk; where none does, the flow begins as by Start.
func (s *Session) StartWith(first ...calls.Action) {
	if s.state != idle {
		return
	}
	if len(first) == 0 {
		s.Start()
		return
	}
	s.opening, s.rest = true, first
	s.act()
}

// OnPlaybackFinished says that playback id is over. Ends of what was replaced
// or stopped are passed over, and so is the end that a hang-up brings.
func (s *Session) OnPlaybackFinished(id int64, reason calls.PlayReason) {
	if !s.sounding || id != s.playID || reason == calls.PlayHangup {
		return
	}
	s.sounding = false
	s.on(played, event{})
}

// OnDigit says that the person on the leg pressed digit ('0'–'9', '*', '#').
func (s *Session) OnDigit(digit byte) { s.on(pressed, event{digit: digit}) }

// Do runs an action that somebody else than the person on the leg asked for; what
// plays stops, and the flow goes on after it as after a digit's. False where
// another action runs, or the flow is about to end.
func (s *Session) Do(a calls.Action) bool {
	switch s.state {
	case playing, prompting, waiting, open:
	default:
		return false
	}
	s.leg.After(0, TimerDigit)
	s.hush(calls.PlayStopped)
	s.pending, s.digit, s.rest = 0, 0, []calls.Action{a}
	s.act()
	return true
}

// OnTimer says that the time asked for with Leg.After is over.
func (s *Session) OnTimer(t Timer) {
	switch t {
	case TimerDigit:
		s.on(digitTimer, event{})
	case TimerLeave:
		s.on(leaveTimer, event{})
	}
}

// OnActionDone says how an action that Leg.Act started ended. err is for the
// log of the caller; the flow needs only end.
func (s *Session) OnActionDone(digit byte, action calls.Action, end ActionEnd, _ string) {
	if digit != s.digit || action.Kind != s.current.Kind {
		return
	}
	s.on(done, event{digit: digit, end: end})
}

// Pin replaces the content of the flow's clips: what is no longer among them is
// not played again. What plays goes on.
func (s *Session) Pin(clips map[calls.ClipID]calls.RecordingRef) { s.flow.Clips = clips }

// on looks the input up in the table and takes the step.
func (s *Session) on(in input, ev event) {
	if f := steps[s.state][in]; f != nil {
		f(s, ev)
	}
}

func (s *Session) begin(event) {
	if s.flow.AnswerOnly {
		s.listen()
		return
	}
	s.enter(s.clip, s.digits)
}

// enter makes a clip and a map the current ones and plays the clip.
func (s *Session) enter(clip calls.ClipID, digits calls.DigitMap) {
	s.clip, s.digits, s.plays = clip, digits, 1
	s.playClip()
}

// playClip plays the current clip from its start.
func (s *Session) playClip() {
	s.heard = false
	if s.play(s.clip, s.endless()) {
		s.state = playing
		return
	}
	s.hangup(calls.ReasonNoClip)
}

// endless: nobody is asked anything, so the clip may go round without a gap.
func (s *Session) endless() bool { return s.flow.Loop && s.digits.Empty() }

// play starts a clip; false where it has no content.
func (s *Session) play(id calls.ClipID, loop bool) bool {
	clip, pinned := s.flow.Clips[id]
	if !pinned {
		return false
	}
	s.sounding = true
	s.playID = s.leg.Play(clip, loop)
	return true
}

// hush stops what plays, for that reason.
func (s *Session) hush(why calls.PlayReason) {
	if s.sounding {
		s.sounding = false
		s.leg.StopPlayback(why)
	}
}

// prompt says something on the way back to the menu; false where there is
// nothing to say.
func (s *Session) prompt(id calls.ClipID, again bool) bool {
	if id == "" || !s.play(id, false) {
		return false
	}
	s.state, s.again = prompting, again
	return true
}

// listen waits for a digit: until the digit time-out, or, where the flow only
// answers, without end.
func (s *Session) listen() {
	if s.flow.AnswerOnly {
		s.state = open
		return
	}
	s.state = waiting
	s.leg.After(time.Duration(s.flow.DigitTimeout), TimerDigit)
}

// menu goes back to the menu after something that left the person in silence.
func (s *Session) menu() {
	if s.clip == "" {
		s.listen()
		return
	}
	s.playClip()
}

func (s *Session) clipOver(event) {
	s.heard = true
	switch {
	case s.flow.AnswerOnly || !s.digits.Empty():
		s.listen()
		s.pressPending()
	case s.plays < s.flow.Repeats && !s.flow.Loop:
		s.plays++
		s.playClip()
	default:
		s.leave(calls.ReasonFlowEnd)
	}
}

func (s *Session) promptOver(event) {
	if s.pending == 0 && s.again {
		s.menu()
		return
	}
	s.afterPrompt()
}

// afterPrompt waits for a digit, or, where the map asks for none, goes to the
// flow's end.
func (s *Session) afterPrompt() {
	if s.digits.Empty() && !s.flow.AnswerOnly {
		s.leave(calls.ReasonFlowEnd)
		return
	}
	s.listen()
	s.pressPending()
}

// timedOut: nobody pressed anything after the clip.
func (s *Session) timedOut(event) {
	if s.clip != "" && (s.flow.Loop || s.plays < s.flow.Repeats) {
		s.plays++
		s.playClip()
		return
	}
	s.leave(calls.ReasonNoDigit)
}

// leave hangs up after a pause.
func (s *Session) leave(reason calls.Reason) {
	s.state, s.reason = leaving, reason
	s.leg.After(leavePause, TimerLeave)
}

func (s *Session) hangupNow(event) { s.hangup(s.reason) }

func (s *Session) hangup(reason calls.Reason) {
	s.state, s.sounding = over, false
	s.leg.After(0, TimerDigit)
	s.leg.After(0, TimerLeave)
	s.leg.Hangup(reason)
}

// goodbye plays a last clip to its end, if there is one, and then hangs up.
func (s *Session) goodbye(id calls.ClipID, reason calls.Reason) {
	s.reason = reason
	if id != "" && s.play(id, false) {
		s.state = farewell
		return
	}
	s.hangup(reason)
}

func (s *Session) farewellOver(event) { s.leave(s.reason) }
