package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"zvonar/internal/calls"
)

type plainWebhook calls.Webhook

func scanWebhook(sc scanner) (*calls.Webhook, error) {
	var doc, secret string
	if err := sc.Scan(&doc, &secret); err != nil {
		return nil, err
	}
	var p plainWebhook
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return nil, err
	}
	w := calls.Webhook(p)
	w.Secret = secret
	return &w, nil
}

// Webhooks implements calls.ReadTx: the lasting ones, oldest first.
func (t *tx) Webhooks(account string) ([]*calls.Webhook, error) {
	return many(t, scanWebhook, `SELECT doc, secret FROM webhooks WHERE call_id = '' AND (? = '' OR account = ?) ORDER BY created_at, id`,
		account, account)
}

// CallWebhooks implements calls.ReadTx.
func (t *tx) CallWebhooks(account, callID string) ([]*calls.Webhook, error) {
	return many(t, scanWebhook, `SELECT doc, secret FROM webhooks WHERE call_id = ? AND call_id <> '' AND (? = '' OR account = ?) ORDER BY id`,
		callID, account, account)
}

// Webhook implements calls.ReadTx.
func (t *tx) Webhook(account, id string) (*calls.Webhook, error) {
	return one(t, scanWebhook, `SELECT doc, secret FROM webhooks WHERE id = ? AND (? = '' OR account = ?)`, id, account, account)
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
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("store: webhook %s cannot be written: %w", w.ID, err)
	}
	if _, err := t.exec(`INSERT INTO webhooks (id, account, call_id, disabled, secret, created_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET call_id = excluded.call_id, disabled = excluded.disabled, secret = excluded.secret, doc = excluded.doc`,
		w.ID, w.Account, w.CallID, flag(w.Disabled), w.Secret, micros(w.CreatedAt), string(doc)); err != nil {
		return err
	}
	t.notify = true
	return t.webhookSwitched(old, w)
}

// webhookSwitched parks the lanes of a webhook that was disabled, wakes those of
// one enabled again, and puts the cursor of one that starts at the present end.
func (t *tx) webhookSwitched(old, w *calls.Webhook) error {
	if old != nil && old.Disabled != w.Disabled {
		from, to := headLive, headParked
		if !w.Disabled {
			from, to = headParked, headLive
		}
		if _, err := t.exec(`UPDATE deliveries SET head = ? WHERE webhook_id = ? AND state = 'pending' AND head = ?`, to, w.ID, from); err != nil {
			return err
		}
	}
	starts := old == nil || (old.Disabled && !w.Disabled)
	if !starts || w.CallID != "" {
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
	if _, err := t.exec(`DELETE FROM deliveries WHERE webhook_id = ?`, id); err != nil {
		return err
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
