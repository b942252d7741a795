package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// callsCursor is how far the log was fanned out to the webhooks of single calls.
const callsCursor = "webhooks:calls"

// fanPage is how many events go into one unit of work.
const fanPage = 200

// page is a stretch of the log, and the webhooks of the calls in it.
type page struct {
	events []calls.Event
	end    int64 // position up to which nothing is left out
	hooks  map[string][]*calls.Webhook
}

// fanOut inserts the deliveries of everything new in the log, for every webhook
// up to the end of the log as it was found.
func (o *Outbox) fanOut(ctx context.Context) error {
	for {
		more, err := o.fanOnce(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// fanOnce moves every cursor that is behind by one page at most; more tells that
// there was something to move.
func (o *Outbox) fanOnce(ctx context.Context) (more bool, err error) {
	behind := map[string]*calls.Webhook{} // by cursor; nil is the one of the calls
	pages := map[int64]*page{}
	starts := map[string]int64{}
	err = o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		last, err := r.LastPos()
		if err != nil {
			return err
		}
		hooks, err := r.Webhooks("")
		if err != nil {
			return err
		}
		behind[callsCursor] = nil
		for _, w := range hooks {
			if !w.Disabled {
				behind[calls.WebhookCursor(w.ID)] = w
			}
		}
		for name := range behind {
			at, err := r.Cursor(name)
			if err != nil {
				return err
			}
			if at >= last {
				delete(behind, name)
				continue
			}
			starts[name] = at
			if pages[at] == nil {
				if pages[at], err = readPage(r, at, last); err != nil {
					return err
				}
			}
		}
		_, needed := behind[callsCursor]
		if p := pages[starts[callsCursor]]; needed && p != nil {
			return p.findHooks(r)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	// Side by side, so that all these units share one commit.
	errs := make(chan error, len(behind))
	for name, w := range behind {
		go func() { errs <- o.advance(ctx, name, w, starts[name], pages[starts[name]]) }()
	}
	for range behind {
		err = errors.Join(err, <-errs)
	}
	if err == nil && len(behind) > 0 {
		failpoint.Hit(failpoint.FannedOut)
	}
	return len(behind) > 0, err
}

func readPage(r calls.ReadTx, after, last int64) (*page, error) {
	events, err := r.Events(calls.EventFilter{After: after, Limit: fanPage})
	if err != nil {
		return nil, err
	}
	p := &page{events: events, end: last}
	if len(events) == fanPage {
		p.end = events[len(events)-1].Pos
	}
	return p, nil
}

// findHooks looks up the webhooks of every call that the page tells of.
func (p *page) findHooks(r calls.ReadTx) (err error) {
	p.hooks = map[string][]*calls.Webhook{}
	for _, e := range p.events {
		if _, known := p.hooks[e.CallID]; known || e.CallID == "" {
			continue
		}
		if p.hooks[e.CallID], err = r.CallWebhooks(e.Account, e.CallID); err != nil {
			return err
		}
	}
	return nil
}

// advance inserts the deliveries of one page and moves the cursor, in one unit.
// A webhook that was switched off or moved meanwhile is left for the next look.
func (o *Outbox) advance(ctx context.Context, cursor string, w *calls.Webhook, from int64, p *page) error {
	now := o.cfg.Clock.Now()
	return o.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if at, err := tx.Cursor(cursor); err != nil || at != from {
			return err
		}
		if w != nil {
			switch now, err := tx.Webhook("", w.ID); {
			case errors.Is(err, calls.ErrNotFound) || (err == nil && now.Disabled):
				return nil
			case err != nil:
				return err
			}
		}
		for _, e := range p.events {
			hooks := []*calls.Webhook{w}
			if w == nil {
				hooks = p.hooks[e.CallID]
			}
			for _, h := range hooks {
				if err := deliverTo(tx, h, e, now); err != nil {
					return err
				}
			}
		}
		return tx.SetCursor(cursor, p.end)
	})
}

// deliverTo inserts the delivery of e to h, if h wants it. A webhook of one call
// that was deleted since the page was read is passed over.
func deliverTo(tx calls.Tx, h *calls.Webhook, e calls.Event, now time.Time) error {
	if h.Disabled || h.Account != e.Account || (len(h.Types) > 0 && !slices.Contains(h.Types, e.Type)) {
		return nil
	}
	err := tx.InsertDelivery(&calls.Delivery{WebhookID: h.ID, EventPos: e.Pos, EventID: e.ID, Subject: e.Subject,
		State: calls.DeliveryPending, NextAt: now, CreatedAt: now})
	if errors.Is(err, calls.ErrNotFound) {
		return nil
	}
	return err
}
