package dialer

import (
	"slices"
	"testing"

	"zvonar/internal/calls"
)

func TestQueuedCallsGoToTheTrunksThatAreThereAfterAReload(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", Numbers: []string{"100"}, MaxCalls: 1}} })
	b.enqueue("first", "m1")
	b.pass("begin first main")
	b.enqueue("any", "m2")
	b.enqueue("by number", "m3", func(c *calls.Call) { c.From = "100" })
	b.enqueue("by name", "m4", func(c *calls.Call) { c.Trunk = "main" })
	b.pass("held any channels", "held by name channels")
	b.d.Reload([]TrunkLimits{{Name: "new", Numbers: []string{"100"}, MaxCalls: 2}})
	b.pass("begin any new", "held by name trunk_down", "begin by number new")
	// It comes back, as full as it was.
	b.d.Reload([]TrunkLimits{{Name: "main", MaxCalls: 1}, {Name: "new", MaxCalls: 2}})
	b.pass("held by name channels")
	b.log.slots["first"].Release()
	b.pass("begin by name main")
	if got := b.d.Limits().InUse("main"); got != 1 {
		t.Errorf("%d channels of main are in use, want 1", got)
	}
}

func TestAChannelOfATrunkThatIsGoneIsGivenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.enqueue("a", "m1", func(c *calls.Call) { c.Trunk = "main" })
	b.pass("begin a main")
	b.d.Reload(nil)
	b.log.slots["a"].Release()
	if _, gate, _ := b.d.Limits().Acquire("main"); gate != calls.GateTrunkDown {
		t.Errorf("a trunk that is gone: gate %q", gate)
	}
	b.d.Reload([]TrunkLimits{{Name: "main"}})
	if slot, gate, _ := b.d.Limits().Acquire("main"); slot == nil {
		t.Errorf("a trunk that is back: gate %q", gate)
	}
}

func TestARaisedLimitLetsTheNextCallGoAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} })
	b.enqueue("a", "m1")
	b.enqueue("b", "m2")
	b.enqueue("c", "m3")
	b.pass("begin a main", "held b channels")
	b.d.Reload([]TrunkLimits{{Name: "main", MaxCalls: 2}})
	b.pass("begin b main", "held c channels")
	if lanes := len(b.d.queue.lanes); lanes != 1 {
		t.Errorf("%d lanes for one set of trunks", lanes)
	}
	if !slices.Equal(b.d.queue.lanes[0].trunks, []string{"main"}) {
		t.Errorf("its trunks are %v", b.d.queue.lanes[0].trunks)
	}
}
