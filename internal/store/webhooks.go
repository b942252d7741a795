package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"zvonar/internal/calls"
)

type plainWebhook calls.Webhook

const webhookColumns = `doc, kind, secret, old_secret, old_secret_until`

func scanWebhook(sc scanner) (*calls.Webhook, error) {
	var doc, kind, secret, old string
	var until int64
	if err := sc.Scan(&doc, &kind, &secret, &old, &until); err != nil {
		return nil, err
	}
	var p plainWebhook
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return nil, err
	}
	w := calls.Webhook(p)
	w.Kind, w.Secret, w.OldSecret, w.OldSecretUntil = kind, secret, old, fromMicros(until)
	return &w, nil
}

// Webhooks implements calls.ReadTx: the lasting ones, oldest first.
func (t *tx) Webhooks(account string) ([]*calls.Webhook, error) {
	return many(t, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE call_id = '' AND (? = '' OR account = ?) ORDER BY created_at, id`,
		account, account)
}

// AnyCallWebhook implements calls.OutboxReads.
func (t *tx) AnyCallWebhook() (bool, error) {
	n, err := one(t, scalar[int], `SELECT CASE WHEN EXISTS (SELECT 1 FROM webhooks WHERE call_id <> '') THEN 1 ELSE 0 END`)
	return n != 0, err
}

// CallWebhooks implements calls.ReadTx.
func (t *tx) CallWebhooks(account, callID string) ([]*calls.Webhook, error) {
	return many(t, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE call_id = ? AND call_id <> '' AND (? = '' OR account = ?) ORDER BY id`,
		callID, account, account)
}

// Webhook implements calls.ReadTx.
func (t *tx) Webhook(account, id string) (*calls.Webhook, error) {
	return one(t, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = ? AND (? = '' OR account = ?)`, id, account, account)
}

// PutWebhook implements calls.Tx.
func (t *tx) PutWebhook(w *calls.Webhook) error {
	old, err := t.Webhook("", w.ID)
	if err != nil && !errors.Is(err, calls.ErrNotFound) {
		return err
	}
	if old != nil && old.Account != w.Account {
		return calls.ErrNotFound // a foreign id is as good as none
	}
	p := plainWebhook(*w)
	p.CreatedAt = stored(p.CreatedAt)
	if p.Kind == "" {
		p.Kind = calls.KindWebhook
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("store: webhook %s cannot be written: %w", w.ID, err)
	}
	if _, err := t.exec(`INSERT INTO webhooks (id, account, call_id, kind, destination, disabled, secret, old_secret, old_secret_until, created_at, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET disabled = excluded.disabled, secret = excluded.secret,
			old_secret = excluded.old_secret, old_secret_until = excluded.old_secret_until, doc = excluded.doc`,
		w.ID, w.Account, w.CallID, p.Kind, w.Destination(), flag(w.Disabled), w.Secret, w.OldSecret, micros(w.OldSecretUntil), micros(w.CreatedAt), string(doc)); err != nil {
		return err
	}
	return t.webhookSwitched(old, w)
}

// webhookSwitched parks the lanes of a webhook that was disabled, wakes those of
// one enabled again, and lets one that starts begin at the present end. One that
// was pointed elsewhere, or enabled, is given the benefit of the doubt.
func (t *tx) webhookSwitched(old, w *calls.Webhook) error {
	if old != nil || w.CallID == "" { // nothing waits for that of a new call
		if err := t.turn(); err != nil {
			return err
		}
	}
	if old != nil && old.Disabled != w.Disabled {
		from, to := headLive, headParked
		if !w.Disabled {
			from, to = headParked, headLive
		}
		if _, err := t.exec(`UPDATE deliveries SET head = ? WHERE head = ? AND head > 0
			AND destination = (SELECT destination FROM webhooks WHERE id = ?) AND webhook_id = ?`, to, from, w.ID, w.ID); err != nil {
			return err
		}
	}
	enabled := old != nil && old.Disabled && !w.Disabled
	if w.CallID != "" {
		return nil
	}
	if enabled || (old != nil && old.URL != w.URL) {
		if err := t.Recovered(w.ID, t.s.cfg.Clock.Now()); err != nil {
			return err
		}
	}
	if old != nil && !enabled {
		return nil
	}
	last, err := t.LastPos()
	if err != nil {
		return err
	}
	return t.SetCursor(calls.WebhookCursor(w.ID), last)
}

// DeleteWebhook implements calls.Tx: its deliveries and its cursor go with it.
func (t *tx) DeleteWebhook(account, id string) error {
	if err := changedOne(t.exec(`DELETE FROM webhooks WHERE id = ? AND account = ?`, id, account)); err != nil {
		return err
	}
	for _, query := range []string{`DELETE FROM deliveries WHERE webhook_id = ?`, `DELETE FROM sink_states WHERE webhook_id = ?`,
		`DELETE FROM destination_health WHERE destination = ?`} {
		if _, err := t.exec(query, id); err != nil {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM cursors WHERE name = ?`, calls.WebhookCursor(id))
	return err
}

// Cursor implements calls.ReadTx.
func (t *tx) Cursor(name string) (int64, error) {
	return one(t, scalar[int64], `SELECT coalesce((SELECT pos FROM cursors WHERE name = ?), 0)`, name)
}

// SetCursor implements calls.Tx.
func (t *tx) SetCursor(name string, pos int64) error {
	_, err := t.exec(`INSERT INTO cursors (name, pos) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET pos = excluded.pos`, name, pos)
	return err
}
