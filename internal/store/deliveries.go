package store

import (
	"time"

	"zvonar/internal/calls"
)

// What deliveries.head says: see the schema.
const (
	headNot    = 0
	headLive   = 1
	headParked = 2 // of a disabled webhook
)

const deliveryColumns = `id, webhook_id, event_pos, event_id, subject, state, attempts, next_at, last_status, last_error, created_at, done_at`

func scanDelivery(sc scanner) (d calls.Delivery, err error) {
	var next, created, done int64
	err = sc.Scan(&d.ID, &d.WebhookID, &d.EventPos, &d.EventID, &d.Subject, &d.State, &d.Attempts, &next, &d.LastStatus, &d.LastError, &created, &done)
	d.NextAt, d.CreatedAt, d.DoneAt = fromMicros(next), fromMicros(created), fromMicrosPtr(done)
	return d, err
}

// Deliveries implements calls.ReadTx.
func (t *tx) Deliveries(webhookID string, f calls.DeliveryFilter) ([]calls.Delivery, error) {
	var w where
	w.add("webhook_id = ?", webhookID)
	w.equal("state", string(f.State))
	if f.Before > 0 {
		w.add("id < ?", f.Before)
	}
	return many(t, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries`+w.sql()+` ORDER BY id DESC LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// LaneHeads implements calls.ReadTx.
func (t *tx) LaneHeads(now time.Time, limit int) ([]calls.Delivery, error) {
	return many(t, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE head = 1 AND head > 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?`, micros(now), limited(limit, 1000))
}

// Backlog implements calls.ReadTx. The oldest of a lane is its head.
func (t *tx) Backlog() (pending int, oldest time.Time, err error) {
	if pending, err = one(t, scalar[int], `SELECT count(*) FROM deliveries WHERE state = 'pending'`); err != nil {
		return 0, time.Time{}, err
	}
	at, err := one(t, scalar[int64], `SELECT coalesce(min(created_at), 0) FROM deliveries WHERE head > 0`)
	return pending, fromMicros(at), err
}

// InsertDelivery implements calls.Tx. An event that is on its way to this
// webhook already is an error: whoever fans out moves a cursor in the same unit.
func (t *tx) InsertDelivery(d *calls.Delivery) error {
	id, err := one(t, scalar[int64], `INSERT INTO deliveries (account, webhook_id, event_pos, event_id, subject, state, head,
			attempts, next_at, last_status, last_error, created_at, done_at)
		SELECT w.account, ?1, ?2, ?3, ?4, ?5,
			CASE WHEN ?5 <> 'pending' OR EXISTS (SELECT 1 FROM deliveries l WHERE l.webhook_id = ?1 AND l.subject = ?4 AND l.state = 'pending')
				THEN 0 ELSE 1 + w.disabled END,
			?6, ?7, ?8, ?9, ?10, ?11
		FROM webhooks w WHERE w.id = ?1 RETURNING id`,
		d.WebhookID, d.EventPos, d.EventID, d.Subject, d.State,
		d.Attempts, micros(d.NextAt), d.LastStatus, d.LastError, micros(d.CreatedAt), microsPtr(d.DoneAt))
	if err != nil {
		return err // ErrNotFound: there is no such webhook
	}
	d.ID, t.notify = id, true
	return nil
}

// UpdateDelivery implements calls.Tx. A delivery that is done hands the head of
// its lane to the next; one that is pending again takes its old place.
func (t *tx) UpdateDelivery(d *calls.Delivery) error {
	head, err := one(t, scalar[int], `UPDATE deliveries SET state = ?1, attempts = ?2, next_at = ?3, last_status = ?4, last_error = ?5,
		done_at = ?6, head = CASE WHEN ?1 = 'pending' THEN head ELSE 0 END WHERE id = ?7 RETURNING head`,
		d.State, d.Attempts, micros(d.NextAt), d.LastStatus, d.LastError, microsPtr(d.DoneAt), d.ID)
	if err != nil {
		return err
	}
	if head != headNot {
		return nil
	}
	if d.State == calls.DeliveryPending {
		t.notify = true
		if _, err := t.exec(`UPDATE deliveries SET head = 0 WHERE webhook_id = ? AND subject = ? AND state = 'pending' AND head > 0`,
			d.WebhookID, d.Subject); err != nil {
			return err
		}
	}
	_, err = t.exec(`UPDATE deliveries SET head = (SELECT 1 + disabled FROM webhooks WHERE id = ?1)
		WHERE head = 0 AND id = (SELECT id FROM deliveries WHERE webhook_id = ?1 AND subject = ?2 AND state = 'pending' ORDER BY id LIMIT 1)`,
		d.WebhookID, d.Subject)
	return err
}
