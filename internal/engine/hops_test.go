package engine

import (
	"testing"

	"zvonar/internal/calls"
)

// forwardingBench has a number whose caller is forwarded by a digit.
func forwardingBench(t *testing.T) *bench {
	b := newBench(t)
	flow := calls.DefaultFlow()
	flow.Record = "1002"
	flow.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	b.e.Reload(b.e.trunks(), append(b.e.plan.Load().routes, Route{Number: "78005553536", Trunk: "main", Flow: flow}))
	return b
}

func TestACallThatIsPassedOnKeepsCountOfItsHops(t *testing.T) {
	t.Parallel()
	for _, used := range []int{0, 12, calls.MaxForwards - 1} {
		b := forwardingBench(t)
		leg := newMemLeg("in")
		b.e.Incoming(leg, calls.Invite{Trunk: "main", From: "79161234567", To: "78005553536", Hops: used})
		b.told(leg, "ring", "answer")
		leg.emit(calls.LegEvent{Kind: calls.LegAnswered})
		b.told(leg, "play 1002")
		leg.emit(press('1'))
		manager := b.dialled("74242490764")
		if manager.Hops != used+1 {
			t.Errorf("%d hops were used up, the manager's leg says %d", used, manager.Hops)
		}
		leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
		b.told(manager.leg, "hangup")
		manager.leg.end(calls.Ending{Canceled: true})
	}
}

func TestACallWithNoHopsLeftIsRefusedOnlyWhereItWouldBePassedOn(t *testing.T) {
	t.Parallel()
	b := forwardingBench(t)
	leg := newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "78005553536", Hops: calls.MaxForwards})
	b.told(leg, "reject")
	if len(b.store.rows) != 0 {
		t.Error("a call was stored")
	}
	leg = newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "78005553535", Hops: calls.MaxForwards})
	b.told(leg, "ring", "answer")
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered})
	b.told(leg, "play 1002")
	id := b.events(calls.CallRinging, calls.CallAnswered).CallID
	if _, err := b.e.Transfer(t.Context(), "main", id, "74242490764"); err != nil {
		t.Fatal(err)
	}
	if r := toldAction(t, b.events(calls.CallAction)); r.Result != "failed" || r.Error != tooManyHops {
		t.Errorf("call.action %+v", r)
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(id)
}
