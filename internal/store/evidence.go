package store

import (
	"time"

	"zvonar/internal/calls"
)

const (
	evidenceColumns = `call_id, account, trunk, called_at, verdict, label, labelled_by, labelled_at, rescored, model, rescored_at`
	// labelledRows takes account, trunk twice, since, until twice.
	labelledRows = ` FROM amd_evidence WHERE account = ? AND label <> '' AND (CAST(? AS TEXT) = '' OR trunk = ?)
		AND called_at >= ? AND (CAST(? AS BIGINT) = 0 OR called_at < ?)`
)

func scanEvidence(sc scanner) (*calls.Evidence, error) {
	var e calls.Evidence
	var called, labelled, rescored int64
	if err := sc.Scan(&e.CallID, &e.Account, &e.Trunk, &called, &e.Verdict, &e.Label, &e.LabelledBy, &labelled, &e.Rescored, &e.Model, &rescored); err != nil {
		return nil, err
	}
	e.CalledAt, e.LabelledAt, e.RescoredAt = fromMicros(called), fromMicros(labelled), fromMicros(rescored)
	return &e, nil
}

func labelledArgs(f calls.EvidenceFilter) []any {
	since, until := int64(0), int64(0)
	for at, t := range map[*int64]time.Time{&since: f.Since, &until: f.Until} {
		if !t.IsZero() {
			*at = micros(t)
		}
	}
	return []any{f.Account, f.Trunk, f.Trunk, since, until, until}
}

// Evidence implements calls.ReadTx.
func (t *tx) Evidence(callID string) (*calls.Evidence, error) {
	return one(t, scanEvidence, `SELECT `+evidenceColumns+` FROM amd_evidence WHERE call_id = ?`, callID)
}

// Labelled implements calls.ReadTx.
func (t *tx) Labelled(f calls.EvidenceFilter) ([]*calls.Evidence, error) {
	return many(t, scanEvidence, `SELECT `+evidenceColumns+labelledRows+` AND call_id > ? ORDER BY call_id LIMIT ?`,
		append(labelledArgs(f), f.After, limited(f.Limit, 500))...)
}

// CompareLabels implements calls.ReadTx.
func (t *tx) CompareLabels(f calls.EvidenceFilter) ([]calls.EvidenceCount, error) {
	return many(t, func(sc scanner) (c calls.EvidenceCount, err error) {
		err = sc.Scan(&c.Trunk, &c.Label, &c.Verdict, &c.Rescored, &c.Calls)
		return c, err
	}, `SELECT trunk, label, verdict, rescored, count(*)`+labelledRows+` GROUP BY trunk, label, verdict, rescored ORDER BY trunk, label, verdict, rescored`, labelledArgs(f)...)
}

// PutEvidence implements calls.Tx.
func (t *tx) PutEvidence(e *calls.Evidence) error {
	_, err := t.exec(`INSERT INTO amd_evidence (`+evidenceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (call_id) DO UPDATE SET trunk = excluded.trunk, called_at = excluded.called_at, verdict = excluded.verdict,
		label = excluded.label, labelled_by = excluded.labelled_by, labelled_at = excluded.labelled_at,
		rescored = excluded.rescored, model = excluded.model, rescored_at = excluded.rescored_at`,
		e.CallID, e.Account, e.Trunk, micros(e.CalledAt), string(e.Verdict), string(e.Label), e.LabelledBy, micros(e.LabelledAt),
		string(e.Rescored), e.Model, micros(e.RescoredAt))
	return err
}
