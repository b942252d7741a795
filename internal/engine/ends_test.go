package engine

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

var errDisk = errors.New("disk full")

// until skips what the leg was told until it was told what.
func (b *bench) until(l *memLeg, what string) {
	b.t.Helper()
	for {
		select {
		case got := <-l.told:
			if got == what {
				b.quiet()
				return
			}
		case <-time.After(patience):
			b.t.Fatalf("leg %s was never told %q", l.id, what)
		}
	}
}

func actionOf(t *testing.T, ev calls.Event) (r calls.ActionResult) {
	t.Helper()
	if err := json.Unmarshal(ev.Data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCustomerWhoLeavesWhileTheManagerRings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.told(manager, "hangup")
	if r := actionOf(t, b.events(calls.CallAction)); r.Result != "failed" {
		t.Errorf("the action ended %+v", r)
	}
	manager.emit(answered) // his 200 crosses our CANCEL
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	b.events(calls.CallCompleted)
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnswered || got.Reason != calls.ReasonHangup || got.HangupBy != calls.ByCustomer {
		t.Errorf("ended %s/%s by %s", got.Outcome, got.Reason, got.HangupBy)
	}
	if len(manager.told) != 0 || len(b.line.bridges) != 0 {
		t.Error("something was done with a manager who came too late")
	}
	for id, a := range b.store.attempts {
		if a.State != calls.AttemptOver || a.Dialog != nil || a.EndedAt == nil {
			t.Errorf("attempt %s is %s", id, a.State)
		}
	}
}

func TestDeadAirEndsACallByItsKind(t *testing.T) {
	t.Parallel()
	for silence, want := range map[calls.Silence]calls.Reason{
		"": calls.ReasonMediaTimeout, calls.SilenceLost: calls.ReasonMediaTimeout, calls.SilenceNever: calls.ReasonNoMedia, calls.SilenceHeld: calls.ReasonHoldTimeout,
	} {
		b := newBench(t)
		c, leg, manager := managed(t, b)
		manager.emit(answered)
		b.events(calls.CallBridged, calls.CallAction)
		leg.emit(calls.LegEvent{Kind: calls.LegMediaTimeout, Silence: silence})
		b.until(leg, "hangup")
		b.told(manager, "hangup")
		b.events(calls.CallUnbridged)
		manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		if got := b.over(c.ID); got.Reason != want || got.HangupBy != calls.ByZvonar {
			t.Errorf("%q ended %s by %s, want %s", silence, got.Reason, got.HangupBy, want)
		}
	}
}

func TestMediaThatStopsInABridgeEndsTheCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg, manager := managed(t, b)
	manager.emit(answered)
	b.events(calls.CallBridged, calls.CallAction)
	leg.emit(calls.LegEvent{Kind: calls.LegMediaTimeout})
	b.until(leg, "hangup")
	b.told(manager, "hangup")
	b.events(calls.CallUnbridged)
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Reason != calls.ReasonMediaTimeout || got.HangupBy != calls.ByZvonar {
		t.Errorf("ended %s by %s", got.Reason, got.HangupBy)
	}
}

func TestManagerWhoseAttemptCannotBeStoredIsNotRung(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	})
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered)
	b.store.broken(errDisk)
	leg.emit(press('1'))
	b.until(leg, "play 1001") // back in the menu
	b.store.broken(nil)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	got := b.over(c.ID)
	if len(b.line.dialled) != 0 || len(got.Attempts) != 1 {
		t.Errorf("%d attempts, somebody was rung: %v", len(got.Attempts), len(b.line.dialled) != 0)
	}
}

func TestActionsThatCannotBeStoredAreNotDone(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]calls.Action{
		"sms": {Kind: calls.ActionSMS, Value: "hello"}, "block": {Kind: calls.ActionBlock, Value: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := b.submit(func(r *CallRequest) { r.Digits = digits(map[int]calls.Action{1: action}) })
			leg := b.start(c, "main")
			leg.emit(answered)
			b.told(leg, "play 1001")
			b.store.broken(errDisk)
			leg.emit(press('1'))
			b.until(leg, "play 1001") // a failed action leads back to the menu
			b.store.broken(nil)
			leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			got := b.over(c.ID)
			if len(got.Actions) != 1 || got.Actions[0].Result != "failed" || len(b.store.sms)+len(b.store.blocked) != 0 {
				t.Errorf("actions %+v, %d texts, %d blocked", got.Actions, len(b.store.sms), len(b.store.blocked))
			}
		})
	}
}

func TestEndOfACallIsWrittenOnceTheStoreTakesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered)
	b.store.broken(errDisk)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.e.wg.Wait()
	b.clock.Advance(closePauses[0]) // still broken
	b.store.broken(nil)
	b.clock.Advance(closePauses[1])
	b.events(calls.CallCompleted)
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || b.store.attempts[got.Attempts[0].ID].State != calls.AttemptOver {
		t.Errorf("ended %s", got.Outcome)
	}
}

