package recordings

import (
	"context"
	"fmt"
	"io"

	"zvonar/internal/calls"
)

// takesVersions are the states in which a recording takes a new version. One in
// the archive is restored first: else nobody could say what a refusal of the new
// version leads back to.
var takesVersions = map[calls.RecordingState]bool{
	calls.RecordingPending: true, calls.RecordingIsApproved: true, calls.RecordingIsRejected: true, calls.RecordingIsRevoked: true,
}

// AddVersion takes a new file for a recording. It waits for a moderator as the
// first one did; until it is approved calls play what they played before. A
// version that waited already is withdrawn. Errors are those of Add, not-found
// and wrong-state.
func (l *Library) AddVersion(ctx context.Context, account, id, actor string, r io.Reader) (rec *calls.Recording, err error) {
	begun := l.cfg.Clock.Now()
	defer func() { l.metrics.uploaded(err, l.cfg.Clock.Now().Sub(begun)) }()
	if rec, err = l.replaceable(ctx, account, id); err != nil {
		return nil, err
	}
	p, err := l.ingest(ctx, account, r, options{system: rec.System, except: id})
	if err != nil {
		return nil, err
	}
	err = l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := admitContent(tx, p.SHA256); err != nil {
			return err
		}
		c, err := l.begin(tx, Decision{Account: account, ID: id, Actor: actor})
		if err != nil {
			return err
		}
		rec = c.rec
		return c.replace(p)
	})
	if err != nil {
		return nil, err
	}
	l.cfg.Log.Info("new version of a recording", "recording", rec.ID, "account", account, "version", rec.Version, "duration_ms", rec.DurationMS, "sha256", rec.SHA256)
	return rec, nil
}

// replaceable finds a recording that takes a new version, before any work is
// done for it.
func (l *Library) replaceable(ctx context.Context, account, id string) (rec *calls.Recording, err error) {
	err = l.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rec, err = find(tx, account, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rec, mayReplace(rec)
}

func mayReplace(rec *calls.Recording) error {
	switch {
	case takesVersions[rec.State]:
		return nil
	case rec.State == calls.RecordingArchived:
		return calls.Errorf(calls.CodeWrongState, "the recording is archived: restore it before you upload a new version")
	}
	return calls.Errorf(calls.CodeWrongState, "the recording is %s: wait until that is over before you upload a new version", rec.State)
}

// replace makes p the version that the recording shows.
func (c *change) replace(p *product) error {
	rec := c.rec
	if err := mayReplace(rec); err != nil {
		return err
	}
	old := rec.Upload()
	switch rec.State {
	case calls.RecordingPending:
		old.State = calls.VersionWithdrawn
	case calls.RecordingIsRevoked: // a matter of the recording; the version itself was approved
		old.State = calls.RecordingIsApproved
	}
	next := rec.Versions + 1
	rec.Show(&calls.ClipVersion{Version: next, State: calls.RecordingPending, SHA256: p.SHA256, WideSHA256: p.WideSHA256,
		DurationMS: p.Duration.Milliseconds(), Checks: p.Checks, Print: p.Print, UploadedBy: c.Actor, CreatedAt: c.now})
	rec.Versions, rec.Approvals, rec.ClaimedBy, rec.ClaimedUntil, rec.Before, rec.UndoUntil = next, nil, "", nil, nil, nil
	if err := c.tx.PutRecordingVersion(old); err != nil {
		return err
	}
	if err := c.tx.PutRecordingVersion(rec.Upload()); err != nil {
		return err
	}
	return c.finish("recording.version", calls.RecordingUploaded, "")
}

// liveOf is the version that a recording shows, as what calls play.
func liveOf(rec *calls.Recording) *calls.LiveVersion {
	live := &calls.LiveVersion{Version: rec.Version, SHA256: rec.SHA256, WideSHA256: rec.WideSHA256, DurationMS: rec.DurationMS}
	if len(rec.Variables) > 0 {
		live.Template = &calls.Template{Text: rec.Text, Voice: rec.Voice, Variables: rec.Variables}
	}
	return live
}

// ofVersion is what the audit log says of a change.
func ofVersion(version int, detail string) string {
	if detail == "" {
		return fmt.Sprintf("version %d", version)
	}
	return fmt.Sprintf("version %d: %s", version, detail)
}
