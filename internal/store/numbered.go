package store

import (
	"errors"

	"zvonar/internal/calls"
)

// Numbered implements calls.NumberedReads.
func (t *tx) Numbered(account, kind string, n int64) (string, error) {
	return one(t, scalar[string], `SELECT id FROM foreign_numbers WHERE kind = ? AND n = ? AND account = ?`, kind, n, account)
}

// NumberOf implements calls.NumberedReads.
func (t *tx) NumberOf(account, kind, id string) (int64, error) {
	return one(t, scalar[int64], `SELECT n FROM foreign_numbers WHERE id = ? AND kind = ? AND account = ?`, id, kind, account)
}

// GiveNumber implements calls.NumberedWrites.
func (t *tx) GiveNumber(account, kind, id string, n int64) (int64, error) {
	if had, err := t.NumberOf(account, kind, id); !errors.Is(err, calls.ErrNotFound) {
		return had, err
	}
	if n == 0 {
		next, err := one(t, scalar[int64], `INSERT INTO sequences (account, name, next) VALUES ('', ?, 2)
			ON CONFLICT (account, name) DO UPDATE SET next = sequences.next + 1 RETURNING next`, kind)
		if err != nil {
			return 0, err
		}
		n = next - 1
	}
	_, err := t.exec(`INSERT INTO foreign_numbers (kind, n, account, id) VALUES (?, ?, ?, ?)`, kind, n, account, id)
	return n, err
}
