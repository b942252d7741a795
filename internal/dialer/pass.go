package dialer

import (
	"context"
	"errors"
	"maps"
	"time"

	"zvonar/internal/calls"
)

// round is what one pass has found: lanes without a free trunk, groups that may not
// begin anything now, and when to look again (zero: only a wake-up from outside can
// change anything).
type round struct {
	stuck  map[*lane]bool
	closed map[*group]bool
	next   time.Time
}

func (r *round) sooner(t time.Time) {
	if r.next.IsZero() || t.Before(r.next) {
		r.next = t
	}
}

// in is sooner(now + wait) where wait is known.
func (r *round) in(now time.Time, wait time.Duration) {
	if wait > 0 {
		r.sooner(now.Add(wait))
	}
}

// work is a call that is looked at. It stays in the queue.
type work struct {
	id       string
	call     *calls.Call // nil: its row is to be read
	lane     *lane
	group    *group
	due      time.Time
	examined bool
	told     gateNo
	shut     calls.Hold // what keeps its group back
	// clips are those of its flow with what is known of them by now; nil: as they are.
	clips map[calls.ClipID]calls.RecordingRef
}

// complete keeps what became known of a clip of the call, for the moment it begins.
func (w *work) complete(id calls.ClipID, ref calls.RecordingRef) {
	if w.clips == nil {
		w.clips = maps.Clone(w.call.Flow.Clips)
	}
	w.clips[id] = ref
}

// known are the clips of the flow with what is known of them by now.
func (w *work) known() map[calls.ClipID]calls.RecordingRef {
	if w.clips == nil {
		return w.call.Flow.Clips
	}
	return maps.Clone(w.clips)
}

// pass looks at everything that is due and returns when to look again; zero
// where only a wake-up from outside can change anything.
func (d *Dialer) pass(ctx context.Context) time.Time {
	r := &round{stuck: map[*lane]bool{}, closed: map[*group]bool{}}
	if err := d.sift(ctx, d.cfg.Clock.Now()); err != nil && ctx.Err() == nil {
		d.cfg.Log.Error("the dialer cannot ask for recordings; it tries again", "err", err)
		r.sooner(d.cfg.Clock.Now().Add(storeRetry))
	}
	for ctx.Err() == nil {
		if err := d.expire(ctx); err != nil {
			return d.unreadable(ctx, err)
		}
		w, now := d.take(r)
		if w == nil {
			break
		}
		if d.notNow() != nil {
			return now.Add(storeRetry)
		}
		if err := d.look(ctx, r, w, now); err != nil {
			return d.unreadable(ctx, err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.queue.nextLook(); ok {
		r.sooner(t)
	}
	return r.next
}

// notNow asks whether a call may begin, and has the log tell when that changes. Only
// Run's goroutine calls it.
func (d *Dialer) notNow() error {
	err := d.cfg.Admits()
	switch {
	case err != nil && !d.refused:
		d.cfg.Log.Warn("calls that are due wait; nobody is dialled", "why", err)
	case err == nil && d.refused:
		d.cfg.Log.Info("calls are dialled again")
	}
	d.refused = err != nil
	return err
}

func (d *Dialer) unreadable(ctx context.Context, err error) (next time.Time) {
	if ctx.Err() == nil {
		d.cfg.Log.Error("the dialer cannot read the store; it waits", "err", err)
	}
	return d.cfg.Clock.Now().Add(storeRetry)
}

// take brings the queue to the present and gives the call to look at next.
func (d *Dialer) take(r *round) (*work, time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q, now := d.queue, d.cfg.Clock.Now()
	if !q.ripen(micros(now)) {
		r.sooner(now) // others may use the queue in between
	}
	i := q.first(r)
	if i == 0 {
		return nil, now
	}
	e := q.slab.at(i)
	w := &work{id: q.id(i), call: q.hot[i], lane: q.lanes[e.lane], group: q.groups[e.group], due: timeOf(e.due), examined: e.examined, told: e.gate}
	var wait time.Duration
	if w.shut, wait = w.group.check(now); w.shut.Gate != "" {
		r.closed[w.group] = true
		r.in(now, wait)
	} else {
		w.group.pass(lookCost)
	}
	return w, now
}

// expire ends the calls whose not_after has passed, whatever keeps them back.
func (d *Dialer) expire(ctx context.Context) error {
	for {
		d.mu.Lock()
		q, id := d.queue, ""
		if i := q.deadlines.head(); i != 0 && q.slab.at(i).notAfter <= micros(d.cfg.Clock.Now()) {
			id = q.id(i)
		}
		d.mu.Unlock()
		if id == "" {
			return nil
		}
		c, err := d.load(ctx, id)
		if err != nil {
			return err
		}
		if c != nil && d.own(id) {
			d.cfg.Starter.Expired(c)
		}
	}
}

// load gives the call, from memory or from its row. Where there is nothing left to
// dial (it is over, or was erased) it leaves the queue and call is nil.
func (d *Dialer) load(ctx context.Context, id string) (c *calls.Call, err error) {
	d.mu.Lock()
	c = d.queue.hot[d.queue.find(id)]
	d.mu.Unlock()
	if c != nil {
		return c, nil
	}
	err = d.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		c, err = d.row(tx, id)
		return err
	})
	return c, err
}

// row reads the row of a queued call.
func (d *Dialer) row(tx calls.ReadTx, id string) (*calls.Call, error) {
	c, err := tx.Call("", id)
	switch {
	case err == nil && !c.Over():
		return c, nil
	case err == nil, errors.Is(err, calls.ErrNotFound):
		d.own(id)
		return nil, nil
	}
	return nil, err
}

// look examines one call and acts on what the gates say.
func (d *Dialer) look(ctx context.Context, r *round, w *work, now time.Time) error {
	if w.shut.Gate != "" {
		return d.holdBack(ctx, w, w.shut)
	}
	if h, wait := d.eachTrunk(w.lane, now, d.limits.Check); w.examined && h.Gate != "" {
		// It only waits for its trunk. The store is asked again when the trunk
		// is free, not at every look.
		r.stuck[w.lane] = true
		r.in(now, wait)
		return d.holdBack(ctx, w, h)
	}
	v, err := d.examine(ctx, w, now)
	switch {
	case err != nil:
		return err
	case w.call == nil: // it is no more
	case v.moved:
	case v.blocked != nil:
		if d.own(w.id) {
			d.cfg.Starter.Blocked(w.call, *v.blocked)
		}
	case v.refused != "":
		if d.own(w.id) {
			d.cfg.Starter.Refused(w.call, v.refused)
		}
	case v.hold != nil:
		d.hold(w, *v.hold, later(v.next, now))
	case !v.next.IsZero():
		d.again(w.id, v.next)
	default:
		d.dial(r, w, now)
	}
	return nil
}

// examine asks the gates; it reads the row where the call is not in memory.
func (d *Dialer) examine(ctx context.Context, w *work, now time.Time) (v verdict, err error) {
	err = d.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		if w.call == nil {
			if w.call, err = d.row(tx, w.id); w.call == nil {
				return err
			}
		}
		if v.moved = d.moved(w); v.moved {
			return nil
		}
		if v = d.flies(w.call, now); !v.open() {
			return nil
		}
		v, err = d.ask(gates, tx, w, now)
		return err
	})
	return v, err
}

