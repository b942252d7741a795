package engine

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// referBench is a bench whose trunk makes transfers itself.
func referBench(t *testing.T) *bench {
	b := newBench(t)
	b.e.cfg.Trunks[0].Refers = true
	return b
}

func referral(how calls.Referral, code int) calls.LegEvent {
	return calls.LegEvent{Kind: calls.LegReferred, Refer: how, Code: code}
}

// waitingForTrunk brings a call out of its flow to a transfer by the trunk.
func waitingForTrunk(t *testing.T, b *bench) (*calls.Call, *memLeg) {
	t.Helper()
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.settle(c.ID)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "74951234567"); err != nil {
		t.Fatal(err)
	}
	b.until(leg, "ringback")
	b.until(leg, "refer 74951234567")
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered)
	if ev := b.events(calls.CallBridging); !strings.Contains(string(ev.Data), `"via":"refer"`) {
		t.Errorf("call.bridging %s", ev.Data)
	}
	return c, leg
}

func TestHowATransferByTheTrunkGoesOn(t *testing.T) {
	t.Parallel()
	gone := calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Answered: true, By: calls.ByCustomer}}
	accepted, ringing := referral(calls.ReferAccepted, 202), referral(calls.ReferProgress, 180)
	for name, tc := range map[string]struct {
		events []calls.LegEvent
		want   string // what the leg is told at last
		result string // of call.action
		why    string // in it
		reason calls.Reason
	}{
		"answered":            {[]calls.LegEvent{accepted, referral(calls.ReferProgress, 100), ringing, referral(calls.ReferEnded, 200)}, "hangup", "ok", "", calls.ReasonTransferred},
		"answered before 202": {[]calls.LegEvent{referral(calls.ReferEnded, 200)}, "hangup", "ok", "", calls.ReasonTransferred},
		"busy":                {[]calls.LegEvent{accepted, ringing, referral(calls.ReferEnded, 486)}, "play 1001", "failed", "the manager is busy", calls.ReasonHangup},
		"never told":          {[]calls.LegEvent{accepted, referral(calls.ReferUnknown, 0)}, "play 1001", "failed", "never said", calls.ReasonHangup},
		"left at once":        {[]calls.LegEvent{gone}, "", "failed", "before the manager was connected", calls.ReasonHangup},
		"left after 202":      {[]calls.LegEvent{accepted, gone}, "", "failed", "may have gone through", calls.ReasonHangup},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := referBench(t)
			c, leg := waitingForTrunk(t, b)
			for _, ev := range tc.events {
				leg.emit(ev)
			}
			r := toldAction(t, b.events(calls.CallAction))
			if r.Result != tc.result || !strings.Contains(r.Error, tc.why) || r.Action != "transfer" {
				t.Errorf("call.action %+v", r)
			}
			if tc.result == "ok" {
				if ev := b.events(calls.CallTransferred); !strings.Contains(string(ev.Data), `"via":"refer"`) {
					t.Errorf("call.transferred %s", ev.Data)
				}
			}
			if tc.want != "" {
				b.until(leg, tc.want)
				leg.emit(gone)
			}
			if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.Reason != tc.reason || len(got.Attempts) != 1 || len(b.line.dialled) != 0 {
				t.Errorf("ended %s/%s with %d attempts", got.Outcome, got.Reason, len(got.Attempts))
			}
		})
	}
}

func TestATrunkThatRefusesToTransferIsBridged(t *testing.T) {
	t.Parallel()
	b := referBench(t)
	c, leg := waitingForTrunk(t, b)
	leg.emit(referral(calls.ReferRefused, 405))
	second := b.dialled("74951234567").leg
	second.emit(answered)
	b.bridging("bridge " + leg.id + " " + second.id)
	b.events(calls.CallBridging, calls.CallBridged, calls.CallAction, calls.CallTransferred)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "74951234568"); err != nil {
		t.Fatal(err)
	}
	b.dialled("74951234568").leg.end(calls.Ending{Code: 486}) // it is not asked again
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(second, "hangup")
	second.end(calls.Ending{Answered: true})
	b.over(c.ID)
}

func TestATalkGoesOnUntilTheTrunkHasTransferredIt(t *testing.T) {
	t.Parallel()
	b := referBench(t)
	c, leg, manager := talkingWithManager(t, b)
	ask := func() {
		t.Helper()
		if _, err := b.e.Transfer(t.Context(), "main", c.ID, "201@main"); err != nil {
			t.Fatal(err)
		}
		b.until(leg, "refer 201")
	}
	ask()
	leg.emit(referral(calls.ReferAccepted, 202))
	leg.emit(referral(calls.ReferEnded, 486))
	b.events(calls.CallBridging, calls.CallAction)
	if len(b.line.bridges)+len(manager.told) != 0 {
		t.Error("a transfer that failed ended the talk")
	}
	ask()
	manager.end(calls.Ending{Answered: true, By: calls.ByCustomer}) // whoever hands the call on may leave
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.until(leg, "ringback")
	leg.emit(referral(calls.ReferEnded, 200))
	b.events(calls.CallBridging, calls.CallUnbridged, calls.CallAction, calls.CallTransferred)
	b.until(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Reason != calls.ReasonTransferred {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestATargetAtAnotherTrunkIsBridged(t *testing.T) {
	t.Parallel()
	b := referBench(t)
	c, leg, manager := talkingWithManager(t, b)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "201@pbx"); err != nil {
		t.Fatal(err)
	}
	b.dialled("201").leg.end(calls.Ending{Code: 486})
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(manager, "hangup")
	manager.end(calls.Ending{Answered: true})
	b.over(c.ID)
}

// TestACrashDuringATransferByTheTrunkSendsNoSecondRefer: what the store knows of
// the call is all that a next process has.
func TestACrashDuringATransferByTheTrunkSendsNoSecondRefer(t *testing.T) {
	t.Parallel()
	former := referBench(t)
	c, leg := waitingForTrunk(t, former)
	leg.emit(referral(calls.ReferAccepted, 202))
	former.settle(c.ID)
	former.store.mu.Lock()
	row, err := former.store.Call("main", c.ID)
	former.store.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	b := referBench(t)
	b.left(*row.Clone(), row.Attempts...)
	if err := b.e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-b.line.orphans
	if got := b.over(c.ID); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost || len(b.line.dialled) != 0 {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	former.over(c.ID)
}
