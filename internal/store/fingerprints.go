package store

import "zvonar/internal/calls"

func scanFingerprint(sc scanner) (*calls.Fingerprint, error) {
	var f calls.Fingerprint
	var created int64
	if err := sc.Scan(&f.ID, &f.Account, &f.Title, &f.Meaning, &f.DurationMS, &f.Print, &f.AddedBy, &created); err != nil {
		return nil, err
	}
	f.CreatedAt = fromMicros(created)
	return &f, nil
}

// Fingerprints implements calls.ReadTx.
func (t *tx) Fingerprints(account string) ([]*calls.Fingerprint, error) {
	return many(t, scanFingerprint, `SELECT id, account, title, meaning, duration_ms, print, added_by, created_at FROM fingerprints
		WHERE (CAST(? AS TEXT) = '' OR account = ?) ORDER BY id`, account, account)
}

// InsertFingerprint implements calls.Tx.
func (t *tx) InsertFingerprint(f *calls.Fingerprint) error {
	_, err := t.exec(`INSERT INTO fingerprints (id, account, title, meaning, duration_ms, print, added_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID, f.Account, f.Title, string(f.Meaning), f.DurationMS, f.Print, f.AddedBy, micros(f.CreatedAt))
	return err
}

// DeleteFingerprint implements calls.Tx.
func (t *tx) DeleteFingerprint(account, id string) (bool, error) {
	n, err := t.exec(`DELETE FROM fingerprints WHERE account = ? AND id = ?`, account, id)
	return n > 0, err
}
