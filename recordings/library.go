package recordings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/recordings/audio"
)

// Defaults and bounds of the library.
const (
	// MinDuration is the shortest clip that may be played to a callee. The
	// configuration can ask for more, never for less.
	MinDuration = 7 * time.Second
	// MaxDuration bounds what one clip costs in memory.
	MaxDuration = audio.MaxDuration
	// DefaultMaxBytes bounds an upload.
	DefaultMaxBytes = 25 << 20
	// DefaultFirstID is the first record_id.
	DefaultFirstID = 1_000_001

	maxTitle   = 200 // characters
	maxReason  = 1000
	converters = 2
)

// Config of a Library.
type Config struct {
	Store       calls.Store
	Dir         string        // where clips lie: data_dir/clips; made if missing
	Node        string        // name of this node
	Remote      Remote        // storage that has every clip, beside Dir; nil: none
	MinDuration time.Duration // 0: MinDuration; less is refused
	FirstID     int64         // first record_id; 0: DefaultFirstID
	MaxBytes    int64         // of an upload; 0: DefaultMaxBytes
	Loudness    float64       // LUFS that every clip is brought to; 0: as it was uploaded
	FourEyes    bool          // whoever uploaded a recording may not approve it
	Approvals   int           // needed for one recording: 1 or 2, of different moderators; 0: 1
	Claim       time.Duration // how long a moderator has a recording for himself; 0: DefaultClaim
	Speech      Speech        // how texts are spoken
	Decoder     []string      // command that calls foreign.Child; nil: this binary's decode-audio
	Confine     []string      // command that calls foreign.Confined; nil: this binary's confined
	Clock       clock.Clock   // nil: the system's
	IDs         *clock.IDs    // nil: fresh ones
	Log         *slog.Logger  // nil: none
	Metrics     prometheus.Registerer
}

// Library keeps the clips. Safe for concurrent use.
type Library struct {
	cfg      Config
	files    files
	rendered files         // what is read aloud for one call alone
	slots    chan struct{} // conversions at work
	voices   chan struct{} // texts that are being spoken for calls
	keeping  sync.Map      // ids of dictations whose take is being looked at
	metrics  *metrics
}

