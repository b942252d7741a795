package engine

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// memRouter answers when the test says so.
type memRouter struct {
	asked   chan calls.RouteQuery
	answers chan func() (calls.RouteAnswer, error)
	deaf    bool // it does not mind its context
}

func newMemRouter() *memRouter {
	return &memRouter{asked: make(chan calls.RouteQuery, 10), answers: make(chan func() (calls.RouteAnswer, error), 10)}
}

func (m *memRouter) Route(ctx context.Context, q calls.RouteQuery) (calls.RouteAnswer, error) {
	m.asked <- q
	if m.deaf {
		return (<-m.answers)()
	}
	select {
	case a := <-m.answers:
		return a()
	case <-ctx.Done():
		return calls.RouteAnswer{}, ctx.Err()
	}
}

func (m *memRouter) say(a calls.RouteAnswer, err error) {
	m.answers <- func() (calls.RouteAnswer, error) { return a, err }
}

// routedBench is a bench whose inbound number asks a router.
func routedBench(t *testing.T, change ...func(*Lookup)) (*bench, *memRouter) {
	b, router := staffed(t, calls.Sequential), newMemRouter()
	l := &Lookup{Name: "crm", Router: router, Except: []string{"202"}, Errors: 2}
	for _, f := range change {
		f(l)
	}
	flow := calls.DefaultFlow()
	flow.Record = "1002"
	b.e.Reload(b.e.trunks(), []Route{{Number: "78005553535", Trunk: "main", Flow: flow, Lookup: l}})
	return b, router
}

// calling is a caller whose number is being looked up.
func (b *bench) calling() *memLeg {
	b.t.Helper()
	leg := newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", From: "+79161234567", To: "78005553535"})
	b.told(leg, "ring")
	return leg
}

// came waits for the event of the look-up.
func (b *bench) came(want routeResult, target string) calls.Event {
	b.t.Helper()
	ev := b.events(calls.CallRinging, calls.CallRouted)
	var d routedData
	if err := json.Unmarshal(ev.Data, &d); err != nil || d.Router != "crm" || d.Result != want || d.Target != target {
		b.t.Fatalf("told %s, want %s to %q", ev.Data, want, target)
	}
	return ev
}

func TestACallerIsSentToTheEmployeeWhoIsResponsibleForHim(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t)
	leg := b.calling()
	if q := <-router.asked; q.From != "79161234567" || q.To != "78005553535" || q.Account != "main" || q.CallID == "" {
		t.Errorf("asked %+v", q)
	}
	router.say(calls.RouteAnswer{Found: true, Target: "201", Name: "Иван \x07Петров"}, nil)
	ev := b.came(routeFound, "employee:201")
	b.told(leg, "answer")
	leg.emit(answered)
	b.until(leg, "ringback")
	d := b.dialled("201")
	if d.FromName != "Иван Петров" {
		t.Errorf("the telephone shows %q", d.FromName)
	}
	d.leg.emit(answered)
	b.bridging("bridge in " + d.leg.id)
	d.leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.until(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(ev.CallID); got.Employee != "emp_a" || got.Reason != calls.ReasonBridgeEnd || len(got.Attempts) != 1 {
		t.Errorf("ended %+v", got)
	}
}

func TestWhoIsResponsibleDoesNotAnswerAndTheNumbersOwnFlowRuns(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t)
	leg := b.calling()
	router.say(calls.RouteAnswer{Found: true, Target: "201"}, nil)
	b.told(leg, "answer")
	leg.emit(answered)
	b.until(leg, "ringback")
	b.dialled("201").leg.end(calls.Ending{Code: 486})
	b.until(leg, "play 1002")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.e.wg.Wait()
}

func TestTheNumbersOwnFlowRunsWhereNobodyIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer calls.RouteAnswer
		want   routeResult
	}{
		"nobody":                {calls.RouteAnswer{}, routeNobody},
		"a contact of nobody's": {calls.RouteAnswer{Found: true, Name: "Ivan"}, routeNobody},
		"an exception":          {calls.RouteAnswer{Found: true, Target: "202"}, routeExcepted},
		"no target at all":      {calls.RouteAnswer{Found: true, Target: "to the moon"}, routeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, router := routedBench(t)
			leg := b.calling()
			router.say(c.answer, nil)
			b.came(c.want, "")
			b.told(leg, "answer")
			leg.emit(answered)
			b.told(leg, "play 1002")
			leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			b.e.wg.Wait()
		})
	}
}

func TestACallerNeverWaitsBeyondTheBudget(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t, func(l *Lookup) { l.Budget = 700 * time.Millisecond })
	router.deaf = true
	leg := b.calling()
	<-router.asked
	b.clock.Advance(700 * time.Millisecond)
	ev := b.came(routeTimeout, "")
	var d routedData
	if err := json.Unmarshal(ev.Data, &d); err != nil || d.MS != 700 {
		t.Errorf("told %s", ev.Data)
	}
	b.told(leg, "answer")
	leg.emit(answered)
	b.told(leg, "play 1002")
	router.say(calls.RouteAnswer{Found: true, Target: "201"}, nil) // too late
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(ev.CallID); len(got.Attempts) != 0 {
		t.Errorf("the late answer rang somebody: %+v", got.Attempts)
	}
}

func TestACallerMayHangUpWhileHeIsLookedUp(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t)
	leg := b.calling()
	<-router.asked
	leg.end(calls.Ending{Code: 487, By: calls.ByCustomer})
	ev := b.events(calls.CallRinging, calls.CallCompleted)
	if got := b.over(ev.CallID); got.Outcome != calls.OutcomeMissed {
		t.Errorf("ended %s", got.Outcome)
	}
}

func TestTheFallbackIsRungWhereTheRouterFails(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t, func(l *Lookup) { l.Fallback = "79160000009" })
	leg := b.calling()
	router.say(calls.RouteAnswer{}, errors.New("it answered with status 500"))
	b.came(routeFailed, "79160000009")
	b.told(leg, "answer")
	leg.emit(answered)
	b.until(leg, "ringback")
	b.dialled("79160000009").leg.end(calls.Ending{Code: 480})
	b.until(leg, "play 1002")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.e.wg.Wait()
}

func TestARouterThatFailsIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t, func(l *Lookup) { l.Pause = time.Minute })
	ends := func(want routeResult) {
		t.Helper()
		leg := b.calling()
		b.came(want, "")
		b.told(leg, "answer")
		leg.end(calls.Ending{Code: 487, By: calls.ByCustomer})
		b.e.wg.Wait()
		b.drain()
	}
	for range 2 {
		router.say(calls.RouteAnswer{}, errors.New("no"))
		ends(routeFailed)
		<-router.asked
	}
	ends(routeSkipped)
	if len(router.asked) != 0 {
		t.Fatal("it was asked all the same")
	}
	b.clock.Advance(time.Minute)
	router.say(calls.RouteAnswer{}, nil)
	ends(routeNobody)
	router.say(calls.RouteAnswer{}, nil)
	ends(routeNobody)
}

func TestACallerWithoutANumberIsNotLookedUp(t *testing.T) {
	t.Parallel()
	b, router := routedBench(t)
	leg := newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", From: "anonymous", To: "78005553535"})
	b.told(leg, "ring", "answer")
	leg.end(calls.Ending{Code: 487, By: calls.ByCustomer})
	b.e.wg.Wait()
	if len(router.asked) != 0 {
		t.Error("it was asked")
	}
}
