package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func byEvent(p *Provider) { p.Ready = ReadyEvent }

func TestClientIsThereWhenTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"after our answer": false, "before our leg": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := providerBench(t, byEvent)
			c, _ := b.byProvider(p)
			if early {
				p.tells(t, report(calls.ReportAnswered))
			}
			leg := b.ring("pbx")
			b.told(leg, "answer")
			leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
			leg.emit(calls.LegEvent{Kind: calls.LegFirstAudio}) // its ringback, perhaps
			if !early {
				b.settle(c.ID)
				if len(leg.told) != 0 {
					t.Fatal("the clip plays to nobody")
				}
				p.tells(t, report(calls.ReportRinging), report(calls.ReportAnswered))
			}
			b.told(leg, "play 1001")
			p.tells(t, report(calls.ReportAnswered), calls.ProviderReport{State: calls.ReportEnded, Q850: 17}) // our leg stands
			leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered {
				t.Errorf("ended %s/%s", got.Outcome, got.Reason)
			}
		})
	}
}

func TestHalfFailedCallbackEndsAsTheClientDid(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end     calls.ProviderReport
		outcome calls.Outcome
	}{
		"busy":      {calls.ProviderReport{Q850: 17}, calls.OutcomeBusy},
		"no answer": {calls.ProviderReport{Outcome: calls.OutcomeNoAnswer, By: calls.ByNetwork}, calls.OutcomeNoAnswer},
		"refused":   {calls.ProviderReport{SIPCode: 603}, calls.OutcomeRejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := providerBench(t, byEvent)
			c, _ := b.byProvider(p)
			leg := b.ring("pbx")
			b.told(leg, "answer")
			leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
			tc.end.State = calls.ReportEnded
			p.tells(t, tc.end)
			b.told(leg, "hangup")
			leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
			got := b.over(c.ID)
			if got.Outcome != tc.outcome || got.AnsweredAt != nil || got.SIPCode != tc.end.SIPCode || got.HangupBy == calls.ByZvonar {
				t.Errorf("ended %s/%s by %s with code %d", got.Outcome, got.Reason, got.HangupBy, got.SIPCode)
			}
		})
	}
}

func TestClientWhoIsBusyBeforeTheProviderRingsUs(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, byEvent)
	c, _ := b.byProvider(p)
	p.tells(t, report(calls.ReportRinging), calls.ProviderReport{State: calls.ReportEnded, SIPCode: 486})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || got.RingingAt == nil || !got.Attempts[0].Charged {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	b.told(b.ring("late"), "reject") // its INVITE comes all the same
}

func TestProvidersCallLeadsToAManagerOfOurs(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, byEvent)
	c, _ := b.byProvider(p, bridgeBy(calls.ClientFirst, "74242490764"))
	leg := b.ring("pbx")
	b.told(leg, "answer")
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	p.tells(t, report(calls.ReportAnswered))
	b.told(leg, "ringback")
	manager := b.dialled("74242490764")
	manager.leg.emit(answered)
	b.bridging("bridge pbx leg-74242490764")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(manager.leg, "hangup")
	manager.leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

// endByAPI ends a call by request.
func (b *bench) endByAPI(c *calls.Call) {
	b.t.Helper()
	if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
		b.t.Fatal(err)
	}
}

