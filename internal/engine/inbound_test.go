package engine

import (
	"testing"

	"zvonar/internal/calls"
)

func TestInboundNumberRunsItsFlow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	leg := newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", From: "+79161234567", To: "78005553535"})
	b.told(leg, "ring", "answer")
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	b.told(leg, "play 1002")
	ev := b.events(calls.CallRinging, calls.CallAnswered)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	got := b.over(ev.CallID)
	if got.Direction != calls.In || got.From != "79161234567" || got.Outcome != calls.OutcomeAnswered || got.HangupBy != calls.ByCustomer {
		t.Errorf("inbound call ended as %+v", got)
	}
}

func TestInboundCallsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	t.Run("unconfigured number", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		leg := newMemLeg("in")
		b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "70000000000"})
		b.told(leg, "reject")
		if len(b.store.rows) != 0 {
			t.Error("a call was stored")
		}
	})
	t.Run("no channel", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.limits.full = true
		leg := newMemLeg("in")
		b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "78005553535"})
		b.told(leg, "reject")
		ev := b.events(calls.CallRinging, calls.CallCompleted)
		if got := b.over(ev.CallID); got.Outcome != calls.OutcomeMissed || got.Reason != calls.ReasonBusyHere {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
	})
	for name, tc := range map[string]struct {
		end    calls.Ending
		reason calls.Reason
	}{
		"caller gives up":               {calls.Ending{Code: 487, By: calls.ByCustomer}, calls.ReasonHangup},
		"another telephone takes it":    {calls.Ending{Code: 487, SIPCause: 200, By: calls.ByCustomer}, calls.ReasonElsewhere},
		"caller's exchange gave a code": {calls.Ending{Code: 487, SIPCause: 487, By: calls.ByCustomer}, calls.ReasonHangup},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			leg := newMemLeg("in")
			b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "78005553535"})
			b.told(leg, "ring", "answer")
			leg.end(tc.end)
			ev := b.events(calls.CallRinging, calls.CallCompleted)
			if got := b.over(ev.CallID); got.Outcome != calls.OutcomeMissed || got.Reason != tc.reason {
				t.Errorf("ended %s/%s, want missed/%s", got.Outcome, got.Reason, tc.reason)
			}
		})
	}
}
