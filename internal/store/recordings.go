package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// plainRecording is a recording without the methods of the domain.
type plainRecording calls.Recording

// recordingDoc is a recording as it is stored: with the fields that JSON hides.
type recordingDoc struct {
	plainRecording
	Reserved *int64          `json:"reserved,omitempty"`
	Before   json.RawMessage `json:"before,omitempty"`
	Print    string          `json:"print,omitempty"`
	Node     string          `json:"node,omitempty"`
}

func scanRecording(sc scanner) (*calls.Recording, error) {
	var doc string
	if err := sc.Scan(&doc); err != nil {
		return nil, err
	}
	var d recordingDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, err
	}
	r := calls.Recording(d.plainRecording)
	r.Reserved, r.Before, r.Print, r.Node = d.Reserved, d.Before, d.Print, d.Node
	// One from before there were versions is its own only version.
	r.Versions = max(r.Versions, r.Version)
	if r.Live == nil && r.State == calls.RecordingIsApproved {
		r.Live = &calls.LiveVersion{Version: r.Version, SHA256: r.SHA256, WideSHA256: r.WideSHA256, DurationMS: r.DurationMS}
	}
	return &r, nil
}

func packRecording(r *calls.Recording) (string, error) {
	p := plainRecording(*r)
	p.CreatedAt, p.UploadedAt, p.DecidedAt = stored(p.CreatedAt), stored(p.UploadedAt), storedPtr(p.DecidedAt)
	p.ClaimedUntil, p.UndoUntil = storedPtr(p.ClaimedUntil), storedPtr(p.UndoUntil)
	p.Approvals = slices.Clone(p.Approvals)
	for i := range p.Approvals {
		p.Approvals[i].At = stored(p.Approvals[i].At)
	}
	if v := p.Revoked; v != nil {
		p.Revoked = &calls.Revocation{Through: v.Through, At: stored(v.At), Final: stored(v.Final)}
	}
	b, err := json.Marshal(recordingDoc{plainRecording: p, Reserved: r.Reserved, Before: r.Before, Print: r.Print, Node: r.Node})
	if err != nil {
		return "", fmt.Errorf("store: recording %s cannot be written: %w", r.ID, err)
	}
	return string(b), nil
}

// Recording implements calls.RecordingReads.
func (t *tx) Recording(account, id string) (*calls.Recording, error) {
	return one(t, scanRecording, `SELECT doc FROM recordings WHERE id = ? AND (? = '' OR account = ?)`, id, account, account)
}

// RecordingByRecordID implements calls.RecordingReads.
func (t *tx) RecordingByRecordID(account string, recordID int64) (*calls.Recording, error) {
	return one(t, scanRecording, `SELECT doc FROM recordings WHERE record_id = ? AND (? = '' OR account = ?)`, recordID, account, account)
}

