package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
)

// again is a policy for tests.
func again(raw string) func(*CallRequest) {
	return func(r *CallRequest) {
		policy, err := calls.ParseRetry(json.RawMessage(raw), "body.retry")
		if err != nil {
			panic(err)
		}
		r.Retry = policy
	}
}

const busyTwice = `{"max_attempts":3,"outcomes":{"busy":"5m","machine":{"after":"1h","times":1},"trunk_error":"1m"}}`

func TestABusyCallIsTriedAgainAndEndsOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(again(busyTwice))
	for n := 1; n <= 2; n++ {
		leg := b.start(c, "main")
		leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
		leg.end(calls.Ending{Code: 486, Rang: true, Progress: true, By: calls.ByCustomer})
		got := b.putBack(c.ID)
		if got.Status != calls.StatusHeld || got.Hold == nil || got.Hold.Gate != calls.GateRetry || !got.DueAt.Equal(epoch.Add(5*time.Minute)) || !got.Hold.Until.Equal(got.DueAt) {
			t.Fatalf("after attempt %d the call is %s, held %+v, due %s", n, got.Status, got.Hold, got.DueAt)
		}
		if len(got.Attempts) != n || got.Attempts[n-1].Outcome != calls.OutcomeBusy || got.RingingAt != nil || got.SIPCode != 0 || !b.queue.Has(c.ID) {
			t.Fatalf("attempt %d left %+v, ringing %v, code %d", n, got.Attempts, got.RingingAt, got.SIPCode)
		}
		if row := b.store.attempts[got.Attempts[n-1].ID]; row.Outcome != calls.OutcomeBusy || row.State != calls.AttemptOver {
			t.Fatalf("the row of attempt %d is %+v", n, row)
		}
	}
	b.start(c, "main").end(calls.Ending{Code: 486, By: calls.ByCustomer})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeBusy || len(got.Attempts) != 3 || b.queue.Has(c.ID) {
		t.Errorf("ended %s after %d attempts", got.Outcome, len(got.Attempts))
	}
	if n := testutil.ToFloat64(b.e.metrics.attempts.WithLabelValues("main", "busy", "")); n != 3 {
		t.Errorf("%v attempts were counted", n)
	}
	held := b.events(calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallHeld)
	if !strings.Contains(string(held.Data), `"gate":"retry"`) || !strings.Contains(string(held.Data), `"outcome":"busy"`) {
		t.Errorf("held says %s", held.Data)
	}
	b.events(calls.CallDialing, calls.CallRinging, calls.CallHeld, calls.CallDialing, calls.CallCompleted)
}

func TestAMachineIsTriedAgainAsIfNobodyHadAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(again(busyTwice), func(r *CallRequest) { r.AMD = &calls.AMDOptions{Mode: calls.AMDAsync, OnMachine: calls.OnMachineRetry} })
	for _, last := range []bool{false, true} {
		leg := b.start(c, "main")
		leg.emit(answered)
		b.told(leg, "play 1001")
		b.judge(leg, calls.Judged{Kind: calls.JudgedVerdict, Verdict: calls.VerdictMachine})
		b.until(leg, "hangup")
		leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
		if last {
			break
		}
		got := b.putBack(c.ID)
		if got.AnsweredAt != nil || got.Verdict != calls.VerdictNone || got.TalkMS != 0 || got.Hold.Gate != calls.GateRetry || got.Attempts[0].Outcome != calls.OutcomeMachine {
			t.Fatalf("held %+v, answered %v, verdict %q, attempts %+v", got.Hold, got.AnsweredAt, got.Verdict, got.Attempts)
		}
	}
	if got := b.over(c.ID); got.Outcome != calls.OutcomeMachine || len(got.Attempts) != 2 {
		t.Errorf("ended %s after %d attempts", got.Outcome, len(got.Attempts))
	}
}

