package ivr

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// fakeLeg writes down what a session wants of it.
type fakeLeg struct {
	t        *testing.T
	told     []string
	lastPlay int64
	timers   map[Timer]time.Duration
	hungUp   int
	onAct    func(digit byte, a calls.Action) // runs within Act
}

func (l *fakeLeg) say(format string, args ...any) {
	if l.hungUp > 0 {
		l.t.Errorf("after the hang-up: "+format, args...)
	}
	l.told = append(l.told, fmt.Sprintf(format, args...))
}

func (l *fakeLeg) Play(clip calls.RecordingRef, loop bool) int64 {
	if loop {
		l.say("loop %s", clip.RecordingID)
	} else {
		l.say("play %s", clip.RecordingID)
	}
	l.lastPlay++
	return l.lastPlay
}

func (l *fakeLeg) StopPlayback(reason calls.PlayReason) { l.say("stop %s", reason) }

func (l *fakeLeg) After(d time.Duration, token Timer) {
	if d == 0 {
		delete(l.timers, token)
		return
	}
	l.say("after %s", d)
	l.timers[token] = d
}

func (l *fakeLeg) Act(digit byte, a calls.Action) {
	l.say("act %c %s %s", digit, a.Kind, a.Value)
	if l.onAct != nil {
		l.onAct(digit, a)
	}
}

func (l *fakeLeg) Hangup(reason calls.Reason) {
	l.say("hangup %s", reason)
	l.hungUp++
}

// bench is a session under test and the hand that drives it.
type bench struct {
	*testing.T
	leg *fakeLeg
	s   *Session
}

// flowOf is a default flow of clip A with these digits; every clip named by one
// capital letter is pinned.
func flowOf(digits calls.DigitMap, change ...func(*calls.Flow)) calls.Flow {
	f := calls.DefaultFlow()
	f.Record, f.Digits, f.Clips = "A", digits, map[calls.ClipID]calls.RecordingRef{}
	for c := 'A'; c <= 'Z'; c++ {
		f.Clips[calls.ClipID(c)] = calls.RecordingRef{RecordingID: string(c)}
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func newBench(t *testing.T, f calls.Flow) *bench {
	leg := &fakeLeg{t: t, timers: map[Timer]time.Duration{}}
	return &bench{T: t, leg: leg, s: New(f, leg)}
}

// run takes inputs: "start", "end" (of what plays), "hangup" (end by hang-up),
// "digit 1", "timeout", "pause", "ok", "failed", "busy", "bridged" (ends of the
// action that runs), and compares what the leg was told since.
func (b *bench) run(in string, want ...string) {
	b.Helper()
	b.leg.told = nil
	b.input(in)
	if !slices.Equal(b.leg.told, want) {
		b.Fatalf("on %q the leg was told %q, want %q (state %s)", in, b.leg.told, want, b.s.state)
	}
}

func (b *bench) input(in string) {
	switch in {
	case "start":
		b.s.Start()
	case "end":
		b.s.OnPlaybackFinished(b.leg.lastPlay, calls.PlayEnd)
	case "hangup":
		b.s.OnPlaybackFinished(b.leg.lastPlay, calls.PlayHangup)
	case "old end":
		b.s.OnPlaybackFinished(b.leg.lastPlay-1, calls.PlayDigit)
	case "timeout":
		b.fire(TimerDigit)
	case "pause":
		b.fire(TimerLeave)
	case "ok":
		b.done(ActionOK)
	case "failed":
		b.done(ActionFailed)
	case "busy":
		b.done(ManagerNotReached)
	case "bridged":
		b.done(BridgeEnded)
	default:
		b.s.OnDigit(in[len(in)-1])
	}
}

func (b *bench) fire(t Timer) {
	delete(b.leg.timers, t)
	b.s.OnTimer(t)
}

func (b *bench) done(end ActionEnd) { b.s.OnActionDone(b.s.digit, b.s.current, end, "words") }

// in checks the state.
func (b *bench) in(want state) {
	b.Helper()
	if b.s.state != want {
		b.Fatalf("state %s, want %s", b.s.state, want)
	}
}

func record(id string) []calls.Action {
	return []calls.Action{{Kind: calls.ActionRecord, Value: id}}
}

func act(kind calls.ActionKind, value string) calls.Action {
	return calls.Action{Kind: kind, Value: value}
}

// everyKind has a record on 1, a manager on 2, an SMS on 3, a block on 4.
func everyKind() calls.DigitMap {
	return calls.DigitMap{nil, record("B"), {act(calls.ActionManager, "7424")}, {act(calls.ActionSMS, "hello")}, {act(calls.ActionBlock, "1")}}
}
