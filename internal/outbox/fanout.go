package outbox

import (
	"context"
	"errors"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

const (
	// fanPage is how many events go into one unit of work.
	fanPage = 500
	// Where nobody wants what is new, the cursor on disk follows after so many
	// events, or so much time.
	cursorSlack = 2000
	cursorPause = time.Minute
	// fanPause gathers what is committed at nearly the same time; idlePause is
	// the same where nobody wants anything. Real time: no outcome depends on it.
	fanPause  = 5 * time.Millisecond
	idlePause = 50 * time.Millisecond
)

// fanout turns the log into deliveries. It belongs to the goroutine of follow.
type fanout struct {
	o    *Outbox
	at   int64 // everything up to here is fanned out
	disk int64 // what the cursor on disk says
	turn int64
	idle bool // nobody wants anything
	late bool // the cursor on disk must follow now
}

// follow fans out until ctx ends. It is the only one to do so, of all nodes.
func (o *Outbox) follow(ctx context.Context) {
	f := fanout{o: o, at: -1, turn: -1}
	for ctx.Err() == nil {
		changed := o.cfg.Store.Changed() // before reading, so that nothing falls between
		if err := f.catchUp(ctx); err != nil && ctx.Err() == nil {
			o.log.Error("the outbox cannot read or write the store; trying again", "error", err)
			pause(ctx, o.cfg.Clock, faultPause)
			f.at = -1
			continue
		}
		if !f.wait(ctx, changed) {
			continue
		}
		gather := fanPause
		if f.idle {
			gather = idlePause
		}
		select {
		case <-time.After(gather):
		case <-ctx.Done():
		}
	}
}

// wait waits for something new; false: for the cursor on disk to follow.
func (f *fanout) wait(ctx context.Context, changed <-chan struct{}) bool {
	follow := make(chan struct{})
	f.late = false
	if f.at > f.disk {
		defer f.o.cfg.Clock.AfterFunc(cursorPause, func() { close(follow) }).Stop()
	}
	select {
	case <-changed:
		return true
	case <-follow:
		f.late = true
	case <-ctx.Done():
	}
	return false
}

// catchUp fans out everything that is new.
func (f *fanout) catchUp(ctx context.Context) error {
	for {
		p, err := f.read(ctx)
		if err != nil {
			return err
		}
		if p.turn != f.turn {
			f.turn = p.turn
			f.o.lookAgain()
		}
		if len(p.list) == 0 && p.end-f.disk < cursorSlack && (!f.late || p.end == f.disk) {
			f.at = p.end
		} else if err := f.write(ctx, p); err != nil {
			return err
		}
		if !p.more {
			return nil
		}
	}
}

// page is a stretch of the log and what follows from it.
type page struct {
	end  int64 // everything up to here was looked at
	more bool
	turn int64
	list []calls.Delivery
}

// read looks at the next page. Where no webhook exists it reads no event.
func (f *fanout) read(ctx context.Context) (p page, err error) {
	err = f.o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		if f.at < 0 {
			at, err := r.Cursor(calls.OutboxCursor)
			if err != nil {
				return err
			}
			f.at, f.disk = at, at
		}
		turn, err := r.OutboxTurn()
		if err != nil {
			return err
		}
		hooks, err := lasting(r)
		if err != nil {
			return err
		}
		ofCalls, err := r.AnyCallWebhook()
		if err != nil {
			return err
		}
		f.idle = len(hooks) == 0 && !ofCalls
		p.turn = turn
		if f.idle {
			p.end, err = r.LastPos()
			return err
		}
		return p.fill(r, f.at, hooks)
	})
	return p, err
}

// starting is a webhook that gets the events after a position.
type starting struct {
	*calls.Webhook
	after int64
}

// lasting lists the webhooks that are not of one call and not switched off.
func lasting(r calls.ReadTx) (out []starting, err error) {
	hooks, err := r.Webhooks("")
	for _, w := range hooks {
		if w.Disabled || err != nil {
			continue
		}
		s := starting{Webhook: w}
		if s.after, err = r.Cursor(calls.WebhookCursor(w.ID)); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, err
}

// fill reads a page of the log and finds who wants what.
func (p *page) fill(r calls.ReadTx, after int64, hooks []starting) error {
	events, err := r.LogPage(after, fanPage)
	if err != nil {
		return err
	}
	p.end, p.more = after, len(events) == fanPage
	ofCall := map[string][]*calls.Webhook{}
	for _, e := range events {
		p.end = e.Pos
		for _, w := range hooks {
			if e.Pos > w.after && e.Account == w.Account && w.Wants(e.Type) {
				p.add(w.Webhook, e)
			}
		}
		if !e.CallHasWebhook {
			continue
		}
		own, known := ofCall[e.CallID]
		if !known {
			if own, err = r.CallWebhooks(e.Account, e.CallID); err != nil {
				return err
			}
			ofCall[e.CallID] = own
		}
		for _, w := range own {
			if !w.Disabled && w.Wants(e.Type) {
				p.add(w, e)
			}
		}
	}
	return nil
}

func (p *page) add(w *calls.Webhook, e calls.LogEntry) {
	p.list = append(p.list, calls.Delivery{WebhookID: w.ID, EventPos: e.Pos, EventID: e.ID, Subject: e.Subject})
}

// errMoved means that somebody else moved the cursor.
var errMoved = errors.New("the outbox's place in the log was moved by another node")

// write makes the deliveries of a page durable together with the cursor.
func (f *fanout) write(ctx context.Context, p page) error {
	var live []string
	now := f.o.cfg.Clock.Now()
	err := f.o.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		at, err := tx.Cursor(calls.OutboxCursor)
		if err != nil {
			return err
		}
		if at != f.disk {
			return errMoved
		}
		if live, err = tx.QueueDeliveries(p.list, now); err != nil {
			return err
		}
		return tx.SetCursor(calls.OutboxCursor, p.end)
	})
	if err != nil {
		return err
	}
	f.at, f.disk = p.end, p.end
	if len(p.list) > 0 {
		failpoint.Hit(failpoint.FannedOut)
	}
	if len(live) > 0 {
		select {
		case f.o.live <- live:
		case <-ctx.Done():
		}
	}
	return nil
}
