package store

import (
	"errors"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// cursorTurn counts what was made due other than by fan-out and settlement.
const cursorTurn = "outbox:turn"

// OutboxTurn implements calls.OutboxReads.
func (t *tx) OutboxTurn() (int64, error) { return t.Cursor(cursorTurn) }

// turn tells whoever delivers to look at everything again.
func (t *tx) turn() error {
	t.notify = true
	_, err := t.exec(`INSERT INTO cursors (name, pos) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET pos = cursors.pos + 1`, cursorTurn)
	return err
}

// QueueDeliveries implements calls.OutboxWrites.
func (t *tx) QueueDeliveries(list []calls.Delivery, now time.Time) (live []string, err error) {
	for _, d := range list {
		dest, err := one(t, scalar[string], `INSERT INTO deliveries (account, webhook_id, destination, event_pos, event_id, subject, state, head,
				attempts, next_at, round_at, last_status, last_error, created_at, done_at)
			SELECT w.account, w.id, w.destination, ?2, ?3, ?4, 'pending',
				CASE WHEN EXISTS (SELECT 1 FROM deliveries l WHERE l.webhook_id = w.id AND l.subject = ?4 AND l.state = 'pending')
					THEN 0 ELSE 1 + w.disabled END,
				0, ?5, ?5, 0, '', ?5, 0
			FROM webhooks w WHERE w.id = ?1
			ON CONFLICT (webhook_id, event_pos) DO NOTHING
			RETURNING CASE WHEN head = 1 THEN destination ELSE '' END`,
			d.WebhookID, d.EventPos, d.EventID, d.Subject, micros(now))
		if err != nil && !errors.Is(err, calls.ErrNotFound) {
			return nil, err
		}
		if err == nil && dest != "" && !slices.Contains(live, dest) {
			live = append(live, dest)
		}
	}
	return live, nil
}

// laneKey names a lane.
type laneKey struct{ webhook, subject string }

// SettleDeliveries implements calls.OutboxWrites.
func (t *tx) SettleDeliveries(list []calls.Settlement) (live []string, err error) {
	done := map[laneKey]bool{}
	for i := range list {
		s := &list[i]
		d := &s.Delivery
		row, err := one(t, scanSettled, `UPDATE deliveries SET state = ?1, attempts = ?2, next_at = ?3, last_status = ?4, last_error = ?5,
				response = ?6, sent_at = ?7, took_us = ?8, done_at = ?9,
				head = CASE WHEN ?1 = 'pending' THEN head ELSE 0 END, gap = CASE WHEN ?1 = 'dead' THEN 1 ELSE 0 END
			WHERE id = ?10 RETURNING account, subject`,
			d.State, d.Attempts, micros(d.NextAt), d.LastStatus, d.LastError, d.Response, micros(d.SentAt), d.Took.Microseconds(), microsPtr(d.DoneAt), d.ID)
		if errors.Is(err, calls.ErrNotFound) {
			continue // its webhook was deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		d.Subject = row.subject // an erasure may have renamed the lane since it was read
		if err := t.settled(s, row.account); err != nil {
			return nil, err
		}
		if d.State != calls.DeliveryPending {
			done[laneKey{d.WebhookID, d.Subject}] = true
		}
	}
	for l := range done {
		dest, err := t.handOver(l)
		if err != nil {
			return nil, err
		}
		if dest != "" && !slices.Contains(live, dest) {
			live = append(live, dest)
		}
	}
	return live, nil
}

// settledRow is whose delivery was settled, and in which lane.
type settledRow struct{ account, subject string }

func scanSettled(sc scanner) (r settledRow, err error) {
	err = sc.Scan(&r.account, &r.subject)
	return r, err
}

// settled notes what goes with a settlement.
func (t *tx) settled(s *calls.Settlement, account string) error {
	d := &s.Delivery
	if s.GapTold {
		if _, err := t.exec(`UPDATE deliveries SET gap = 0 WHERE webhook_id = ? AND subject = ? AND gap = 1 AND event_pos < ?`,
			d.WebhookID, d.Subject, d.EventPos); err != nil {
			return err
		}
	}
	if s.State == nil {
		return nil
	}
	at := d.SentAt
	_, err := t.exec(`INSERT INTO sink_states (webhook_id, subject, account, state, updated_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (webhook_id, subject) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at`,
		d.WebhookID, d.Subject, account, *s.State, micros(at))
	return err
}

// handOver gives a lane whose head is done the next one; the destination is ""
// where there is none, or where it is parked.
func (t *tx) handOver(l laneKey) (string, error) {
	dest, err := one(t, scalar[string], `UPDATE deliveries SET head = (SELECT 1 + w.disabled FROM webhooks w WHERE w.id = ?1)
		WHERE head = 0 AND id = (SELECT n.id FROM deliveries n WHERE n.webhook_id = ?1 AND n.subject = ?2 AND n.state = 'pending' ORDER BY n.event_pos LIMIT 1)
		RETURNING CASE WHEN head = 1 THEN destination ELSE '' END`, l.webhook, l.subject)
	if errors.Is(err, calls.ErrNotFound) {
		return "", nil
	}
	return dest, err
}

// GiveUp implements calls.OutboxWrites.
func (t *tx) GiveUp(destination string, before, now time.Time, why string, limit int) (int, error) {
	list, err := many(t, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries d WHERE d.head = 1 AND d.head > 0 AND d.destination = ?
		AND d.next_at < ? ORDER BY d.next_at, d.id LIMIT ?`, destination, micros(before), limit)
	if err != nil {
		return 0, err
	}
	settle := make([]calls.Settlement, len(list))
	for i, d := range list {
		d.State, d.DoneAt, d.LastError = calls.DeliveryDead, &now, why
		settle[i].Delivery = d
	}
	_, err = t.SettleDeliveries(settle)
	return len(list), err
}

// ReplayDeliveries implements calls.OutboxWrites.
func (t *tx) ReplayDeliveries(webhookID string, events []calls.LogEntry, now time.Time) (n int, err error) {
	lanes := map[laneKey]bool{}
	for _, e := range events {
		rows, err := t.exec(`INSERT INTO deliveries (account, webhook_id, destination, event_pos, event_id, subject, state, head,
				attempts, next_at, round_at, last_status, last_error, created_at, done_at, replays)
			SELECT w.account, w.id, w.destination, ?2, ?3, ?4, 'pending', 0, 0, ?5, ?5, 0, '', ?5, 0, 1
			FROM webhooks w WHERE w.id = ?1
			ON CONFLICT (webhook_id, event_pos) DO UPDATE SET state = 'pending', attempts = 0, next_at = excluded.next_at,
				round_at = excluded.round_at, done_at = 0, gap = 0, replays = deliveries.replays + 1`,
			webhookID, e.Pos, e.ID, e.Subject, micros(now))
		if err != nil {
			return 0, err
		}
		n += int(rows)
		lanes[laneKey{webhookID, e.Subject}] = true
	}
	for l := range lanes {
		if _, err := t.exec(`UPDATE deliveries SET head = 0 WHERE webhook_id = ?1 AND subject = ?2 AND state = 'pending' AND head > 0`,
			l.webhook, l.subject); err != nil {
			return 0, err
		}
		if _, err := t.handOver(l); err != nil {
			return 0, err
		}
	}
	if n > 0 {
		err = t.turn()
	}
	return n, err
}
