package trace

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/clock"
)

const (
	// slabMost bounds what waits to be written; above it messages are dropped.
	slabMost = 8 << 20
	// slabSoon wakes the writer before its pause is over.
	slabSoon = 256 << 10
	// pause is how long the writer lets things gather. Real time: no outcome
	// depends on it.
	pause = 100 * time.Millisecond
	// lingers is how long it is known whose a dialog was after its end:
	// retransmissions still come.
	lingers = time.Minute
	// sweeps is how often what is too old is looked for.
	sweeps = time.Minute
)

// Config of a Recorder. Dir and Clock are required.
type Config struct {
	Dir       string        // made where it does not exist
	MaxBytes  int64         // of all segments; 0: nothing is kept on disk
	Retention time.Duration // what is older goes, too; 0: only MaxBytes counts
	HEP       *HEP          // gets a copy of every message, and is closed at the end; nil: nobody
	Clock     clock.Clock
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
}

// Recorder keeps the SIP messages of calls. Make one with New.
type Recorder struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	watch   *Watch

	mu    sync.Mutex // guards what follows, and is held for a copy at most
	slab  []byte     // records to be written
	spare []byte
	left  []string // dialogs that are over, to be told to the writer
	down  bool     // nothing is taken any more

	kick   chan struct{}
	orders chan func() // for the writer's goroutine
	stop   chan struct{}
	ended  chan struct{}
	once   sync.Once
	active atomic.Bool // the writer runs

	// The rest belongs to the writer's goroutine.
	shelf  *shelf
	owners map[string]*owner // by SIP Call-ID
	swept  time.Time
	broken bool // the disk refused; told once
}

// owner is whose a dialog is.
type owner struct {
	call string
	over time.Time // when it can be forgotten; zero: the dialog lives
}

