package engine

import (
	"slices"
	"testing"

	"zvonar/internal/calls"
)

// unreached ends a leg that nobody heard of, at one address of its trunk with others
// that are left.
func unreached(d *dialled, end calls.Ending, target string, others ...string) {
	ev := calls.LegEvent{Kind: calls.LegEnded, Ending: end, Target: at(target)}
	for _, o := range others {
		ev.Redirects = append(ev.Redirects, calls.Redirect{To: d.To, Via: at(o), Failover: true})
	}
	d.leg.emit(ev)
}

var (
	silence  = calls.Ending{Timeout: true, By: calls.ByNetwork}
	trunkIll = calls.Ending{Code: 503}
)

// nobodyDialled fails where somebody was.
func (b *bench) nobodyDialled() {
	b.t.Helper()
	select {
	case d := <-b.line.dialled:
		b.t.Errorf("%s was dialled by %s at %s", d.To, d.Trunk, d.Via)
	default:
	}
}

func TestAManagerIsRungAtTheNextAddressOfHisTrunk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := b.asks("201@main")
	first := b.dialled("201")
	unreached(first, silence, "192.0.2.1:5060", "192.0.2.2:5060", "192.0.2.3:5060")
	second := b.dialled("201")
	if second.Trunk != "main" || second.Via != at("192.0.2.2:5060") || !second.Failover || second.SIPCallID == first.SIPCallID {
		t.Fatalf("the second attempt: %+v", second.DialRequest)
	}
	unreached(second, trunkIll, "192.0.2.2:5060", "192.0.2.1:5060", "192.0.2.3:5060")
	third := b.dialled("201")
	if third.Via != at("192.0.2.3:5060") {
		t.Fatalf("the third attempt: %+v", third.DialRequest)
	}
	third.leg.emit(answered)
	b.bridging("bridge " + leg.id + " " + third.leg.id)
	got := b.hangsUp(c, leg, third.leg)
	var charged []bool
	for _, a := range got.Attempts {
		charged = append(charged, a.Charged)
	}
	if want := []bool{true, false, false, true}; !slices.Equal(charged, want) || len(got.Actions) != 1 || got.Actions[0].Result != "ok" {
		t.Errorf("charged %v, want %v; actions %+v", charged, want, got.Actions)
	}
}

func TestAManagersNumberIsRungByTheNextTrunk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := b.asks("74242490764")
	unreached(b.dialled("74242490764"), trunkIll, "192.0.2.1:5060")
	second := b.dialled("74242490764")
	if second.Trunk != "pbx" || second.From != "78005550000" || second.Failover {
		t.Fatalf("the second attempt: %+v", second.DialRequest)
	}
	unreached(second, silence, "192.0.2.9:5060")
	b.until(leg, "stop stopped") // no trunk is left
	b.nobodyDialled()
	if got := b.hangsUp(c, leg); len(got.Attempts) != 3 || len(got.Actions) != 1 || got.Actions[0].Result != "failed" {
		t.Errorf("%d attempts, actions %+v", len(got.Attempts), got.Actions)
	}
}

func TestAManagersNumberGoesByAnotherTrunkWhereItsOwnIsFull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	})
	leg := b.start(c, "main")
	b.limits.shutTrunk("main", true)
	leg.emit(answered)
	leg.emit(press('1'))
	d := b.dialled("74242490764")
	if d.Trunk != "pbx" {
		t.Fatalf("dialled by %s", d.Trunk)
	}
	d.leg.emit(answered)
	b.bridging("bridge " + leg.id + " " + d.leg.id)
	b.hangsUp(c, leg, d.leg)
}

func TestAManagerWhoMayHaveBeenRungIsNotRungAnotherWay(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]calls.Ending{
		"it rang":             {Code: 503, Rang: true, Progress: true},
		"a 100, then silence": {Timeout: true, Trying: true},
		"we cancelled":        {Timeout: true, Canceled: true},
		"he is busy":          {Code: 486},
		"he refused":          {Code: 603},
	} {
		b := newBench(t)
		c, leg := b.asks("74242490764")
		unreached(b.dialled("74242490764"), end, "192.0.2.1:5060", "192.0.2.2:5060")
		b.until(leg, "stop stopped")
		b.nobodyDialled()
		if got := b.hangsUp(c, leg); len(got.Attempts) != 2 {
			t.Errorf("%s: %d attempts", name, len(got.Attempts))
		}
	}
}

func TestAnExtensionAndACallWithATrunkOfItsOwnStayThere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		target, to string
		change     func(*CallRequest)
	}{
		"an extension":           {"201@main", "201", func(*CallRequest) {}},
		"the call names a trunk": {"74242490764", "74242490764", func(r *CallRequest) { r.Trunk = "main" }},
	} {
		b := newBench(t)
		c := b.submit(func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: tc.target}})
			tc.change(r)
		})
		leg := b.start(c, "main")
		leg.emit(answered)
		leg.emit(press('1'))
		unreached(b.dialled(tc.to), trunkIll, "192.0.2.1:5060")
		b.until(leg, "stop stopped")
		b.nobodyDialled()
		if got := b.hangsUp(c, leg); len(got.Attempts) != 2 {
			t.Errorf("%s: %d attempts", name, len(got.Attempts))
		}
	}
}

