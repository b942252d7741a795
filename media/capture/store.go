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
	// maxWaiting bounds the tapes that wait for the disk: two seconds of a talk each.
	maxWaiting = 2048
	// together is how long the writer lets tapes gather: it is woken twenty times a
	// second, not for each. Real time: no outcome depends on it.
	together   = 50 * time.Millisecond
	suffix     = ".wav"
	openSuffix = ".open" // of a file that is being written, behind suffix
)

// Result is a capture that is complete.
type Result struct {
	Duration time.Duration
	SHA256   string // hex, of the file
}

// Config of a Store.
type Config struct {
	Dir string // made if missing
	// Linear writes samples of 16 bit also where the talk was of G.711, whose code
	// words take half as much.
	Linear  bool
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// Store keeps the captures: one file a call, written by one goroutine, so that a
// slow disk delays nothing but captures. Safe for concurrent use.
type Store struct {
	desk[job]
	dir     string
	linear  bool
	log     *slog.Logger
	running atomic.Int64
	dropped prometheus.Counter
	active  map[string]bool // calls whose file is being written; under mu
	spare   sync.Pool       // of tapes
	hands   hands           // of the writer alone, and of Recover before it
}

// job is one thing to do for the writer: what is on a tape is to be put at its
// place, or the file ends.
type job struct {
	file *file
	tape *tape
	end  func(Result, error)
}

// file is of the writer alone.
type file struct {
	call   string
	path   string
	sheet  sheet
	f      *os.File // nil before the first tape
	layout layout
	from   int64 // frames that were there before
	frames int64 // written so far
	err    error // the first one
}

// open makes the file, with a layout, or goes on with the one that is there.
func (f *file) open(l layout) {
	if f.f != nil || f.err != nil {
		return
	}
	if err := os.Rename(f.path, f.path+openSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.err = fmt.Errorf("go on with a capture: %w", err)
		return
	}
	if f.f, f.err = create(f.path+openSuffix, os.O_RDWR); f.err != nil {
		return
	}
	if f.err = f.measure(l); f.err == nil {
		f.from, f.sheet.layout = f.frames, f.layout
		f.sheet.before = f.layout.header + f.from*f.layout.frame()
		f.err = f.head()
	}
}

// measure finds out what is in the file: its layout, or l where it has none, and
// how many frames.
func (f *file) measure(l layout) error {
	f.layout = l
	if there, ok := layoutIn(f.f); ok {
		f.layout = there
	}
	size, err := f.f.Seek(0, io.SeekEnd)
	f.frames = max(0, size-f.layout.header) / f.layout.frame()
	return err
}

// Open makes the directory, where it is missing.
func Open(cfg Config) (*Store, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := shelve(cfg.Dir); err != nil {
		return nil, fmt.Errorf("make the directory of captures: %w", err)
	}
	s := &Store{desk: desk[job]{work: make(chan job, maxWaiting), ended: make(chan struct{})}, dir: cfg.Dir, linear: cfg.Linear, log: cfg.Log, active: map[string]bool{}}
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

// give queues a job without waiting, an end in any case.
func (s *Store) give(j job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if j.end == nil && len(s.work) >= maxWaiting*3/4 {
		s.dropped.Add(tapeTime.Seconds())
		s.keep(j.tape)
		return
	}
	select {
	case s.work <- j:
	default:
		s.dropped.Add(tapeTime.Seconds())
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
		s.do(j)
		if len(s.work) == 0 && s.running.Load() > 0 {
			time.Sleep(together)
		}
	}
}

func (s *Store) do(j job) {
	if j.end == nil {
		s.play(j.file, j.tape)
		s.keep(j.tape)
		return
	}
	j.file.sheet.end(&s.hands, j.file.put)
	r, err := j.file.finish(linear(), &s.hands)
	if err != nil {
		s.log.Error("a capture is not complete", "call", j.file.call, "err", err)
	}
	s.mu.Lock()
	delete(s.active, j.file.call)
	s.mu.Unlock()
	s.running.Add(-1)
	j.end(r, err)
}

// play writes what is on a tape. The first packet says how the file is laid out.
func (s *Store) play(f *file, t *tape) {
	l := linear()
	if !s.linear {
		l = layoutOf(t.first().codec)
	}
	if f.open(l); f.err == nil {
		f.sheet.play(t, &s.hands, f.put)
	}
}

// empty is a tape with nothing on it.
func (s *Store) empty() *tape {
	if t, ok := s.spare.Get().(*tape); ok {
		return t
	}
	return &tape{}
}

// keep takes back a tape that nobody needs any more.
func (s *Store) keep(t *tape) {
	t.wipe()
	s.spare.Put(t)
}

// put writes samples, then the header that counts them: whatever happens in
// between, the file is a WAV file with what it says.
func (f *file) put(at int64, block []byte) {
	if f.err != nil {
		return
	}
	at += f.from
	if _, f.err = f.f.WriteAt(block, f.layout.header+at*f.layout.frame()); f.err != nil {
		return
	}
	f.frames = max(f.frames, at+int64(len(block))/f.layout.frame())
	f.err = f.head()
}

func (f *file) head() error {
	_, err := f.f.WriteAt(f.layout.headerOf(f.frames), 0)
	return err
}

// finish makes the file durable and closes it; a talk in which nothing was said is
// an empty file of layout l.
func (f *file) finish(l layout, h *hands) (r Result, err error) {
	if f.open(l); f.f == nil {
		return Result{}, f.err
	}
	sum := sha256.New()
	_, err = io.CopyBuffer(sum, io.NewSectionReader(f.f, 0, f.layout.header+f.frames*f.layout.frame()), h.chunk[:])
	err = errors.Join(f.err, err, f.f.Sync(), f.f.Close(), os.Rename(f.path+openSuffix, f.path))
	return Result{Duration: time.Duration(f.frames) * time.Second / Rate, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// Read opens a call's capture, also while it runs: the header says how much of it
// there is. fs.ErrNotExist where there is none.
func (s *Store) Read(call string) (io.ReadSeekCloser, error) {
	path, err := s.path(call)
	if err != nil {
		return nil, os.ErrNotExist
	}
	f, err := os.Open(path + openSuffix)
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(path) // looked for last: a file that is complete keeps this name
	}
	return f, err
}

// Recover completes the captures that a former process left open and tells of
// each, before any is begun.
func (s *Store) Recover(tell func(call string, r Result)) error {
	left, err := filepath.Glob(filepath.Join(s.dir, "*", "*"+suffix+openSuffix))
	if err != nil {
		return err
	}
	for _, open := range left {
		path := strings.TrimSuffix(open, openSuffix)
		f, err := os.OpenFile(open, os.O_RDWR, 0)
		if err != nil {
			s.log.Error("a capture cannot be recovered", "file", path, "err", err)
			continue
		}
		known := &file{path: path, f: f}
		if known.err = known.measure(linear()); known.err == nil {
			known.err = known.head()
		}
		r, err := known.finish(linear(), &s.hands)
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
	for _, name := range []string{path, path + openSuffix} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Expire deletes captures that were written last before a time and returns how
// many they were.
func (s *Store) Expire(before time.Time) (int, error) {
	return sweep(s.dir, before, func(call string) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.active[call]
	})
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
