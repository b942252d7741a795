package engine

import (
	"fmt"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func asks(to string, replaces ...calls.Dialog) calls.LegEvent {
	ev := calls.LegEvent{Kind: calls.LegAsked, Ask: calls.TransferAsk{To: to}}
	if len(replaces) > 0 {
		ev.Ask.Replaces = replaces[0]
	}
	return ev
}

func TestAManagerHandsTheCustomerOnByHisTelephone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	manager.emit(asks("202"))
	next := b.dialled("202")
	if next.Trunk != "main" {
		t.Errorf("rung at %s", next.Trunk)
	}
	b.told(manager, "answers refer 202")
	next.leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
	b.told(manager, "notifies 180")
	manager.emit(asks("203"))
	b.told(manager, "answers refer 491")
	next.leg.emit(answered)
	b.told(manager, "notifies 200", "hangup")
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.bridging("bridge " + leg.id + " " + next.leg.id)
	b.events(calls.CallBridging, calls.CallUnbridged, calls.CallBridged, calls.CallAction, calls.CallTransferred)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(next.leg, "hangup")
	next.leg.end(calls.Ending{Answered: true})
	manager.end(calls.Ending{Answered: true})
	b.over(c.ID)
}

func TestAManagerMayHangUpOnceHeAsked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		next calls.LegEvent
		want string
	}{
		"reached": {answered, "notifies 200"},
		"busy":    {calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Code: 486}}, "notifies 486"},
		"silent":  {calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Timeout: true}}, "notifies 480"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, leg, manager := talkingWithManager(t, b)
			manager.emit(asks("202"))
			next := b.dialled("202").leg
			b.told(manager, "answers refer 202")
			manager.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			b.until(leg, "ringback")
			next.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
			b.told(manager, "notifies 180")
			next.emit(tc.next)
			b.told(manager, tc.want)
			leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			if name == "reached" {
				b.until(next, "hangup")
				next.end(calls.Ending{Answered: true})
			}
			b.over(c.ID)
		})
	}
}

func TestTransfersThatATelephoneMayNotMake(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ask  calls.LegEvent
		why  string
		told []string
		bar  func(*bench)
	}{
		"a country that is not called": {asks("14155550123"), "", []string{"answers refer 603"}, nil},
		"no channel":                   {asks("202"), "no free channel", []string{"answers refer 603"}, func(b *bench) { b.limits.mu.Lock(); b.limits.full = true; b.limits.mu.Unlock() }},
		"a number on the blacklist": {asks("74951234567"), "blacklist", []string{"answers refer 202", "notifies 503"}, func(b *bench) {
			_, _ = b.e.Block(b.t.Context(), calls.BlockEntry{Account: "main", Number: "74951234567"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, leg, manager := talkingWithManager(t, b)
			if tc.bar != nil {
				tc.bar(b)
			}
			manager.emit(tc.ask)
			b.told(manager, tc.told...)
			b.settle(c.ID)
			leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			b.told(manager, "hangup")
			manager.end(calls.Ending{Answered: true})
			got := b.over(c.ID)
			if last := got.Actions[len(got.Actions)-1]; last.Action != "transfer" || last.Result != "failed" || !strings.Contains(last.Error, tc.why) {
				t.Errorf("action %+v", last)
			}
			if len(b.line.dialled) != 0 {
				t.Error("somebody was rung")
			}
		})
	}
}

func TestACustomersTelephoneTransfersNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	leg.emit(asks("202"))
	b.until(leg, "answers refer 603")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(manager, "hangup")
	manager.end(calls.Ending{Answered: true})
	b.over(c.ID)
}

func TestATransferWithAnnouncementTakesThePlaceThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	there := calls.Dialog{CallID: "consult", ToTag: "a", FromTag: "b"}
	manager.emit(asks("202", there))
	next := b.dialled("202")
	if next.Replaces != there {
		t.Errorf("takes the place of %+v", next.Replaces)
	}
	next.leg.emit(answered)
	b.until(manager, "notifies 200")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(next.leg, "hangup")
	next.leg.end(calls.Ending{Answered: true})
	manager.end(calls.Ending{Answered: true})
	b.over(c.ID)
}

