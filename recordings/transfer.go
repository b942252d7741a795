package recordings

import (
	"context"
	"errors"
	"io"
	"regexp"
	"time"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// Imported is what an export says of a recording that comes from another zvonar.
type Imported struct {
	ID         string
	Title      string
	State      calls.RecordingState // pending, approved, rejected, archived, revoked
	System     bool
	RecordID   *int64
	SHA256     string // what was decided on
	Text       string // what a voice said; empty for a file
	Voice      string
	Variables  []calls.Variable
	Reason     string
	UploadedBy string
	DecidedBy  string
	DecidedAt  *time.Time
	CreatedAt  time.Time
}

var recordingIDs = regexp.MustCompile(`^rec_[0-9A-HJKMNP-TV-Z]{26}$`)

// importable are the states that a recording may bring along.
var importable = map[calls.RecordingState]bool{calls.RecordingPending: true, calls.RecordingIsApproved: true,
	calls.RecordingIsRejected: true, calls.RecordingArchived: true, calls.RecordingIsRevoked: true}

// Import takes a recording with what was decided on it elsewhere; r is its audio.
// What is not byte for byte what was decided on waits for a moderator. Its
// record_id stays the same where this zvonar never gave that number, and is a
// fresh one otherwise. Errors are those of Add; wrong-state where the recording
// is here already.
func (l *Library) Import(ctx context.Context, account, actor string, m Imported, r io.Reader) (rec *calls.Recording, err error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	begun := l.cfg.Clock.Now()
	defer func() { l.metrics.uploaded(err, l.cfg.Clock.Now().Sub(begun)) }()
	p, err := l.ingest(ctx, account, r, options{system: m.System, except: m.ID})
	if err != nil {
		return nil, err
	}
	err = l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if err := admitContent(tx, p.SHA256); err != nil {
			return err
		}
		_, err := tx.Recording("", m.ID)
		if err == nil {
			return calls.Errorf(calls.CodeWrongState, "the recording %s is here already", m.ID)
		}
		if !errors.Is(err, calls.ErrNotFound) {
			return err
		}
		rec, err = l.settle(tx, account, actor, m, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.cfg.Log.Info("recording imported", "recording", rec.ID, "account", account, "state", rec.State, "actor", actor, "sha256", rec.SHA256)
	return rec, nil
}

func (m *Imported) check() error {
	text := m.Title + m.Reason + m.UploadedBy + m.DecidedBy + m.Text
	if m.Text != "" {
		s := Spoken{Text: m.Text, Voice: m.Voice}
		if err := s.check(); err != nil {
			return err
		}
		t, err := compile(m.Text, m.Variables)
		if err != nil {
			return err
		}
		m.Variables = t.variables
	}
	switch {
	case !recordingIDs.MatchString(m.ID):
		return calls.Errorf(calls.CodeInvalidField, "this is not the id of a recording; take the line of the export as it is").At("body.recording.recording_id", m.ID)
	case !importable[m.State]:
		return calls.Errorf(calls.CodeInvalidField, "a recording in this state cannot be imported").At("body.recording.state", string(m.State))
	case utf8.RuneCountInString(m.Title) > maxTitle || utf8.RuneCountInString(m.Reason) > maxReason || len(m.UploadedBy)+len(m.DecidedBy) > 400 || !calls.Printable(text):
		return calls.Errorf(calls.CodeInvalidField, "its texts are too long or have control characters").At("body.recording", nil)
	case m.RecordID != nil && (*m.RecordID < 1 || *m.RecordID > 1e15):
		return calls.Errorf(calls.CodeInvalidField, "a record_id is from 1 to 1000000000000000").At("body.recording.record_id", *m.RecordID)
	}
	return nil
}

// settle writes an imported recording with its events.
func (l *Library) settle(tx calls.Tx, account, actor string, m Imported, p *product) (*calls.Recording, error) {
	now := l.cfg.Clock.Now().UTC()
	if m.CreatedAt.IsZero() || m.CreatedAt.After(now) {
		m.CreatedAt = now
	}
	rec := &calls.Recording{ID: m.ID, Account: account, Title: m.Title, State: m.State, Version: 1, Versions: 1, Text: m.Text, Voice: m.Voice, Variables: m.Variables,
		SHA256: p.SHA256, WideSHA256: p.WideSHA256, DurationMS: p.Duration.Milliseconds(), System: m.System, Checks: p.Checks, Print: p.Print,
		Reason: m.Reason, UploadedBy: m.UploadedBy, DecidedBy: m.DecidedBy, DecidedAt: m.DecidedAt, CreatedAt: m.CreatedAt.UTC(), UploadedAt: now}
	if p.SHA256 != m.SHA256 {
		rec.State, rec.Reason, rec.DecidedBy, rec.DecidedAt = calls.RecordingPending, "", "", nil
	}
	event := calls.RecordingUploaded
	switch rec.State {
	case calls.RecordingIsApproved:
		rec.Live, event = liveOf(rec), calls.RecordingApproved
	case calls.RecordingIsRevoked:
		rec.Revoked = &calls.Revocation{Through: 1, At: now, Final: now}
	}
	if m.RecordID != nil {
		n, err := numberFor(tx, *m.RecordID, l.cfg.FirstID)
		if err != nil {
			return nil, err
		}
		if rec.State == calls.RecordingPending {
			rec.Reserved = &n
		} else {
			rec.RecordID = &n
		}
	}
	if err := tx.InsertRecording(rec); err != nil {
		return nil, err
	}
	if err := l.tell(tx, rec, calls.RecordingUploaded); err != nil {
		return nil, err
	}
	if event != calls.RecordingUploaded {
		if err := l.tell(tx, rec, event); err != nil {
			return nil, err
		}
	}
	return rec, tx.Audit(calls.AuditEntry{Account: account, Actor: actor, Action: "recording.import", Object: rec.ID, At: now, Detail: string(rec.State)})
}

// numberFor gives an imported recording its number. Drawing raises the sequence
// to wanted where it has not come so far: then nobody had that number. Else
// somebody may have it, or have had it, and the number drawn is fresh.
func numberFor(tx calls.Tx, wanted, first int64) (int64, error) {
	n, err := tx.NextRecordID(wanted)
	if err == nil && n != wanted && n < first {
		n, err = tx.NextRecordID(first)
	}
	return n, err
}

// admitContent refuses to refer to content that is being deleted at this moment.
// Every unit of work that makes content a recording's must ask.
func admitContent(tx calls.ReadTx, sha string) error {
	condemned, err := tx.ContentCondemned(sha)
	if err == nil && condemned {
		return calls.Errorf(calls.CodeOverloaded, "the same sound is being deleted from the storage at this moment: send it again")
	}
	return err
}
