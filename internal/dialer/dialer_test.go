package dialer

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
)

func TestACallIsBegunWhenItIsDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.enqueue("now", "m1")
	b.enqueue("later", "m2", func(c *calls.Call) { c.DueAt = noon.Add(time.Hour) })
	b.pass("begin now main")
	if b.store.views != 1 {
		t.Errorf("the store was asked %d times; the call that is not due needs no look", b.store.views)
	}
	b.wait(time.Hour)
	b.pass("begin later main")
	if !b.next.IsZero() {
		t.Errorf("with nothing queued the dialer wants to look at %s", b.next)
	}
}

func TestUrgentCallsGoFirstThenTheLongestDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.clock.Advance(time.Minute)
	b.enqueue("c", "m1")
	b.enqueue("b", "m2", func(c *calls.Call) { c.DueAt = noon.Add(time.Second) })
	b.enqueue("a", "m3", func(c *calls.Call) { c.DueAt = noon.Add(time.Second); c.CreatedAt = noon })
	b.enqueue("urgent", "m4", func(c *calls.Call) { c.Priority = 5 })
	b.enqueue("spare", "m5", func(c *calls.Call) { c.Priority = 3; c.Trunk = "spare" })
	b.pass("begin urgent main", "begin spare spare", "begin a main", "begin b main", "begin c main")
}

func TestTheTrunkIsChosen(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks[0].MaxCalls = 1 })
	b.enqueue("any1", "m1")
	b.enqueue("other", "m2", func(c *calls.Call) { c.CreatedAt = noon.Add(1) })
	b.enqueue("by number", "m3", func(c *calls.Call) { c.From = "200" })
	b.enqueue("by name", "m4", func(c *calls.Call) { c.From = "200"; c.Trunk = "main" })
	b.enqueue("gone", "m5", func(c *calls.Call) { c.From = "300" })
	b.pass("begin any1 main", "held by name channels", "begin by number spare", "held gone trunk_down", "begin other spare")
	b.wait(noTrunkRetry)
	b.pass()
}

func TestACallHeldByTheTrunkGoesWhenAChannelIsGivenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} })
	b.enqueue("a", "m1")
	b.enqueue("b", "m2")
	b.enqueue("c", "m3")
	b.pass("begin a main", "held b channels")
	views := b.store.views
	b.pass()
	if b.store.views != views {
		t.Error("the store was asked again though the trunk is full")
	}
	b.log.slots["a"].Release()
	b.log.slots["a"].Release()
	b.pass("begin b main", "held c channels")
}

func TestATrunkThatIsDownHoldsItsCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.up["main"], b.up["spare"] = false, false
	b.enqueue("a", "m1")
	b.pass("held a trunk_down")
	b.wait(trunkDownRetry)
	b.up["spare"] = true
	b.pass("begin a spare")
}

func TestTheWindowIsTheCalleesOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Window = calls.Window{From: "09:00", To: "21:00"} })
	b.enqueue("moscow", "m1")
	b.enqueue("kamchatka", "k1") // 21:00 there
	b.enqueue("both", "b1")      // 9:00 in Moscow is 18:00 there
	b.enqueue("nowhere", "x1")
	b.pass("held both window", "held kamchatka window", "begin moscow main", "held nowhere window")
	if until := b.log.holds["kamchatka"].Until; until == nil || !until.Equal(time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)) {
		t.Errorf("Kamchatka is held until %v, want 9:00 there", until)
	}
	if until := b.log.holds["both"].Until; until == nil || !until.Equal(time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)) {
		t.Errorf("both are held until %v, want 9:00 in Moscow", until)
	}
	if h := b.log.holds["nowhere"]; h.Until != nil || !strings.Contains(h.Text, "time zone is not known") {
		t.Errorf("a number of no known zone: %+v", h)
	}
	for range 12 {
		b.clock.Advance(time.Hour)
		if b.clock.Now().Hour() == 21 {
			b.pass("begin kamchatka main")
		} else {
			b.pass() // told once, not every hour
		}
	}
}

func TestACallMayNarrowTheWindowAndNeverWidenIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Window = calls.Window{From: "09:00", To: "21:00"} })
	b.enqueue("wider", "k1", func(c *calls.Call) { c.Window = &calls.Window{From: "00:00", To: "24:00"} })
	b.enqueue("narrower", "m1", func(c *calls.Call) { c.Window = &calls.Window{From: "14:00", To: "18:00"} })
	b.pass("held narrower window", "held wider window") // 21:00 in Kamchatka, 12:00 in Moscow
	for range 12 {
		b.clock.Advance(time.Hour)
		switch b.clock.Now().Hour() {
		case 11:
			b.pass("begin narrower main")
		case 21:
			b.pass("begin wider main")
		default:
			b.pass()
		}
	}
}

func TestAHoldIsToldAgainOnlyWhenItChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) {
		c.Window = calls.Window{From: "13:00", To: "21:00"}
		c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}}
	})
	if slot, _, _ := b.d.Limits().Acquire("main"); slot == nil {
		t.Fatal("no channel")
	}
	b.enqueue("a", "m1")
	b.pass("held a window")
	b.d.Kick()
	b.pass()
	b.wait(time.Hour)
	b.pass("held a channels")
	b.d.Kick()
	b.pass()
}

