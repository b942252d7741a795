package cdr

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
)

// Rotation is how often a file is written.
type Rotation string

// The rotations, by the clock of UTC.
const (
	Hourly Rotation = "hourly"
	Daily  Rotation = "daily"
)

// cursor is the place in the log up to which records are in files.
const cursor = "cdr:files"

// page is how many ends are read at a time.
const page = 1000

// retryAfter is when a file that could not be written is tried again.
const retryAfter = time.Minute

// FilesConfig says where records are written. Format, Rotation, Store and Clock
// are needed.
type FilesConfig struct {
	Dir      string // "": nothing is written
	Format   Format
	Rotation Rotation
	Account  string // whose calls; "": everybody's
	Store    calls.Store
	// Lead tells whether this node is the one of several that writes; nil: it is.
	// Nodes that share a database must share Dir, too.
	Lead    func() (leads bool, changed <-chan struct{})
	Clock   clock.Clock
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// Files writes one file a period: at its end, all calls that ended since the last
// file. A file is written beside, synced and renamed; its name tells which stretch
// of the log it holds, so that a file that is there is never written twice, and
// each call is in exactly one.
type Files struct {
	cfg     FilesConfig
	written prometheus.Counter
	failed  prometheus.Counter

	life life.Worker
}

// NewFiles checks the configuration.
func NewFiles(cfg FilesConfig) (*Files, error) {
	if cfg.Store == nil || cfg.Clock == nil || !cfg.Format.Known() || cfg.Rotation != Hourly && cfg.Rotation != Daily {
		return nil, errors.New("cdr: Store, Clock, a known Format and Rotation are needed")
	}
	if cfg.Lead == nil {
		cfg.Lead = func() (bool, <-chan struct{}) { return true, nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &Files{cfg: cfg,
		written: prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_cdr_records_total", Help: "Call records written to files."}),
		failed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_cdr_failures_total", Help: "Files of call records that could not be written; each is tried again."})}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(f.written, f.failed)
	}
	return f, nil
}

// Start begins to wait for the end of the period. It must be called once.
func (f *Files) Start(context.Context) error {
	if f.cfg.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(f.cfg.Dir, 0o750); err != nil {
		return fmt.Errorf("the directory of call records cannot be made: %w", err)
	}
	return f.life.Start("cdr: the files", f.run)
}

// Stop ends it, within a file; that file is written anew by the next start. Stopping
// twice, or without Start, is harmless.
func (f *Files) Stop(ctx context.Context) error { return f.life.Stop(ctx) }

func (f *Files) run(ctx context.Context) {
	due := f.periodEnd(f.cfg.Clock.Now())
	for f.wait(ctx, due) {
		now := f.cfg.Clock.Now()
		if now.Before(due) { // somebody else may lead now
			continue
		}
		due = f.periodEnd(now)
		if leads, _ := f.cfg.Lead(); !leads {
			continue
		}
		if err := f.write(ctx, now); err != nil && ctx.Err() == nil {
			f.failed.Inc()
			f.cfg.Log.Error("call records could not be written; it is tried again", "error", err, "in", retryAfter)
			due = now.Add(retryAfter)
		}
	}
}

// periodEnd is the end of the period that t lies in.
func (f *Files) periodEnd(t time.Time) time.Time {
	span := time.Hour
	if f.cfg.Rotation == Daily {
		span = 24 * time.Hour
	}
	return t.UTC().Truncate(span).Add(span)
}

// wait ends at t (true), or with ctx.
func (f *Files) wait(ctx context.Context, t time.Time) bool {
	over := make(chan struct{})
	timer := f.cfg.Clock.AfterFunc(max(t.Sub(f.cfg.Clock.Now()), time.Millisecond), func() { close(over) })
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}

// write puts all calls that ended since the last file into one.
func (f *Files) write(ctx context.Context, now time.Time) error {
	after, last, err := f.stretch(ctx)
	if err != nil || last <= after {
		return err
	}
	if there, through, err := f.find(after); err != nil || there != "" {
		if err != nil {
			return err
		}
		f.cfg.Log.Warn("a file of call records was there already", "file", there)
		return f.remember(ctx, through)
	}
	layout := "20060102T15"
	if f.cfg.Rotation == Daily {
		layout = "20060102"
	}
	name := fmt.Sprintf("cdr-%s-%d-%d.%s", f.previous(now).Format(layout), after, last, f.cfg.Format.Extension())
	n, err := f.writeFile(ctx, name, after, last)
	if err != nil {
		return err
	}
	f.written.Add(float64(n))
	f.cfg.Log.Info("call records were written", "file", name, "records", n)
	return f.remember(ctx, last)
}

// previous is the beginning of the period that ended last at now.
func (f *Files) previous(now time.Time) time.Time {
	span := time.Hour
	if f.cfg.Rotation == Daily {
		span = 24 * time.Hour
	}
	return now.UTC().Truncate(span).Add(-span)
}

// stretch is the part of the log that is in no file yet.
func (f *Files) stretch(ctx context.Context) (after, last int64, err error) {
	err = f.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		if after, err = tx.Cursor(cursor); err != nil {
			return err
		}
		last, err = tx.LastPos()
		return err
	})
	return after, last, err
}

func (f *Files) remember(ctx context.Context, pos int64) error {
	return f.cfg.Store.Update(ctx, func(tx calls.Tx) error { return tx.SetCursor(cursor, pos) })
}

var fileName = regexp.MustCompile(`^cdr-[0-9T]+-(\d+)-(\d+)\.(?:csv|jsonl)$`)

// find looks for a file that begins after a place of the log: it was renamed, and
// the process ended before it could note that.
func (f *Files) find(after int64) (name string, through int64, err error) {
	entries, err := os.ReadDir(f.cfg.Dir)
	if err != nil {
		return "", 0, err
	}
	for _, e := range entries {
		m := fileName.FindStringSubmatch(e.Name())
		if m == nil || m[1] != strconv.FormatInt(after, 10) {
			continue
		}
		through, err = strconv.ParseInt(m[2], 10, 64)
		return e.Name(), through, err
	}
	return "", 0, nil
}

// writeFile writes the records of a stretch of the log; it is there under its name
// only once it is whole and on the disk.
func (f *Files) writeFile(ctx context.Context, name string, after, last int64) (n int, err error) {
	beside := filepath.Join(f.cfg.Dir, "."+name+".part")
	file, err := os.OpenFile(beside, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), ignoreGone(os.Remove(beside)))
		}
	}()
	buffered := bufio.NewWriterSize(file, 1<<16)
	if n, err = f.records(ctx, NewWriter(buffered, f.cfg.Format, true), after, last); err != nil {
		return n, err
	}
	if err = errors.Join(buffered.Flush(), file.Sync()); err != nil {
		return n, err
	}
	if err = file.Close(); err != nil {
		return n, err
	}
	if err = os.Rename(beside, filepath.Join(f.cfg.Dir, name)); err != nil {
		return n, err
	}
	return n, syncDir(f.cfg.Dir)
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// records writes the ends of a stretch of the log.
func (f *Files) records(ctx context.Context, w *Writer, after, last int64) (n int, err error) {
	for after < last {
		var ends []calls.Event
		err := f.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			ends, err = tx.Ends(f.cfg.Account, after, page)
			return err
		})
		if err != nil {
			return n, err
		}
		for _, e := range ends {
			if e.Pos > last {
				return n, w.Flush()
			}
			r, err := Read(e)
			if err == nil {
				err = w.Write(r)
			}
			if err != nil {
				return n, err
			}
			n, after = n+1, e.Pos
		}
		if len(ends) < page {
			break
		}
	}
	return n, w.Flush()
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
