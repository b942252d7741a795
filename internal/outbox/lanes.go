package outbox

import (
	"context"
	"errors"
	"time"

	"zvonar/internal/calls"
)

const (
	// readAhead is how many lanes of a destination are read at once, and perLane
	// how much of each.
	readAhead = 256
	perLane   = 16
	// mostUnsettled is how many outcomes may wait for the store before nothing
	// further is begun.
	mostUnsettled = 4096
)

// lookAround reads who has something to deliver and how those are who are not
// well, and forgets what was read ahead: webhooks may have been changed.
func (o *Outbox) lookAround(ctx context.Context) error {
	var live []calls.LiveDestination
	var unwell []calls.DestinationHealth
	healed := map[string]bool{}
	err := o.cfg.Store.View(ctx, func(r calls.ReadTx) (err error) {
		if live, err = r.LiveDestinations(); err != nil {
			return err
		}
		if unwell, err = r.UnwellDestinations(); err != nil {
			return err
		}
		for _, h := range unwell {
			if healed[h.Destination], err = o.healed(r, h); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	known := map[string]calls.DestinationHealth{}
	for _, h := range unwell {
		known[h.Destination] = h
		o.dest(h.Destination)
	}
	for id, d := range o.dests {
		d.dry = false
		o.drop(d)
		h, is := known[id]
		switch {
		case healed[id]:
			o.recover(d)
		case is && !d.failing() && d.authFailedAt.IsZero():
			d.failingSince, d.failures, d.probeAt, d.authFailedAt = h.FailingSince, h.Failures, h.ProbeAt, h.AuthFailedAt
		case !is && d.durable && (d.failing() || !d.authFailedAt.IsZero()):
			d.failingSince, d.authFailedAt, d.row, d.failures, d.durable = time.Time{}, time.Time{}, nil, 0, false
		}
		d.durable = d.durable || is
		d.halt.Store(d.failing() || !d.authFailedAt.IsZero())
	}
	for _, l := range live {
		o.dest(l.Destination).dry = false
	}
	o.metrics.failing(o.dests)
	return nil
}

// healed reports whether a destination whose credential failed has got a new
// one since.
func (o *Outbox) healed(r calls.ReadTx, h calls.DestinationHealth) (bool, error) {
	if h.AuthFailedAt.IsZero() {
		return false, nil
	}
	w, err := r.Webhook("", h.Destination)
	if errors.Is(err, calls.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	s, ok := o.sinks[w.Kind].(Authenticated)
	if !ok {
		return true, nil
	}
	c, err := r.Credential(w.Account, s.CredentialName(w))
	if errors.Is(err, calls.ErrNotFound) {
		return false, nil
	}
	return err == nil && c.UpdatedAt.After(h.AuthFailedAt), err
}

// drop forgets the lanes that were read and not begun.
func (o *Outbox) drop(d *destination) {
	for _, r := range d.ready {
		delete(d.busy, r.lane())
	}
	d.ready, d.dry = nil, false
}

// appointment is when there may be something to do for d; zero: a report of
// somebody else will tell.
func (d *destination) appointment(now time.Time) time.Time {
	if !d.authFailedAt.IsZero() || (d.dry && d.dueAt.IsZero()) || d.probing {
		return time.Time{}
	}
	at := d.opens(now)
	if d.dry && !d.failing() && d.dueAt.After(at) {
		at = d.dueAt
	}
	return at
}

// dispatch begins as many runs for d as it may have.
func (o *Outbox) dispatch(soft, hard context.Context, d *destination) error {
	now := o.cfg.Clock.Now()
	if !d.authFailedAt.IsZero() || !d.opens(now).IsZero() || len(o.unsettled) > mostUnsettled {
		return nil
	}
	if d.failing() {
		return o.probe(soft, hard, d, now)
	}
	if d.dry && !d.dueAt.IsZero() && !d.dueAt.After(now) {
		d.dry = false
	}
	for d.sending < d.places(o.cfg.Lanes) && o.sending < o.cfg.Places {
		if len(d.ready) == 0 {
			if d.dry {
				return nil
			}
			if err := o.refill(soft, d, now); err != nil || len(d.ready) == 0 {
				return err
			}
		}
		r := d.ready[0]
		d.ready = d.ready[1:]
		o.begin(hard, d, r)
	}
	return nil
}

// probe tries one delivery of a failing destination: that of the lane which is
// due first, whenever that may be.
func (o *Outbox) probe(soft, hard context.Context, d *destination, now time.Time) error {
	if d.probing || d.sending > 0 {
		return nil
	}
	runs, _, err := o.read(soft, d, now.AddDate(100, 0, 0), 1)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		d.dry, d.dueAt = true, time.Time{}
		return nil
	}
	d.probing = true
	runs[0].Items = runs[0].Items[:1]
	d.busy[runs[0].lane()] = &held{}
	o.begin(hard, d, runs[0])
	return nil
}

// begin sets a run going.
func (o *Outbox) begin(hard context.Context, d *destination, r *run) {
	d.busy[r.lane()].under = true
	d.sending++
	o.sending++
	go o.work(hard, d, r)
}

// refill reads the lanes of d that are due and not held.
func (o *Outbox) refill(ctx context.Context, d *destination, now time.Time) error {
	most := d.places(o.cfg.Lanes)
	runs, next, err := o.read(ctx, d, now, min(readAhead, 4*most))
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		d.dry, d.dueAt = true, next
		return nil
	}
	for _, r := range runs {
		d.busy[r.lane()] = &held{}
	}
	d.ready = runs
	return nil
}

// read reads up to n lanes of d that are due at a time and not held; where there
// is none, next is when one will be.
func (o *Outbox) read(ctx context.Context, d *destination, due time.Time, n int) (runs []*run, next time.Time, err error) {
	skip := func(webhook, subject string) bool { return d.busy[lane{webhook, subject}] != nil }
	err = o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		lanes, err := r.DueLanes(d.id, due, skip, n+len(d.busy), perLane)
		if err != nil {
			return err
		}
		hooks := map[string]*run{}
		for _, l := range lanes {
			if len(runs) == n {
				break
			}
			like := hooks[l.WebhookID]
			if like == nil {
				if like, err = o.readHook(r, d, l.WebhookID); err != nil {
					return err
				}
				hooks[l.WebhookID] = like
			}
			if like.sink == nil {
				continue
			}
			runs = append(runs, &run{Lane: l, hook: like.hook, sink: like.sink, secrets: like.secrets, key: like.key})
		}
		if len(runs) == 0 {
			next, err = r.NextDue(d.id, due)
		}
		return err
	})
	return runs, next, err
}