func TestOneOfSeveralTelephonesIsRungAnotherWayWhileTheOthersRing(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Simultaneous)
	c, leg := b.asks("group:sales")
	legs := map[string]*dialled{}
	for range 3 {
		d := b.anyDialled()
		legs[d.To] = d
	}
	unreached(legs["201"], silence, "192.0.2.1:5060", "192.0.2.2:5060")
	again := b.dialled("201")
	if again.Via != at("192.0.2.2:5060") {
		t.Fatalf("rung again: %+v", again.DialRequest)
	}
	again.leg.emit(answered)
	b.bridging("bridge " + leg.id + " " + again.leg.id)
	for _, to := range []string{"79160000002", "79160000003"} {
		b.until(legs[to].leg, "hangup")
		legs[to].leg.end(calls.Ending{Code: 487, Canceled: true})
	}
	if got := b.hangsUp(c, leg, again.leg); got.Employee != "emp_a" || len(got.Attempts) != 5 {
		t.Errorf("employee %q, %d attempts", got.Employee, len(got.Attempts))
	}
}

func TestTheNextManagerOfATransferIsRungAnotherWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.emit(answered)
	b.bridging("bridge " + leg.id + " " + manager.id)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "202@pbx"); err != nil {
		t.Fatal(err)
	}
	unreached(b.dialled("202"), silence, "192.0.2.1:5060", "192.0.2.2:5060")
	next := b.dialled("202")
	next.leg.emit(answered)
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.bridging("bridge " + leg.id + " " + next.leg.id)
	b.until(manager, "hangup")
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.hangsUp(c, leg, next.leg); len(got.Attempts) != 4 {
		t.Errorf("%d attempts", len(got.Attempts))
	}
}

func TestBothPartiesOfATalkAreRungAnotherWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(between(calls.ManagerFirst))
	b.release(c, "main")
	unreached(b.dialled("201"), silence, "192.0.2.1:5060", "192.0.2.2:5060")
	manager := b.dialled("201")
	manager.leg.emit(answered)
	unreached(b.dialled(c.To), silence, "192.0.2.2:5060", "192.0.2.3:5060")
	second := b.dialled(c.To)
	if second.Via != at("192.0.2.3:5060") || second.Trunk != "main" {
		t.Fatalf("the client's second attempt: %+v", second.DialRequest)
	}
	unreached(second, trunkIll, "192.0.2.3:5060")
	third := b.dialled(c.To)
	if third.Trunk != "pbx" || third.From != "78005550000" {
		t.Fatalf("the client's third attempt: %+v", third.DialRequest)
	}
	third.leg.emit(answered)
	b.bridging("bridge " + third.leg.id + " " + manager.leg.id)
	got := b.hangsUp(c, third.leg, manager.leg)
	if got.Outcome != calls.OutcomeAnswered || got.Trunk != "pbx" || len(got.Attempts) != 5 {
		t.Errorf("ended %s by trunk %s with %d attempts", got.Outcome, got.Trunk, len(got.Attempts))
	}
}

func TestAClientIsNotRungByAnotherTrunkOnceTheManagerHungUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(between(calls.ManagerFirst))
	b.release(c, "main")
	manager := b.dialled("201")
	manager.leg.emit(answered)
	client := b.dialled(c.To)
	b.store.hold() // the commit of the next attempt
	unreached(client, trunkIll, "192.0.2.3:5060")
	manager.leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.store.release()
	got := b.over(c.ID)
	b.nobodyDialled()
	if got.Reason != calls.ReasonManagerNotReached || got.HangupBy != calls.ByManager {
		t.Errorf("ended %s by %s", got.Reason, got.HangupBy)
	}
}

func TestATalkThatIsEndedBeforeTheClientsNextTrunkHangsTheManagerUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(between(calls.ManagerFirst))
	b.release(c, "main")
	manager := b.dialled("201")
	manager.leg.emit(answered)
	client := b.dialled(c.To)
	b.store.hold()
	unreached(client, trunkIll, "192.0.2.3:5060")
	s := b.e.session(c.ID)
	s.box.post(func() { s.hangup(calls.ReasonByAPI, calls.ByZvonar) })
	b.store.release()
	b.until(manager.leg, "hangup")
	manager.leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	b.nobodyDialled()
	if got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonByAPI {
		t.Errorf("ended %s, %s", got.Outcome, got.Reason)
	}
}

func TestAWayWaitsForAChannel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := b.asks("201@main")
	first := b.dialled("201")
	b.limits.shutTrunk("main", true)
	unreached(first, silence, "192.0.2.1:5060", "192.0.2.2:5060")
	b.settle(c.ID)
	b.nobodyDialled()
	b.limits.shutTrunk("main", false)
	b.clock.Advance(redirectPause)
	second := b.dialled("201")
	second.leg.emit(answered)
	b.bridging("bridge " + leg.id + " " + second.leg.id)
	b.hangsUp(c, leg, second.leg)

	c, leg = b.asks("201@main")
	first = b.dialled("201")
	b.limits.shutTrunk("main", true)
	unreached(first, silence, "192.0.2.1:5060", "192.0.2.2:5060")
	for range int(redirectPatience/redirectPause) + 1 {
		b.settle(c.ID)
		b.clock.Advance(redirectPause)
	}
	b.until(leg, "stop stopped")
	b.limits.shutTrunk("main", false)
	b.nobodyDialled()
	if got := b.hangsUp(c, leg); len(got.Actions) != 1 || got.Actions[0].Result != "failed" {
		t.Errorf("actions %+v", got.Actions)
	}
}
