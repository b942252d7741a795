package dialer

import (
	"time"

	"zvonar/internal/calls"
)

const (
	singleWeight = 10
	mostWeight   = 100
	// lookCost is what examining a call costs its group, in beginnings: a campaign
	// whose calls may not be dialled now must not be all that is looked at.
	lookCost = 0.05
)

// group is the calls of one campaign, or the single calls of an account. Groups that
// have something to dial take turns by weight: the one that got least so far is next.
type group struct {
	campaign string // "": single calls
	known    bool   // its pace was told
	pace     calls.CampaignRule
	rate     *meter // channels and CPS
	gap      *meter // interval

	passed         float64 // what it got so far, over its weight
	queued, parked int     // entries that are ready, and that wait
	held           [len(gateNames)]int32
	breaker        *breaker
}

func newGroup(campaign string) *group {
	g := &group{campaign: campaign, rate: newMeter(TrunkLimits{}), gap: newMeter(TrunkLimits{})}
	if campaign == "" {
		g.known, g.pace.Weight = true, singleWeight
	}
	return g
}

// set takes a new pace; what was counted stays counted.
func (g *group) set(p calls.CampaignRule) {
	g.known = true
	if p.Pace.CPS != g.pace.Pace.CPS || p.Pace.MaxCalls != g.pace.Pace.MaxCalls {
		g.rate = newMeter(TrunkLimits{MaxCalls: p.Pace.MaxCalls, MaxCPS: p.Pace.CPS}).after(g.rate)
	}
	if p.Pace.Interval != g.pace.Pace.Interval {
		g.gap = spaced(time.Duration(p.Pace.Interval)).after(g.gap)
	}
	if g.pace.Paused && !p.Paused && g.breaker != nil {
		g.breaker.reset() // who resumes has looked at it
	}
	g.pace = p
}

func (g *group) weight() float64 { return float64(min(max(g.pace.Weight, 1), mostWeight)) }

// pass charges the group for n beginnings.
func (g *group) pass(n float64) { g.passed += n / g.weight() }

// check says what keeps the calls of the group back now, and for how long where that
// is known.
func (g *group) check(now time.Time) (h calls.Hold, wait time.Duration) {
	switch {
	case g.campaign == "":
		return h, 0
	case !g.known:
		return calls.Hold{Gate: calls.GatePaused, Text: "its campaign is not loaded yet"}, 0
	case g.pace.Paused:
		return calls.PausedHold(g.pace.Reason), 0
	}
	if gate, wait := g.rate.check(now); gate != "" {
		return calls.Hold{Gate: gate, Text: paceTexts[gate]}, wait
	}
	if gate, wait := g.gap.check(now); gate != "" {
		return calls.Hold{Gate: gate, Text: "the interval between two calls of the campaign is not over"}, wait
	}
	return h, 0
}

var paceTexts = map[calls.Gate]string{
	calls.GateChannels: "the campaign has as many calls at once as it may (max_calls)",
	calls.GateCPS:      "the campaign's call rate is used up (cps)",
}

func (g *group) take(now time.Time) {
	g.rate.take(now)
	if g.campaign != "" {
		g.gap.take(now)
	}
}

// idle reports that nothing needs the group any more.
func (g *group) idle() bool {
	return g.queued+g.parked == 0 && g.rate.used == 0 && (g.campaign == "" || !g.known)
}
