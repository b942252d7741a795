package recordings

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// UndoFor is how long whoever decided may take it back.
const UndoFor = time.Minute

// decision names what a moderator does to a recording.
type decision string

// The decisions.
const (
	approve decision = "approve"
	reject  decision = "reject"
	archive decision = "archive"
	restore decision = "restore"
	revoke  decision = "revoke"
)

// steps is the life of a recording: what may be decided in which state, and what
// it does. What is not here is a wrong-state. draft and processing end by
// themselves (ingest), and every state but those takes a new version (versions.go).
var steps = map[calls.RecordingState]map[decision]step{
	calls.RecordingPending:    {approve: (*change).approve, reject: (*change).reject, revoke: (*change).revokeLive},
	calls.RecordingIsApproved: {archive: (*change).archive, revoke: (*change).revoke},
	calls.RecordingArchived:   {restore: (*change).restore, revoke: (*change).revoke},
}

// step takes a decision: it changes c.rec and says which event tells of it.
type step func(c *change) (calls.EventType, error)

// past is how a decision is spoken of once it was taken.
var past = map[decision]string{approve: "approved", reject: "rejected", archive: "archived", restore: "restored", revoke: "revoked"}

// Decision is what is asked of a recording.
type Decision struct {
	Account, ID, Actor string
	// Version is the one that was listened to; 0: whichever waits. Another one
	// has come meanwhile: wrong-state.
	Version int
	Reason  string // of Reject and Revoke
	// Cancel, for Revoke: queued calls end at once. Else they are held for as
	// long as the revocation can be undone.
	Cancel bool
}

// Approve makes a pending version playable, and the first one gives the
// recording its record_id. Where two approvals are asked for, the first leaves it
// pending. Errors are *calls.Error: not-found, wrong-state, forbidden (four eyes).
func (l *Library) Approve(ctx context.Context, d Decision) (*calls.Recording, error) {
	d.Reason = ""
	return l.decide(ctx, approve, d)
}

// Reject refuses a pending version; the reason is for its uploader. What calls
// played before they go on playing. Errors are *calls.Error: invalid-field for
// the reason, not-found, wrong-state.
func (l *Library) Reject(ctx context.Context, d Decision) (*calls.Recording, error) {
	if err := d.needReason("say why it is rejected"); err != nil {
		return nil, err
	}
	return l.decide(ctx, reject, d)
}

// Archive lets no new call play a recording; calls that were accepted play it.
// Errors as of Approve.
func (l *Library) Archive(ctx context.Context, d Decision) (*calls.Recording, error) {
	d.Reason = ""
	return l.decide(ctx, archive, d)
}

// Restore takes a recording out of the archive. Errors as of Approve.
func (l *Library) Restore(ctx context.Context, d Decision) (*calls.Recording, error) {
	d.Reason = ""
	return l.decide(ctx, restore, d)
}

// Revoke takes an approved recording back: nobody hears it any more. Queued
// calls are held or canceled, running ones end. Errors as of Reject.
func (l *Library) Revoke(ctx context.Context, d Decision) (*calls.Recording, error) {
	if err := d.needReason("say why it is revoked"); err != nil {
		return nil, err
	}
	return l.decide(ctx, revoke, d)
}

func (d *Decision) needReason(ask string) error {
	d.Reason = strings.TrimSpace(d.Reason)
	if d.Reason == "" || utf8.RuneCountInString(d.Reason) > maxReason || !calls.Printable(d.Reason) {
		return calls.Errorf(calls.CodeInvalidField, "%s, in at most %d characters without control characters", ask, maxReason).At("body.reason", nil)
	}
	return nil
}

// change is one decision inside its unit of work.
type change struct {
	Decision
	l    *Library
	tx   calls.Tx
	rec  *calls.Recording
	now  time.Time
	tell *calls.Recording // what the event shows, where that is not rec as it is at the end
}

// decide changes state, tells of it and notes who did it, all in one unit of work.
func (l *Library) decide(ctx context.Context, name decision, d Decision) (*calls.Recording, error) {
	var rec *calls.Recording
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		c, err := l.begin(tx, d)
		if err != nil {
			return err
		}
		rec = c.rec
		take := steps[rec.State][name]
		if take == nil {
			return calls.Errorf(calls.CodeWrongState, "the recording is %s: that one cannot be %s", rec.State, past[name])
		}
		if err := c.mayDecide(); err != nil {
			return err
		}
		before := undoable(rec, d.Actor)
		event, err := take(c)
		if err != nil {
			return err
		}
		until := c.now.Add(UndoFor)
		rec.Before, rec.UndoUntil = before, &until
		rec.ClaimedBy, rec.ClaimedUntil = "", nil
		return c.finish("recording."+string(name), event, d.Reason)
	})
	l.metrics.decided(string(name), err)
	if err != nil {
		return nil, err
	}
	l.cfg.Log.Info("recording decided", "recording", rec.ID, "account", d.Account, "decision", name, "version", rec.Version, "state", rec.State, "actor", d.Actor)
	return rec, nil
}

// begin reads the recording that is to be changed.
func (l *Library) begin(tx calls.Tx, d Decision) (*change, error) {
	rec, err := find(tx, d.Account, d.ID)
	return &change{Decision: d, l: l, tx: tx, rec: rec, now: l.cfg.Clock.Now().UTC()}, err
}

// find reads a recording. Errors are *calls.Error: not-found.
func find(tx calls.ReadTx, account, id string) (*calls.Recording, error) {
	rec, err := tx.Recording(account, id)
	if errors.Is(err, calls.ErrNotFound) {
		return nil, calls.Errorf(calls.CodeNotFound, "there is no recording with this id")
	}
	return rec, err
}

