package store

import "zvonar/internal/calls"

const blockColumns = `account, number, scope, reason, source, call_id, created_at`

func scanBlock(sc scanner) (b calls.BlockEntry, err error) {
	var at int64
	err = sc.Scan(&b.Account, &b.Number, &b.Scope, &b.Reason, &b.Source, &b.CallID, &at)
	b.CreatedAt = fromMicros(at)
	return b, err
}

// Blocked implements calls.ReadTx.
func (t *tx) Blocked(account, number string) (*calls.BlockEntry, error) {
	b, err := one(t, scanBlock, `SELECT `+blockColumns+` FROM blacklist WHERE account = ? AND number = ?`, account, number)
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// BlockEntries implements calls.ReadTx: in the order of the numbers, those
// greater than after.
func (t *tx) BlockEntries(account, after string, limit int) ([]calls.BlockEntry, error) {
	return many(t, scanBlock, `SELECT `+blockColumns+` FROM blacklist WHERE account = ? AND number > ? ORDER BY number LIMIT ?`,
		account, after, limited(limit, 1000))
}

// Block implements calls.Tx. The first reason stays: it is the evidence.
func (t *tx) Block(b calls.BlockEntry) (bool, error) {
	if b.Scope == "" {
		b.Scope = "account"
	}
	n, err := t.exec(`INSERT INTO blacklist (`+blockColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		b.Account, b.Number, b.Scope, b.Reason, b.Source, b.CallID, micros(b.CreatedAt))
	return n > 0, err
}

// Unblock implements calls.Tx.
func (t *tx) Unblock(account, number string) (bool, error) {
	n, err := t.exec(`DELETE FROM blacklist WHERE account = ? AND number = ?`, account, number)
	return n > 0, err
}
