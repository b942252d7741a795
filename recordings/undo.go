package recordings

import (
	"context"
	"encoding/json"
	"fmt"

	"zvonar/internal/calls"
)

// former is what an undo goes back to.
type former struct {
	By        string           `json:"by"` // who may
	Reserved  *int64           `json:"reserved,omitempty"`
	Print     string           `json:"print,omitempty"`
	Recording *calls.Recording `json:"recording"`
}

// undoable notes a recording as it stands before actor decides on it.
func undoable(rec *calls.Recording, actor string) json.RawMessage {
	b, err := json.Marshal(former{By: actor, Reserved: rec.Reserved, Print: rec.Print, Recording: rec})
	if err != nil {
		return nil // plain data of ours; without it there is nothing to undo
	}
	return b
}

// Undo takes the last decision back, within UndoFor of it and by whoever took
// it. Calls that were held because of a revocation go on; those that were
// canceled or hung up do not come back. The record_id of an approval stays
// reserved for the recording. Errors are *calls.Error: not-found, wrong-state,
// forbidden.
func (l *Library) Undo(ctx context.Context, account, id, actor string) (*calls.Recording, error) {
	var rec *calls.Recording
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		c, err := l.begin(tx, Decision{Account: account, ID: id, Actor: actor})
		if err != nil {
			return err
		}
		rec = c.rec
		was := rec.State
		if err := c.undo(); err != nil {
			return err
		}
		return c.finish("recording.undo", calls.RecordingUndone, fmt.Sprintf("it was %s", was))
	})
	l.metrics.decided("undo", err)
	if err != nil {
		return nil, err
	}
	l.cfg.Log.Info("decision on a recording taken back", "recording", rec.ID, "account", account, "state", rec.State, "actor", actor)
	return rec, nil
}

func (c *change) undo() error {
	rec := c.rec
	if len(rec.Before) == 0 || rec.UndoUntil == nil || !c.now.Before(*rec.UndoUntil) {
		return calls.Errorf(calls.CodeWrongState, "there is nothing to take back: a decision can be undone for %s, and only the last one", UndoFor)
	}
	var f former
	if err := json.Unmarshal(rec.Before, &f); err != nil || f.Recording == nil {
		return fmt.Errorf("read what recording %s was before: %w", rec.ID, err)
	}
	if f.By != c.Actor {
		return calls.Errorf(calls.CodeForbidden, "only %s, who decided, may take it back", f.By)
	}
	given := rec.RecordID
	*rec = *f.Recording
	rec.Print = f.Print
	rec.Reserved, rec.Before, rec.UndoUntil, rec.ClaimedBy, rec.ClaimedUntil = f.Reserved, nil, nil, "", nil
	if rec.RecordID == nil && given != nil {
		rec.Reserved = given // it was told to others: it never names another recording
	}
	if err := c.tx.PutRecordingVersion(rec.Upload()); err != nil {
		return err
	}
	if rec.Live != nil && rec.Live.Version != rec.Version {
		return c.mark(rec.Live.Version, calls.RecordingIsApproved)
	}
	return nil
}
