package store

import (
	"encoding/json"
	"fmt"

	"zvonar/internal/calls"
)

type plainRecording calls.Recording

func scanRecording(sc scanner) (*calls.Recording, error) {
	var doc string
	if err := sc.Scan(&doc); err != nil {
		return nil, err
	}
	var p plainRecording
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return nil, err
	}
	r := calls.Recording(p)
	return &r, nil
}

func packRecording(r *calls.Recording) (string, error) {
	p := plainRecording(*r)
	p.CreatedAt, p.DecidedAt = stored(p.CreatedAt), storedPtr(p.DecidedAt)
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("store: recording %s cannot be written: %w", r.ID, err)
	}
	return string(b), nil
}

// Recording implements calls.ReadTx.
func (t *tx) Recording(account, id string) (*calls.Recording, error) {
	return one(t, scanRecording, `SELECT doc FROM recordings WHERE id = ? AND (? = '' OR account = ?)`, id, account, account)
}

// RecordingByRecordID implements calls.ReadTx.
func (t *tx) RecordingByRecordID(account string, recordID int64) (*calls.Recording, error) {
	return one(t, scanRecording, `SELECT doc FROM recordings WHERE record_id = ? AND (? = '' OR account = ?)`, recordID, account, account)
}

// Recordings implements calls.ReadTx.
func (t *tx) Recordings(f calls.RecordingFilter) ([]*calls.Recording, error) {
	var w where
	w.equal("account", f.Account)
	w.equal("state", string(f.State))
	if f.Cursor != "" {
		w.add("id < ?", f.Cursor)
	}
	return many(t, scanRecording, `SELECT doc FROM recordings`+w.sql()+` ORDER BY id DESC LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// InsertRecording implements calls.Tx.
func (t *tx) InsertRecording(r *calls.Recording) error {
	doc, err := packRecording(r)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO recordings (id, account, record_id, state, created_at, doc) VALUES (?, ?, ?, ?, ?, ?)`,
		r.ID, r.Account, r.RecordID, r.State, micros(r.CreatedAt), doc)
	return err
}

// UpdateRecording implements calls.Tx.
func (t *tx) UpdateRecording(r *calls.Recording) error {
	doc, err := packRecording(r)
	if err != nil {
		return err
	}
	return changedOne(t.exec(`UPDATE recordings SET record_id = ?, state = ?, doc = ? WHERE id = ? AND account = ?`,
		r.RecordID, r.State, doc, r.ID, r.Account))
}

// NextRecordID implements calls.Tx. Raising first moves the sequence forward;
// lowering it does nothing. A number drawn in a unit that fails is drawn again.
func (t *tx) NextRecordID(first int64) (int64, error) {
	next, err := one(t, scalar[int64], `INSERT INTO sequences (account, name, next) VALUES ('', 'record_id', ? + 1)
		ON CONFLICT (account, name) DO UPDATE
		SET next = CASE WHEN sequences.next < excluded.next THEN excluded.next ELSE sequences.next + 1 END RETURNING next`, first)
	return next - 1, err
}