func TestWhoEndsACallEndsItsRetries(t *testing.T) {
	t.Parallel()
	t.Run("while it rings", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit(again(busyTwice))
		leg := b.start(c, "main")
		if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
			t.Fatal(err)
		}
		b.told(leg, "hangup")
		leg.end(calls.Ending{Code: 486, Canceled: true, By: calls.ByZvonar})
		if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled {
			t.Errorf("ended %s", got.Outcome)
		}
	})
	t.Run("while it waits", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit(again(busyTwice))
		b.start(c, "main").end(calls.Ending{Code: 486})
		b.putBack(c.ID)
		if _, err := b.e.Hangup(context.Background(), "main", c.ID); err != nil {
			t.Fatal(err)
		}
		if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || len(got.Attempts) != 1 {
			t.Errorf("ended %s", got.Outcome)
		}
	})
	t.Run("its time", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		soon := epoch.Add(4 * time.Minute)
		c := b.submit(again(busyTwice), func(r *CallRequest) { r.NotAfter = &soon })
		b.start(c, "main").end(calls.Ending{Code: 486})
		if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy {
			t.Errorf("ended %s", got.Outcome)
		}
	})
	t.Run("its time, once it was rung", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		c := b.submit(again(busyTwice))
		b.start(c, "main").end(calls.Ending{Code: 486})
		b.putBack(c.ID)
		queued, _ := b.queue.Remove(c.ID)
		b.e.Expired(queued)
		if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || got.Reason != calls.ReasonNotAfter {
			t.Errorf("ended %s/%s", got.Outcome, got.Reason)
		}
	})
}

func TestATrunksFaultGoesToTheNextTrunkUncharged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.queue.trunks = 2
	c := b.submit()
	b.start(c, "main").end(calls.Ending{Code: 503})
	got := b.putBack(c.ID)
	if got.Status != calls.StatusQueued || len(got.Avoid) != 1 || got.Avoid[0] != "main" || got.Trunk != "" || got.Attempts[0].Charged || got.Attempts[0].Outcome != calls.OutcomeTrunkError {
		t.Fatalf("%s, avoids %v, trunk %q, %+v", got.Status, got.Avoid, got.Trunk, got.Attempts)
	}
	b.start(c, "office").end(calls.Ending{Code: 486})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || len(got.Attempts) != 2 || got.Attempts[1].Trunk != "office" {
		t.Errorf("ended %s after %+v", got.Outcome, got.Attempts)
	}
	if a := b.queue.attempted; len(a) != 2 || a[0].Trunk != "main" || a[0].Result.Charged || a[0].Code != 503 || a[1].Result.Outcome != calls.OutcomeBusy {
		t.Errorf("the queue heard %+v", a)
	}
}

func TestNobodyWhoMayHaveBeenRungFailsOver(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]calls.Ending{
		"it rang":              {Code: 503, Rang: true, Progress: true},
		"it was being tried":   {Timeout: true, Trying: true},
		"the callee said it":   {Code: 486},
		"the last trunk of it": {Code: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if b.queue.trunks = 2; name == "the last trunk of it" {
				b.queue.trunks = 1
			}
			c := b.submit()
			b.start(c, "main").end(end)
			if got := b.over(c.ID); len(got.Attempts) != 1 {
				t.Errorf("%d attempts", len(got.Attempts))
			}
		})
	}
}

func TestAGateThatClosesBeforeTheAttemptPutsTheCallBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.limits.closed = calls.ErrGateClosed
	c := b.submit()
	b.release(c, "main")
	if got := b.putBack(c.ID); got.Status != calls.StatusQueued || len(got.Attempts) != 0 || !b.queue.Has(c.ID) || len(b.line.dialled) != 0 {
		t.Fatalf("%s with %d attempts", got.Status, len(got.Attempts))
	}
	b.limits.closed = errors.New("disk")
	b.release(c, "main")
	if got := b.over(c.ID); got.Outcome != calls.OutcomeLost || len(b.line.dialled) != 0 {
		t.Errorf("ended %s", got.Outcome)
	}
}

func TestARetryThatCannotBeStoredEndsTheCallAsItWas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(again(busyTwice))
	leg := b.start(c, "main")
	broken := &stuckStore{b.store, make(chan func(), 10)}
	b.e.store = broken
	leg.end(calls.Ending{Code: 486, By: calls.ByCustomer})
	unit := <-broken.units
	b.store.broken(errors.New("disk"))
	b.e.store = b.store
	unit()
	b.e.wg.Wait()
	b.store.broken(nil)
	b.clock.Advance(closePauses[0])
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || len(got.Attempts) != 1 || b.queue.Has(c.ID) {
		t.Errorf("ended %s, queued %v", got.Outcome, b.queue.Has(c.ID))
	}
}
