package engine

import (
	"fmt"
	"net/netip"
	"testing"

	"zvonar/internal/calls"
)

// redirected ends a leg with a 302 to targets.
func redirected(l *memLeg, targets ...calls.Redirect) {
	l.emit(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Code: 302, Trying: true, By: calls.ByNetwork}, Redirects: targets})
}

func TestARedirectionIsAnAttemptOfItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	via := netip.MustParseAddrPort("192.0.2.7:5080")
	redirected(b.start(c, "main"), calls.Redirect{To: "89167777777", Via: via}, calls.Redirect{To: "79168888888"})
	second := b.dialled("79167777777")
	if second.Via != via || second.SIPCallID == "" {
		t.Errorf("dialled %+v", second.DialRequest)
	}
	second.leg.emit(answered)
	b.told(second.leg, "play 1001")
	b.events(calls.CallQueued, calls.CallDialing, calls.CallDialing, calls.CallAnswered)
	second.leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnswered || len(got.Attempts) != 2 || got.To != c.To {
		t.Fatalf("ended %s after %d attempts", got.Outcome, len(got.Attempts))
	}
	if a := got.Attempts[0]; a.Charged || a.SIPCode != 302 || a.SIPCallID == got.Attempts[1].SIPCallID {
		t.Errorf("the redirected attempt: %+v", a)
	}
	if a := got.Attempts[1]; !a.Charged || a.To != "79167777777" || a.N != 2 {
		t.Errorf("the attempt behind it: %+v", a)
	}
}

func TestRedirectionsThatAreNotFollowed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end     calls.Ending
		targets []calls.Redirect
	}{
		"nowhere":                  {calls.Ending{Code: 302}, nil},
		"a loop":                   {calls.Ending{Code: 302}, []calls.Redirect{{To: "79161234567"}, {To: "89161234567"}}},
		"another country":          {calls.Ending{Code: 302}, []calls.Redirect{{To: "15551234567"}}},
		"no number of any plan":    {calls.Ending{Code: 302}, []calls.Redirect{{To: "201"}}},
		"a number that is blocked": {calls.Ending{Code: 302}, []calls.Redirect{{To: "79169999999"}}},
		"after it rang":            {calls.Ending{Code: 302, Progress: true, Rang: true}, []calls.Redirect{{To: "79167777777"}}},
		"after 199":                {calls.Ending{Code: 302, Progress: true}, []calls.Redirect{{To: "79167777777"}}},
		"by a proxy's address":     {calls.Ending{Code: 305}, []calls.Redirect{{To: "79167777777"}}},
	} {
		b := newBench(t)
		b.store.mu.Lock()
		b.store.blocked = map[string]calls.BlockEntry{"79169999999": {Number: "79169999999"}}
		b.store.mu.Unlock()
		c := b.submit()
		b.start(c, "main").emit(calls.LegEvent{Kind: calls.LegEnded, Ending: tc.end, Redirects: tc.targets})
		got := b.over(c.ID)
		if got.Outcome != calls.OutcomeUnreachable || got.Reason != calls.ReasonRedirected || len(got.Attempts) != 1 || len(b.line.dialled) != 0 {
			t.Errorf("%s: ended %s, %s after %d attempts", name, got.Outcome, got.Reason, len(got.Attempts))
		}
	}
}

func TestABlockedTargetIsPassedOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.mu.Lock()
	b.store.blocked = map[string]calls.BlockEntry{"79169999999": {Number: "79169999999"}}
	b.store.mu.Unlock()
	c := b.submit()
	redirected(b.start(c, "main"), calls.Redirect{To: "79169999999"}, calls.Redirect{To: "79168888888"})
	b.dialled("79168888888").leg.end(calls.Ending{Code: 486, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBusy || len(got.Attempts) != 2 {
		t.Errorf("ended %s after %d attempts", got.Outcome, len(got.Attempts))
	}
}

func TestRedirectionsHaveAnEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	for i := range maxRedirects {
		to := fmt.Sprint("7916000000", i)
		redirected(leg, calls.Redirect{To: to})
		leg = b.dialled(to).leg
	}
	redirected(leg, calls.Redirect{To: "79160000099"})
	if got := b.over(c.ID); got.Reason != calls.ReasonRedirected || len(got.Attempts) != 1+maxRedirects || len(b.line.dialled) != 0 {
		t.Errorf("ended %s, %s after %d attempts", got.Outcome, got.Reason, len(got.Attempts))
	}
}

func TestACallCancelledWhileItIsRedirectedRingsNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	b.limits.mu.Lock()
	b.limits.full = true
	b.limits.mu.Unlock()
	redirected(leg, calls.Redirect{To: "79167777777"})
	b.settle(c.ID)
	if _, err := b.e.Hangup(t.Context(), "main", c.ID); err != nil {
		t.Fatal(err)
	}
	b.settle(c.ID)
	b.clock.Advance(redirectPause)
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || len(b.line.dialled) != 0 {
		t.Errorf("ended %s", got.Outcome)
	}
}
