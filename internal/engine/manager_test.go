package engine

import (
	"encoding/json"
	"testing"

	"zvonar/internal/calls"
)

// managed starts a call that pressed 1 for a manager and returns both legs.
func managed(t *testing.T, b *bench, change ...func(*CallRequest)) (*calls.Call, *memLeg, *memLeg) {
	t.Helper()
	base := func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	}
	c := b.submit(append([]func(*CallRequest){base}, change...)...)
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	leg.emit(press('1'))
	b.until(leg, "ringback")
	manager := b.dialled("74242490764").leg
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered, calls.CallDigit, calls.CallBridging)
	return c, leg, manager
}

func TestManagerIsBridgedAndEndsTheCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.emit(calls.LegEvent{Kind: calls.LegFirstAudio})
	b.bridging("bridge " + leg.id + " " + manager.id) // his early media is heard instead of our ringback
	manager.emit(answered)
	b.bridging("bridge " + leg.id + " " + manager.id)
	b.events(calls.CallBridged, calls.CallAction)
	manager.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.events(calls.CallUnbridged)
	b.until(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	if got.Reason != calls.ReasonBridgeEnd || got.HangupBy != calls.ByManager || len(got.Attempts) != 2 {
		t.Errorf("ended %s by %s with %d attempts", got.Reason, got.HangupBy, len(got.Attempts))
	}
}

func TestBusyManagerLeadsBackToTheMenu(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.end(calls.Ending{Code: 486})
	var data calls.ActionResult
	if err := json.Unmarshal(b.events(calls.CallAction).Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Result != "failed" || data.Error != "the manager is busy" {
		t.Errorf("call.action says %+v", data)
	}
	b.told(leg, "stop stopped") // the ringback ends
	leg.emit(press('1'))        // the same map is still there
	b.events(calls.CallDigit, calls.CallBridging)
	second := b.dialled("74242490764").leg
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(second, "hangup")
	b.clock.Advance(watchdogAfter) // that leg never reports its end: the watchdog closes the call
	if got := b.over(c.ID); got.HangupBy != calls.ByCustomer || got.Reason != calls.ReasonHangup {
		t.Errorf("ended %s by %s", got.Reason, got.HangupBy)
	}
}

func TestManagerMustConfirmWithADigit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b, func(r *CallRequest) {
		f := calls.DefaultFlow()
		f.Record, f.Digits, f.Manager.Confirm = r.Clip, r.Digits, calls.ConfirmDigit
		r.Flow, r.Clip, r.Digits = &f, "", nil
	})
	manager.emit(answered)
	b.told(manager, "beep")
	b.clock.Advance(confirmTimeout) // a voicemail presses nothing
	b.told(manager, "hangup")
	b.events(calls.CallAction)
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Actions[0].Result != "failed" {
		t.Errorf("actions %+v", got.Actions)
	}
}