func TestSomebodyCallsInToTakeOver(t *testing.T) {
	t.Parallel()
	for _, rung := range []bool{false, true} { // the manager is only rung yet
		t.Run(fmt.Sprint("while the manager rings: ", rung), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, leg, manager := managed(t, b)
			inv := calls.Invite{Trunk: "pbx", From: "204", SIPCallID: "over", Replaces: manager.id}
			if !rung {
				manager.emit(answered)
				b.bridging("bridge " + leg.id + " " + manager.id)
				b.events(calls.CallBridged, calls.CallAction)
			}
			next := newMemLeg("next")
			b.e.Incoming(next, inv)
			b.told(next, "answer")
			other := newMemLeg("other") // one at a time
			b.e.Incoming(other, inv)
			b.told(other, "reject")
			if ev := b.events(calls.CallBridging); !strings.Contains(string(ev.Data), `"via":"replaces"`) {
				t.Errorf("call.bridging %s", ev.Data)
			}
			next.emit(answered)
			if !rung {
				b.bridging("unbridge " + leg.id + " " + manager.id)
				b.events(calls.CallUnbridged)
			}
			b.bridging("bridge " + leg.id + " next")
			b.events(calls.CallBridged, calls.CallAction, calls.CallTransferred)
			b.told(manager, "hangup")
			manager.end(calls.Ending{Canceled: rung, Answered: !rung, By: calls.ByZvonar})
			next.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			b.until(leg, "hangup")
			leg.end(calls.Ending{Answered: true})
			if got := b.over(c.ID); got.Reason != calls.ReasonBridgeEnd && got.Reason != calls.ReasonHangup || len(got.Attempts) != 3 {
				t.Errorf("ended %s with %d attempts", got.Reason, len(got.Attempts))
			}
			b.e.Incoming(other, inv)
			b.told(other, "reject") // nobody is there any more
		})
	}
}

func TestWhoWantsToTakeOverIsLetGoWithTheCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	next := newMemLeg("next")
	b.e.Incoming(next, calls.Invite{Trunk: "pbx", From: "204", SIPCallID: "over", Replaces: manager.id})
	b.told(next, "answer")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(next, "hangup")
	b.told(manager, "hangup")
	next.end(calls.Ending{Code: 480, By: calls.ByZvonar})
	manager.end(calls.Ending{Answered: true})
	b.over(c.ID)
}

func TestASoftphoneHandsOnToColleaguesOnly(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Sequential)
	e := b.store.staff["emp_b"]
	e.SIPUser = "main-202"
	b.store.staff["emp_b"] = e
	b.e.cfg.Softphones = func(user string) bool { return user == "main-202" }
	c, leg := b.asks("202")
	soft := b.dialled("main-202")
	if soft.Trunk != calls.SoftphoneTrunk {
		t.Fatalf("rung at %s", soft.Trunk)
	}
	soft.leg.emit(answered)
	b.bridging("bridge " + leg.id + " " + soft.leg.id)
	for _, outside := range []calls.LegEvent{asks("74951234567"), asks("12345678"), asks("201", calls.Dialog{CallID: "x", ToTag: "a", FromTag: "b"})} {
		soft.leg.emit(outside)
		b.told(soft.leg, "answers refer 603")
	}
	b.nobodyDialled()
	soft.leg.emit(asks("201"))
	b.told(soft.leg, "answers refer 202")
	next := b.dialled("201")
	next.leg.emit(answered)
	b.told(soft.leg, "notifies 200", "hangup")
	soft.leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.hangsUp(c, leg, next.leg); len(got.Attempts) != 3 {
		t.Errorf("%d attempts", len(got.Attempts))
	}
}
