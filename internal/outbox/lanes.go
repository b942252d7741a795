package outbox

import (
	"context"
	"sync"

	"zvonar/internal/calls"
)

// readAhead is how many due lanes are read from the store at once.
const readAhead = 256

// dispatch begins deliveries until every lane that is due is under way or all
// places are taken; in the first case it makes an appointment for the next one.
func (o *Outbox) dispatch(soft, hard context.Context, deliveries *sync.WaitGroup) error {
	for len(o.busy) < o.cfg.Lanes {
		if len(o.ready) == 0 {
			if err := o.refill(soft); err != nil {
				return err
			}
			if len(o.ready) == 0 {
				return o.appoint(soft)
			}
		}
		d := o.ready[0]
		o.ready = o.ready[1:]
		l := laneOf(d)
		o.busy[l] = true
		deliveries.Go(func() {
			o.deliver(hard, d)
			o.finished <- l // has room for every place
		})
	}
	return nil
}

// refill reads the lanes that are due and not under way.
func (o *Outbox) refill(ctx context.Context) error {
	return o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		heads, err := r.LaneHeads(o.cfg.Clock.Now(), len(o.busy)+readAhead)
		if err != nil {
			return err
		}
		for _, d := range heads {
			if !o.busy[laneOf(d)] {
				o.ready = append(o.ready, d)
			}
		}
		return nil
	})
}

// appoint wakes the owner when the next lane falls due. Lanes under way report
// by themselves.
func (o *Outbox) appoint(ctx context.Context) error {
	now := o.cfg.Clock.Now()
	return o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		heads, err := r.LaneHeads(now.AddDate(100, 0, 0), len(o.busy)+1)
		if err != nil {
			return err
		}
		for _, d := range heads {
			if !o.busy[laneOf(d)] {
				o.wakeIn(d.NextAt.Sub(now))
				return nil
			}
		}
		return nil
	})
}
