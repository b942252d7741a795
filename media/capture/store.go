package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// Rate of every capture, samples a second.
	Rate = 8000
	// frameBytes are the two samples of one instant: what we sent, what we heard.
	frameBytes = 4
	// maxWaiting bounds the blocks that wait for the disk: a second of a talk each.
	maxWaiting = 4096
	suffix     = ".wav"
	openSuffix = ".open" // lies beside a file that is being written
)

// Result is a capture that is complete.
type Result struct {
	Duration time.Duration
	SHA256   string // hex, of the file
}

// Config of a Store.
type Config struct {
	Dir     string // made if missing
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// Store keeps the captures: one file a call, written by one goroutine, so that a
// slow disk delays nothing but captures. Safe for concurrent use.
type Store struct {
	desk[job]
	dir     string
	log     *slog.Logger
	running atomic.Int64
	dropped prometheus.Counter
	active  map[string]bool // calls whose file is being written; under mu
	spare   sync.Pool       // of blocks
}

// job is one thing to do for the writer: samples to be put at their place, or the
// end of the file.
type job struct {
	file   *file
	at     int64 // frames from the start of the take
	block  *block
	frames int64 // of the block
	end    func(Result, error)
}

// file is of the writer alone.
type file struct {
	call   string
	path   string
	f      *os.File // nil before the first block
	from   int64    // frames that were there before
	frames int64    // written so far
	err    error    // the first one
}

// open makes the file, or goes on with the one that is there.
func (f *file) open() {
	if f.f != nil || f.err != nil {
		return
	}
	mark, err := os.OpenFile(f.path+openSuffix, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.err = fmt.Errorf("begin a capture: %w", err)
		return
	}
	_ = mark.Close() // nothing was written to it
	if f.f, f.err = os.OpenFile(f.path, os.O_CREATE|os.O_RDWR, 0o600); f.err != nil {
		return
	}
	size, err := f.f.Seek(0, io.SeekEnd)
	f.from = max(0, size-headerLen) / frameBytes
	f.frames = f.from
	if f.err = err; err == nil {
		f.err = f.head()
	}
}

// Open makes the directory.
func Open(cfg Config) (*Store, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of captures: %w", err)
	}
	s := &Store{desk: desk[job]{work: make(chan job, maxWaiting), ended: make(chan struct{})}, dir: cfg.Dir, log: cfg.Log, active: map[string]bool{}}
	s.dropped = prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_capture_dropped_total",
		Help: "Seconds of captured talk that the disk was too slow for."})
	if cfg.Metrics != nil {
		running := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_capture_running", Help: "Talks that are being captured."},
			func() float64 { return float64(s.running.Load()) })
		for _, c := range []prometheus.Collector{s.dropped, running} {
			if err := cfg.Metrics.Register(c); err != nil {
				return nil, fmt.Errorf("register capture metrics: %w", err)
			}
		}
	}
	return s, nil
}

// Start starts the writer.
func (s *Store) Start(context.Context) error { return s.start("captures", s.write) }

// Stop writes what waits and ends; captures that have not ended stay readable.
func (s *Store) Stop(ctx context.Context) error { return s.stop(ctx, "captures") }

// Begin begins the capture of a call; one that has a file already is continued at
// its end. call must be an id of ours. Nothing is asked of the disk here.
func (s *Store) Begin(call string) (*Take, error) {
	path, err := s.path(call)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.active[call] {
		return nil, fmt.Errorf("capture of %s: it runs already, or the daemon stops", call)
	}
	s.active[call] = true
	s.running.Add(1)
	return &Take{store: s, file: &file{call: call, path: path}}, nil
}

// path is where a call's capture lies.
func (s *Store) path(call string) (string, error) { return pathIn(s.dir, call) }

func pathIn(dir, call string) (string, error) {
	if call == "" || len(call) > 64 || strings.Trim(call, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") != "" {
		return "", fmt.Errorf("%q is no id of a call", call)
	}
	return filepath.Join(dir, call+suffix), nil
}

