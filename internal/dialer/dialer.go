package dialer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Starter takes the dialer's decisions. Its methods run on the dialer's
// goroutine, one at a time, and must return at once; they must not call the
// Dialer. Except in Held the call is the Starter's own from then on.
type Starter interface {
	// Begin dials the call: every gate is open and slot is taken.
	Begin(call *calls.Call, slot *Slot)
	// Held says which gate keeps the call back. Told only when the gate or its
	// end changes. The call may be changed until Held returns.
	Held(call *calls.Call, hold calls.Hold)
	// Expired: not_after passed before the call could be dialled.
	Expired(call *calls.Call)
	// Blocked: the number is on the blacklist.
	Blocked(call *calls.Call, entry calls.BlockEntry)
	// Refused: a clip of the call may not be played any more, or never.
	Refused(call *calls.Call, reason calls.Reason)
}

// Config of a Dialer. Store, Clock, Log, Zones and OpenAt are required, and a
// Starter, here or by Bind.
type Config struct {
	Store   calls.Store
	Clock   clock.Clock
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
	Starter Starter

	// Trunks in order of preference for calls that name neither trunk nor caller number.
	Trunks []TrunkLimits
	// TrunkUp tells whether a trunk can be used; nil: always.
	TrunkUp func(trunk string) bool
	// Admits says why no call may begin now (the store cannot write, no
	// media port is free); nil: always.
	Admits func() error
	// Texts reads aloud what calls alone say; nil: nobody does.
	Texts Texts
	// Window holds for every call; one that brings its own may only narrow it:
	// who may ask for calls may not have people rung at night.
	Window calls.Window
	// MaxAttemptsPerDay caps the charged attempts to a number in its local day; 0: no cap.
	MaxAttemptsPerDay int
	// Zones lists the time zones a number may be in (numbering.Zones).
	Zones func(number string) []string
	// OpenAt tells whether a window is open in all zones, and when next (numbering.OpenAt).
	OpenAt func(w calls.Window, zones []string, now time.Time) (open bool, next time.Time)
}

// Dialer is the queue of calls and its gates.
type Dialer struct {
	cfg     Config
	limits  *Limits
	metrics *metrics
	wake    chan struct{}

	mu       sync.Mutex
	queue    *queue
	kicked   bool
	suspects map[string]bool    // recordings whose calls are to be looked at
	cancel   context.CancelFunc // nil: does not run
	stopped  chan struct{}

	// The goroutine's own:
	recent    []begunCall // whose attempts may not be in the store yet, oldest first
	locations map[string]*time.Location

	standings   map[clipKey]calls.Standing // what the store said of clips at standingsAt
	standingsAt time.Time
}

// New makes a dialer. It takes calls at once and begins none before Start.
func New(cfg Config) (*Dialer, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.Log == nil || cfg.Zones == nil || cfg.OpenAt == nil {
		return nil, errors.New("dialer: Store, Clock, Log, Zones and OpenAt are required")
	}
	if cfg.Admits == nil {
		cfg.Admits = func() error { return nil }
	}
	if cfg.TrunkUp == nil {
		cfg.TrunkUp = func(string) bool { return true }
	}
	d := &Dialer{cfg: cfg, limits: NewLimits(cfg.Clock, cfg.Trunks), wake: make(chan struct{}, 1),
		queue: newQueue(), locations: map[string]*time.Location{}}
	d.limits.onFree = d.poke
	d.metrics = newMetrics(cfg.Metrics, d)
	return d, nil
}

// Bind says who takes the decisions, where that is known only after New. It must
// be called before Start.
func (d *Dialer) Bind(s Starter) { d.cfg.Starter = s }

// Limits are the limits of the trunks, for everyone who uses a channel.
func (d *Dialer) Limits() *Limits { return d.limits }

// Start begins to dial. It must be called once.
func (d *Dialer) Start(context.Context) error {
	if d.cfg.Starter == nil {
		return errors.New("dialer: no Starter is bound")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped != nil {
		return errors.New("dialer: was started before")
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.stopped = cancel, make(chan struct{})
	go d.run(ctx, d.stopped)
	return nil
}

// Stop begins nothing more and waits until the goroutine has ended, or ctx has.
// What is queued stays queued in the store. Stopping twice, or without Start, is
// harmless.
func (d *Dialer) Stop(ctx context.Context) error {
	d.mu.Lock()
	cancel, stopped := d.cancel, d.stopped
	d.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Enqueue takes over a call that is durable. A call that is queued already is
// left as it is.
func (d *Dialer) Enqueue(call *calls.Call) {
	it := &item{call: call, id: call.ID, account: call.Account, to: call.To, due: call.DueAt, created: call.CreatedAt,
		priority: call.Priority, windows: []calls.Window{d.cfg.Window}, next: call.DueAt}
	if call.Window != nil {
		it.windows = append(it.windows, *call.Window)
	}
	if call.NotAfter != nil {
		it.notAfter = *call.NotAfter
	}
	for id, ref := range call.Flow.Clips {
		it.ids, it.clips = append(it.ids, id), append(it.clips, ref)
	}
	key, trunks := d.route(call)
	d.mu.Lock()
	it.lane = d.queue.lane(key, trunks)
	d.queue.add(it)
	d.mu.Unlock()
	d.poke()
}

// route names the lane of a call and the trunks that may carry it: its own, else
// the first that owns its caller number, else any. Trunks of other accounts are
// not there for it.
func (d *Dialer) route(call *calls.Call) (key string, trunks []string) {
	whichever := call.Trunk == "" && call.From == ""
	key = "any"
	for _, t := range d.cfg.Trunks {
		switch {
		case t.Account != "" && t.Account != call.Account:
			key = "any of " + call.Account
		case whichever:
			trunks = append(trunks, t.Name)
		case call.Trunk == t.Name, call.Trunk == "" && slices.Contains(t.Numbers, call.From):
			return "trunk:" + t.Name, []string{t.Name}
		}
	}
	if whichever && len(trunks) > 0 {
		return key, trunks
	}
	return "none", nil
}

// Remove takes a call back, e.g. to cancel it. true: it was still queued and is
// the caller's own now; false: it was never here, or was handed to the Starter.
func (d *Dialer) Remove(id string) (*calls.Call, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it := d.queue.items[id]
	if it == nil {
		return nil, false
	}
	d.queue.remove(it)
	d.poke() // what stood behind it may go on
	return it.call, true
}

// Has tells whether a call is queued.
func (d *Dialer) Has(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.items[id] != nil
}

// Kick looks again at everything that is due: the blacklist or a trunk changed.
func (d *Dialer) Kick() {
	d.mu.Lock()
	d.kicked = true
	d.mu.Unlock()
	d.poke()
}

// poke wakes the goroutine; many pokes are one.
func (d *Dialer) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run is the dialer's goroutine.
func (d *Dialer) run(ctx context.Context, stopped chan struct{}) {
	defer close(stopped)
	for ctx.Err() == nil {
		next := d.pass(ctx)
		stop := d.alarm(next)
		select {
		case <-d.wake:
		case <-ctx.Done():
		}
		stop()
	}
}

// alarm pokes at t (never, where t is zero) unless it is stopped before.
func (d *Dialer) alarm(t time.Time) (stop func()) {
	if t.IsZero() {
		return func() {}
	}
	wait := t.Sub(d.cfg.Clock.Now())
	if wait <= 0 {
		d.poke()
		return func() {}
	}
	timer := d.cfg.Clock.AfterFunc(wait, d.poke)
	return func() { timer.Stop() }
}