// New makes a Recorder that takes notes already and writes them when started.
func New(cfg Config) (*Recorder, error) {
	if cfg.Clock == nil {
		return nil, errors.New("trace: Clock is required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{cfg: cfg, log: cfg.Log, watch: NewWatch(cfg.Clock), kick: make(chan struct{}, 1), orders: make(chan func()),
		stop: make(chan struct{}), ended: make(chan struct{}), owners: map[string]*owner{}}
	r.metrics = newMetrics(cfg.Metrics)
	return r, nil
}

// Watch is which numbers are looked at closely.
func (r *Recorder) Watch() *Watch { return r.watch }

// Start begins to write; what lies in the directory from before is kept.
func (r *Recorder) Start(context.Context) (err error) {
	if r.shelf, err = openShelf(r.cfg, r.metrics); err != nil {
		return err
	}
	r.active.Store(true)
	go r.run()
	return nil
}

// Stop writes what is left. Safe to call twice, and without Start.
func (r *Recorder) Stop(ctx context.Context) error {
	r.mu.Lock()
	r.down = true
	r.mu.Unlock()
	r.once.Do(func() { close(r.stop) })
	if !r.active.Load() {
		return nil
	}
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Seen takes a message that crossed the edge; it implements edge.Tap. data is
// copied.
func (r *Recorder) Seen(sent bool, network string, local, remote netip.AddrPort, data []byte) {
	if len(data) > maxData || len(data) < 16 {
		return
	}
	rec := record{kind: kindMessage, sent: sent, network: network, at: r.cfg.Clock.Now(), local: local, remote: remote}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full() {
		return
	}
	from := len(r.slab)
	r.slab = append(begin(r.slab), data...)
	at, n := blot(r.slab[from+headSize:])
	r.slab = finish(r.slab, from, rec, at, n)
	r.metrics.messages.Inc()
	r.waken()
}

// Bind notes that the dialog with a SIP Call-ID is a leg of a call in a role;
// numbers are who rings whom. done is to be called when the dialog is over.
func (r *Recorder) Bind(call, sipCallID, role string, numbers ...string) (done func()) {
	r.watch.began(call, numbers)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full() || len(call)+len(sipCallID) > 2048 {
		return func() {}
	}
	from := len(r.slab)
	r.slab = append(begin(r.slab), call...)
	r.slab = append(append(r.slab, 0), sipCallID...)
	r.slab = append(append(r.slab, 0), role...)
	r.slab = finish(r.slab, from, record{kind: kindBind, at: r.cfg.Clock.Now()}, 0, len(call))
	r.waken()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.down {
			r.left = append(r.left, sipCallID)
		}
	}
}

// full reports whether nothing more is taken, and counts what is lost by that.
func (r *Recorder) full() bool {
	if !r.down && len(r.slab) >= slabMost {
		r.metrics.dropped.Inc()
		return true
	}
	return r.down
}

func (r *Recorder) waken() {
	if len(r.slab) < slabSoon {
		return
	}
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// ask has something done by the writer and waits for it.
func (r *Recorder) ask(ctx context.Context, do func() error) error {
	if !r.active.Load() {
		return errors.New("the trace is not written here")
	}
	done := make(chan error, 1)
	select {
	case r.orders <- func() { done <- do() }:
		return <-done
	case <-r.ended:
		return errors.New("the trace is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes until Stop.
func (r *Recorder) run() {
	defer close(r.ended)
	if r.cfg.HEP != nil {
		defer func() { _ = r.cfg.HEP.Close() }() // a datagram socket has nothing left to fail at
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.kick:
		case do := <-r.orders:
			r.flush()
			do()
			continue
		case <-r.stop:
			r.flush()
			r.shelf.close()
			return
		}
		r.flush()
		r.sweep()
	}
}

// flush writes what has gathered.
func (r *Recorder) flush() {
	r.mu.Lock()
	batch, left := r.slab, r.left
	r.slab, r.spare, r.left = r.spare[:0], nil, nil
	r.mu.Unlock()
	if len(batch) > 0 {
		r.hand(batch)
		err := r.shelf.write(batch)
		if err != nil && !r.broken {
			r.log.Error("the trace of calls cannot be written; it has a hole from now on", "error", err)
		} else if err == nil && r.broken {
			r.log.Info("the trace of calls is written again")
		}
		r.broken = err != nil
	}
	for _, dialog := range left {
		r.leave(dialog)
	}
	r.mu.Lock()
	if cap(batch) <= 2*slabSoon {
		r.spare = batch[:0]
	}
	r.mu.Unlock()
}

// hand tells others of what is about to be written: whose dialogs are whose, and
// whoever looks closely or gets copies.
func (r *Recorder) hand(batch []byte) {
	for len(batch) > 0 {
		rec, n, err := parse(batch)
		if err != nil {
			return // cannot be: it was just made
		}
		batch = batch[n:]
		if rec.kind == kindBind {
			call, dialog, _ := bound(rec)
			r.owners[dialog] = &owner{call: call}
			continue
		}
		call := ""
		if o := r.owners[string(rec.key)]; o != nil {
			call = o.call
		}
		if r.cfg.HEP != nil {
			if err := r.cfg.HEP.send(rec, call); err != nil {
				r.metrics.lostCopies.Inc()
			}
		}
		if call != "" && r.watch.Call(call) {
			r.log.Info("sip message", "call", call, "sent", rec.sent, "network", rec.network, "local", rec.local, "remote", rec.remote, "text", string(rec.data))
		}
	}
}

// leave notes that a dialog is over.
func (r *Recorder) leave(dialog string) {
	if o := r.owners[dialog]; o != nil {
		o.over = r.cfg.Clock.Now().Add(lingers)
	}
}

// sweep forgets dialogs and drops segments that are too old.
func (r *Recorder) sweep() {
	now := r.cfg.Clock.Now()
	if now.Sub(r.swept) < sweeps {
		return
	}
	r.swept = now
	for id, o := range r.owners {
		if !o.over.IsZero() && now.After(o.over) {
			delete(r.owners, id)
		}
	}
	r.shelf.expire(now)
}
