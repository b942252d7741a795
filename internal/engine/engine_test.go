package engine

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var answered = calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA", Dialog: []byte("dialog")}

func press(d byte) calls.LegEvent {
	return calls.LegEvent{Kind: calls.LegDigit, Digit: d, Via: "rfc4733"}
}

func TestAnsweredCallTellsItsWholeLifeInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
	leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 183}) // one call.ringing all the same
	leg.emit(answered)
	b.told(leg, "play 1001")
	leg.emit(calls.LegEvent{Kind: calls.LegPlaybackStarted, PlayID: 1})
	leg.emit(calls.LegEvent{Kind: calls.LegPlaybackFinished, PlayID: 1, Played: 7 * time.Second, Play: calls.PlayEnd})
	b.events(calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallAnswered, calls.CallPlaybackStarted, calls.CallPlaybackFinished)
	b.clock.Advance(time.Second) // the flow has no digits: it hangs up after its post-roll
	b.told(leg, "hangup")
	leg.emit(calls.LegEvent{Kind: calls.LegEnded, At: epoch.Add(8 * time.Second), Ending: calls.Ending{Answered: true, By: calls.ByZvonar}, Facts: calls.LegFacts{Codec: "PCMA", RX: 400}})
	done := b.events(calls.CallCompleted)
	var data struct {
		Outcome, Reason, Digits string
		TalkMS                  int64 `json:"talk_ms"`
	}
	if err := json.Unmarshal(done.Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Outcome != "answered" || data.Reason != "flow_end" || data.TalkMS != 8000 || data.Digits != "" {
		t.Errorf("call.completed says %+v", data)
	}
	got := b.over(c.ID)
	if got.HangupBy != calls.ByZvonar || got.BillableMS != 8000 || len(got.Legs) != 1 || got.Attempts[0].State != calls.AttemptOver || !got.Attempts[0].Charged {
		t.Errorf("the call ended as %+v", got)
	}
}

func TestAttemptIsDurableBeforeItRings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	b.store.broken(errors.New("disk full"))
	b.release(c, "main")
	b.e.wg.Wait()
	select {
	case d := <-b.line.dialled:
		t.Fatalf("%s was dialled although its attempt could not be stored", d.To)
	default:
	}
}

func TestUnansweredCallsEndByTheOutcomeTable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		end     calls.Ending
		outcome calls.Outcome
		reason  calls.Reason
		charged bool
	}{
		{"busy", calls.Ending{Code: 486, By: calls.ByCustomer}, calls.OutcomeBusy, "", true},
		{"cause before code", calls.Ending{Code: 480, Q850: 20}, calls.OutcomeUnreachable, calls.ReasonSubscriberAbsent, true},
		{"ring time-out", calls.Ending{Code: 487, Canceled: true, Timeout: true, Rang: true}, calls.OutcomeNoAnswer, calls.ReasonRingTimeout, true},
		{"silent trunk", calls.Ending{Timeout: true}, calls.OutcomeTrunkError, calls.ReasonTrunkTimeout, false},
		{"trunk's fault", calls.Ending{Code: 503}, calls.OutcomeTrunkError, calls.ReasonTrunkRefused, false},
		{"redirected", calls.Ending{Code: 302}, calls.OutcomeUnreachable, calls.ReasonRedirected, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := b.submit()
			b.start(c, "main").end(tc.end)
			got := b.over(c.ID)
			if got.Outcome != tc.outcome || got.Reason != tc.reason || got.Attempts[0].Charged != tc.charged {
				t.Errorf("got %s/%s charged=%v, want %s/%s charged=%v", got.Outcome, got.Reason, got.Attempts[0].Charged, tc.outcome, tc.reason, tc.charged)
			}
		})
	}
}

func TestDigitsRunTheActionMap(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionRecord, Value: "1003"}, 2: {Kind: calls.ActionSMS, Value: "hello"}, 3: {Kind: calls.ActionBlock, Value: "1"}})
	})
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered)
	leg.emit(press('1'))
	b.events(calls.CallDigit)
	for { // whether the first clip is stopped or replaced is the flow's business
		if got := <-leg.told; got == "play 1003" {
			break
		}
	}
	b.events(calls.CallAction)
	leg.emit(press('2'))
	b.events(calls.CallDigit, calls.CallAction, calls.SMSQueued)
	leg.emit(press('3'))
	b.events(calls.CallDigit)
	b.events(calls.NumberBlocked, calls.CallAction)
	for { // the flow hangs up after a block
		if got := <-leg.told; got == "hangup" {
			break
		}
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnswered || got.Reason != calls.ReasonBlockedByDigit || got.DigitString() != "123" {
		t.Errorf("ended %s/%s digits %q", got.Outcome, got.Reason, got.DigitString())
	}
	if len(b.store.sms) != 1 || b.store.sms[0].To != c.To || b.store.sms[0].State != calls.SMSIsQueued {
		t.Errorf("sms intents: %+v", b.store.sms)
	}
	if _, ok := b.store.blocked[c.To]; !ok {
		t.Error("the callee is not on the blacklist")
	}
}