// give queues a job without waiting, an end in any case.
func (s *Store) give(j job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if j.end == nil && len(s.work) >= maxWaiting*3/4 {
		s.dropped.Inc()
		s.spare.Put(j.block)
		return
	}
	select {
	case s.work <- j:
	default:
		s.dropped.Inc()
		if j.end != nil {
			delete(s.active, j.file.call)
			s.running.Add(-1)
		}
	}
}

// write is the writer.
func (s *Store) write() {
	defer close(s.ended)
	for j := range s.work {
		if j.end == nil {
			j.file.put(j.at, j.block[:j.frames*frameBytes])
			s.spare.Put(j.block)
			continue
		}
		r, err := j.file.finish()
		if err != nil {
			s.log.Error("a capture is not complete", "call", j.file.call, "err", err)
		}
		s.mu.Lock()
		delete(s.active, j.file.call)
		s.mu.Unlock()
		s.running.Add(-1)
		j.end(r, err)
	}
}

// blank is a block of silence.
func (s *Store) blank() *block {
	if b, ok := s.spare.Get().(*block); ok {
		clear(b[:])
		return b
	}
	return &block{}
}

// put writes samples, then the header that counts them: whatever happens in
// between, the file is a WAV file with what it says.
func (f *file) put(at int64, block []byte) {
	if f.open(); f.err != nil {
		return
	}
	at += f.from
	if _, f.err = f.f.WriteAt(block, headerLen+at*frameBytes); f.err != nil {
		return
	}
	f.frames = max(f.frames, at+int64(len(block)/frameBytes))
	f.err = f.head()
}

func (f *file) head() error {
	_, err := f.f.WriteAt(headerOf(2, Rate, uint32(min(f.frames*frameBytes, 1<<32-1-headerLen))), 0)
	return err
}

// finish makes the file durable and closes it.
func (f *file) finish() (r Result, err error) {
	if f.open(); f.f == nil {
		return Result{}, f.err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, io.NewSectionReader(f.f, 0, headerLen+f.frames*frameBytes))
	err = errors.Join(f.err, err, f.f.Sync(), f.f.Close(), os.Remove(f.path+openSuffix))
	return Result{Duration: time.Duration(f.frames) * time.Second / Rate, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// Read opens a call's capture, also while it runs: the header says how much of it
// there is. fs.ErrNotExist where there is none.
func (s *Store) Read(call string) (io.ReadSeekCloser, error) {
	path, err := s.path(call)
	if err != nil {
		return nil, os.ErrNotExist
	}
	return os.Open(path)
}

// Recover completes the captures that a former process left open and tells of
// each, before any is begun.
func (s *Store) Recover(tell func(call string, r Result)) error {
	left, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix+openSuffix))
	if err != nil {
		return err
	}
	for _, mark := range left {
		path := strings.TrimSuffix(mark, openSuffix)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			s.log.Error("a capture cannot be recovered", "file", path, "err", err)
			continue
		}
		size, err := f.Seek(0, io.SeekEnd)
		known := &file{path: path, f: f, frames: max(0, size-headerLen) / frameBytes, err: err}
		if known.err == nil {
			known.err = known.head()
		}
		r, err := known.finish()
		if err != nil {
			s.log.Error("a capture cannot be recovered", "file", path, "err", err)
			continue
		}
		tell(strings.TrimSuffix(filepath.Base(path), suffix), r)
	}
	return nil
}

// Remove deletes a call's capture; none is no error.
func (s *Store) Remove(call string) error {
	path, err := s.path(call)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Expire deletes captures that were written last before a time and returns how
// many they were.
func (s *Store) Expire(before time.Time) (n int, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		call, isWAV := strings.CutSuffix(e.Name(), suffix)
		info, fault := e.Info()
		if !isWAV || fault != nil || !info.ModTime().Before(before) {
			continue
		}
		s.mu.Lock()
		busy := s.active[call]
		s.mu.Unlock()
		if busy {
			continue
		}
		if fault := s.Remove(call); fault != nil {
			err = errors.Join(err, fault)
			continue
		}
		n++
	}
	return n, err
}

// File is where a call's capture lies; fs.ErrNotExist where there is none.
func (s *Store) File(call string) (string, error) {
	path, err := s.path(call)
	if err != nil {
		return "", os.ErrNotExist
	}
	_, err = os.Stat(path)
	return path, err
}
