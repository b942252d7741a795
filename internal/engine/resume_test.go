package engine

import (
	"context"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// carriedOn is a bench with a call in its store that a provider carried when the process
// before died, as it was left; it is recovered.
func carriedOn(t *testing.T, change func(*Provider), left func(*calls.Call)) (*bench, *teller, canceler) {
	t.Helper()
	b, p, c := providerBench(t, change)
	call := calls.Call{ID: "c1", Direction: calls.Out, Status: calls.StatusDialing, To: "79161234567", From: "78005551111", Line: "78005551111",
		Trunk: "provider:cloud", Provider: "cloud", ProviderCallID: "pc-1", Flow: calls.DefaultFlow(), CreatedAt: epoch, DueAt: epoch}
	left(&call)
	b.left(call, calls.Attempt{ID: "a1", CallID: "c1", Role: calls.RoleCustomer, Trunk: "provider:cloud", State: calls.AttemptDialing, SentAt: epoch, Charged: true})
	b.clock.Advance(time.Minute)
	if err := b.e.recover(context.Background()); err != nil { // without the watchdog, whose rounds a clock that jumps would run in a heap
		t.Fatal(err)
	}
	return b, p, c
}

// inTalk leaves a call in its talk.
func inTalk(c *calls.Call) {
	rang, up := epoch.Add(5*time.Second), epoch.Add(10*time.Second)
	c.Status, c.RingingAt, c.AnsweredAt = calls.StatusAnswered, &rang, &up
}

// nobodyAsked fails where the provider was asked for a call.
func (p *teller) nobodyAsked(t *testing.T) {
	t.Helper()
	select {
	case r := <-p.asked:
		t.Errorf("the provider was asked again: %+v", r)
	default:
	}
}

func TestACallThatItsProviderCarriesGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		left    func(*calls.Call)
		reports []calls.ProviderReport
		outcome calls.Outcome
		told    []calls.EventType
	}{
		"rung, and busy": {func(*calls.Call) {}, []calls.ProviderReport{report(calls.ReportRinging), {State: calls.ReportEnded, SIPCode: 486}}, calls.OutcomeBusy,
			[]calls.EventType{calls.ProviderCall, calls.CallRinging, calls.CallCompleted}},
		"answered after it": {func(*calls.Call) {}, []calls.ProviderReport{report(calls.ReportAnswered), {State: calls.ReportEnded, TalkMS: 5000}}, calls.OutcomeAnswered,
			[]calls.EventType{calls.ProviderCall, calls.CallAnswered, calls.CallCompleted}},
		"in its talk": {inTalk, []calls.ProviderReport{report(calls.ReportRinging), report(calls.ReportAnswered), {State: calls.ReportEnded, TalkMS: 5000}}, calls.OutcomeAnswered,
			[]calls.EventType{calls.ProviderCall, calls.CallCompleted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := carriedOn(t, plays, tc.left)
			if res := <-p.placed; res.ProviderCallID != "pc-1" {
				t.Errorf("followed by the name %q", res.ProviderCallID)
			}
			p.tells(t, tc.reports...)
			got := b.over("c1")
			if got.Outcome != tc.outcome || len(got.Attempts) != 1 || got.Attempts[0].Open() || len(b.line.dialled) != 0 {
				t.Errorf("ended %s/%s with %+v", got.Outcome, got.Reason, got.Attempts)
			}
			b.events(tc.told...)
			p.nobodyAsked(t)
		})
	}
}

func TestWhatWasToldBeforeTheRestartIsNotToldAgain(t *testing.T) {
	t.Parallel()
	pressed := epoch.Add(20 * time.Second)
	b, p, _ := carriedOn(t, plays, func(c *calls.Call) {
		inTalk(c)
		inner := digits(map[int]calls.Action{7: {Kind: calls.ActionBlock, Value: "1"}})
		c.Flow.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionRecord, Value: "1002", Digits: inner}})
		c.Digits = []calls.DigitPress{{Digit: "1", At: pressed, Leg: calls.RoleCustomer, Via: "provider"}}
	})
	<-p.placed
	p.tells(t, calls.ProviderReport{State: calls.ReportDigit, Digit: "1", At: pressed}) // its receipt was lost
	p.tells(t, calls.ProviderReport{State: calls.ReportDigit, Digit: "7", At: pressed.Add(time.Second)})
	p.tells(t, report(calls.ReportEnded))
	if got := b.over("c1"); got.DigitString() != "17" || len(b.store.blocked) != 1 {
		t.Errorf("pressed %s, %d numbers are blocked", got.DigitString(), len(b.store.blocked))
	}
}

