package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"zvonar/internal/calls"
)

// mostSettled is how many outcomes go into one unit of work.
const mostSettled = 512

// note is something else that goes into a batch; then, if not nil, is called by
// the owner once it is on disk.
type note struct {
	do   func(calls.Tx) error
	then func()
}

// settled is a batch of outcomes whose fate is known.
type settled struct {
	batch []outcome
	notes []note
	live  []string
	err   error
}

// take notes what an attempt brought, and what follows for its destination.
func (o *Outbox) take(out outcome) {
	d := o.dest(out.dest)
	h := d.busy[out.lane]
	if out.made {
		h.unsettled++
		o.judge(d, out)
		o.decide(d, &out)
		o.unsettled = append(o.unsettled, out)
	}
	if !out.ended {
		return
	}
	d.sending--
	o.sending--
	h.under = false
	d.probing = d.probing && d.sending > 0
	if !out.made { // there is more in the lane, which no settlement will tell
		o.release(d, out.lane)
		d.dry = false
	}
}

// release frees a lane of which everything is on disk.
func (o *Outbox) release(d *destination, l lane) {
	if h := d.busy[l]; h != nil && !h.under && h.unsettled == 0 {
		delete(d.busy, l)
	}
}

// judge keeps account of how the destination is doing.
func (o *Outbox) judge(d *destination, out outcome) {
	now := o.cfg.Clock.Now()
	switch {
	case out.skipped || out.spent:
	case out.a.Then == Delivered:
		if d.failing() {
			o.log.Info("a destination takes events again", "destination", d.id, "failing_since", d.failingSince)
			o.recover(d)
		}
		d.took()
	case out.a.Then == Disable:
		o.disable(d, out, now)
	case out.a.Then == AuthFailed:
		o.authFailed(d, out, now)
	case out.a.Then == Dead:
	case d.failing() && !d.probing: // begun before it was
	case d.failing():
		d.failures++
		d.probeAt = now.Add(min(o.cfg.Jitter(probes.wait(d.failures)), time.Minute))
		o.noteHealth(d, out)
		o.giveUp(d, now)
	default:
		// A body that was refused before and is refused again says nothing new.
		known := out.a.Fault == Unwanted && out.item.Delivery.Attempts > 0
		if !known && d.failed(out.lane, out.a.Fault) {
			d.failingSince, d.failures = now, 1
			d.probeAt = now.Add(o.cfg.Jitter(probes.wait(1)))
			d.halt.Store(true)
			o.drop(d)
			o.log.Warn("a destination is failing; all that is for it waits", "destination", d.id, "status", out.a.Status, "error", out.a.Error)
			o.noteHealth(d, out)
			o.metrics.failing(o.dests)
		}
		if out.a.After > 0 && (out.a.Status == 429 || out.a.Status == 503) {
			d.quietUntil = now.Add(min(out.a.After, time.Minute))
		}
	}
}

// recover makes a destination well: all its lanes are due.
func (o *Outbox) recover(d *destination) {
	d.failingSince, d.authFailedAt, d.probeAt, d.quietUntil, d.durable = time.Time{}, time.Time{}, time.Time{}, time.Time{}, false
	d.row, d.failures = nil, 0
	d.halt.Store(false)
	now := o.cfg.Clock.Now()
	o.note(func(tx calls.Tx) error { return tx.Recovered(d.id, now) })
	o.metrics.failing(o.dests)
}

// noteHealth makes the state of a destination that is not well durable.
func (o *Outbox) noteHealth(d *destination, out outcome) {
	row := d.health(out.hook.Account, out.a.Error)
	d.durable = true
	o.note(func(tx calls.Tx) error { return tx.PutHealth(row) })
}

// disable switches off a destination whose receiver wants no more; what waits
// for it stays, in case somebody enables it again.
func (o *Outbox) disable(d *destination, out outcome, now time.Time) {
	d.halt.Store(out.hook.CallID == "")
	o.log.Warn("a webhook is switched off: its receiver wants no more", "destination", out.hook.ID, "status", out.a.Status)
	reason := "the receiver answered " + out.a.Error
	o.note(func(tx calls.Tx) error {
		w, err := tx.Webhook("", out.hook.ID)
		switch {
		case errors.Is(err, calls.ErrNotFound), err == nil && w.Disabled:
			return nil
		case err != nil:
			return err
		}
		w.Disabled, w.DisabledReason = true, reason
		if err := tx.PutWebhook(w); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: w.Account, Actor: "zvonar", Action: "webhook.disable", Object: w.ID, At: now, Detail: reason})
	})
}

// authFailedData is the data of integration.auth_failed.
type authFailedData struct {
	Destination string `json:"destination"`
	Kind        string `json:"kind"`
	Error       string `json:"error"`
}

// authFailed leaves a destination alone until it gets a credential, and tells of
// that once. It counts from when the attempt began, or its credential came: one that
// was brought while the former was being refused is tried.
func (o *Outbox) authFailed(d *destination, out outcome, now time.Time) {
	if !d.authFailedAt.IsZero() {
		return
	}
	d.authFailedAt = out.sentAt
	if out.with.After(d.authFailedAt) {
		d.authFailedAt = out.with
	}
	o.looking = true // its credential may have come already
	d.halt.Store(true)
	o.drop(d)
	o.noteHealth(d, out)
	o.log.Warn("the credential of a destination is refused; what is for it waits for a new one", "destination", d.id, "error", out.a.Error)
	e := calls.NewEvent(o.cfg.IDs.New("evt_"), now, "destination:"+out.hook.ID, calls.IntegrationAuth,
		authFailedData{Destination: out.hook.ID, Kind: out.hook.Kind, Error: out.a.Error})
	e.Account = out.hook.Account
	o.note(func(tx calls.Tx) error { e := e; return tx.AppendEvent(&e) })
}

