package engine

import (
	"encoding/json"
	"testing"

	"zvonar/internal/calls"
)

// talking brings a call to the talk of both parties.
func talkingWithManager(t *testing.T, b *bench, change ...func(*CallRequest)) (c *calls.Call, leg, manager *memLeg) {
	t.Helper()
	c, leg, manager = managed(t, b, change...)
	manager.emit(answered)
	b.bridging("bridge " + leg.id + " " + manager.id)
	b.events(calls.CallBridged, calls.CallAction)
	return c, leg, manager
}

// toldAction reads a call.action.
func toldAction(t *testing.T, ev calls.Event) (r calls.ActionResult) {
	t.Helper()
	if err := json.Unmarshal(ev.Data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestATalkIsHandedToAnotherManager(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "8 495 123-45-67"); err != nil {
		t.Fatal(err)
	}
	second := b.dialled("74951234567").leg
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "74951234568"); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("a second transfer meanwhile: %v", err)
	}
	second.emit(answered)
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.bridging("bridge " + leg.id + " " + second.id)
	b.told(manager, "hangup")
	b.events(calls.CallBridging, calls.CallUnbridged, calls.CallBridged, calls.CallAction)
	b.events(calls.CallTransferred)
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar}) // the talk goes on
	second.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + leg.id + " " + second.id)
	b.until(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Reason != calls.ReasonBridgeEnd || got.HangupBy != calls.ByManager || len(got.Attempts) != 3 {
		t.Errorf("ended %s by %s with %d attempts", got.Reason, got.HangupBy, len(got.Attempts))
	}
}

func TestATransferThatFailsLeavesTheTalk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "74951234567"); err != nil {
		t.Fatal(err)
	}
	b.dialled("74951234567").leg.end(calls.Ending{Code: 486})
	b.events(calls.CallBridging)
	if r := toldAction(t, b.events(calls.CallAction)); r.Digit != "" || r.Action != "transfer" || r.Result != "failed" || r.Error != "the manager is busy" {
		t.Errorf("call.action %+v", r)
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.until(manager, "hangup")
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.HangupBy != calls.ByCustomer {
		t.Errorf("ended by %s", got.HangupBy)
	}
}

func TestWhoeverHandsTheCallOnMayHangUpAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "74951234567"); err != nil {
		t.Fatal(err)
	}
	second := b.dialled("74951234567").leg
	manager.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.until(leg, "ringback")
	second.emit(answered)
	b.bridging("bridge " + leg.id + " " + second.id)
	b.events(calls.CallBridging, calls.CallUnbridged, calls.CallBridged, calls.CallAction, calls.CallTransferred)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(second, "hangup")
	second.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	b.over(c.ID)
}

func TestACallIsHandedToAManagerOutOfItsFlow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.settle(c.ID)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "201@main"); err != nil {
		t.Fatal(err)
	}
	b.until(leg, "ringback")
	manager := b.dialled("201").leg
	manager.end(calls.Ending{Code: 486})
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered, calls.CallBridging)
	if r := toldAction(t, b.events(calls.CallAction)); r.Action != "transfer" || r.Value != "201@main" || r.Result != "failed" {
		t.Errorf("call.action %+v", r)
	}
	b.until(leg, "play 1001") // back in the menu
	if _, err := b.e.Play(t.Context(), "main", c.ID, "1002"); err != nil {
		t.Fatal(err)
	}
	b.until(leg, "play 1002")
	if _, err := b.e.SendDigits(t.Context(), "main", c.ID, "", "12#"); err != nil {
		t.Fatal(err)
	}
	b.until(leg, "digits 12#")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(c.ID)
	if _, err := b.e.SendDigits(t.Context(), "main", c.ID, "", "1"); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("after the end: %v", err)
	}
}

func TestHoldOfEitherSidePlaysTheHoldClipToTheOther(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	flow := calls.DefaultFlow()
	flow.Record, flow.Manager.HoldRecord = "1001", "1009"
	flow.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	c, leg, manager := talkingWithManager(t, b, func(r *CallRequest) { r.Clip, r.Digits, r.Flow = "", nil, &flow })
	manager.emit(calls.LegEvent{Kind: calls.LegHeld})
	b.until(leg, "play 1009")
	manager.emit(calls.LegEvent{Kind: calls.LegResumed})
	b.until(leg, "stop stopped")
	leg.emit(calls.LegEvent{Kind: calls.LegHeld})
	b.until(manager, "play 1009")
	leg.emit(calls.LegEvent{Kind: calls.LegResumed})
	b.until(manager, "stop stopped")
	if _, err := b.e.Hold(t.Context(), "main", c.ID, calls.RoleManager, true); err != nil {
		t.Fatal(err)
	}
	b.told(manager, "hold true", "play 1009")
	leg.emit(calls.LegEvent{Kind: calls.LegHeld}) // both: nothing changes for the one that we hold
	leg.emit(calls.LegEvent{Kind: calls.LegResumed})
	b.settle(c.ID)
	if _, err := b.e.Hold(t.Context(), "main", c.ID, calls.RoleManager, false); err != nil {
		t.Fatal(err)
	}
	b.told(manager, "hold false", "stop stopped")
	leg.emit(press('5'))
	manager.emit(press('7'))
	b.until(leg, "digits 7") // the caller's own reach the manager only where the flow says so
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(manager, "hangup")
	manager.end(calls.Ending{Answered: true})
	b.over(c.ID)
}