// readHook reads what all lanes of a webhook share. A kind that this zvonar does
// not know has no sink: its deliveries wait for one that does.
func (o *Outbox) readHook(r calls.ReadTx, d *destination, id string) (*run, error) {
	w, err := r.Webhook("", id)
	if err != nil {
		return nil, err
	}
	like := &run{hook: w, sink: o.sinks[w.Kind]}
	if like.sink == nil {
		o.log.Error("there is no sink for a destination", "destination", id, "kind", w.Kind)
		return like, nil
	}
	if rate := like.sink.Rate(w); rate != d.rate {
		d.rate, d.bucket = rate, newBucket(o.cfg.Clock, rate)
	}
	if w.Key != "" {
		return like, o.readKey(r, like)
	}
	var tokens []*calls.Token
	if w.CallID != "" {
		if tokens, err = r.Tokens(); err != nil {
			return nil, err
		}
	}
	like.secrets = secretsOf(w, tokens, o.cfg.Clock.Now())
	return like, nil
}

// readKey reads the facade key that signs for a destination. One that is revoked, or
// gone, leaves none: what the sink then says is refused by the receiver.
func (o *Outbox) readKey(r calls.ReadTx, like *run) error {
	k, err := r.FacadeKey(like.hook.Account, like.hook.Key)
	now := o.cfg.Clock.Now()
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil
	case err != nil:
		return err
	case k.RevokedAt == nil || now.Before(*k.RevokedAt):
		like.key, like.secrets = k, k.Secrets(now)
	}
	return nil
}