// New checks the configuration and makes the directory.
func New(cfg Config) (*Library, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("recordings: no store")
	case cfg.Dir == "":
		return nil, errors.New("recordings: no directory for the clips")
	case cfg.MinDuration != 0 && cfg.MinDuration < MinDuration:
		return nil, fmt.Errorf("recordings.min_duration is %s: less than %s is refused", cfg.MinDuration, MinDuration)
	case cfg.MinDuration > MaxDuration:
		return nil, fmt.Errorf("recordings.min_duration is %s: no clip may be longer than %s", cfg.MinDuration, MaxDuration)
	case cfg.Loudness != 0 && (cfg.Loudness < minLoudness || cfg.Loudness > maxLoudness):
		return nil, fmt.Errorf("recordings.loudness is %g LUFS: it must be from %g to %g", cfg.Loudness, minLoudness, maxLoudness)
	case cfg.Approvals < 0 || cfg.Approvals > 2:
		return nil, fmt.Errorf("recordings.approvals is %d: it must be 1 or 2", cfg.Approvals)
	case cfg.FirstID < 0 || cfg.MaxBytes < 0:
		return nil, errors.New("recordings: first_id and the size limit must not be negative")
	}
	if cfg.MinDuration == 0 {
		cfg.MinDuration = MinDuration
	}
	if cfg.FirstID == 0 {
		cfg.FirstID = DefaultFirstID
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.Approvals == 0 {
		cfg.Approvals = 1
	}
	if cfg.Claim <= 0 {
		cfg.Claim = DefaultClaim
	}
	if len(cfg.Decoder) == 0 {
		cfg.Decoder = []string{self(), "decode-audio"}
	}
	if len(cfg.Confine) == 0 {
		cfg.Confine = []string{self(), "confined"}
	}
	if cfg.Speech.Timeout <= 0 {
		cfg.Speech.Timeout = time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.IDs == nil {
		cfg.IDs = clock.NewIDs(cfg.Clock, nil)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	l := &Library{cfg: cfg, files: files{dir: cfg.Dir, remote: cfg.Remote},
		rendered: files{dir: filepath.Join(cfg.Dir, renderedDir), cache: true}, slots: make(chan struct{}, converters), voices: make(chan struct{}, speakers), metrics: m}
	if err := l.files.prepare(cfg.Clock.Now()); err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	return l, nil
}

// self is the program that runs, also where its file was replaced meanwhile.
func self() string {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return running
	}
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

// Add takes a sound file from r, converts and checks it, and leaves it pending:
// the row and the event recording.uploaded are durable when it returns. system
// marks a prompt of ours (busy, hold), which may be shorter than the rest.
//
// Errors are *calls.Error: too-large, bad-audio, recording-too-short (with
// measured_ms), recording-has-digits, invalid-field for the title; an error of r
// comes back wrapped.
func (l *Library) Add(ctx context.Context, account, title, actor string, system bool, r io.Reader) (rec *calls.Recording, err error) {
	return l.add(ctx, account, title, actor, options{system: system}, false, r)
}

// AddReserved is Add of a recording that is to have a record_id at once: its approval
// will publish it. No prompt of ours.
func (l *Library) AddReserved(ctx context.Context, account, title, actor string, r io.Reader) (*calls.Recording, error) {
	return l.add(ctx, account, title, actor, options{}, true, r)
}

func (l *Library) add(ctx context.Context, account, title, actor string, o options, reserve bool, r io.Reader) (rec *calls.Recording, err error) {
	begun := l.cfg.Clock.Now()
	defer func() { l.metrics.uploaded(err, l.cfg.Clock.Now().Sub(begun)) }()
	if err := checkTitle(title); err != nil {
		return nil, err
	}
	p, err := l.ingest(ctx, account, r, o)
	if err != nil {
		return nil, err
	}
	rec = l.fresh(account, title, actor, o.system, p)
	if err := l.insert(ctx, rec, reserve); err != nil {
		return nil, err
	}
	return rec, nil
}

func checkTitle(title string) error {
	if utf8.RuneCountInString(title) > maxTitle || !calls.Printable(title) {
		return calls.Errorf(calls.CodeInvalidField, "a title has at most %d characters and no control characters", maxTitle).At("body.title", nil)
	}
	return nil
}

// fresh is a recording whose first version is p.
func (l *Library) fresh(account, title, actor string, system bool, p *product) *calls.Recording {
	return &calls.Recording{
		ID: l.cfg.IDs.New("rec_"), Account: account, Title: title, State: calls.RecordingPending, Version: 1, Versions: 1,
		SHA256: p.SHA256, WideSHA256: p.WideSHA256, DurationMS: p.Duration.Milliseconds(), System: system,
		Checks: p.Checks, Print: p.Print, UploadedBy: actor, CreatedAt: l.cfg.Clock.Now().UTC(),
	}
}

// insert makes a fresh recording durable, with its event; reserve keeps the record_id
// for it that its approval will publish.
func (l *Library) insert(ctx context.Context, rec *calls.Recording, reserve bool) error {
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		if reserve {
			n, err := tx.NextRecordID(l.cfg.FirstID)
			if err != nil {
				return err
			}
			rec.Reserved = &n
		}
		return l.write(tx, rec)
	})
	if err == nil {
		l.arrived(rec)
	}
	return err
}

// write puts a fresh recording into the store, with its event.
func (l *Library) write(tx calls.Tx, rec *calls.Recording) error {
	if err := admitContent(tx, rec.SHA256); err != nil {
		return err
	}
	if err := tx.InsertRecording(rec); err != nil {
		return err
	}
	return l.tell(tx, rec, calls.RecordingUploaded)
}

func (l *Library) arrived(rec *calls.Recording) {
	l.cfg.Log.Info("recording uploaded", "recording", rec.ID, "account", rec.Account, "duration_ms", rec.DurationMS, "sha256", rec.SHA256)
}
