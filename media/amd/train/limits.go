package train

import "zvonar/media/amd"

// Start of the search, and what the search may choose from. Coarse steps: a finer
// one would learn the voices.
var (
	firstLimits = amd.Limits{Earliest: 0.6, HumanBelow: 0.03, MachineAbove: 0.96, AtDeadline: 0.6, UnknownAbove: 0.35,
		ReviseAbove: 0.8, ReviseAtLast: 0.7, OtherEarly: 0.125, OtherAbove: 0.5, OtherLater: 0.3}
	choices = []struct {
		of   func(*amd.Limits) *float32
		from []float32
	}{
		{func(l *amd.Limits) *float32 { return &l.HumanBelow }, []float32{0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08}},
		{func(l *amd.Limits) *float32 { return &l.MachineAbove }, []float32{0.93, 0.95, 0.97, 0.98, 0.99}},
		{func(l *amd.Limits) *float32 { return &l.AtDeadline }, []float32{0.5, 0.6, 0.7, 0.8, 0.9}},
		{func(l *amd.Limits) *float32 { return &l.ReviseAbove }, []float32{0.7, 0.8, 0.9, 0.95, 0.98}},
		{func(l *amd.Limits) *float32 { return &l.ReviseAtLast }, []float32{0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}},
		{func(l *amd.Limits) *float32 { return &l.Earliest }, []float32{0.5, 0.7, 0.9, 1.1}},
		{func(l *amd.Limits) *float32 { return &l.OtherEarly }, []float32{0.06, 0.125, 0.25, 0.5}},
		{func(l *amd.Limits) *float32 { return &l.OtherAbove }, []float32{0.3, 0.5, 0.7, 0.9}},
		{func(l *amd.Limits) *float32 { return &l.OtherLater }, []float32{0.06, 0.125, 0.25, 0.5}},
	}
)

// What an error costs. A machine that was thought a person is the smallest one, and
// a second of waiting is a small part of that.
const (
	humanAsMachine    = 3.0
	businessAsMachine = 1.0 // hardly to be told within three seconds
	humanLater        = 1.0
	machineAsHuman    = 1.0
	machineForEver    = 2.0 // still a human after the revision
	noiseAsMachine    = 3.0
	second            = 0.06
)

// limits chooses those that cost least on sounds whose traces were considered by
// models that did not learn from them.
func limits(list []example, p amd.Params) amd.Limits {
	p.Limits = firstLimits
	best := cost(list, p)
	for better := true; better; {
		better = false
		for _, c := range choices {
			chosen := *c.of(&p.Limits)
			for _, v := range c.from {
				*c.of(&p.Limits) = v
				if now := cost(list, p); now < best-1e-9 {
					best, chosen, better = now, v, true
				}
			}
			*c.of(&p.Limits) = chosen
		}
	}
	return p.Limits
}

func cost(list []example, p amd.Params) float64 {
	var sum float64
	for _, e := range list {
		if e.trace == nil {
			continue
		}
		r := nothing()
		r.Sound = e.sound
		e.trace.Judge(p, r.take)
		sum += costOf(r)
	}
	return sum
}

func costOf(r Result) float64 {
	first, later := r.machine()
	switch s := r.Sound; {
	case s.Noise():
		if r.Verdict == amd.Machine || r.Revised == amd.Machine {
			return noiseAsMachine
		}
		return 0
	case s.Other():
		return 0
	case !s.Human():
		return float64(r.waited())*second/1000 + when(!first, machineAsHuman) + when(!later, machineForEver)
	case s.Sub == "business":
		return float64(r.waited())*second/1000 + when(first, businessAsMachine) + when(later, humanLater)
	default:
		return float64(r.waited())*second/1000 + when(first, humanAsMachine) + when(later, humanLater)
	}
}

func when(yes bool, cost float64) float64 {
	if yes {
		return cost
	}
	return 0
}
