package trunk

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"zvonar/sip/resolve"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(n byte) resolve.Target {
	return resolve.Target{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, n}), 5060), Transport: "udp"}
}

// two is a trunk with two addresses.
func two(t *testing.T) (*Trunk, []resolve.Target) {
	t.Helper()
	tr, _ := set(t, Config{Name: "n", URI: "sip:pbx.example.com"}).Get("n")
	list := []resolve.Target{at(1), at(2)}
	tr.SetTargets(noon, list, nil)
	return tr, list
}

func TestWhatFailedIsTriedLast(t *testing.T) {
	t.Parallel()
	type step func(*Trunk)
	silent := func(n byte) step { return func(tr *Trunk) { tr.Silent(noon, at(n), "does not answer") } }
	busy := func(n byte, asked time.Duration) step { return func(tr *Trunk) { tr.Busy(noon, at(n), asked) } }
	probe := func(n byte, bad string) step {
		return func(tr *Trunk) { tr.Probed(noon, at(n), time.Millisecond, bad, false) }
	}
	for _, tc := range []struct {
		name  string
		steps []step
		after time.Duration
		first byte
		state State
	}{
		{"nothing known", nil, 0, 1, Unknown},
		{"silent", []step{silent(1)}, 0, 2, Unknown},
		{"silent, then its quarantine ends", []step{silent(1)}, Quarantine, 1, Unknown},
		{"silent, then an OPTIONS is answered", []step{silent(1), probe(1, "")}, 0, 1, Up},
		{"both silent", []step{silent(1), silent(2)}, 0, 1, Down},
		{"busy", []step{busy(1, 0)}, 0, 2, Unknown},
		{"both busy: that is not down", []step{busy(1, 0), busy(2, 0)}, 0, 1, Unknown},
		{"busy for long", []step{busy(1, time.Hour)}, maxAvoid, 1, Unknown},
		{"one missed OPTIONS", []step{probe(1, ""), probe(1, "x")}, 0, 1, Up},
		{"it never spoke OPTIONS", []step{probe(1, "x"), probe(1, "x"), probe(1, "x"), probe(1, "x")}, 0, 1, Unknown},
		{"it did, and fell silent", []step{probe(1, ""), probe(2, ""), probe(1, "x"), probe(1, "x"), probe(1, "x")}, 0, 2, Up},
		{"both fell silent", []step{probe(1, ""), probe(2, ""), probe(1, "x"), probe(1, "x"), probe(1, "x"), probe(2, "x"), probe(2, "x"), probe(2, "x")}, 0, 1, Down},
	} {
		tr, list := two(t)
		for _, s := range tc.steps {
			s(tr)
		}
		now := noon.Add(tc.after)
		if got := tr.Order(now, list); got[0] != at(tc.first) || len(got) != 2 {
			t.Errorf("%s: order %v", tc.name, got)
		}
		if got := tr.Status(now); got.State != tc.state || got.State == Down && got.Reason == "" {
			t.Errorf("%s: %s (%s), want %s", tc.name, got.State, got.Reason, tc.state)
		}
	}
}

// The figure: from the last answer on, a target is down within 30 s.
func TestASilentTargetIsDownWithinThirtySeconds(t *testing.T) {
	t.Parallel()
	for _, random := range []float64{0, 0.999} {
		tr, _ := two(t)
		for n := byte(1); n <= 2; n++ {
			tr.Probed(noon, at(n), time.Millisecond, "", false)
		}
		// It answers once more at the moment the first probe is due, then never.
		now := noon
		died := time.Time{}
		for tr.Status(now).State != Down {
			list, next := tr.Due(now, ProbeInterval, func() float64 { return random })
			for _, target := range list {
				if died.IsZero() || died.Equal(now) {
					died = now
					tr.Probed(now, target, time.Millisecond, "", false)
					continue
				}
				tr.Probed(now.Add(ProbePatience), target, 0, "does not answer OPTIONS", false)
				next = ProbePatience // when it is looked at again
			}
			if now = now.Add(next); now.Sub(noon) > time.Minute {
				t.Fatal("it is never down")
			}
		}
		for _, target := range tr.Status(now).Targets {
			if took := target.Since.Sub(died); took > 30*time.Second {
				t.Errorf("random %v: known after %s", random, took)
			}
		}
	}
}

func TestANameThatStandsForNothingIsDown(t *testing.T) {
	t.Parallel()
	tr, _ := two(t)
	tr.SetTargets(noon, nil, errors.New("pbx.example.com has no address"))
	if got := tr.Status(noon); got.State != Down || !strings.Contains(got.Reason, "has no address") {
		t.Errorf("%+v", got)
	}
	tr.SetTargets(noon, []resolve.Target{at(1)}, nil)
	if got := tr.Status(noon); got.State != Unknown || len(got.Targets) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestARefusedConnectionNeedsNoProof(t *testing.T) {
	t.Parallel()
	tr, _ := two(t)
	tr.SetTargets(noon, []resolve.Target{at(1)}, nil)
	for range MaxMisses {
		tr.Probed(noon, at(1), 0, "connection refused", true)
	}
	if got := tr.Status(noon); got.State != Down || !strings.Contains(got.Reason, "connection refused") {
		t.Errorf("%+v", got)
	}
}

func TestARegistrationAndAnAddressBothCount(t *testing.T) {
	t.Parallel()
	tr, _ := two(t)
	wanted := Registration{Wanted: true, Error: "no answer"}
	for name, tc := range map[string]struct {
		r    Registration
		want State
	}{
		"not answered yet": {wanted, Unknown},
		"registered":       {Registration{Wanted: true, Until: noon.Add(time.Minute)}, Up},
		"refused":          {Registration{Wanted: true, Error: "403", Next: noon}, Down},
		"ran out":          {Registration{Wanted: true, Until: noon, Next: noon}, Down},
	} {
		tr.SetRegistration(tc.r)
		if got := tr.Status(noon); got.State != tc.want || got.State == Down && got.Reason == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
