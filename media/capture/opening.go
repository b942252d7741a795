package capture

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

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/media"
)

// maxOpenings bounds the openings that wait for the disk.
const maxOpenings = 256

// partSuffix is of a file that is not complete; the next start removes it.
const partSuffix = ".part"

// OpeningsConfig is the configuration of Openings.
type OpeningsConfig struct {
	Dir     string        // made if missing; nothing else may lie in it
	Keep    time.Duration // of each call, from the answer on; above 0
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// Openings keep how calls begin: the first seconds of the callee alone, a mono WAV
// file a call, for looking again at who answered. One goroutine writes. Safe for
// concurrent use.
type Openings struct {
	desk[heardOpening]
	cfg  OpeningsConfig
	kept *prometheus.CounterVec
}

// heardOpening waits for the writer.
type heardOpening struct {
	path string
	pcm  []int16
}

// OpenOpenings makes the directory and removes what a former process did not
// complete.
func OpenOpenings(cfg OpeningsConfig) (*Openings, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := shelve(cfg.Dir); err != nil {
		return nil, fmt.Errorf("make the directory of how calls begin: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(cfg.Dir, "*", "*"+partSuffix))
	for _, part := range left {
		err = errors.Join(err, os.Remove(part))
	}
	if err != nil {
		return nil, fmt.Errorf("remove what was not completed: %w", err)
	}
	o := &Openings{cfg: cfg, desk: desk[heardOpening]{work: make(chan heardOpening, maxOpenings), ended: make(chan struct{})},
		kept: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_amd_kept_total",
			Help: "Answers whose first seconds were to be kept, by what became of that."}, []string{"result"})}
	if cfg.Metrics != nil {
		if err := cfg.Metrics.Register(o.kept); err != nil {
			return nil, fmt.Errorf("register capture metrics: %w", err)
		}
	}
	return o, nil
}

// Start starts the writer.
func (o *Openings) Start(context.Context) error { return o.start("how calls begin", o.write) }

// Stop writes what waits and ends.
func (o *Openings) Stop(ctx context.Context) error { return o.stop(ctx, "how calls begin") }

// Begin keeps what follows of a call that was answered at a time. call must be an
// id of ours. Nothing is asked of the disk here.
func (o *Openings) Begin(call string, answered time.Time) (*Opening, error) {
	path, err := pathIn(o.cfg.Dir, call)
	if err != nil {
		return nil, err
	}
	return &Opening{store: o, path: path, answered: answered, whole: int(o.cfg.Keep * Rate / time.Second)}, nil
}

// Read opens what was kept of a call. fs.ErrNotExist where there is nothing.
func (o *Openings) Read(call string) (io.ReadSeekCloser, error) {
	path, err := pathIn(o.cfg.Dir, call)
	if err != nil {
		return nil, os.ErrNotExist
	}
	return os.Open(path)
}

// Remove deletes what was kept of a call; nothing is no error.
func (o *Openings) Remove(call string) error {
	path, err := pathIn(o.cfg.Dir, call)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Expire deletes what was written before a time and returns how much it was.
func (o *Openings) Expire(before time.Time) (int, error) {
	return sweep(o.cfg.Dir, before, func(string) bool { return false })
}

// give queues without waiting.
func (o *Openings) give(h heardOpening) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	select {
	case o.work <- h:
	default:
		o.kept.WithLabelValues("dropped").Inc()
	}
}

// write is the writer.
func (o *Openings) write() {
	defer close(o.ended)
	for h := range o.work {
		result := "kept"
		if err := h.save(); err != nil {
			result = "failed"
			o.cfg.Log.Error("how a call began is not kept", "file", filepath.Base(h.path), "err", err)
		}
		o.kept.WithLabelValues(result).Inc()
	}
}

// save writes the file beside its place and moves it there whole.
func (h heardOpening) save() error {
	part := h.path + partSuffix
	f, err := create(part, os.O_TRUNC|os.O_WRONLY)
	if err != nil {
		return err
	}
	if err = errors.Join(WriteWAV(f, Rate, h.pcm), f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, h.path)
	}
	if err != nil {
		_ = os.Remove(part) // the first fault is the one to tell
	}
	return err
}

// Opening is how one call begins. It is a media.Analyser.
type Opening struct {
	store    *Openings
	path     string
	answered time.Time
	whole    int // samples to keep

	mu    sync.Mutex
	pcm   []int16
	ended bool
}

var _ media.Analyser = (*Opening)(nil)

// Hear implements media.Analyser. What was not sent, or was lost, is silence.
func (p *Opening) Hear(s media.Sound) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || s.Pause {
		return
	}
	at := len(p.pcm) + max(0, s.Gap)
	if s.Fresh {
		at = max(len(p.pcm), int(s.At.Sub(p.answered)*Rate/time.Second))
	}
	if missing := min(at, p.whole) - len(p.pcm); missing > 0 {
		p.pcm = append(p.pcm, make([]int16, missing)...)
	}
	p.pcm = append(p.pcm, s.PCM[:min(len(s.PCM), p.whole-len(p.pcm))]...)
	if len(p.pcm) >= p.whole {
		p.end()
	}
}

// End keeps what was heard by now; where nothing was, nothing is kept.
func (p *Opening) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

func (p *Opening) end() {
	if p.ended {
		return
	}
	p.ended = true
	if len(p.pcm) > 0 {
		p.store.give(heardOpening{p.path, p.pcm})
	}
	p.pcm = nil
}