// givePage is how many lanes' heads may be given up in one unit of work.
const givePage = 500

// giveUp ends what has waited for a failing destination for too long, page by
// page.
func (o *Outbox) giveUp(d *destination, now time.Time) {
	before := now.Add(-o.cfg.Schedule.span())
	if !d.failing() || d.failingSince.After(before) {
		return
	}
	var given int
	o.notes = append(o.notes, note{
		do: func(tx calls.Tx) (err error) {
			given, err = tx.GiveUp(d.id, before, now, "the destination has been failing for too long", givePage)
			return err
		},
		then: func() {
			o.metrics.results("dead", given)
			if given == givePage {
				o.giveUp(d, now)
			}
		}})
}

// note puts something beside the outcomes into the next batch.
func (o *Outbox) note(do func(calls.Tx) error) { o.notes = append(o.notes, note{do: do}) }

// settle hands what has been noted to the store, in one unit of work, unless
// one is on its way.
func (o *Outbox) settle() {
	if o.settling || (o.looking && len(o.notes) == 0) || (len(o.unsettled) == 0 && len(o.notes) == 0) || o.cfg.Clock.Now().Before(o.settleAt) {
		return
	}
	n := min(len(o.unsettled), mostSettled)
	s := settled{batch: o.unsettled[:n:n], notes: o.notes}
	o.unsettled, o.notes = o.unsettled[n:], nil
	o.settling = true
	list := make([]calls.Settlement, 0, n)
	for _, out := range s.batch {
		list = append(list, out.settlement)
	}
	var live []string
	o.cfg.Store.Observe(func(tx calls.Tx) (err error) {
		if live, err = tx.SettleDeliveries(list); err != nil {
			return err
		}
		for _, note := range s.notes {
			if err := note.do(tx); err != nil {
				return err
			}
		}
		return nil
	}, func(err error) {
		s.live, s.err = live, err
		o.settled <- s // has room for the one batch under way
	})
}

// decide says what the store is to note of an outcome, and how it is counted.
func (o *Outbox) decide(dest *destination, out *outcome) {
	now := o.cfg.Clock.Now()
	d := out.item.Delivery
	d.LastStatus, d.LastError, d.Response = out.a.Status, out.a.Error, out.a.Text
	if !out.sentAt.IsZero() {
		d.Attempts++
		d.SentAt, d.Took = out.sentAt, out.took
	}
	then := out.a.Then
	if then == Retry && o.cfg.Schedule.over(d.Attempts, now.Sub(d.RoundAt), dest.failing()) {
		then = Dead
	}
	switch then {
	case Delivered:
		d.State, d.DoneAt, out.result = calls.DeliveryDelivered, &now, "delivered"
		if out.skipped {
			out.result = "skipped"
		}
	case Dead:
		d.State, d.DoneAt, out.result = calls.DeliveryDead, &now, "dead"
	case Disable:
		d.NextAt, out.result = now, "gone"
	case AuthFailed:
		d.NextAt, out.result = now, "auth_failed"
	case Retry:
		wait := o.cfg.Jitter(o.cfg.Schedule.wait(d.Attempts))
		if out.a.After > 0 {
			wait = min(max(out.a.After, minAfter), maxAfter)
		}
		d.NextAt, out.result = now.Add(wait), "failed"
	}
	out.settlement = calls.Settlement{Delivery: d, GapTold: out.gapTold, State: out.a.State}
}

// finish takes note of what is on disk. A batch that failed is kept: what it
// tells has happened, and the lanes in it wait.
func (o *Outbox) finish(s settled) {
	o.settling = false
	if s.err != nil {
		o.log.Error("deliveries could not be noted; trying again", "deliveries", len(s.batch), "error", s.err)
		o.unsettled = append(s.batch, o.unsettled...)
		o.notes = append(s.notes, o.notes...)
		o.settleAt = o.cfg.Clock.Now().Add(faultPause)
		return
	}
	for _, out := range s.batch {
		d := o.dest(out.dest)
		d.busy[out.lane].unsettled--
		o.release(d, out.lane)
		o.report(out)
		if out.result == "failed" {
			d.dry = false // when it is due is to be read
		}
	}
	for _, id := range s.live {
		o.dest(id).dry = false
	}
	for _, n := range s.notes {
		if n.then != nil {
			n.then()
		}
	}
}

// report counts an outcome and tells of it in the log.
func (o *Outbox) report(out outcome) {
	o.metrics.results(out.result, 1)
	if out.a.Then == Delivered {
		return
	}
	d := out.settlement.Delivery
	level := slog.LevelWarn
	if out.result == "failed" && (d.Attempts > 1 || o.dest(out.dest).failing()) {
		level = slog.LevelDebug // that this one fails, or all of them do, was told
	}
	o.log.Log(context.Background(), level, "a destination did not take an event", "destination", d.WebhookID, "event", d.EventID,
		"result", out.result, "attempt", d.Attempts, "status", d.LastStatus, "error", d.LastError)
}
