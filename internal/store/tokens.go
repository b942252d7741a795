package store

import (
	"encoding/json"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

type plainToken calls.Token

func scanToken(sc scanner) (*calls.Token, error) {
	var doc, hash, secret string
	var used int64
	if err := sc.Scan(&doc, &hash, &secret, &used); err != nil {
		return nil, err
	}
	var p plainToken
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return nil, err
	}
	k := calls.Token(p)
	k.Hash, k.WebhookSecret, k.LastUsedAt = hash, secret, fromMicros(used)
	return &k, nil
}

// Tokens implements calls.ReadTx: all of them, oldest first.
func (t *tx) Tokens() ([]*calls.Token, error) {
	return many(t, scanToken, `SELECT doc, hash, webhook_secret, last_used_at FROM tokens ORDER BY id`)
}

// Token implements calls.ReadTx.
func (t *tx) Token(account, id string) (*calls.Token, error) {
	return one(t, scanToken, `SELECT doc, hash, webhook_secret, last_used_at FROM tokens WHERE id = ? AND (CAST(? AS TEXT) = '' OR account = ?)`,
		id, account, account)
}

// TouchToken implements calls.Tx.
func (t *tx) TouchToken(id string, at time.Time) error {
	_, err := t.exec(`UPDATE tokens SET last_used_at = ? WHERE id = ? AND last_used_at < ?`, micros(at), id, micros(at))
	return err
}

// PutToken implements calls.Tx.
func (t *tx) PutToken(k *calls.Token) error {
	p := plainToken(*k)
	p.CreatedAt, p.RevokedAt, p.ExpiresAt = stored(p.CreatedAt), storedPtr(p.RevokedAt), storedPtr(p.ExpiresAt)
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("store: token %s cannot be written: %w", k.ID, err)
	}
	_, err = t.exec(`INSERT INTO tokens (id, account, hash, webhook_secret, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET account = excluded.account, hash = excluded.hash,
			webhook_secret = excluded.webhook_secret, doc = excluded.doc`,
		k.ID, k.Account, k.Hash, k.WebhookSecret, string(doc))
	return err
}

// Idempotent implements calls.ReadTx. A record past its time is not found.
func (t *tx) Idempotent(account, key string) (*calls.IdempotencyRecord, error) {
	return one(t, func(sc scanner) (*calls.IdempotencyRecord, error) {
		r := &calls.IdempotencyRecord{Account: account, Key: key}
		var expires int64
		err := sc.Scan(&r.BodyHash, &r.CallID, &expires)
		r.ExpiresAt = fromMicros(expires)
		return r, err
	}, `SELECT body_hash, call_id, expires_at FROM idempotency WHERE account = ? AND key = ? AND expires_at > ?`,
		account, key, micros(t.s.cfg.Clock.Now()))
}

// PutIdempotent implements calls.Tx. It also sweeps away a few records whose
// time is over, so that the table stays as long as a day of requests.
func (t *tx) PutIdempotent(r calls.IdempotencyRecord) error {
	if _, err := t.exec(`DELETE FROM idempotency WHERE (account, key) IN
		(SELECT account, key FROM idempotency WHERE expires_at <= ? LIMIT 8)`, micros(t.s.cfg.Clock.Now())); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO idempotency (account, key, body_hash, call_id, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account, key) DO UPDATE SET body_hash = excluded.body_hash, call_id = excluded.call_id, expires_at = excluded.expires_at`,
		r.Account, r.Key, r.BodyHash, r.CallID, micros(r.ExpiresAt))
	return err
}