// flies has a call wait for another to the same number whose attempt is not counted
// yet.
func (d *Dialer) flies(c *calls.Call, now time.Time) verdict {
	r := d.rulesOf(c)
	if !r.bounded() {
		return verdict{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flying[numberOf(c)] == 0 {
		return verdict{}
	}
	return verdict{next: now.Add(flyingRetry)}
}

// own takes a call out of the queue for the Starter; false where somebody
// removed it meanwhile.
func (d *Dialer) own(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.queue.find(id)
	if i == 0 {
		return false
	}
	d.queue.remove(i)
	return true
}

// again looks at a call at t without a word.
func (d *Dialer) again(id string, t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.queue.find(id); i != 0 {
		now := d.cfg.Clock.Now()
		d.queue.postpone(i, d.queue.wakeful(i, t, now), now)
	}
}

// hold keeps a call back until next; zero: it stays at the head of its lane. The
// Starter is told under the lock, so that nobody removes (and changes) the call
// at the same time.
func (d *Dialer) hold(w *work, h calls.Hold, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.queue
	i := q.find(w.id)
	if i == 0 {
		return
	}
	if next.IsZero() {
		q.slab.at(i).examined = w.examined
	} else {
		now := d.cfg.Clock.Now()
		q.postpone(i, q.wakeful(i, next, now), now)
	}
	if !q.tell(i, h) {
		return
	}
	d.metrics.held(h.Gate)
	d.cfg.Starter.Held(w.call, h)
}

// holdBack keeps a call at the head of its lane; it is read only where there is
// something new to tell of it.
func (d *Dialer) holdBack(ctx context.Context, w *work, h calls.Hold) error {
	if w.call == nil && !d.news(w.id, h) {
		return nil
	}
	if w.call == nil {
		c, err := d.load(ctx, w.id)
		if c == nil {
			return err
		}
		w.call = c
	}
	d.hold(w, h, time.Time{})
	return nil
}

// news reports whether a hold was not told yet.
func (d *Dialer) news(id string, h calls.Hold) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.queue.find(id)
	if i == 0 {
		return false
	}
	return d.queue.slab.at(i).news(h)
}

// later guards against a gate that names an opening which is not in the future:
// the pass would never end.
func later(next, now time.Time) time.Time {
	if least := now.Add(time.Second); next.Before(least) {
		return least
	}
	return next
}
