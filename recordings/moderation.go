package recordings

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// decision is one way out of a state of moderation.
type decision struct {
	name  string
	from  calls.RecordingState
	to    calls.RecordingState
	event calls.EventType
}

// The decisions. What is not here is a wrong-state.
var (
	approve = decision{"approve", calls.RecordingPending, calls.RecordingIsApproved, calls.RecordingApproved}
	reject  = decision{"reject", calls.RecordingPending, calls.RecordingIsRejected, calls.RecordingRejected}
)

// Approve makes a pending recording playable and gives it its record_id. Errors
// are *calls.Error: not-found, wrong-state.
func (l *Library) Approve(ctx context.Context, account, id, actor string) (*calls.Recording, error) {
	return l.decide(ctx, approve, account, id, actor, "")
}

// Reject ends the way of a pending recording; the reason is for its uploader.
// Errors are *calls.Error: invalid-field for the reason, not-found, wrong-state.
func (l *Library) Reject(ctx context.Context, account, id, actor, reason string) (*calls.Recording, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason || !calls.Printable(reason) {
		return nil, calls.Errorf(calls.CodeInvalidField,
			"say why it is rejected, in at most %d characters without control characters", maxReason).At("body.reason", nil)
	}
	return l.decide(ctx, reject, account, id, actor, reason)
}

// decide changes state, tells of it and notes who did it, all in one unit of work.
func (l *Library) decide(ctx context.Context, d decision, account, id, actor, reason string) (*calls.Recording, error) {
	var rec *calls.Recording
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		var err error
		rec, err = tx.Recording(account, id)
		if errors.Is(err, calls.ErrNotFound) {
			return calls.Errorf(calls.CodeNotFound, "there is no recording with this id")
		}
		if err != nil {
			return err
		}
		if rec.State != d.from {
			return calls.Errorf(calls.CodeWrongState, "the recording is %s: only a %s one can be %s", rec.State, d.from, d.to)
		}
		now := l.cfg.Clock.Now().UTC()
		rec.State, rec.Reason, rec.DecidedBy, rec.DecidedAt = d.to, reason, actor, &now
		if d.to == calls.RecordingIsApproved {
			n, err := tx.NextRecordID(l.cfg.FirstID)
			if err != nil {
				return err
			}
			rec.RecordID = &n
		}
		if err := tx.UpdateRecording(rec); err != nil {
			return err
		}
		if err := l.tell(tx, rec, d.event); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: account, Actor: actor, Action: "recording." + d.name, Object: rec.ID, At: now, Detail: reason})
	})
	l.metrics.decided(d.name, err)
	if err != nil {
		return nil, err
	}
	l.cfg.Log.Info("recording decided", "recording", rec.ID, "account", account, "state", rec.State, "actor", actor)
	return rec, nil
}

// Resolve finds the approved recording that users call id: digits are a
// record_id, anything else a recording_id. Errors are *calls.Error:
// unknown-recording, recording-not-approved.
func (l *Library) Resolve(tx calls.ReadTx, account string, id calls.ClipID) (*calls.Recording, error) {
	rec, err := lookUp(tx, account, id)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, calls.Errorf(calls.CodeUnknownRecording, "there is no recording with this id: upload one, or list them with GET /v1/recordings")
	case err != nil:
		return nil, err
	case rec.State != calls.RecordingIsApproved:
		return nil, calls.Errorf(calls.CodeRecordingNotApproved, "the recording is %s: only an approved one is played", rec.State)
	}
	return rec, nil
}

func lookUp(tx calls.ReadTx, account string, id calls.ClipID) (*calls.Recording, error) {
	if n, err := strconv.ParseInt(string(id), 10, 64); err == nil {
		return tx.RecordingByRecordID(account, n)
	}
	if id == "" || len(id) > 64 {
		return nil, calls.ErrNotFound
	}
	return tx.Recording(account, string(id))
}
