package engine

import (
	"testing"

	"zvonar/internal/calls"
)

// between asks for a talk between a client and manager 201.
func between(order calls.Order) func(*CallRequest) {
	return func(r *CallRequest) {
		r.Clip, r.ManagerAt, r.ToAt = "", "body.first", "body.second"
		r.Bridge = &calls.Bridge{Manager: "201@main", Order: order, Anonymous: true}
	}
}

func TestAManagerIsRungBeforeTheClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(between(calls.ManagerFirst))
	b.release(c, "main")
	d := b.dialled("201")
	if d.Role != calls.RoleManager || !d.Anonymous {
		t.Errorf("dialled %+v", d.DialRequest)
	}
	d.leg.emit(answered)
	b.told(d.leg, "ringback")
	client := b.dialled(c.To).leg
	client.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 183})
	client.emit(calls.LegEvent{Kind: calls.LegFirstAudio})
	b.bridging("bridge " + client.id + " " + d.leg.id)
	client.emit(answered)
	b.bridging("bridge " + client.id + " " + d.leg.id)
	b.events(calls.CallQueued, calls.CallBridging, calls.CallDialing, calls.CallRinging, calls.CallAnswered, calls.CallBridged)
	client.emit(press('5')) // digits of both reach each other
	b.told(d.leg, "digits 5")
	client.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + client.id + " " + d.leg.id)
	b.told(d.leg, "hangup")
	d.leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnswered || got.HangupBy != calls.ByCustomer || len(got.Attempts) != 2 || len(got.Actions) != 0 {
		t.Errorf("ended %s, %s by %s: %+v", got.Outcome, got.Reason, got.HangupBy, got.Actions)
	}
}

func TestATalkIsWrittenDownWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, capture := range []bool{true, false} {
		c := b.submit(func(r *CallRequest) {
			between(calls.ManagerFirst)(r)
			r.Ref, r.Capture = "", capture
		})
		if c.Flow.Capture != capture {
			t.Errorf("asked %v, is %v", capture, c.Flow.Capture)
		}
	}
}

func TestAClientIsRungBeforeTheManager(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(between(calls.ClientFirst), func(r *CallRequest) { r.Clip = "1003" })
	client := b.start(c, "main")
	client.emit(answered)
	b.told(client, "play 1003") // instead of ringback
	manager := b.dialled("201").leg
	manager.emit(answered)
	b.bridging("bridge " + client.id + " " + manager.id)
	manager.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(client, "hangup")
	client.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Reason != calls.ReasonBridgeEnd || got.HangupBy != calls.ByManager {
		t.Errorf("ended %s by %s", got.Reason, got.HangupBy)
	}
}

func TestTalksThatDoNotComeToBe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		order   calls.Order
		run     func(b *bench, c *calls.Call)
		outcome calls.Outcome
		reason  calls.Reason
		by      calls.Party
	}{
		"the manager is busy: nobody else is rung": {calls.ManagerFirst, func(b *bench, c *calls.Call) {
			b.release(c, "main")
			b.dialled("201").leg.end(calls.Ending{Code: 486})
		}, calls.OutcomeCanceled, calls.ReasonManagerNotReached, calls.ByManager},
		"the client is busy": {calls.ManagerFirst, func(b *bench, c *calls.Call) {
			b.release(c, "main")
			manager := b.dialled("201").leg
			manager.emit(answered)
			b.dialled(c.To).leg.end(calls.Ending{Code: 486, By: calls.ByCustomer})
			b.until(manager, "hangup")
			manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		}, calls.OutcomeBusy, calls.ReasonNone, calls.ByCustomer},
		"the manager hangs up while the client rings": {calls.ManagerFirst, func(b *bench, c *calls.Call) {
			b.release(c, "main")
			manager := b.dialled("201").leg
			manager.emit(answered)
			client := b.dialled(c.To).leg
			manager.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			b.told(client, "hangup")
			client.end(calls.Ending{Canceled: true, Code: 487})
		}, calls.OutcomeCanceled, calls.ReasonManagerNotReached, calls.ByManager},
		"the call is ended while the manager rings": {calls.ManagerFirst, func(b *bench, c *calls.Call) {
			b.release(c, "main")
			manager := b.dialled("201").leg
			if _, err := b.e.Hangup(b.t.Context(), "main", c.ID); err != nil {
				b.t.Error(err)
			}
			b.told(manager, "hangup")
			manager.end(calls.Ending{Canceled: true, Code: 487})
		}, calls.OutcomeCanceled, calls.ReasonByAPI, calls.ByZvonar},
		"the client was blocked meanwhile": {calls.ManagerFirst, func(b *bench, c *calls.Call) {
			b.release(c, "main")
			manager := b.dialled("201").leg
			b.store.mu.Lock()
			b.store.blocked = map[string]calls.BlockEntry{c.To: {Number: c.To}}
			b.store.mu.Unlock()
			manager.emit(answered)
			b.until(manager, "hangup")
			manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		}, calls.OutcomeBlocked, calls.ReasonBlacklist, calls.ByZvonar},
		"the manager does not come to the waiting client": {calls.ClientFirst, func(b *bench, c *calls.Call) {
			client := b.start(c, "main")
			client.emit(answered)
			b.dialled("201").leg.end(calls.Ending{Code: 486})
			b.until(client, "hangup")
			client.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		}, calls.OutcomeAnswered, calls.ReasonManagerNotReached, calls.ByZvonar},
	} {
		b := newBench(t)
		c := b.submit(between(tc.order))
		tc.run(b, c)
		got := b.over(c.ID)
		if got.Outcome != tc.outcome || got.Reason != tc.reason || got.HangupBy != tc.by {
			t.Errorf("%s: ended %s, %s by %s", name, got.Outcome, got.Reason, got.HangupBy)
		}
		if len(b.line.dialled) != 0 {
			t.Errorf("%s: somebody was rung on top", name)
		}
	}
}

func TestATalkWithANumberThatMayNotBeCalledIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for at, r := range map[string]CallRequest{
		"body.second": {To: "15551234567", Bridge: &calls.Bridge{Manager: "201@main"}},
		"body.first":  {To: "79161234567", Bridge: &calls.Bridge{Manager: "201@nowhere"}},
	} {
		r.Account, r.ManagerAt, r.ToAt = "main", "body.first", "body.second"
		_, _, err := b.e.Submit(t.Context(), r)
		known, ok := err.(*calls.Error)
		if !ok || len(known.Fields) == 0 || known.Fields[0].Location != at {
			t.Errorf("%s: %v", at, err)
		}
	}
}
