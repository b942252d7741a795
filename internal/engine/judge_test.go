package engine

import (
	"encoding/json"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// withAMD asks for answering machine detection.
func withAMD(mode, onMachine string) func(*CallRequest) {
	return func(r *CallRequest) {
		r.AMD = &calls.AMDOptions{Mode: mode, OnMachine: onMachine, MessageRecord: "1002"}
	}
}

func heardAs(v calls.Verdict, cause string) calls.Judged {
	onset := int64(1300)
	return calls.Judged{Kind: calls.JudgedVerdict, Verdict: v, Cause: cause, Confidence: 0.97, FromOnsetMS: &onset, FromAnswerMS: 2100, Model: "m1"}
}

var greetingOver = calls.Judged{Kind: calls.JudgedGreetingEnd, Verdict: calls.VerdictMachine, Cause: "beep"}

// talks brings a call with AMD to its first clip.
func (b *bench) talks(mode, onMachine string) (*calls.Call, *memLeg) {
	b.t.Helper()
	c := b.submit(withAMD(mode, onMachine))
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001") // at once: nobody waits for a verdict
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered)
	return c, leg
}

// judge lets the sound be judged, once the engine listens.
func (b *bench) judge(leg *memLeg, j calls.Judged) {
	b.t.Helper()
	for end := time.Now().Add(patience); !leg.judged(j); {
		if time.Now().After(end) {
			b.t.Fatal("nobody listens to the leg")
		}
	}
}

func TestAVerdictIsToldWithItsTimesAndNothingElseHappensToAPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := b.talks(calls.AMDAsync, calls.OnMachineHangup)
	b.judge(leg, heardAs(calls.VerdictHuman, "short_greeting"))
	ev := b.events(calls.CallAMD)
	var data map[string]any
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"verdict": "human", "cause": "short_greeting", "confidence": 0.97, "from_onset_ms": 1300.0, "from_answer_ms": 2100.0, "model": "m1", "revised": false}
	for k, v := range want {
		if data[k] != v {
			t.Errorf("call.amd has %s = %v, want %v", k, data[k], v)
		}
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.Verdict != calls.VerdictHuman {
		t.Errorf("the call ended as %s with verdict %s", got.Outcome, got.Verdict)
	}
}

func TestMachinesAreHungUpOnWhereTheFlowWantsIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		policy  string
		verdict calls.Verdict
		cause   string
		hangup  bool
		outcome calls.Outcome
	}{
		{calls.OnMachineHangup, calls.VerdictMachine, "long_greeting", true, calls.OutcomeMachine},
		{calls.OnMachineRetry, calls.VerdictMachine, "beep", true, calls.OutcomeMachine},
		{calls.OnMachineHangup, calls.VerdictFax, "fax_ced", true, calls.OutcomeFax},
		{calls.OnMachineHangup, calls.VerdictAnnouncement, "sit_ic", true, calls.OutcomeAnnouncement},
		{calls.OnMachineMessage, calls.VerdictAnnouncement, "busy", true, calls.OutcomeAnnouncement},
		{calls.OnMachineHangup, calls.VerdictAnnouncement, calls.CauseRingback, false, calls.OutcomeAnnouncement},
		{calls.OnMachineHangup, calls.VerdictUnknown, "deadline", false, calls.OutcomeAnswered},
		{calls.OnMachineHangup, calls.VerdictSilence, "no_speech", false, calls.OutcomeAnswered},
		{calls.OnMachinePlay, calls.VerdictMachine, "long_greeting", false, calls.OutcomeMachine},
	} {
		t.Run(tc.policy+" "+string(tc.verdict)+" "+tc.cause, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, leg := b.talks(calls.AMDAsync, tc.policy)
			b.judge(leg, heardAs(tc.verdict, tc.cause))
			b.events(calls.CallAMD)
			by, reason := calls.ByCustomer, calls.ReasonHangup
			if tc.hangup {
				b.told(leg, "hangup")
				by, reason = calls.ByZvonar, calls.ReasonMachine
			}
			leg.end(calls.Ending{Answered: true, By: by})
			if got := b.over(c.ID); got.Outcome != tc.outcome || got.Reason != reason {
				t.Errorf("the call ended as %s/%s, want %s/%s", got.Outcome, got.Reason, tc.outcome, reason)
			}
		})
	}
}

func TestAMessageWaitsForTheEndOfTheGreeting(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ mode, policy, plays string }{
		{calls.AMDMessageEnd, calls.OnMachinePlay, "play 1001"}, // the flow from its start
		{calls.AMDMessageEnd, calls.OnMachineMessage, "play 1002"},
		{calls.AMDAsync, calls.OnMachineMessage, "play 1002"},
	} {
		t.Run(tc.mode+" "+tc.policy, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, leg := b.talks(tc.mode, tc.policy)
			b.judge(leg, heardAs(calls.VerdictMachine, "long_greeting"))
			b.told(leg, "stop stopped")
			leg.emit(calls.LegEvent{Kind: calls.LegPlaybackFinished, PlayID: 1, Play: calls.PlayStopped})
			b.events(calls.CallAMD, calls.CallPlaybackFinished)
			b.clock.Advance(20 * time.Second) // no timer of the flow runs
			b.judge(leg, greetingOver)
			b.told(leg, tc.plays)
			leg.emit(calls.LegEvent{Kind: calls.LegPlaybackFinished, PlayID: 2, Play: calls.PlayEnd})
			b.events(calls.CallPlaybackFinished)
			b.clock.Advance(time.Second)
			b.told(leg, "hangup")
			leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
			if got := b.over(c.ID); got.Outcome != calls.OutcomeMachine || got.Reason != calls.ReasonFlowEnd {
				t.Errorf("the call ended as %s/%s", got.Outcome, got.Reason)
			}
		})
	}
}

func TestAMessageIsSpokenEvenWhereNoEndIsHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := b.talks(calls.AMDMessageEnd, calls.OnMachinePlay)
	b.judge(leg, heardAs(calls.VerdictMachine, "long_greeting"))
	b.told(leg, "stop stopped")
	b.events(calls.CallAMD)
	b.clock.Advance(judgePatience)
	b.told(leg, "play 1001")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(c.ID)
}

func TestADigitProvesAPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := b.talks(calls.AMDMessageEnd, calls.OnMachinePlay)
	b.judge(leg, heardAs(calls.VerdictMachine, "long_greeting"))
	b.told(leg, "stop stopped")
	b.events(calls.CallAMD)
	leg.emit(press('7'))
	b.told(leg, "play 1001") // the flow begins anew for him
	if ev := b.events(calls.CallAMD); ev.Data == nil {
		t.Error("the verdict was not revised")
	}
	b.events(calls.CallDigit)
	if leg.judged(greetingOver) {
		t.Error("the leg is still listened to")
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.Verdict != calls.VerdictHuman {
		t.Errorf("the call ended as %s with verdict %s", got.Outcome, got.Verdict)
	}
}

func TestNobodyListensWhereNobodyAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	if leg.judged(heardAs(calls.VerdictMachine, "beep")) {
		t.Error("a call without AMD is judged")
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(c.ID)
}
