package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"zvonar/internal/calls"
)

func scanVersion(sc scanner) (*calls.ClipVersion, error) {
	var doc string
	if err := sc.Scan(&doc); err != nil {
		return nil, err
	}
	v := new(calls.ClipVersion)
	return v, json.Unmarshal([]byte(doc), v)
}

// RecordingVersion implements calls.RecordingReads.
func (t *tx) RecordingVersion(account, id string, version int) (*calls.ClipVersion, error) {
	v, err := one(t, scanVersion, `SELECT doc FROM recording_versions WHERE recording_id = ? AND version = ? AND (? = '' OR account = ?)`,
		id, version, account, account)
	if !errors.Is(err, calls.ErrNotFound) {
		return v, err
	}
	r, err := t.Recording(account, id)
	if err != nil {
		return nil, err
	}
	if r.Version != version {
		return nil, calls.ErrNotFound
	}
	return r.Upload(), nil
}

// RecordingVersions implements calls.RecordingReads.
func (t *tx) RecordingVersions(account, id string) ([]*calls.ClipVersion, error) {
	list, err := many(t, scanVersion, `SELECT doc FROM recording_versions WHERE recording_id = ? AND (? = '' OR account = ?) ORDER BY version DESC`,
		id, account, account)
	if err != nil || len(list) > 0 {
		return list, err
	}
	r, err := t.Recording(account, id)
	if err != nil {
		return nil, err
	}
	return []*calls.ClipVersion{r.Upload()}, nil
}

// PutRecordingVersion implements calls.RecordingWrites.
func (t *tx) PutRecordingVersion(v *calls.ClipVersion) error {
	p := *v
	p.CreatedAt, p.DecidedAt = stored(p.CreatedAt), storedPtr(p.DecidedAt)
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("store: version %d of recording %s cannot be written: %w", v.Version, v.RecordingID, err)
	}
	_, err = t.exec(`INSERT INTO recording_versions (recording_id, version, account, state, sha256, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (recording_id, version) DO UPDATE SET state = excluded.state, sha256 = excluded.sha256, doc = excluded.doc`,
		v.RecordingID, v.Version, v.Account, string(v.State), v.SHA256, string(doc))
	return err
}
