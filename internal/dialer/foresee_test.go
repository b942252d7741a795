package dialer

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// What is foreseen of a call that is not made yet is what the queue says of it once it
// is: the same gate, the same end, the same words.
func TestWhatIsForeseenIsWhatTheQueueSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   calls.CampaignRule
		config func(*Config)
		before func(*bench)
		call   func(*calls.Call)
		want   calls.Gate
	}{
		"outside the window":    {config: func(c *Config) { c.Window = calls.Window{From: "09:00", To: "21:00"} }, want: calls.GateWindow},
		"a preset that is gone": {call: func(c *calls.Call) { c.Window = &calls.Window{Preset: "gone"} }, want: calls.GateWindow},
		"over the cap": {config: func(c *Config) { c.Caps = calls.Caps{PerDay: 1} }, want: calls.GateCap,
			before: func(b *bench) { b.store.attempts["k1"] = []time.Time{noon.Add(-2 * time.Hour)} }},
		"called a moment ago": {config: func(c *Config) { c.Caps = calls.Caps{Gap: calls.Duration(time.Hour)} }, want: calls.GateGap,
			before: func(b *bench) { b.store.attempts["k1"] = []time.Time{noon.Add(-time.Minute)} }},
		"no trunk": {call: func(c *calls.Call) { c.Trunk = "gone" }, want: calls.GateTrunkDown},
		"its trunk is down": {call: func(c *calls.Call) { c.Trunk = "main" }, want: calls.GateTrunkDown,
			before: func(b *bench) { b.up["main"] = false }},
		"paused": {rule: calls.CampaignRule{Paused: true, Reason: "lunch"}, want: calls.GatePaused},
		"the campaign has as many as it may": {rule: calls.CampaignRule{Pace: calls.Pace{MaxCalls: 1}}, want: calls.GateChannels,
			before: func(b *bench) {
				b.enqueue("first", "m9", of("x"))
				b.pass("begin first main")
			}},
		"the trunk has as many as it may": {config: func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} }, want: calls.GateChannels,
			before: func(b *bench) {
				b.enqueue("first", "m9")
				b.pass("begin first main")
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(cfg *Config) {
				if c.config != nil {
					c.config(cfg)
				}
			})
			b.d.SetCampaign("x", c.rule)
			if c.before != nil {
				c.before(b)
			}
			made := b.call("c", "k1", of("x"))
			if c.call != nil {
				c.call(made)
			}
			foreseen := b.foresee(made)
			b.d.Enqueue(made)
			b.pass("held c " + string(c.want))
			told := b.log.holds["c"]
			if foreseen.Gate != c.want || foreseen.Text != told.Text || microsOf(foreseen.Until) != microsOf(told.Until) {
				t.Errorf("foreseen %+v, told %+v", foreseen, told)
			}
		})
	}
}

func (b *bench) foresee(c *calls.Call) calls.Hold {
	b.Helper()
	h, err := b.d.Foresee(b.store, c)
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func TestAContactThatNothingKeepsBackWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main"}} })
	b.d.SetCampaign("x", calls.CampaignRule{})
	b.enqueue("other", "m2")
	b.enqueue("own", "m3", of("x"))
	b.d.queue.ripen(micros(noon))
	if h := b.foresee(b.call("c", "m1", of("x"))); h.Gate != calls.GateTurn || !strings.HasSuffix(h.Text, "2 calls are due for its trunk, 1 of them of its campaign") {
		t.Errorf("%+v", h)
	}
	b.pass("begin other main", "begin own main") // the look took nothing and told nobody
}

func TestABlockedContactIsSaidToBeBlocked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.d.SetCampaign("x", calls.CampaignRule{})
	b.store.block("m1")
	if h := b.foresee(b.call("c", "m1", of("x"))); h.Gate != calls.GateBlacklist || h.Until != nil {
		t.Errorf("%+v", h)
	}
}