func TestWhoAskedNotToBeCalledIsEnteredThoughTheProcessDied(t *testing.T) {
	t.Parallel()
	b, p, _ := carriedOn(t, plays, func(c *calls.Call) {
		inTalk(c)
		c.Flow.Digits = digits(map[int]calls.Action{3: {Kind: calls.ActionBlock, Value: "1"}})
		c.Digits = []calls.DigitPress{{Digit: "3", At: epoch.Add(time.Second), Leg: calls.RoleCustomer, Via: "provider"}}
	})
	b.events(calls.ProviderCall, calls.NumberBlocked, calls.CallAction)
	<-p.placed
	p.tells(t, report(calls.ReportEnded))
	b.over("c1")
}

func TestATalkOfTwoGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	for name, told := range map[string][]calls.EventType{
		"the manager rings": {calls.CallBridging},
		"they talk":         {calls.CallBridging, calls.CallBridged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := providerBench(t, func(p *Provider) { plays(p); p.Plays, p.Joins = false, true })
			call := calls.Call{ID: "c1", Direction: calls.Out, Status: calls.StatusDialing, To: "79161234567", Trunk: "provider:cloud", Provider: "cloud", ProviderCallID: "pc-1", Flow: calls.DefaultFlow()}
			call.Flow.Bridge = &calls.Bridge{Order: calls.ManagerFirst, Manager: "201@cloud"}
			if len(told) > 1 {
				inTalk(&call)
				call.Status = calls.StatusBridged
			}
			for _, typ := range told {
				b.store.events = append(b.store.events, calls.ForCall("e", epoch, &call, typ, nil))
			}
			b.left(call, calls.Attempt{ID: "a1", CallID: "c1", Role: calls.RoleCustomer, Trunk: "provider:cloud", State: calls.AttemptDialing, SentAt: epoch})
			b.clock.Advance(time.Minute)
			if err := b.e.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			<-p.placed
			p.tells(t, report(calls.ReportManager), report(calls.ReportAnswered), report(calls.ReportJoined), calls.ProviderReport{State: calls.ReportEnded, By: calls.ByManager})
			want := []calls.EventType{calls.ProviderCall, calls.CallAnswered, calls.CallBridged, calls.CallUnbridged, calls.CallCompleted}
			if len(told) > 1 {
				want = []calls.EventType{calls.ProviderCall, calls.CallUnbridged, calls.CallCompleted}
			}
			if got := b.over("c1"); got.Outcome != calls.OutcomeAnswered || got.HangupBy != calls.ByManager {
				t.Errorf("ended %s/%s by %s", got.Outcome, got.Reason, got.HangupBy)
			}
			b.events(want...)
		})
	}
}

func TestACallOfWhichNothingIsToldAfterARestartIsLost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		left func(*calls.Call)
		wait time.Duration
	}{
		"named":       {func(*calls.Call) {}, defaultMaxDuration + 10*time.Minute},
		"answered":    {inTalk, defaultMaxDuration + 10*time.Minute},
		"never named": {func(c *calls.Call) { c.ProviderCallID = "" }, 30*time.Second + defaultRingTimeout + firstNews},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, c := carriedOn(t, func(p *Provider) { plays(p); p.Originator = nil }, tc.left)
			c.cancel <- nil
			b.settle("c1")
			b.clock.Advance(tc.wait)
			got := b.over("c1")
			if got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost || got.Attempts[0].Open() {
				t.Errorf("ended %s/%s", got.Outcome, got.Reason)
			}
			if placed := <-c.asks; placed.ProviderCallID != got.ProviderCallID { // it is taken back, whatever it is doing
				t.Errorf("taken back as %q", placed.ProviderCallID)
			}
			b.events(calls.ProviderCall, calls.CallNeedsAttention, calls.CallCompleted)
			p.nobodyAsked(t)
		})
	}
}

func TestAResumedCallCanBeHungUpAndKilledAgain(t *testing.T) {
	t.Parallel()
	b, p, c := carriedOn(t, func(p *Provider) { plays(p); p.Originator = nil }, inTalk)
	<-p.placed
	b.settle("c1")
	next := *b.store.rows["c1"].Clone() // what a process that is killed now leaves
	if open := b.e.carried(&next); open == nil {
		t.Error("the next process would not go on with it")
	}
	c.cancel <- nil
	if _, err := b.e.Hangup(context.Background(), "main", "c1"); err != nil {
		t.Fatal(err)
	}
	if got := b.over("c1"); got.Outcome != calls.OutcomeAnswered || got.Reason != calls.ReasonByAPI {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestCallsThatNeededOurLegOrWhoseProviderIsGoneAreLostAtOnce(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]func(*calls.Call){
		"provider gone": func(c *calls.Call) { c.Provider = "other" },
		"came by SIP":   func(c *calls.Call) { c.Flow.Bridge = &calls.Bridge{} },
		"foreign flow":  func(c *calls.Call) { c.Direction = calls.In },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, _ := carriedOn(t, plays, left)
			if got := b.over("c1"); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost {
				t.Errorf("ended %s/%s", got.Outcome, got.Reason)
			}
		})
	}
}
