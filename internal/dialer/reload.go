package dialer

import (
	"slices"
	"time"

	"zvonar/internal/calls"
)

// Reload replaces the trunks. Channels that are taken stay taken and rates stay
// spent; what is queued is given to the trunks that may carry it now, each call
// when it is looked at. From any goroutine.
func (d *Dialer) Reload(trunks []TrunkLimits) {
	d.limits.replace(trunks)
	d.mu.Lock()
	for _, t := range trunks {
		if d.breakers[t.Name] == nil {
			d.breakers[t.Name] = newBreaker(d.cfg.TrunkBreaker)
		}
	}
	d.trunks.Store(&trunks)
	d.reloaded = true
	d.queue.forgetLooks(d.cfg.Clock.Now())
	d.mu.Unlock()
	d.poke()
}

// replace takes other limits; a trunk that is gone gives out nothing more.
func (l *Limits) replace(trunks []TrunkLimits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.trunks {
		m.gone = true // its channels come back all the same
	}
	for _, t := range trunks {
		m := newMeter(t)
		if old := l.trunks[t.Name]; old != nil {
			m.after(old)
			m.down = old.down
		}
		l.trunks[t.Name] = m
	}
}

// forgetLooks has every call that is ready, or waits for a trunk, looked at as if
// for the first time.
func (q *queue) forgetLooks(now time.Time) {
	down := gateNoOf(calls.GateTrunkDown)
	for _, i := range slices.Clone(q.waiting.list) {
		if q.slab.at(i).gate == down {
			q.postpone(i, now, now)
		}
	}
	for _, l := range q.lanes {
		for _, share := range l.shares {
			for _, i := range share.list {
				q.slab.at(i).examined = false
			}
		}
	}
}

// moved puts a call into the lane of the trunks that may carry it now; false where
// it lies there already.
func (d *Dialer) moved(w *work) bool {
	d.mu.Lock()
	reloaded := d.reloaded
	d.mu.Unlock()
	if !reloaded {
		return false
	}
	name, trunks := d.route(w.call)
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.queue
	n, i := q.lane(name, trunks), q.find(w.id)
	if i == 0 || q.lanes[n] == w.lane || q.slab.at(i).state != ready {
		return false
	}
	q.lift(i)
	e := q.slab.at(i)
	e.lane, e.examined = n, false
	q.put(i, ready)
	return true
}
