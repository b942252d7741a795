package engine

import (
	"context"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// rounds lets the watchdog make n rounds.
func (b *bench) rounds(n int) {
	for range n {
		b.clock.Fake.Advance(patrolEvery) // also while a call hangs
	}
}

func TestTheWatchdogEndsACallThatNobodyRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.left(calls.Call{ID: "c1", Status: calls.StatusAnswered}, calls.Attempt{ID: "a1", State: calls.AttemptAnswered, Dialog: []byte("d1")})
	b.left(calls.Call{ID: "c2", Status: calls.StatusQueued})
	b.rounds(1)
	if b.store.rows["c1"].Over() || b.queue.Has("c2") {
		t.Fatal("a call that may just change hands was touched")
	}
	b.rounds(1)
	if got := <-b.line.orphans; got != "d1" {
		t.Errorf("BYE for %q", got)
	}
	if got := b.over("c1"); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonStuck {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	b.events(calls.CallNeedsAttention, calls.CallCompleted)
	if !b.queue.Has("c2") {
		t.Error("a call that nobody was rung for is queued again, not lost")
	}
}

func TestTheWatchdogLeavesRunningCallsAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	waiting := b.submit(func(r *CallRequest) { r.To = "79161234568" })
	c := b.submit(func(r *CallRequest) { r.MaxDuration = time.Hour })
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	for range 30 {
		b.rounds(1)
		b.settle(c.ID) // the session answers
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered {
		t.Errorf("ended %s", got.Outcome)
	}
	b.rounds(3)
	if b.store.rows[waiting.ID].Over() || !b.queue.Has(waiting.ID) {
		t.Error("a waiting call was touched")
	}
}

func TestTheWatchdogWaitsForAnEndThatIsOnItsWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	slow := &stuckStore{b.store, make(chan func(), 10)}
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c := b.submit()
	leg := b.start(c, "main")
	b.e.store = slow
	leg.end(calls.Ending{Code: 486, By: calls.ByCustomer})
	b.e.wg.Wait()
	b.rounds(5)
	if b.store.rows[c.ID].Over() {
		t.Fatal("the watchdog ended a call whose end waits for the store")
	}
	for len(slow.units) > 0 {
		(<-slow.units)()
	}
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestTheWatchdogCutsOffASessionThatHangs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.settle(c.ID)
	hang := make(chan struct{})
	b.e.session(c.ID).box.post(func() { <-hang })
	b.rounds(1 + roundsOfPatience)
	if got := <-b.line.orphans; got != "dialog" { // by what the store knows: the session cannot be asked
		t.Errorf("BYE for %q", got)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.CallAnswered, calls.CallNeedsAttention, calls.CallCompleted)
	close(hang) // it wakes up, and finds its call over
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonStuck {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestTheWatchdogEndsACallThatOutlivedItsLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c := b.submit()
	leg := b.start(c, "main")
	s, done := b.e.session(c.ID), make(chan struct{})
	s.box.post(func() { s.stopTimers(); close(done) }) // as if its limit had been forgotten
	<-done
	for alive := true; alive; {
		b.rounds(1)
		pong := make(chan struct{})
		if !s.box.post(func() { close(pong) }) {
			break
		}
		select {
		case <-pong:
			alive = b.clock.Now().Sub(epoch) < 24*time.Hour
		case got := <-leg.told:
			alive = got != "hangup"
		}
	}
	leg.end(calls.Ending{By: calls.ByZvonar})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeLost || got.Reason != calls.ReasonStuck {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

// A store that takes its time holds up nothing that people hear: only what must
// be durable before somebody is rung waits for it.
func TestFirstAudioAndHangUpDoNotWaitForTheStore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionRecord, Value: "1003"}, 2: {Kind: calls.ActionManager, Value: "74242490764"}})
	})
	slow := &stuckStore{b.store, make(chan func(), 100)}
	b.e.store = slow
	b.release(c, "main")
	attempt := <-slow.units
	if len(b.line.dialled) != 0 {
		t.Fatal("rung before the attempt was durable")
	}
	attempt()
	leg := b.dialled(c.To).leg
	leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
	leg.emit(answered)
	b.told(leg, "play 1001") // no unit was run since
	leg.emit(press('1'))
	b.until(leg, "play 1003")
	leg.emit(press('2'))
	b.until(leg, "ringback")
	b.settle(c.ID)
	if len(b.line.dialled) != 0 {
		t.Fatal("the manager is rung before his attempt is durable")
	}
	if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
		t.Fatal(err)
	}
	b.until(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	b.e.wg.Wait() // the session is over, its facts wait in their order
	b.store.mu.Lock()
	last := b.store.events[len(b.store.events)-1].Type
	b.store.mu.Unlock()
	if last != calls.CallDialing {
		t.Fatalf("%s was stored by a store that holds everything back", last)
	}
	for len(slow.units) > 0 {
		(<-slow.units)()
	}
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || len(b.line.dialled) != 0 {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallAnswered, calls.CallDigit)
}

func TestTheCustomerIsRungAgainOnlyWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end     calls.Ending
		allowed bool
	}{
		"trunk's fault": {calls.Ending{Code: 503}, true},
		"it rang":       {calls.Ending{Code: 503, Progress: true, Rang: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := b.submit()
			b.queue.Remove(c.ID)
			s := b.e.newSession(c)
			first, err := s.newAttempt(calls.RoleCustomer, "main", c.To)
			if err != nil {
				t.Fatal(err)
			}
			s.customer.attempt = first
			if _, err := s.newAttempt(calls.RoleCustomer, "pbx", c.To); err == nil {
				t.Fatal("a second attempt beside one that runs")
			}
			s.customer.gone, s.customer.ended = true, tc.end
			if _, err := s.newAttempt(calls.RoleCustomer, "pbx", c.To); (err == nil) != tc.allowed {
				t.Errorf("a second attempt: %v", err)
			}
			s.stopTimers()
		})
	}
}
