package recordings

import (
	"context"
	"errors"
	"slices"

	"zvonar/internal/calls"
)

// speakers bounds the texts that are spoken at a time: an engine may take
// gigabytes, and a thousand calls may come at once with one text.
const speakers = 2

// ofText are the recordings that say one text, at most so many looked at.
const ofText = 20

// Spoken returns the recording of the account that says a text: the approved one,
// else the one that waits for a moderator, which is made where there is none. The
// same text is so spoken and moderated once. Errors are those of AddText, and
// recording-not-approved where a moderator refused the text, revoked it or sent it
// to the archive.
func (l *Library) Spoken(ctx context.Context, account string, t calls.SpokenText) (rec *calls.Recording, err error) {
	s, u, err := l.toSpeak(Spoken{Text: t.Text, Voice: t.Voice})
	if err != nil {
		return nil, err
	}
	look := func(tx calls.ReadTx) (err error) {
		rec, err = said(tx, account, t.Key())
		return err
	}
	if err := l.cfg.Store.View(ctx, look); err != nil || rec != nil {
		return rec, err
	}
	select {
	case l.voices <- struct{}{}:
		defer func() { <-l.voices }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := l.cfg.Store.View(ctx, look); err != nil || rec != nil { // somebody before us in the line spoke it
		return rec, err
	}
	if c, err := compile(s.Text, s.Variables); err != nil {
		return nil, err
	} else if _, err := c.fill(t.Variables); err != nil { // a call that cannot be asks no moderator
		return nil, err
	}
	p, err := l.spoken(ctx, account, u)
	if err != nil {
		return nil, err
	}
	fresh := l.fresh(account, s.Title, t.Actor, false, p)
	fresh.Text, fresh.Voice, fresh.Variables = s.Text, s.Voice, s.Variables
	err = l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := look(tx); err != nil || rec != nil { // beside us, or on another node
			return err
		}
		entry := calls.AuditEntry{Account: account, Actor: t.Actor, Action: "recording.add", Object: fresh.ID, At: fresh.CreatedAt, Detail: "spoken for a call"}
		return errors.Join(l.write(tx, fresh), tx.Audit(entry))
	})
	if err != nil || rec != nil {
		return rec, err
	}
	l.arrived(fresh)
	return fresh, nil
}

// said finds the recording that says a text; nil: there is none. The newest
// decides, unless calls play an older one.
func said(tx calls.ReadTx, account, key string) (*calls.Recording, error) {
	list, err := tx.Recordings(calls.RecordingFilter{Account: account, TextKey: key, Limit: ofText})
	// What never came to be, or has no sound yet, was refused by nobody.
	list = slices.DeleteFunc(list, func(r *calls.Recording) bool { return r.SHA256 == "" })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	for _, rec := range list {
		if rec.Live != nil && rec.Live.Version == rec.Version {
			return rec, nil
		}
	}
	switch rec := list[0]; rec.State {
	case calls.RecordingPending:
		return rec, nil
	case calls.RecordingArchived:
		return nil, calls.Errorf(calls.CodeRecordingNotApproved, "the recording of this text, %s, is archived: restore it to use it again", rec.ID).At("body.text", nil)
	default:
		return nil, calls.Errorf(calls.CodeRecordingNotApproved, "the recording of this text, %s, was %s by a moderator: %s", rec.ID, rec.State, rec.Reason).At("body.text", nil)
	}
}