func TestANumberBlockedAfterEnqueueingIsNeverBegun(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} })
	slot, _, _ := b.d.Limits().Acquire("main")
	b.enqueue("later", "m1", func(c *calls.Call) { c.DueAt = noon.Add(time.Hour) })
	b.enqueue("for the trunk", "m2")
	b.pass("held for the trunk channels")
	b.store.block("m1")
	b.store.block("m2")
	slot.Release()
	b.pass("blocked for the trunk")
	b.wait(time.Hour)
	b.pass("blocked later")
}

func TestABlockEndsAHeldCallThatIsLookedAt(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Window = calls.Window{From: "13:00", To: "21:00"} })
	b.enqueue("a", "m1")
	b.pass("held a window")
	b.store.block("m1")
	b.d.Look("a", "unknown")
	b.pass("blocked a")
}

func TestACallExpiresWhateverKeepsItBack(t *testing.T) {
	t.Parallel()
	soon := noon.Add(10 * time.Minute)
	b := newBench(t, func(c *Config) { c.Trunks[0].MaxCalls = 1; c.Window = calls.Window{From: "09:00", To: "21:00"} })
	_, _, _ = b.d.Limits().Acquire("main")
	b.enqueue("ahead", "m1", func(c *calls.Call) { c.Trunk = "main" })
	b.enqueue("behind", "m2", func(c *calls.Call) { c.Trunk, c.NotAfter, c.CreatedAt = "main", &soon, noon.Add(1) })
	b.enqueue("window", "k1", func(c *calls.Call) { later := soon.Add(time.Second); c.NotAfter = &later })
	b.enqueue("too late", "m3", func(c *calls.Call) { c.NotAfter = &noon })
	b.pass("expired too late", "held ahead channels", "held window window")
	b.wait(10 * time.Minute)
	b.pass("expired behind")
	b.wait(time.Second)
	b.pass("expired window")
}

func TestNobodyIsCalledMoreOftenThanTheCapInHisDay(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Caps.PerDay = 2 })
	midnight := time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC) // in Moscow
	b.store.attempts["m1"] = []time.Time{midnight.Add(-time.Second), midnight, noon}
	b.store.attempts["m2"] = []time.Time{midnight.Add(-time.Second), noon}
	b.enqueue("full", "m1")
	b.enqueue("one left", "m2")
	b.pass("held full cap", "begin one left main")
	b.wait(12 * time.Hour) // until midnight in Moscow
	b.pass("begin full main")
}

// A preset may count talks: then attempts that only rang are bounded by the caps of
// the configuration, and both hold.
func TestAPresetMayCountTalks(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) {
		c.Caps.PerDay = 3
		c.Presets = map[string]calls.Preset{"debt": {Window: calls.Window{From: "09:00", To: "21:00"}, Limits: calls.Caps{PerDay: 1, PerWeek: 2, Counts: calls.CountedTalks}}}
	})
	debt := func(c *calls.Call) { c.Window = &calls.Window{Preset: "debt"} }
	hour := func(n int) time.Time { return noon.Add(-time.Duration(n) * time.Hour) }
	b.store.attempts["m1"] = []time.Time{hour(3), hour(1)} // rang twice
	b.store.attempts["m2"] = []time.Time{hour(3), hour(1)}
	b.store.talks["m2"] = []time.Time{hour(1)} // talked once
	b.store.attempts["m3"] = []time.Time{hour(3), hour(2), hour(1)}
	b.store.talks["m4"] = []time.Time{hour(100), hour(50)} // twice this week
	b.store.talks["m5"] = []time.Time{hour(1)}
	for i, id := range []string{"rang", "talked", "often", "week"} {
		b.enqueue(id, fmt.Sprint("m", i+1), debt)
	}
	b.enqueue("plain", "m5") // a call without the preset
	b.d.pass(t.Context())
	got := b.log.take()
	slices.Sort(got)
	if want := []string{"begin plain main", "begin rang main", "held often cap", "held talked cap", "held week cap"}; !slices.Equal(got, want) {
		t.Fatalf("the dialer decided %q, want %q", got, want)
	}
	for id, want := range map[string]string{"talked": "this number was talked to 1 times today, at most 1 are allowed", "often": "this number was called 3 times today, at most 3 are allowed",
		"week": "this number was talked to 2 times in seven days, at most 2 are allowed"} {
		if got := b.log.holds[id].Text; got != want {
			t.Errorf("%s says %q, want %q", id, got, want)
		}
	}
}

func TestTheCapHoldsForCallsBegunAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Caps.PerDay = 2 })
	for _, id := range []string{"a", "b", "c"} {
		b.enqueue(id, "m1")
	}
	b.pass("begin a main") // its attempt is not committed yet: the others wait for it
	b.confirm("a", true)
	b.wait(flyingRetry)
	b.pass("begin b main")
	b.confirm("b", true)
	b.wait(flyingRetry)
	b.pass("held c cap")
}