// managed starts a call that pressed 1 for a manager and returns both legs.
func managed(t *testing.T, b *bench, change ...func(*CallRequest)) (*calls.Call, *memLeg, *memLeg) {
	t.Helper()
	base := func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	}
	c := b.submit(append([]func(*CallRequest){base}, change...)...)
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	leg.emit(press('1'))
	for {
		if got := <-leg.told; got == "ringback" {
			break
		}
	}
	manager := b.dialled("74242490764").leg
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered, calls.CallDigit, calls.CallBridging)
	return c, leg, manager
}

func TestManagerIsBridgedAndEndsTheCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.emit(calls.LegEvent{Kind: calls.LegFirstAudio})
	b.bridging("bridge " + leg.id + " " + manager.id) // his early media is heard instead of our ringback
	manager.emit(answered)
	b.bridging("bridge " + leg.id + " " + manager.id)
	b.events(calls.CallBridged, calls.CallAction)
	manager.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.events(calls.CallUnbridged)
	for {
		if got := <-leg.told; got == "hangup" {
			break
		}
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	if got.Reason != calls.ReasonBridgeEnd || got.HangupBy != calls.ByManager || len(got.Attempts) != 2 {
		t.Errorf("ended %s by %s with %d attempts", got.Reason, got.HangupBy, len(got.Attempts))
	}
}

func TestBusyManagerLeadsBackToTheMenu(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.end(calls.Ending{Code: 486})
	var data calls.ActionResult
	if err := json.Unmarshal(b.events(calls.CallAction).Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Result != "failed" || data.Error != "the manager is busy" {
		t.Errorf("call.action says %+v", data)
	}
	b.told(leg, "stop stopped") // the ringback ends
	leg.emit(press('1'))        // the same map is still there
	b.events(calls.CallDigit, calls.CallBridging)
	second := b.dialled("74242490764").leg
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(second, "hangup")
	b.clock.Advance(watchdogAfter) // that leg never reports its end: the watchdog closes the call
	if got := b.over(c.ID); got.HangupBy != calls.ByCustomer || got.Reason != calls.ReasonHangup {
		t.Errorf("ended %s by %s", got.Reason, got.HangupBy)
	}
}

func TestManagerMustConfirmWithADigit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b, func(r *CallRequest) {
		f := calls.DefaultFlow()
		f.Record, f.Digits, f.Manager.Confirm = r.Clip, r.Digits, calls.ConfirmDigit
		r.Flow, r.Clip, r.Digits = &f, "", nil
	})
	manager.emit(answered)
	b.told(manager, "beep")
	b.clock.Advance(confirmTimeout) // a voicemail presses nothing
	b.told(manager, "hangup")
	b.events(calls.CallAction)
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Actions[0].Result != "failed" {
		t.Errorf("actions %+v", got.Actions)
	}
}

func TestHangupByAPI(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit()
		if _, err := b.e.Hangup(ctx, "main", c.ID); err != nil {
			t.Fatal(err)
		}
		if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonByAPI || len(got.Attempts) != 0 {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
		if _, err := b.e.Hangup(ctx, "main", c.ID); calls.CodeOf(err) != calls.CodeWrongState {
			t.Errorf("a second hangup: %v", err)
		}
	})
	t.Run("ringing", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit()
		leg := b.start(c, "main")
		leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
		if _, err := b.e.Hangup(ctx, "main", c.ID); err != nil {
			t.Fatal(err)
		}
		b.told(leg, "hangup")
		leg.emit(answered) // the 200 crosses our CANCEL: no flow starts
		leg.end(calls.Ending{Canceled: true, Answered: false, By: calls.ByZvonar})
		got := b.over(c.ID)
		if got.Outcome != calls.OutcomeCanceled || len(leg.told) != 0 {
			t.Errorf("ended %s, leg was told %d more things", got.Outcome, len(leg.told))
		}
	})
}

func TestRefAndIdempotencyKeyReplay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := context.Background()
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", Ref: "order-1", IdempotencyKey: "k", BodyHash: "h"}
	first, replayed, err := b.e.Submit(ctx, r)
	if err != nil || replayed {
		t.Fatal(err, replayed)
	}
	for _, again := range []CallRequest{r, {Account: "main", To: "79161234567", Clip: "1001", Ref: "order-1", BodyHash: "h"}} {
		c, replayed, err := b.e.Submit(ctx, again)
		if err != nil || !replayed || c.ID != first.ID {
			t.Errorf("replay: %v %v", replayed, err)
		}
	}
	other := r
	other.BodyHash = "other"
	if _, _, err := b.e.Submit(ctx, other); calls.CodeOf(err) != calls.CodeIdempotencyConflict {
		t.Errorf("same key, other body: %v", err)
	}
	other.IdempotencyKey = ""
	if _, _, err := b.e.Submit(ctx, other); calls.CodeOf(err) != calls.CodeRefConflict {
		t.Errorf("same ref, other body: %v", err)
	}
	if len(b.store.rows) != 1 {
		t.Errorf("%d calls were stored", len(b.store.rows))
	}
}

func TestAdmissionRefusesAndStoresNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		change   func(*CallRequest)
		code     calls.Code
		location string
	}{
		{"malformed number", func(r *CallRequest) { r.To = "79x" }, calls.CodeInvalidNumber, "body.to"},
		{"header injection", func(r *CallRequest) { r.To = "79161234567\r\nX: y" }, calls.CodeInvalidNumber, "body.to"},
		{"other country", func(r *CallRequest) { r.To = "12125550123" }, calls.CodeDestinationForbidden, "body.to"},
		{"unknown clip", func(r *CallRequest) { r.Clip = "77" }, calls.CodeUnknownRecording, "body.record_id"},
		{"unknown from", func(r *CallRequest) { r.From = "79160000000" }, calls.CodeInvalidField, "body.from"},
		{"unknown trunk", func(r *CallRequest) { r.Trunk = "nope" }, calls.CodeInvalidField, "body.trunk"},
		{"unknown provider", func(r *CallRequest) { r.Provider = "nope" }, calls.CodeInvalidField, "body.provider"},
		{"forbidden manager", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{4: {Kind: calls.ActionManager, Value: "12125550123"}})
		}, calls.CodeDestinationForbidden, "body.digits[4]"},
		{"extension at an unknown trunk", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{4: {Kind: calls.ActionManager, Value: "201@nope"}})
		}, calls.CodeBadAction, "body.digits[4]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := CallRequest{Account: "main", To: "79161234567", Clip: "1001"}
			tc.change(&r)
			_, _, err := b.e.Submit(context.Background(), r)
			var known *calls.Error
			if !errors.As(err, &known) || known.Code != tc.code {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			if tc.location != "" && (len(known.Fields) == 0 || known.Fields[0].Location != tc.location) {
				t.Errorf("fields %+v, want %s", known.Fields, tc.location)
			}
			if len(b.store.rows)+len(b.store.events)+len(b.queue.queued) != 0 {
				t.Error("something was stored or queued")
			}
		})
	}
}

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
	t.Run("caller gives up", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		leg := newMemLeg("in")
		b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "78005553535"})
		b.told(leg, "ring", "answer")
		leg.end(calls.Ending{Code: 487, By: calls.ByCustomer})
		ev := b.events(calls.CallRinging, calls.CallCompleted)
		if got := b.over(ev.CallID); got.Outcome != calls.OutcomeMissed {
			t.Errorf("ended %s", got.Outcome)
		}
	})
}

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
		c := b.submit(viaCloud)
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

func TestRecoveryLosesWhatMayHaveRungAndQueuesTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	attempt := calls.Attempt{ID: "a1", CallID: "c1", State: calls.AttemptAnswered, Dialog: []byte("d1")}
	b.store.attempts["a1"] = attempt
	b.store.rows["c1"] = &calls.Call{ID: "c1", Account: "main", Status: calls.StatusAnswered, Attempts: []calls.Attempt{attempt}}
	b.store.rows["c2"] = &calls.Call{ID: "c2", Account: "main", Status: calls.StatusHeld}
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := <-b.line.orphans; got != "d1" {
		t.Errorf("BYE for %q", got)
	}
	if got := b.over("c1"); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonNodeLost || b.store.attempts["a1"].State != calls.AttemptLost {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	if _, ok := b.queue.queued["c2"]; !ok || len(b.line.dialled) != 0 {
		t.Error("the held call must be queued, and nobody rung")
	}
}

func TestMaximumDurationEndsTheCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) { r.MaxDuration = time.Minute })
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.clock.Advance(time.Minute)
	b.told(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Reason != calls.ReasonMaxDuration {
		t.Errorf("ended %s", got.Reason)
	}
}

func TestDrainRefusesNewCallsAndHangsUpTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.e.Drain()
	if _, _, err := b.e.Submit(context.Background(), CallRequest{Account: "main", To: "79161234567", Clip: "1001"}); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Errorf("a call asked for while draining: %v", err)
	}
	late := newMemLeg("late")
	b.e.Incoming(late, calls.Invite{Trunk: "main", To: "78005553535"})
	b.told(late, "reject")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- b.e.Stop(gone) }()
	b.told(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := b.over(c.ID); got.Reason != calls.ReasonShutdown {
		t.Errorf("ended %s", got.Reason)
	}
}
