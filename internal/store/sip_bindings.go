package store

import (
	"encoding/json"

	"zvonar/internal/calls"
)

func scanBinding(sc scanner) (*calls.SIPBinding, error) {
	var doc string
	if err := sc.Scan(&doc); err != nil {
		return nil, err
	}
	b := &calls.SIPBinding{}
	return b, json.Unmarshal([]byte(doc), b)
}

// SIPBindings implements calls.SIPReads.
func (t *tx) SIPBindings(node string) ([]*calls.SIPBinding, error) {
	return many(t, scanBinding, `SELECT doc FROM sip_bindings WHERE node = ? ORDER BY sip_user, contact`, node)
}

// SetSIPBindings implements calls.SIPWrites.
func (t *tx) SetSIPBindings(node, user string, list []calls.SIPBinding) error {
	if _, err := t.exec(`DELETE FROM sip_bindings WHERE node = ? AND sip_user = ?`, node, user); err != nil {
		return err
	}
	for _, b := range list {
		doc, err := json.Marshal(b)
		if err != nil {
			return err
		}
		if _, err := t.exec(`INSERT INTO sip_bindings (node, sip_user, contact, account, expires_at, doc) VALUES (?, ?, ?, ?, ?, ?)`,
			node, user, b.Contact, b.Account, micros(b.ExpiresAt), string(doc)); err != nil {
			return err
		}
	}
	return nil
}
