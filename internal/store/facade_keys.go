package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// keyDoc is the stored form of a facade key: what has no column.
type keyDoc struct {
	Name      string             `json:"name"`
	Roles     []calls.Permission `json:"roles"`
	Extra     json.RawMessage    `json:"extra,omitempty"`
	AllowFrom []string           `json:"allow_from,omitempty"`
	CreatedAt time.Time          `json:"created_at"`
	RevokedAt *time.Time         `json:"revoked_at"`
}

const keyColumns = `id, account, kind, public, secret, old_secret, old_secret_until, last_used_at, doc`

func scanFacadeKey(sc scanner) (*calls.FacadeKey, error) {
	k := &calls.FacadeKey{}
	var until, used int64
	var doc string
	if err := sc.Scan(&k.ID, &k.Account, &k.Kind, &k.Public, &k.Secret, &k.OldSecret, &until, &used, &doc); err != nil {
		return nil, err
	}
	var d keyDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, err
	}
	k.Name, k.Roles, k.Extra, k.AllowFrom, k.CreatedAt, k.RevokedAt = d.Name, d.Roles, d.Extra, d.AllowFrom, d.CreatedAt, d.RevokedAt
	k.OldSecretUntil, k.LastUsedAt = fromMicros(until), fromMicros(used)
	return k, nil
}

// FacadeKeys implements calls.ProviderReads.
func (t *tx) FacadeKeys(account string) ([]*calls.FacadeKey, error) {
	return many(t, scanFacadeKey, `SELECT `+keyColumns+` FROM facade_keys WHERE (CAST(? AS TEXT) = '' OR account = ?) ORDER BY id`, account, account)
}

// FacadeKey implements calls.ProviderReads.
func (t *tx) FacadeKey(account, id string) (*calls.FacadeKey, error) {
	return one(t, scanFacadeKey, `SELECT `+keyColumns+` FROM facade_keys WHERE id = ? AND (CAST(? AS TEXT) = '' OR account = ?)`, id, account, account)
}

// FacadeKeyOf implements calls.ProviderReads.
func (t *tx) FacadeKeyOf(kind, public string) (*calls.FacadeKey, error) {
	return one(t, scanFacadeKey, `SELECT `+keyColumns+` FROM facade_keys WHERE kind = ? AND public = ?`, kind, public)
}

// PutFacadeKey implements calls.ProviderWrites.
func (t *tx) PutFacadeKey(k *calls.FacadeKey) error {
	other, err := t.FacadeKeyOf(k.Kind, k.Public)
	switch {
	case err == nil && other.ID != k.ID:
		return calls.Errorf(calls.CodeWrongState, "another key of the kind %s is called %q", k.Kind, k.Public).At("body.public", k.Public)
	case err != nil && !errors.Is(err, calls.ErrNotFound):
		return err
	}
	doc, err := json.Marshal(keyDoc{Name: k.Name, Roles: k.Roles, Extra: k.Extra, AllowFrom: k.AllowFrom,
		CreatedAt: stored(k.CreatedAt), RevokedAt: storedPtr(k.RevokedAt)})
	if err != nil {
		return fmt.Errorf("store: key %s cannot be written: %w", k.ID, err)
	}
	_, err = t.exec(`INSERT INTO facade_keys (id, account, kind, public, secret, old_secret, old_secret_until, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET public = excluded.public, secret = excluded.secret, old_secret = excluded.old_secret,
			old_secret_until = excluded.old_secret_until, doc = excluded.doc`,
		k.ID, k.Account, k.Kind, k.Public, k.Secret, k.OldSecret, micros(k.OldSecretUntil), string(doc))
	if err != nil {
		return err
	}
	return t.turn() // destinations that sign with it are read anew
}

// TouchFacadeKey implements calls.ProviderWrites.
func (t *tx) TouchFacadeKey(id string, at time.Time) error {
	_, err := t.exec(`UPDATE facade_keys SET last_used_at = ? WHERE id = ? AND last_used_at < ?`, micros(at), id, micros(at))
	return err
}
