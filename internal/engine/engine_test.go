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
	b.until(leg, "play 1003") // whether the first clip is stopped or replaced is the flow's business
	b.events(calls.CallAction)
	leg.emit(press('2'))
	b.events(calls.CallDigit, calls.CallAction, calls.SMSQueued)
	leg.emit(press('3'))
	b.events(calls.CallDigit)
	b.events(calls.NumberBlocked, calls.CallAction)
	b.until(leg, "hangup") // the flow hangs up after a block
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

func TestWhatIsNotAdmittedIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	full := calls.Errorf(calls.CodeOverloaded, "the disk is full")
	b.e.cfg.Admits = func() error { return full }
	if _, _, err := b.e.Submit(context.Background(), CallRequest{Account: "main", To: "79161234567", Clip: "1001"}); !errors.Is(err, full) {
		t.Errorf("a call asked for: %v; want %v", err, full)
	}
	leg := newMemLeg("late")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", To: "78005553535"})
	b.told(leg, "reject")
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
