package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/egress"
	"zvonar/internal/failpoint"
)

// userAgent is how receivers know us.
const userAgent = "zvonar"

// answer is what one attempt brought: a status, or an error in words.
type answer struct {
	status int
	err    string
}

// deliver makes one attempt at d and makes its result durable. Where that fails
// d goes out again: at least once.
func (o *Outbox) deliver(ctx context.Context, d calls.Delivery) {
	w, e, err := o.load(ctx, d)
	switch {
	case errors.Is(err, calls.ErrNotFound) || (err == nil && w.Disabled):
		return // deleted or switched off since it was read
	case err == nil && e == nil:
		err = o.bury(ctx, d, "the event is no longer in the log")
	case err == nil:
		failpoint.Hit(failpoint.DeliveryStarted)
		a := o.post(ctx, w, *e)
		if ctx.Err() != nil {
			return // broken off by Stop; nothing is known, so nothing is noted
		}
		failpoint.Hit(failpoint.DeliveryDone)
		err = o.settle(ctx, d, w, a)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, calls.ErrNotFound) {
		o.log.Error("a delivery could not be noted; it will be made again", "webhook", d.WebhookID, "event", d.EventID, "error", err)
		pause(ctx, o.cfg.Clock, faultPause) // or the same event would go out over and over
	}
}

// load reads the webhook and the event; e is nil where the event is gone.
func (o *Outbox) load(ctx context.Context, d calls.Delivery) (w *calls.Webhook, e *calls.Event, err error) {
	err = o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		if w, err = r.Webhook("", d.WebhookID); err != nil {
			return err
		}
		list, err := r.Events(calls.EventFilter{After: d.EventPos - 1, Limit: 1})
		if err == nil && len(list) == 1 && list[0].ID == d.EventID {
			e = &list[0]
		}
		return err
	})
	return w, e, err
}

// post sends one event and reads the answer.
func (o *Outbox) post(ctx context.Context, w *calls.Webhook, e calls.Event) answer {
	body, err := json.Marshal(e)
	if err != nil {
		return answer{err: fmt.Sprintf("the event cannot be written as JSON: %v", err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return answer{err: "the URL cannot be read"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if err := sign(req.Header, w.Secret, e.ID, o.cfg.Clock.Now(), body); err != nil {
		return answer{err: err.Error()}
	}
	client := o.cfg.Client
	if w.FromConfig {
		client = o.cfg.Trusted
	}
	start := time.Now()
	res, err := client.Do(req)
	if err != nil {
		o.metrics.tried(time.Since(start))
		return answer{err: words(err)}
	}
	// The status decides; the body is read only so that the connection can serve
	// the next delivery, and an error in it changes nothing.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, egress.MaxResponse))
	_ = res.Body.Close()
	o.metrics.tried(time.Since(start))
	a := answer{status: res.StatusCode}
	if disposed(a.status) != delivered {
		a.err = "HTTP " + res.Status
	}
	return a
}

// words says what went wrong without the URL, which may carry a secret.
func words(err error) string {
	var refused *calls.Error
	if errors.As(err, &refused) {
		return refused.Detail
	}
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return "no answer in time"
		}
		return u.Err.Error()
	}
	return err.Error()
}

// settle notes what an attempt brought, and what follows from it, in one unit.
func (o *Outbox) settle(ctx context.Context, d calls.Delivery, w *calls.Webhook, a answer) error {
	now := o.cfg.Clock.Now()
	d.Attempts++
	d.LastStatus, d.LastError = a.status, a.err
	then := disposed(a.status)
	result := "failed"
	switch wait, again := o.cfg.Schedule.wait(d.Attempts); {
	case then == delivered:
		d.State, d.DoneAt, result = calls.DeliveryDelivered, &now, "delivered"
	case then == disable:
		d.NextAt, result = now, "gone"
	case again:
		d.NextAt = now.Add(o.cfg.Jitter(wait))
	default:
		d.State, d.DoneAt, result = calls.DeliveryDead, &now, "dead"
	}
	err := o.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if then == disable {
			if err := switchOff(tx, w.ID); err != nil {
				return err
			}
		}
		return tx.UpdateDelivery(&d)
	})
	if err != nil {
		return err
	}
	o.metrics.attempt(result)
	if result != "delivered" {
		o.log.Warn("a webhook did not take an event", "webhook", d.WebhookID, "event", d.EventID, "result", result,
			"attempt", d.Attempts, "status", a.status, "error", a.err)
	}
	return nil
}

// switchOff disables a webhook whose receiver answered 410; what is waiting for
// it stays, in case somebody enables it again.
func switchOff(tx calls.Tx, id string) error {
	w, err := tx.Webhook("", id)
	if err != nil {
		return err
	}
	w.Disabled = true
	return tx.PutWebhook(w)
}

// bury ends a delivery that can never be made.
func (o *Outbox) bury(ctx context.Context, d calls.Delivery, why string) error {
	now := o.cfg.Clock.Now()
	d.State, d.DoneAt, d.LastError = calls.DeliveryDead, &now, why
	o.metrics.attempt("dead")
	return o.cfg.Store.Update(ctx, func(tx calls.Tx) error { return tx.UpdateDelivery(&d) })
}