func TestCancelThatCannotBeStoredLeavesTheCallQueued(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	b.store.broken(errDisk)
	if _, err := b.e.Hangup(context.Background(), "main", c.ID); err == nil {
		t.Fatal("a hangup that nobody stored was confirmed")
	}
	b.store.broken(nil)
	if queued, ok := b.queue.Remove(c.ID); !ok || queued.Over() {
		t.Error("the call is neither over nor queued")
	}
}

func TestWatchdogClosesACallWhoseLegNeverEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.clock.Advance(10 * time.Second)
	if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
		t.Fatal(err)
	}
	b.told(leg, "hangup")
	b.clock.Advance(watchdogAfter)
	if got := b.over(c.ID); got.Reason != calls.ReasonByAPI || got.TalkMS != 10_000 {
		t.Errorf("ended %s after a talk of %d ms; the wait for the BYE is no talk", got.Reason, got.TalkMS)
	}
}

func TestPanicInAStepEndsThisCallAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, other := b.submit(), b.submit(func(r *CallRequest) { r.To = "79161234568" })
	leg := b.start(c, "main")
	second := b.start(other, "main")
	b.e.session(c.ID).box.post(func() { panic("a faulty step") })
	b.told(leg, "hangup")
	second.end(calls.Ending{Code: 486})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonStuck {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	if got := b.over(other.ID); got.Outcome != calls.OutcomeBusy {
		t.Errorf("the other call ended %s", got.Outcome)
	}
}

// stuckStore takes units and does not come to them.
type stuckStore struct {
	*memStore
	units chan func()
}

func (s *stuckStore) Observe(fn func(calls.Tx) error, done func(error)) {
	s.units <- func() { s.memStore.Observe(fn, done) }
}

func (s *stuckStore) Note(fn func(calls.Tx) error, done func(error)) { s.Observe(fn, done) }

func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	stuck := &stuckStore{b.store, make(chan func(), 10)}
	b.e.store = stuck
	b.release(c, "main")
	attempt := <-stuck.units
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- b.e.Stop(gone) }()
	for waiting := true; waiting; { // until the timer of Stop is set
		b.clock.Advance(stopPatience / 10)
		select {
		case err := <-stopped:
			if err == nil {
				t.Error("nothing is said of a call that did not end")
			}
			waiting = false
		default:
			runtime.Gosched()
		}
	}
	attempt() // now the store answers: nobody is rung
	b.e.wg.Wait()
	if len(b.line.dialled) != 0 {
		t.Error("a call was dialled after Stop")
	}
}

func TestLeaningOnAKeyIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.stream = nil
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{2: {Kind: calls.ActionSMS, Value: "hello"}})
	})
	leg := b.start(c, "main")
	leg.told = make(chan string, 10*maxDigits)
	leg.emit(answered)
	for range maxDigits + 100 {
		leg.emit(press('2'))
		b.settle(c.ID)
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	got := b.over(c.ID)
	told := map[calls.EventType]int{}
	for _, ev := range b.store.events {
		told[ev.Type]++
	}
	if len(got.Digits) != maxDigits || told[calls.CallDigit] != maxDigits || told[calls.CallNeedsAttention] != 1 || len(b.store.sms) != maxTexts {
		t.Errorf("%d digits kept, %v told, %d texts", len(got.Digits), told, len(b.store.sms))
	}
}

// settle waits until the call has taken everything posted so far.
func (b *bench) settle(id string) {
	b.t.Helper()
	s, done := b.e.session(id), make(chan struct{})
	if s == nil || !s.box.post(func() { close(done) }) {
		b.t.Fatal("the call is over")
	}
	<-done
}

func TestManagersAreNotRungForEver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.stream = nil
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "74242490764"}})
	})
	leg := b.start(c, "main")
	leg.told = make(chan string, 1000)
	leg.emit(answered)
	for range maxAttempts - 1 {
		leg.emit(press('1'))
		b.dialled("74242490764").leg.end(calls.Ending{Code: 486})
		b.settle(c.ID)
	}
	leg.emit(press('1'))
	b.settle(c.ID)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); len(got.Attempts) != maxAttempts || len(b.line.dialled) != 0 {
		t.Errorf("%d attempts", len(got.Attempts))
	}
}

func TestAFarEndThatIsGoneEndsTheCallByThatName(t *testing.T) {
	t.Parallel()
	gone := calls.Ending{Answered: true, Expired: true, By: calls.ByNetwork}
	b := newBench(t)
	c, leg, manager := talkingWithManager(t, b)
	leg.end(gone)
	b.until(manager, "hangup")
	manager.end(calls.Ending{Answered: true})
	if got := b.over(c.ID); got.Reason != calls.ReasonSessionExpired || got.HangupBy != calls.ByNetwork {
		t.Errorf("the customer's session: %s by %s", got.Reason, got.HangupBy)
	}
	b = newBench(t)
	c, leg, manager = talkingWithManager(t, b)
	manager.end(gone)
	b.until(leg, "hangup")
	leg.end(calls.Ending{Answered: true})
	if ev := b.events(calls.CallUnbridged); !strings.Contains(string(ev.Data), `"session_expired"`) {
		t.Errorf("the manager's session: %s", ev.Data)
	}
	b.over(c.ID)
}