func TestGatesAreAskedAgainWhereTheAttemptIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Caps.PerDay = 1; c.Window = calls.Window{From: "09:00", To: "13:00"} })
	for id, number := range map[string]string{"blocked": "m1", "capped": "m2", "late": "m3", "fine": "m4"} {
		b.enqueue(id, number)
	}
	b.pass("begin blocked main", "begin capped main", "begin fine main", "begin late main")
	b.store.block("m1")
	b.store.attempts["m2"] = []time.Time{noon} // by another node
	b.confirm("blocked", false)
	b.confirm("capped", false)
	b.confirm("fine", true)
	b.clock.Advance(time.Hour)
	b.confirm("late", false)
}

func TestACallThatWasPutBackDoesNotCountAgainstTheCap(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Caps.PerDay = 1 })
	b.enqueue("a", "m1")
	b.pass("begin a main") // its attempt waits too long for the store
	b.log.slots["a"].Release()
	b.enqueue("a", "m1")
	b.pass("begin a main")
}

func TestACapOverSeveralZonesCountsTheLongestDay(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Caps.PerDay = 1 })
	b.store.attempts["b1"] = []time.Time{time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)} // yesterday in Moscow, today in Kamchatka
	b.enqueue("a", "b1")
	b.pass("held a cap")
	b.wait(3 * time.Hour) // midnight in Kamchatka
	b.pass("begin a main")
}

func TestAStoreThatCannotBeReadBeginsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.enqueue("a", "m1")
	b.store.fail = errors.New("disk")
	b.pass()
	b.wait(storeRetry)
	b.store.fail = nil
	b.pass("begin a main")
}

func TestWhileNothingIsAdmittedCallsWaitWithoutBeingHeld(t *testing.T) {
	t.Parallel()
	full := error(calls.Errorf(calls.CodeOverloaded, "the disk is full"))
	var log strings.Builder
	b := newBench(t, func(c *Config) {
		c.Admits, c.Log = func() error { return full }, slog.New(slog.NewTextHandler(&log, nil))
	})
	b.enqueue("a", "m1")
	b.pass()
	b.pass()
	if n := strings.Count(log.String(), "nobody is dialled"); n != 1 {
		t.Errorf("the log tells %d times that nobody is dialled", n)
	}
	if h, ok := b.d.Why("a"); !ok || h.Gate != calls.GateTurn || h.Text != "nobody is dialled now: the disk is full" {
		t.Errorf("%+v", h)
	}
	b.wait(storeRetry)
	full = nil
	b.pass("begin a main")
}

func TestARemovedCallIsNoLongerTheDialers(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Window = calls.Window{From: "13:00", To: "21:00"} })
	after := noon.Add(time.Minute)
	b.enqueue("a", "m1", func(c *calls.Call) { c.NotAfter = &after })
	b.enqueue("b", "m2")
	b.pass("held a window", "held b window")
	if _, ok := b.d.Remove("a"); !ok {
		t.Fatal("a held call could not be removed")
	}
	if _, ok := b.d.Remove("a"); ok {
		t.Fatal("a call was removed twice")
	}
	b.clock.Advance(time.Hour)
	b.pass("begin b main")
	if _, ok := b.d.Remove("b"); ok {
		t.Fatal("a call that was begun was removed")
	}
}

func TestACallIsQueuedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.enqueue("a", "m1")
	b.enqueue("a", "m1")
	b.pass("begin a main")
}

func TestTheQueueIsCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	b := newBench(t, func(c *Config) { c.Metrics = reg; c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} })
	for _, id := range []string{"a", "b", "c"} {
		b.enqueue(id, "m1")
	}
	b.enqueue("later", "m1", func(c *calls.Call) { c.DueAt = noon.Add(time.Hour) })
	b.pass("begin a main", "held b channels")
	b.clock.Advance(7 * time.Second)
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP zvonar_dialer_due_lag_seconds How long the longest-due call that only waits for a trunk has been due.
# TYPE zvonar_dialer_due_lag_seconds gauge
zvonar_dialer_due_lag_seconds 7
# HELP zvonar_dialer_held_total Times a gate began to keep a call back.
# TYPE zvonar_dialer_held_total counter
zvonar_dialer_held_total{gate="channels"} 1
# HELP zvonar_dialer_queue Calls in the queue: not due yet, ready, or held by a gate.
# TYPE zvonar_dialer_queue gauge
zvonar_dialer_queue{state="held"} 1
zvonar_dialer_queue{state="ready"} 1
zvonar_dialer_queue{state="waiting"} 1
# HELP zvonar_trunk_channels_in_use Channels of the trunk that are taken.
# TYPE zvonar_trunk_channels_in_use gauge
zvonar_trunk_channels_in_use{trunk="main"} 1
`), "zvonar_dialer_due_lag_seconds", "zvonar_dialer_held_total", "zvonar_dialer_queue", "zvonar_trunk_channels_in_use")
	if err != nil {
		t.Error(err)
	}
}
