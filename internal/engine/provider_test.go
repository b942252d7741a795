package engine

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func viaCloud(r *CallRequest) { r.Provider = "cloud" }

func TestProviderCallIsClaimedAndWaitsForTheClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(viaCloud)
	b.release(c, "pbx")
	if asked := <-b.place.asked; asked.To != c.To || asked.Extension != "201" {
		t.Fatalf("asked for %+v", asked)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
	leg := newMemLeg("pbx")
	b.e.Incoming(leg, calls.Invite{Trunk: "pbx", From: "100", To: "201"})
	b.told(leg, "answer")
	b.events(calls.ProviderCall, calls.CallRinging)
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	leg.emit(calls.LegEvent{Kind: calls.LegFirstAudio})
	b.told(leg, "play 1001") // only now is the client there
	b.events(calls.CallAnswered)
	second := newMemLeg("pbx2")
	b.e.Incoming(second, calls.Invite{Trunk: "pbx", From: "100", To: "201"})
	b.told(second, "reject") // an expectation is claimed exactly once
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.ProviderCallID != "pbx-1" {
		t.Errorf("ended %s, provider call %q", got.Outcome, got.ProviderCallID)
	}
}

func TestProviderCallsThatDoNotSucceed(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.place.err = errors.New("no money")
		c := b.submit(viaCloud)
		b.release(c, "pbx")
		if got := b.over(c.ID); got.Outcome != calls.OutcomeTrunkError || got.Reason != calls.ReasonProviderFailed || got.Attempts[0].Charged {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
	})
	t.Run("never calls", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit(viaCloud, func(r *CallRequest) { // nobody knows whether it rings yet: it is not tried again
			r.Retry = &calls.RetryPolicy{MaxAttempts: 3, Outcomes: map[calls.Outcome]calls.RetryRule{calls.OutcomeTrunkError: {After: calls.Duration(time.Second)}}}
		})
		b.release(c, "pbx")
		<-b.place.asked
		b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
		b.clock.Advance(31 * time.Second)
		if got := b.over(c.ID); got.Reason != calls.ReasonProviderTimeout {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
	})
	t.Run("client busy", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit(viaCloud)
		b.release(c, "pbx")
		<-b.place.asked
		b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
		leg := newMemLeg("pbx")
		b.e.Incoming(leg, calls.Invite{Trunk: "pbx", To: "201"})
		leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
		leg.end(calls.Ending{Answered: true, Q850: 17, By: calls.ByCustomer})
		if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || got.AnsweredAt != nil {
			t.Errorf("ended %s, answered %v", got.Outcome, got.AnsweredAt)
		}
	})
}

func TestTwoProviderCallsAreNeverMixedUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.submit(viaCloud)
	b.release(first, "pbx")
	<-b.place.asked
	second := b.submit(viaCloud, func(r *CallRequest) { r.To = "79161234568" })
	b.release(second, "pbx")
	leg := newMemLeg("pbx")
	b.e.Incoming(leg, calls.Invite{Trunk: "pbx", To: "201"})
	b.told(leg, "answer")
	if asked := <-b.place.asked; asked.To != second.To { // asked only once the first was claimed
		t.Fatalf("asked for %s", asked.To)
	}
	leg.end(calls.Ending{Answered: true, Q850: 17})
	other := newMemLeg("pbx2")
	b.e.Incoming(other, calls.Invite{Trunk: "pbx", To: "201"})
	other.end(calls.Ending{Answered: true, Q850: 17})
	b.over(second.ID)
}

// given is a provider's call whose provider was asked and said yes.
func given(t *testing.T, b *bench) *calls.Call {
	t.Helper()
	c := b.submit(viaCloud)
	b.release(c, "pbx")
	<-b.place.asked
	b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
	return c
}

// ring lets an INVITE for the provider's extension arrive.
func (b *bench) ring(name string) *memLeg {
	leg := newMemLeg(name)
	b.e.Incoming(leg, calls.Invite{Trunk: "pbx", From: "100", To: "201"})
	return leg
}

