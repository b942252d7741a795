package dialer

import (
	"time"

	"zvonar/internal/calls"
)

// dial takes a channel and begins the call. Where the lane has none the call is held.
func (d *Dialer) dial(r *round, w *work, now time.Time) {
	var slot *Slot
	var probe string
	h, wait := d.eachTrunk(w.lane, now, func(t string) (g calls.Gate, wait time.Duration) {
		slot, g, wait = d.limits.Acquire(t)
		return g, wait
	})
	if h.Gate != "" {
		r.stuck[w.lane] = true
		r.in(now, wait)
		w.examined = true
		d.hold(w, h, time.Time{})
		return
	}
	if _, is, _ := d.usable(slot.trunk, now); is {
		probe = slot.trunk
	}
	p, ok := d.begin(w, now)
	if !ok {
		slot.Release()
		return
	}
	if probe != "" {
		p.probeOver = d.probe(probe, now)
	}
	slot.permit = p
	delete(d.reading, w.id)
	if w.clips != nil {
		w.call.Pin(w.clips)
	}
	d.metrics.began(now.Sub(w.due))
	d.cfg.Starter.Begin(w.call, slot)
}

// begin takes the call out of the queue and what it needs of its group; false where
// somebody removed it, or closed the group, meanwhile.
func (d *Dialer) begin(w *work, now time.Time) (*permit, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q, g := d.queue, w.group
	i := q.find(w.id)
	if i == 0 {
		return nil, false
	}
	if h, _ := g.check(now); h.Gate != "" {
		return nil, false
	}
	q.clock = max(q.clock, g.passed)
	g.pass(1)
	g.take(now)
	number := numberOf(w.call)
	d.flying[number]++
	q.remove(i)
	return &permit{d: d, number: number, campaign: g.campaign, wasGroup: g}, true
}

var holdTexts = map[calls.Gate]string{
	calls.GateChannels: "every channel of the trunk is in use (max_calls)",
	calls.GateCPS:      "the trunk's call rate is used up (max_cps)",
}

// eachTrunk asks the trunks of a lane in order until one has nothing against it.
// Else it says what is nearest to opening: a rate before a channel before a
// trunk that is down.
func (d *Dialer) eachTrunk(l *lane, now time.Time, ask func(string) (calls.Gate, time.Duration)) (h calls.Hold, wait time.Duration) {
	h, wait = calls.Hold{Gate: calls.GateTrunkDown, Text: "no trunk can be used at the moment"}, trunkDownRetry
	for _, t := range l.trunks {
		ok, _, down := d.usable(t, now)
		if !ok {
			if h.Gate == calls.GateTrunkDown {
				h = down
			}
			continue
		}
		g, w := ask(t)
		switch {
		case g == "":
			return calls.Hold{}, 0
		case g == calls.GateCPS && (h.Gate != calls.GateCPS || w < wait):
			h, wait = calls.Hold{Gate: g, Text: holdTexts[g]}, w
		case g == calls.GateChannels && h.Gate == calls.GateTrunkDown:
			h, wait = calls.Hold{Gate: g, Text: holdTexts[g]}, 0
		}
	}
	return h, wait
}