// finish writes the recording with its version, its event and its audit entry.
func (c *change) finish(action string, event calls.EventType, detail string) error {
	if err := c.tx.UpdateRecording(c.rec); err != nil {
		return err
	}
	shown := cmp.Or(c.tell, c.rec)
	if err := c.l.tell(c.tx, shown, event); err != nil {
		return err
	}
	return c.tx.Audit(calls.AuditEntry{Account: c.rec.Account, Actor: c.Actor, Action: action, Object: c.rec.ID, At: c.now, Detail: ofVersion(shown.Version, detail)})
}

// mayDecide refuses who may not decide on what waits: it is not the version that
// he heard, or another moderator has it before him.
func (c *change) mayDecide() error {
	if c.Version != 0 && c.Version != c.rec.Version {
		return calls.Errorf(calls.CodeWrongState, "version %d is not what the recording shows now, which is version %d: listen to that one", c.Version, c.rec.Version)
	}
	return c.l.free(c.rec, c.Actor, c.now)
}

// decided notes who decided and why.
func (c *change) decided(to calls.RecordingState) {
	now := c.now
	c.rec.State, c.rec.Reason, c.rec.DecidedBy, c.rec.DecidedAt, c.rec.Approvals = to, c.Reason, c.Actor, &now, nil
}

func (c *change) approve() (calls.EventType, error) {
	rec := c.rec
	if c.l.cfg.FourEyes && rec.UploadedBy == c.Actor {
		return "", calls.Errorf(calls.CodeForbidden, "whoever uploaded a recording may not approve it (four_eyes): somebody else must")
	}
	if len(rec.Approvals)+1 < c.l.cfg.Approvals {
		rec.Approvals = append(rec.Approvals, calls.Approval{By: c.Actor, At: c.now})
		return calls.RecordingEndorsed, nil
	}
	for _, a := range rec.Approvals {
		if a.By == c.Actor && c.l.cfg.Approvals > 1 {
			return "", calls.Errorf(calls.CodeForbidden, "you have approved this recording already: the second approval must be somebody else's")
		}
	}
	if err := c.supersede(); err != nil {
		return "", err
	}
	c.decided(calls.RecordingIsApproved)
	rec.Live = liveOf(rec)
	switch {
	case rec.RecordID != nil:
	case rec.Reserved != nil:
		rec.RecordID, rec.Reserved = rec.Reserved, nil
	default:
		n, err := c.tx.NextRecordID(c.l.cfg.FirstID)
		if err != nil {
			return "", err
		}
		rec.RecordID = &n
	}
	return calls.RecordingApproved, c.tx.PutRecordingVersion(c.rec.Upload())
}

// supersede marks what was live until now.
func (c *change) supersede() error {
	if c.rec.Live == nil {
		return nil
	}
	return c.mark(c.rec.Live.Version, calls.VersionSuperseded)
}

// mark sets the state of a version that is not the one that waits.
func (c *change) mark(version int, state calls.RecordingState) error {
	v, err := c.tx.RecordingVersion(c.rec.Account, c.rec.ID, version)
	if err != nil {
		return err
	}
	v.State = state
	return c.tx.PutRecordingVersion(v)
}

func (c *change) reject() (calls.EventType, error) {
	c.decided(calls.RecordingIsRejected)
	if err := c.tx.PutRecordingVersion(c.rec.Upload()); err != nil {
		return "", err
	}
	if c.rec.Live == nil {
		return calls.RecordingRejected, nil
	}
	// The recording goes back to what calls play all the time.
	told := *c.rec
	c.tell = &told
	v, err := c.tx.RecordingVersion(c.rec.Account, c.rec.ID, c.rec.Live.Version)
	if err == nil {
		c.rec.Show(v)
	}
	return calls.RecordingRejected, err
}

func (c *change) archive() (calls.EventType, error) {
	c.decided(calls.RecordingArchived)
	c.rec.Live = nil
	return calls.RecordingWasArchived, nil
}

func (c *change) restore() (calls.EventType, error) {
	c.decided(calls.RecordingIsApproved)
	c.rec.Live = liveOf(c.rec)
	return calls.RecordingRestored, nil
}

func (c *change) revoke() (calls.EventType, error) {
	final := c.now
	if !c.Cancel {
		final = final.Add(UndoFor)
	}
	c.rec.Revoked = &calls.Revocation{Through: c.rec.Version, At: c.now, Final: final}
	c.rec.Live = nil
	c.decided(calls.RecordingIsRevoked)
	return calls.RecordingRevoked, nil
}

// revokeLive revokes a recording of which a new version waits; that one is
// refused with it.
func (c *change) revokeLive() (calls.EventType, error) {
	if c.rec.Live == nil {
		return "", calls.Errorf(calls.CodeWrongState, "the recording was never approved, so there is nothing to revoke: reject it")
	}
	v := c.rec.Upload()
	v.State, v.Reason, v.DecidedBy, v.DecidedAt = calls.RecordingIsRejected, c.Reason, c.Actor, &c.now
	if err := c.tx.PutRecordingVersion(v); err != nil {
		return "", err
	}
	return c.revoke()
}

// Resolve finds the recording that users call id: digits are a record_id,
// anything else a recording_id. What it returns has a live version. Errors are
// *calls.Error: unknown-recording, recording-not-approved.
func (l *Library) Resolve(tx calls.ReadTx, account string, id calls.ClipID) (*calls.Recording, error) {
	rec, err := lookUp(tx, account, id)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, calls.Errorf(calls.CodeUnknownRecording, "there is no recording with this id: upload one, or list them with GET /v1/recordings")
	case err != nil:
		return nil, err
	case rec.Live == nil:
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