func TestLateInviteOfAProviderIsRefusedEvenWhereItsNumberIsConfigured(t *testing.T) {
	t.Parallel()
	for name, giveUp := range map[string]func(*bench, *calls.Call){
		"time-out": func(b *bench, _ *calls.Call) { b.clock.Advance(31 * time.Second) },
		"cancel": func(b *bench, c *calls.Call) {
			if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
				b.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.e.Reload(b.e.trunks(), append(b.e.plan.Load().routes, Route{Number: "201", Flow: calls.DefaultFlow()}))
			c := given(t, b)
			giveUp(b, c)
			b.over(c.ID)
			b.told(b.ring("late"), "reject")
			if len(b.store.rows) != 1 {
				t.Errorf("%d calls are stored", len(b.store.rows))
			}
			other := b.ring("somebody else") // the late one has come: this is a call to the number
			b.told(other, "ring")
			other.end(calls.Ending{Code: 487, By: calls.ByCustomer})
		})
	}
}

func TestLateInviteIsNotTakenForTheNextCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := given(t, b)
	second := b.submit(viaCloud, func(r *CallRequest) { r.To = "79161234568" })
	b.release(second, "pbx")
	b.clock.Advance(31 * time.Second) // the first is given up
	b.told(b.ring("late"), "reject")
	if asked := <-b.place.asked; asked.To != second.To { // asked for only now
		t.Fatalf("asked for %s", asked.To)
	}
	leg := b.ring("second")
	b.told(leg, "answer")
	leg.end(calls.Ending{Answered: true, Q850: 17})
	if got := b.over(first.ID); got.Reason != calls.ReasonProviderTimeout || !got.Attempts[0].Charged {
		t.Errorf("the first ended %s/%s", got.Outcome, got.Reason)
	}
	if got := b.over(second.ID); got.Outcome != calls.OutcomeBusy {
		t.Errorf("the second ended %s", got.Outcome)
	}
}

func TestGivenUpExpectationDoesNotBlockTheExtensionForEver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := given(t, b)
	second := b.submit(viaCloud)
	b.release(second, "pbx")
	b.clock.Advance(31 * time.Second)
	for b.e.session(first.ID) != nil { // it is told to give up by a timer
		runtime.Gosched()
	}
	b.clock.Advance(lateInvite)
	<-b.place.asked
	b.told(b.ring("second"), "answer")
	b.e.session(second.ID).box.post(func() { panic("enough") })
	b.over(second.ID)
}

func TestClientWhoNeverComesIsNoAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := given(t, b)
	leg := b.ring("pbx")
	b.told(leg, "answer")
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	b.events(calls.ProviderCall, calls.CallRinging)
	b.settle(c.ID)
	b.clock.Advance(defaultRingTimeout)
	b.told(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeNoAnswer || got.Reason != calls.ReasonRingTimeout || got.HangupBy != calls.ByZvonar {
		t.Errorf("ended %s/%s by %s", got.Outcome, got.Reason, got.HangupBy)
	}
}

func TestAudioBeforeTheAnswerIsComplete(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := given(t, b)
	leg := b.ring("pbx")
	leg.emit(calls.LegEvent{Kind: calls.LegFirstAudio})
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMU", Dialog: []byte("d")})
	b.told(leg, "answer", "play 1001")
	b.events(calls.ProviderCall, calls.CallRinging)
	if ev := b.events(calls.CallAnswered); string(ev.Data) == "" || b.store.attempts[c.ID].Dialog != nil {
		t.Errorf("call.answered says %s", ev.Data)
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(c.ID)
}

func TestCallOfAProviderThatIsGoneIsNotDialledByTheTrunk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(viaCloud)
	delete(b.e.providers, "cloud") // the daemon was started with another configuration
	b.release(c, "pbx")
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeTrunkError || got.Reason != calls.ReasonProviderFailed || len(b.line.dialled) != 0 || len(got.Attempts) != 0 {
		t.Errorf("ended %s/%s with %d attempts", got.Outcome, got.Reason, len(got.Attempts))
	}
}
