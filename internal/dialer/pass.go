package dialer

import (
	"context"
	"time"

	"zvonar/internal/calls"
)

// pass looks at everything that is due and returns when to look again; zero
// where only a wake-up from outside can change anything.
func (d *Dialer) pass(ctx context.Context) (next time.Time) {
	stuck := map[*lane]bool{}
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if err := d.sift(ctx, d.cfg.Clock.Now()); err != nil && ctx.Err() == nil {
		d.cfg.Log.Error("the dialer cannot ask for recordings; it tries again", "err", err)
		sooner(d.cfg.Clock.Now().Add(storeRetry))
	}
	for ctx.Err() == nil {
		it, now := d.take(stuck)
		if it == nil {
			break
		}
		if d.cfg.Admits() != nil {
			return now.Add(storeRetry)
		}
		if gate, wait := d.eachTrunk(it.lane, d.limits.Check); it.examined && gate != "" {
			// It only waits for its trunk. The store is asked again when the trunk
			// is free, not at every look.
			d.holdForTrunk(it, gate)
			stuck[it.lane] = true
			if wait > 0 {
				sooner(now.Add(wait))
			}
			continue
		}
		v, err := d.examine(ctx, it, now)
		if err != nil {
			if ctx.Err() == nil {
				d.cfg.Log.Error("the dialer cannot read the store; it waits", "err", err)
			}
			return now.Add(storeRetry)
		}
		switch {
		case v.blocked != nil:
			if d.own(it) {
				d.cfg.Starter.Blocked(it.call, *v.blocked)
			}
		case v.refused != "":
			if d.own(it) {
				d.cfg.Starter.Refused(it.call, v.refused)
			}
		case v.hold != nil:
			d.hold(it, *v.hold, later(v.next, now))
		case !v.wait.IsZero():
			d.putOff(it, later(v.wait, now))
		default:
			if wait, ok := d.dial(it, now); !ok {
				stuck[it.lane] = true
				if wait > 0 {
					sooner(now.Add(wait))
				}
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.queue.nextLook(); ok {
		sooner(t)
	}
	return next
}

// take brings the queue to the present and gives the most urgent call that is
// to be looked at. It stays in the queue.
func (d *Dialer) take(stuck map[*lane]bool) (*item, time.Time) {
	d.mu.Lock()
	now := d.cfg.Clock.Now()
	expired := d.queue.overdue(now)
	if d.kicked {
		d.kicked = false
		d.queue.rethink(now)
	}
	d.queue.ripen(now)
	it := d.queue.first(stuck)
	d.mu.Unlock()
	for _, e := range expired {
		d.cfg.Starter.Expired(e.call)
	}
	return it, now
}

// examine asks the gates.
func (d *Dialer) examine(ctx context.Context, it *item, now time.Time) (v verdict, err error) {
	err = d.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		for _, g := range gates {
			if v, err = g(d, tx, it, now); err != nil || v.hold != nil || v.blocked != nil || v.refused != "" || !v.wait.IsZero() {
				return err
			}
		}
		return nil
	})
	return v, err
}

// own takes a call out of the queue for the Starter; false where somebody
// removed it meanwhile.
func (d *Dialer) own(it *item) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue.items[it.id] != it {
		return false
	}
	d.queue.remove(it)
	return true
}

// hold keeps a call back until next; zero: it stays at the head of its lane. The
// Starter is told under the lock, so that nobody removes (and changes) the call
// at the same time.
func (d *Dialer) hold(it *item, h calls.Hold, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue.items[it.id] != it {
		return
	}
	if next.IsZero() {
		it.examined = true
	} else {
		d.queue.postpone(it, it.wakeful(next, d.cfg.Clock.Now()))
	}
	if sameHold(it.hold, &h) {
		return
	}
	told := h
	it.hold = &told
	d.metrics.held(h.Gate)
	d.cfg.Starter.Held(it.call, h)
}

func sameHold(a, b *calls.Hold) bool {
	if a == nil || a.Gate != b.Gate || a.Gate == calls.GateRecording && a.Text != b.Text || (a.Until == nil) != (b.Until == nil) {
		return false
	}
	return a.Until == nil || a.Until.Equal(*b.Until)
}

// later guards against a gate that names an opening which is not in the future:
// the pass would never end.
func later(next, now time.Time) time.Time {
	if least := now.Add(time.Second); next.Before(least) {
		return least
	}
	return next
}

// dial takes a channel and begins the call. Where the lane has none (ok false)
// the call is held, and wait says when to look again; 0: when somebody pokes.
func (d *Dialer) dial(it *item, now time.Time) (wait time.Duration, ok bool) {
	var slot *Slot
	gate, wait := d.eachTrunk(it.lane, func(t string) (g calls.Gate, w time.Duration) {
		slot, g, w = d.limits.Acquire(t)
		return g, w
	})
	if gate != "" {
		d.holdForTrunk(it, gate)
		return wait, false
	}
	if !d.own(it) {
		slot.Release()
		return 0, true
	}
	it.pin()
	d.remember(it, now)
	d.metrics.began(now.Sub(it.due))
	d.cfg.Starter.Begin(it.call, slot)
	return 0, true
}

// holdForTrunk keeps a call at the head of its lane.
func (d *Dialer) holdForTrunk(it *item, gate calls.Gate) {
	d.hold(it, calls.Hold{Gate: gate, Text: holdTexts[gate]}, time.Time{})
}

var holdTexts = map[calls.Gate]string{
	calls.GateChannels:  "every channel of the trunk is in use (max_calls)",
	calls.GateCPS:       "the trunk's call rate is used up (max_cps)",
	calls.GateTrunkDown: "the trunk cannot be used at the moment",
}

// eachTrunk asks the trunks of a lane in order until one has nothing against it.
// Else it says what is nearest to opening: a rate before a channel before a
// trunk that is down.
func (d *Dialer) eachTrunk(l *lane, ask func(string) (calls.Gate, time.Duration)) (calls.Gate, time.Duration) {
	gate, wait := calls.GateTrunkDown, trunkDownRetry
	for _, t := range l.trunks {
		if !d.cfg.TrunkUp(t) {
			continue
		}
		g, w := ask(t)
		switch {
		case g == "":
			return "", 0
		case g == calls.GateCPS && (gate != calls.GateCPS || w < wait):
			gate, wait = g, w
		case g == calls.GateChannels && gate == calls.GateTrunkDown:
			gate, wait = g, 0
		}
	}
	return gate, wait
}