func TestHangingUpReachesTheProvider(t *testing.T) {
	t.Parallel()
	none := func(p *Provider) { p.Originator = nil } // the bench gives it a Canceler
	t.Run("while its INVITE is awaited", func(t *testing.T) {
		t.Parallel()
		b, p, x := providerBench(t, none)
		c, _ := b.byProvider(p)
		b.endByAPI(c)
		if placed := <-x.asks; placed.ProviderCallID != "pc-1" {
			t.Errorf("cancels %+v", placed)
		}
		b.told(b.ring("late"), "reject") // the call did not wait for the provider
		x.cancel <- nil
		if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonByAPI {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
	})
	t.Run("before it has answered the request", func(t *testing.T) {
		t.Parallel()
		b, p, x := providerBench(t, none)
		c := b.submit(viaCloud)
		b.release(c, c.Trunk)
		<-p.asked
		b.endByAPI(c)
		p.answer <- nil
		<-x.asks // only now it is known what to cancel
		x.cancel <- nil
		b.over(c.ID)
	})
	t.Run("while the client is rung", func(t *testing.T) {
		t.Parallel()
		b, p, x := providerBench(t, none)
		c, _ := b.byProvider(p)
		leg := b.ring("pbx")
		b.told(leg, "answer")
		leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
		b.settle(c.ID)
		b.clock.Advance(defaultRingTimeout)
		<-x.asks
		x.cancel <- errors.New("it is on strike")
		b.told(leg, "hangup")
		leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		if got := b.over(c.ID); got.Outcome != calls.OutcomeNoAnswer || got.Reason != calls.ReasonRingTimeout {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
	})
}

func TestTakingBackACallThatTheProviderCarries(t *testing.T) {
	t.Parallel()
	played := func(p *Provider) { plays(p); p.Originator = nil }
	for name, tc := range map[string]struct {
		told    []calls.ReportState
		then    func(*bench, *teller, canceler)
		outcome calls.Outcome
		attends bool
	}{
		"before the answer": {nil, func(_ *bench, _ *teller, x canceler) { x.cancel <- nil }, calls.OutcomeCanceled, false},
		"after the answer": {[]calls.ReportState{calls.ReportAnswered}, func(_ *bench, _ *teller, x canceler) { x.cancel <- nil },
			calls.OutcomeAnswered, false},
		"the answer crosses": {nil, func(b *bench, p *teller, x canceler) {
			p.tells(b.t, report(calls.ReportAnswered), report(calls.ReportEnded))
			x.cancel <- nil
		}, calls.OutcomeAnswered, false},
		"refused": {nil, func(_ *bench, _ *teller, x canceler) { x.cancel <- errors.New("too late") }, calls.OutcomeCanceled, true},
		"no answer": {nil, func(b *bench, _ *teller, x canceler) {
			for b.e.Active() > 0 { // the timer is set in the call's goroutine
				b.clock.Advance(recallPatience)
			}
			x.cancel <- nil
		}, calls.OutcomeCanceled, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, x := providerBench(t, played)
			c, _ := b.byProvider(p)
			for _, s := range tc.told {
				p.tells(t, report(s))
			}
			b.endByAPI(c)
			<-x.asks
			tc.then(b, p, x)
			got := b.over(c.ID)
			if got.Outcome != tc.outcome || got.Reason != calls.ReasonByAPI || got.HangupBy != calls.ByZvonar {
				t.Errorf("ended %s/%s by %s", got.Outcome, got.Reason, got.HangupBy)
			}
			attends := false
			for _, ev := range b.store.events {
				attends = attends || ev.Type == calls.CallNeedsAttention
			}
			if attends != tc.attends {
				t.Errorf("told that a person should look: %v", attends)
			}
		})
	}
}

func TestAProviderThatCannotTakeBackIsSaidToGoOn(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, plays)
	c, _ := b.byProvider(p)
	b.endByAPI(c)
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || b.store.events[len(b.store.events)-2].Type != calls.CallNeedsAttention {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestRingTimeoutOfACallThatTheProviderCarries(t *testing.T) {
	t.Parallel()
	b, p, x := providerBench(t, func(p *Provider) { plays(p); p.Originator = nil })
	c, _ := b.byProvider(p)
	p.tells(t, report(calls.ReportRinging))
	b.settle(c.ID)
	b.clock.Advance(defaultRingTimeout + ringSlack)
	<-x.asks
	x.cancel <- nil
	if got := b.over(c.ID); got.Outcome != calls.OutcomeNoAnswer || got.Reason != calls.ReasonRingTimeout {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestACallThatTheProviderCarriesTakesNoControl(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, plays)
	c, _ := b.byProvider(p)
	p.tells(t, report(calls.ReportAnswered))
	if _, err := b.e.SendDigits(context.Background(), "main", c.ID, "", "1"); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("digits: %v", err)
	}
	p.tells(t, report(calls.ReportEnded))
	b.over(c.ID)
}

func TestStopTakesBackWhatProvidersCarry(t *testing.T) {
	t.Parallel()
	b, p, x := providerBench(t, func(p *Provider) { plays(p); p.Originator = nil })
	c, _ := b.byProvider(p)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- b.e.Stop(gone) }()
	<-x.asks
	x.cancel <- nil
	select {
	case err := <-stopped:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("Stop hangs")
	}
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonShutdown {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestTheProcessThatGoesOnWithACallEndsItAndTheOneBeforeCannot(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, plays)
	c, _ := b.byProvider(p)
	p.tells(t, report(calls.ReportAnswered))
	b.settle(c.ID)
	next := b.e.cfg
	cloud, now := b.e.providers["cloud"], newTeller()
	cloud.Originator = now
	next.Providers = []Provider{cloud}
	e, err := New(next) // the process that follows the one that was killed
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = e.Stop(ctx)
	})
	if err := e.recover(context.Background()); err != nil {
		t.Fatal(err)
	}
	now.tells(t, calls.ProviderReport{State: calls.ReportEnded, TalkMS: 7000})
	e.wg.Wait()
	got, err := b.store.Call("", c.ID)
	if err != nil || got.Outcome != calls.OutcomeAnswered || got.TalkMS != 7000 || len(e.expect.list) != 0 {
		t.Errorf("ended %s/%s, %d INVITEs are awaited; %v", got.Outcome, got.Reason, len(e.expect.list), err)
	}
	p.tells(t, report(calls.ReportEnded)) // to the one that is gone: it can write nothing any more
	b.e.wg.Wait()
	if n := len(b.store.events); b.store.events[n-1].Type != calls.CallCompleted {
		t.Errorf("the last event is %s", b.store.events[n-1].Type)
	}
}
