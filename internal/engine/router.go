package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Who calls one of our numbers may be somebody's customer: an outside system is
// asked for the responsible employee before the call is answered. The caller waits
// for it no longer than its budget; whatever goes wrong leaves the call to the
// rules of the number.

// What holds where a Lookup says nothing.
const (
	defaultRouterBudget = 1500 * time.Millisecond
	defaultRouterErrors = 3
	defaultRouterPause  = 30 * time.Second
	maxShownName        = 64 // bytes of a display name
)

// routeResult is what came of a look-up, as events and metrics name it.
type routeResult string

// The results.
const (
	routeFound    routeResult = "found"    // the caller is redirected
	routeNobody   routeResult = "nobody"   // the router knows nobody for him
	routeExcepted routeResult = "excepted" // whom it names is an exception
	routeFailed   routeResult = "failed"
	routeTimeout  routeResult = "timeout"
	routeSkipped  routeResult = "skipped" // it failed too often lately and was not asked
)

// abnormal: the router did not do its work, and the fallback is rung.
func (r routeResult) abnormal() bool {
	return r == routeFailed || r == routeTimeout || r == routeSkipped
}

// routing is what an inbound call knows of its look-up.
type routing struct {
	lookup *Lookup            // nil: there is none
	giveUp context.CancelFunc // of the question that is out; nil: none
	first  []calls.Action     // before the flow: whom to ring
	name   string             // of the caller, for managers' telephones
}

// askRouter asks in a goroutine of its own; the call goes on with the answer or
// when the budget is spent, whichever is first.
func (s *session) askRouter() {
	l := s.routing.lookup
	if !s.e.routers.may(l.Name) {
		s.routed(calls.RouteAnswer{}, routeSkipped, "it failed too often lately", s.now())
		return
	}
	asked := s.now()
	budget := l.Budget
	if budget <= 0 {
		budget = defaultRouterBudget
	}
	ctx, cancel := context.WithCancel(s.e.life)
	s.routing.giveUp = cancel
	s.after(timerRouter, budget, func() {
		s.e.routers.failed(l)
		s.routed(calls.RouteAnswer{}, routeTimeout, "no answer came in time", asked)
	})
	q := calls.RouteQuery{Account: s.call.Account, CallID: s.call.ID, From: s.call.From, To: s.call.To}
	s.e.wg.Add(1) // the session holds it, too: it is not waited out yet
	go func() {
		defer s.e.wg.Done()
		defer cancel()
		answer, err := l.Router.Route(ctx, q)
		s.box.post(func() {
			if s.routing.giveUp == nil { // the budget was spent, or the caller is gone
				return
			}
			if err != nil {
				s.e.routers.failed(l)
				s.routed(calls.RouteAnswer{}, routeFailed, err.Error(), asked)
				return
			}
			s.e.routers.answered(l.Name)
			s.routed(answer, routeNobody, "", asked)
		})
	}()
}

// routed goes on with what is known of the caller.
func (s *session) routed(a calls.RouteAnswer, result routeResult, why string, asked time.Time) {
	s.leaveRouter()
	if s.phase != offered || s.ending.reason != "" {
		return
	}
	l := s.routing.lookup
	target, ok := a.Responsible(l.Except)
	switch {
	case ok:
		result = routeFound
	case a.Found && a.Target != "":
		result = routeExcepted
	}
	if result == routeFound {
		var err error
		if target, err = s.e.managerValue(s.call.Account, "", target, "target"); err != nil {
			result, why, target = routeFailed, "it names a target that cannot be rung: "+known(err), ""
		}
	}
	if result.abnormal() {
		target = l.Fallback
		s.log.Warn("who is responsible for a caller could not be learned", "router", l.Name, "result", result, "err", why)
	}
	if a.Found {
		s.routing.name = calls.Clean(a.Name, maxShownName)
	}
	if target != "" {
		s.routing.first = []calls.Action{{Kind: calls.ActionManager, Value: target}}
	}
	s.e.metrics.routed.WithLabelValues(l.Name, string(result)).Inc()
	s.tell(s.event(calls.CallRouted, routedData{Router: l.Name, Result: result, Target: target,
		MS: s.now().Sub(asked).Milliseconds(), Error: calls.Clean(why, maxWhy)}))
	s.takeIn()
}

// maxWhy bounds a reason in an event, in bytes.
const maxWhy = 200

// known is the sentence of an error.
func known(err error) string {
	var e *calls.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}

// leaveRouter: the answer of the question that is out is no longer wanted.
func (s *session) leaveRouter() {
	if s.routing.giveUp != nil {
		s.routing.giveUp()
		s.routing.giveUp = nil
	}
	s.after(timerRouter, 0, nil)
}

// breakers keep routers that fail from being asked: each has one, by its name.
// Safe for concurrent use.
type breakers struct {
	clock clock.Clock
	mu    sync.Mutex
	of    map[string]*breaker
}

// breaker counts the failures of one router.
type breaker struct {
	failures int       // in a row
	until    time.Time // nobody is asked before; zero: it is asked
}

func newBreakers(c clock.Clock) *breakers {
	return &breakers{clock: c, of: map[string]*breaker{}}
}

// may reports whether the router is asked now. After the pause one caller asks, and
// the others wait for what becomes of his question, at most as long as another pause.
func (b *breakers) may(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.of[name]
	if x == nil || x.until.IsZero() {
		return true
	}
	now := b.clock.Now()
	if now.Before(x.until) {
		return false
	}
	x.until = now.Add(defaultRouterPause)
	return true
}

func (b *breakers) failed(l *Lookup) {
	most, pause := l.Errors, l.Pause
	if most <= 0 {
		most = defaultRouterErrors
	}
	if pause <= 0 {
		pause = defaultRouterPause
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.of[l.Name]
	if x == nil {
		x = &breaker{}
		b.of[l.Name] = x
	}
	if x.failures++; x.failures >= most {
		x.until = b.clock.Now().Add(pause)
	}
}

func (b *breakers) answered(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, name)
}
