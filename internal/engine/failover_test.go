package engine

import (
	"net/netip"
	"testing"

	"zvonar/internal/calls"
)

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// failed ends a leg at one address of the trunk, with others that are left.
func failed(l *memLeg, end calls.Ending, target string, others ...string) {
	ev := calls.LegEvent{Kind: calls.LegEnded, Ending: end, Target: at(target)}
	for _, o := range others {
		ev.Redirects = append(ev.Redirects, calls.Redirect{To: "79161234567", Via: at(o), Failover: true})
	}
	l.emit(ev)
}

func TestAnotherAddressIsAnAttemptOfItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	failed(b.start(c, "main"), calls.Ending{Timeout: true, By: calls.ByNetwork}, "192.0.2.1:5060", "192.0.2.2:5060", "192.0.2.3:5060")
	second := b.dialled("79161234567")
	if second.Via != at("192.0.2.2:5060") || !second.Failover {
		t.Fatalf("the second attempt: %+v", second.DialRequest)
	}
	// The first one is not tried again, whatever the line thinks of it.
	failed(second.leg, calls.Ending{Code: 503}, "192.0.2.2:5060", "192.0.2.1:5060", "192.0.2.3:5060")
	third := b.dialled("79161234567")
	if third.Via != at("192.0.2.3:5060") {
		t.Fatalf("the third attempt: %+v", third.DialRequest)
	}
	failed(third.leg, calls.Ending{Code: 486, Trying: true}, "192.0.2.3:5060")
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeBusy || len(got.Attempts) != 3 {
		t.Fatalf("%s with %d attempts", got.Outcome, len(got.Attempts))
	}
	for i, want := range []struct {
		target  string
		charged bool
	}{{"192.0.2.1:5060", false}, {"192.0.2.2:5060", false}, {"192.0.2.3:5060", true}} {
		if a := got.Attempts[i]; a.Target != want.target || a.Charged != want.charged {
			t.Errorf("attempt %d: %+v, want %+v", i+1, a, want)
		}
	}
}

func TestNobodyIsRungAtASecondAddressWhoMayHaveBeenRung(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]calls.Ending{
		"it rang":             {Code: 503, Rang: true, Progress: true},
		"a 100, then silence": {Timeout: true, Trying: true},
		"we cancelled":        {Timeout: true, Canceled: true},
		"the callee is busy":  {Code: 486},
	} {
		b := newBench(t)
		c := b.submit()
		failed(b.start(c, "main"), end, "192.0.2.1:5060", "192.0.2.2:5060")
		if got := b.over(c.ID); len(got.Attempts) != 1 || len(b.line.dialled) != 0 {
			t.Errorf("%s: %d attempts", name, len(got.Attempts))
		}
	}
}