// Recordings implements calls.RecordingReads.
func (t *tx) Recordings(f calls.RecordingFilter) ([]*calls.Recording, error) {
	var w where
	w.equal("account", f.Account)
	w.equal("state", string(f.State))
	w.equal("sha256", f.SHA256)
	w.equal("text_key", f.TextKey)
	before, order := "id < ?", "DESC"
	if f.Oldest {
		before, order = "id > ?", "ASC"
	}
	if f.Cursor != "" {
		w.add(before, f.Cursor)
	}
	return many(t, scanRecording, `SELECT doc FROM recordings`+w.sql()+` ORDER BY id `+order+` LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// recordingColumns are those that an update may change, with their values.
const recordingColumns = `record_id = ?, state = ?, version = ?, sha256 = ?, revoked_through = ?, revoked_at = ?, revoke_final = ?, text_key = ?, doc = ?`

func recordingValues(r *calls.Recording) ([]any, error) {
	doc, err := packRecording(r)
	if err != nil {
		return nil, err
	}
	v := calls.Revocation{}
	if r.Revoked != nil {
		v = *r.Revoked
	}
	return []any{r.RecordID, string(r.State), r.Version, r.SHA256, v.Through, micros(v.At), micros(v.Final), r.TextKey(), doc}, nil
}

// InsertRecording implements calls.RecordingWrites.
func (t *tx) InsertRecording(r *calls.Recording) error {
	values, err := recordingValues(r)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO recordings (record_id, state, version, sha256, revoked_through, revoked_at, revoke_final, text_key, doc, id, account, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(values, r.ID, r.Account, micros(r.CreatedAt))...)
	return err
}

// UpdateRecording implements calls.RecordingWrites.
func (t *tx) UpdateRecording(r *calls.Recording) error {
	values, err := recordingValues(r)
	if err != nil {
		return err
	}
	return changedOne(t.exec(`UPDATE recordings SET `+recordingColumns+` WHERE id = ? AND account = ?`, append(values, r.ID, r.Account)...))
}

// DeleteRecording implements calls.RecordingWrites.
func (t *tx) DeleteRecording(account, id string) error {
	if _, err := t.exec(`DELETE FROM recording_versions WHERE recording_id = ? AND account = ?`, id, account); err != nil {
		return err
	}
	return changedOne(t.exec(`DELETE FROM recordings WHERE id = ? AND account = ?`, id, account))
}

// NextRecordID implements calls.RecordingWrites. Raising first moves the sequence forward;
// lowering it does nothing. A number drawn in a unit that fails is drawn again.
func (t *tx) NextRecordID(first int64) (int64, error) {
	next, err := one(t, scalar[int64], `INSERT INTO sequences (account, name, next) VALUES ('', 'record_id', ? + 1)
		ON CONFLICT (account, name) DO UPDATE
		SET next = CASE WHEN sequences.next < excluded.next THEN excluded.next ELSE sequences.next + 1 END RETURNING next`, first)
	return next - 1, err
}

// ClipStanding implements calls.RecordingReads.
func (t *tx) ClipStanding(id string, version int) (s calls.Standing, err error) {
	_, err = one(t, func(sc scanner) (struct{}, error) {
		var of, head, through, at, final int64
		var number *int64
		var state, headState string
		if err := sc.Scan(&of, &state, &head, &headState, &through, &at, &final, &number); err != nil {
			return struct{}{}, err
		}
		s.Version = calls.RecordingState(state)
		if number != nil {
			s.RecordID = *number
		}
		if of == 0 && int(head) == version { // a recording of before, which is its own version
			s.Version = calls.RecordingState(headState)
		}
		if through > 0 {
			s.Revoked = &calls.Revocation{Through: int(through), At: fromMicros(at), Final: fromMicros(final)}
		}
		return struct{}{}, nil
	}, `SELECT coalesce(v.version, 0), coalesce(v.state, ''), r.version, r.state, r.revoked_through, r.revoked_at, r.revoke_final, r.record_id
		FROM recordings r LEFT JOIN recording_versions v ON v.recording_id = r.id AND v.version = ? WHERE r.id = ?`, version, id)
	if err == nil && s.Version == "" {
		return calls.Standing{}, calls.ErrNotFound
	}
	return s, err
}

// ContentUsed implements calls.RecordingReads. A recording of before has its
// hash in its document alone.
func (t *tx) ContentUsed(sha string) (bool, error) {
	n, err := one(t, scalar[int64], `SELECT (SELECT count(*) FROM recording_versions WHERE sha256 = ?1) +
		(SELECT count(*) FROM recordings WHERE sha256 = ?1 OR (sha256 = '' AND doc LIKE ?2))`, sha, `%"`+sha+`"%`)
	return n > 0, err
}

// ContentCondemned implements calls.RecordingReads.
func (t *tx) ContentCondemned(sha string) (bool, error) {
	_, err := one(t, scalar[int64], `SELECT 1 FROM condemned_content WHERE sha256 = ?`, sha)
	if errors.Is(err, calls.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// CondemnContent implements calls.RecordingWrites.
func (t *tx) CondemnContent(sha string, at time.Time) (bool, error) {
	if used, err := t.ContentUsed(sha); used || err != nil {
		return false, err
	}
	_, err := t.exec(`INSERT INTO condemned_content (sha256, at) VALUES (?, ?) ON CONFLICT (sha256) DO UPDATE SET at = excluded.at`, sha, micros(at))
	return err == nil, err
}

// AcquitContent implements calls.RecordingWrites.
func (t *tx) AcquitContent(sha string) error {
	_, err := t.exec(`DELETE FROM condemned_content WHERE sha256 = ?`, sha)
	return err
}

// AcquitBefore implements calls.RecordingWrites.
func (t *tx) AcquitBefore(at time.Time) error {
	_, err := t.exec(`DELETE FROM condemned_content WHERE at < ?`, micros(at))
	return err
}
