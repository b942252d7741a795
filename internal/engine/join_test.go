package engine

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// wantsLeg is a manager's telephone asking for whoever talks with another leg.
func wantsLeg(other *memLeg) calls.LegEvent {
	return calls.LegEvent{Kind: calls.LegAsked, Ask: calls.TransferAsk{To: "299", Replaces: calls.Dialog{CallID: "x", ToTag: "a", FromTag: "b"}, Leg: other.id}}
}

// talkWith begins a call to a customer who talks with an extension.
func (b *bench) talkWith(to, extension string) (c *calls.Call, customer, manager *memLeg) {
	b.t.Helper()
	c = b.submit(func(r *CallRequest) {
		r.To, r.Digits = to, digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: extension + "@main"}})
	})
	customer = b.start(c, "main")
	customer.emit(answered)
	customer.emit(press('1'))
	manager = b.dialled(extension).leg
	manager.emit(answered)
	b.bridging("bridge " + customer.id + " " + manager.id)
	return c, customer, manager
}

// twoTalks are two calls with the same manager: he talks with first and consults
// with second.
func twoTalks(t *testing.T) (b *bench, one, two *calls.Call, first, asker, second, consult *memLeg) {
	t.Helper()
	b = newBench(t)
	one, first, asker = b.talkWith("79161234567", "201")
	two, second, consult = b.talkWith("79161234568", "202")
	return b, one, two, first, asker, second, consult
}

func (b *bench) stored(id string) *calls.Call {
	b.t.Helper()
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, err := b.store.Call("", id)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func TestAManagerJoinsTwoCalls(t *testing.T) {
	t.Parallel()
	b, one, two, first, asker, second, consult := twoTalks(t)
	asker.emit(wantsLeg(consult))
	b.bridging("unbridge " + second.id + " " + consult.id)
	b.bridging("unbridge " + first.id + " " + asker.id)
	b.bridging("bridge " + first.id + " " + second.id)
	b.told(asker, "answers refer 202", "notifies 200", "hangup")
	b.until(consult, "hangup")
	asker.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	consult.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	second.emit(press('7')) // it reaches the other one
	b.until(first, "digits 7")
	second.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(first, "hangup")
	first.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	got, gave := b.over(one.ID), b.stored(two.ID)
	if gave.Outcome != calls.OutcomeAnswered || gave.Reason != calls.ReasonTransferred || gave.HangupBy != calls.ByManager || !gave.Over() {
		t.Errorf("the call that gave its customer away ended %s, %s by %s", gave.Outcome, gave.Reason, gave.HangupBy)
	}
	if got.Outcome != calls.OutcomeAnswered || got.Reason != calls.ReasonBridgeEnd || got.HangupBy != calls.ByManager || len(got.Attempts) != 3 {
		t.Errorf("the call that goes on ended %s, %s by %s, %d attempts", got.Outcome, got.Reason, got.HangupBy, len(got.Attempts))
	}
	if last := got.Attempts[2]; last.To != "79161234568" || last.Role != calls.RoleManager || last.Open() {
		t.Errorf("the attempt of who was given: %+v", last)
	}
	for _, a := range append(got.Attempts, gave.Attempts...) {
		if a.Open() {
			t.Errorf("the attempt to %s is open", a.To)
		}
	}
	var told []string
	for _, e := range b.store.events {
		if e.Type == calls.CallTransferred {
			told = append(told, e.CallID+" "+string(e.Data))
		}
	}
	if len(told) != 2 || !strings.Contains(told[0], one.ID) || !strings.Contains(told[1], two.ID) || !strings.Contains(told[1], `"via":"join"`) {
		t.Errorf("call.transferred: %q", told)
	}
}

func TestAManagerMayHangUpOnceHeAskedToJoinTwoCalls(t *testing.T) {
	t.Parallel()
	b, one, two, first, asker, second, consult := twoTalks(t)
	b.store.hold() // neither call comes further than its next commit
	asker.emit(wantsLeg(consult))
	asker.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.store.release()
	b.until(asker, "notifies 200")
	b.until(consult, "hangup")
	consult.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	first.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(second, "hangup")
	second.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got, gave := b.over(one.ID), b.stored(two.ID); got.HangupBy != calls.ByCustomer || gave.Reason != calls.ReasonTransferred {
		t.Errorf("ended by %s; the other %s", got.HangupBy, gave.Reason)
	}
}

func TestWhoeverWasCalledByTheManagerIsJoinedToo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one, first, asker := b.talkWith("79161234567", "201")
	// The manager's own call: its customer is his telephone, its manager the colleague.
	two, own, colleague := b.talkWith("79161234568", "203")
	asker.emit(wantsLeg(own))
	b.bridging("unbridge " + own.id + " " + colleague.id)
	b.bridging("unbridge " + first.id + " " + asker.id)
	b.bridging("bridge " + first.id + " " + colleague.id)
	b.until(own, "hangup")
	own.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	b.until(asker, "hangup")
	asker.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	first.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(colleague, "hangup")
	colleague.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got, gave := b.over(one.ID), b.stored(two.ID); len(got.Attempts) != 3 || got.Attempts[2].To != "203" || gave.HangupBy != calls.ByCustomer {
		t.Errorf("attempts %+v; the other ended by %s", got.Attempts, gave.HangupBy)
	}
}

func TestCallsThatAreNotJoined(t *testing.T) {
	t.Parallel()
	b, one, two, first, asker, second, consult := twoTalks(t)
	flow := b.submit(func(r *CallRequest) { r.To = "79161234569" })
	listens := b.start(flow, "main")
	listens.emit(answered)
	b.until(listens, "play 1001")
	for _, tc := range []struct {
		name  string
		other *memLeg
		told  []string
	}{
		{"nobody's leg", newMemLeg("unknown"), []string{"answers refer 603"}},
		{"a leg of the same call", first, []string{"answers refer 603"}},
		{"a customer who listens to a clip", listens, []string{"answers refer 202", "notifies 603"}},
	} {
		asker.emit(wantsLeg(tc.other))
		b.told(asker, tc.told...)
		b.settle(one.ID)
	}
	for _, l := range []*memLeg{first, second, listens} {
		l.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	}
	for _, l := range []*memLeg{asker, consult} {
		b.until(l, "hangup")
		l.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	}
	got, other := b.over(one.ID), b.stored(two.ID)
	if len(got.Actions) != 4 || other.Reason != calls.ReasonHangup { // the digit, and three transfers
		t.Errorf("actions %+v; the other call ended %s", got.Actions, other.Reason)
	}
	for _, a := range got.Actions[1:] {
		if a.Action != string(actionTransfer) || a.Result != "failed" || a.Error == "" {
			t.Errorf("action %+v", a)
		}
	}
}

func TestALegThatIsGivenToACallThatEndsIsHungUp(t *testing.T) {
	t.Parallel()
	b, one, two, first, asker, second, consult := twoTalks(t)
	asker.emit(wantsLeg(consult))
	first.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	for _, l := range []*memLeg{asker, consult, second} {
		b.until(l, "hangup")
		l.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	}
	if got, gave := b.over(one.ID), b.stored(two.ID); got.HangupBy != calls.ByCustomer || gave.Reason != calls.ReasonTransferred {
		t.Errorf("ended by %s; the other %s", got.HangupBy, gave.Reason)
	}
}
