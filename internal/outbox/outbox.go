package outbox

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
)

const (
	defaultLanes  = 64
	defaultPlaces = 1024
	// faultPause is how long the outbox leaves the store alone after it failed.
	faultPause = time.Second
	// leadership is the name of the outbox's work among nodes (calls.Nodes).
	leadership = "outbox"
)

// Config of an Outbox. Store, Clock, Client and IDs are required.
type Config struct {
	Store calls.Store
	Clock clock.Clock
	IDs   *clock.IDs
	// Client delivers to webhooks that came by API: egress's guarded one.
	Client *http.Client
	// Trusted delivers to webhooks of the configuration file; nil makes
	// egress.Trusted().
	Trusted *http.Client
	// Lead says whether this node is the one to work (calls.Nodes); nil: always.
	Lead     func(work string) (leads bool, changed <-chan struct{})
	Sinks    []Sink                            // besides the webhook
	Schedule Schedule                          // nil: DefaultSchedule
	Jitter   func(time.Duration) time.Duration // nil: a tenth either way
	Lanes    int                               // lanes under way for one destination; 0: 64
	Places   int                               // lanes under way altogether; 0: 1024
	Log      *slog.Logger                      // nil: discarded
	Metrics  prometheus.Registerer             // nil: none
}

// Outbox delivers the event log to its destinations. Make one with New.
type Outbox struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	sinks   map[string]Sink
	vault   *vault

	life life

	live     chan []string // destinations that have new heads
	look     chan struct{} // something else changed
	wake     chan struct{} // a timer fired
	outcomes chan outcome  // from those who deliver
	settled  chan settled  // from the writer of the store; holds the one batch under way

	// The rest belongs to the goroutine of run.
	dests     map[string]*destination
	sending   int // runs under way
	unsettled []outcome
	notes     []note // what else goes into the next batch
	looking   bool   // lookAround is due
	settling  bool
	settleAt  time.Time // not before: the store has failed
	timer     clock.Timer
	timerAt   time.Time
}

// New makes an Outbox that is not running yet.
func New(cfg Config) (*Outbox, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.Client == nil || cfg.IDs == nil {
		return nil, errors.New("outbox: Store, Clock, IDs and Client are required")
	}
	if cfg.Lead == nil {
		cfg.Lead = func(string) (bool, <-chan struct{}) { return true, nil }
	}
	if cfg.Trusted == nil {
		cfg.Trusted = egress.Trusted()
	}
	if len(cfg.Schedule) == 0 {
		cfg.Schedule = DefaultSchedule()
	}
	if cfg.Jitter == nil {
		cfg.Jitter = spread
	}
	if cfg.Lanes <= 0 {
		cfg.Lanes = defaultLanes
	}
	if cfg.Places <= 0 {
		cfg.Places = defaultPlaces
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	o := &Outbox{
		cfg: cfg, log: cfg.Log, sinks: map[string]Sink{calls.KindWebhook: webhook{}}, vault: newVault(cfg.Store, cfg.Clock),
		live: make(chan []string, 16), look: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		outcomes: make(chan outcome, 2*cfg.Places), settled: make(chan settled, 1), dests: map[string]*destination{},
	}
	for _, s := range cfg.Sinks {
		if o.sinks[s.Kind()] != nil {
			return nil, errors.New("outbox: two sinks of kind " + s.Kind())
		}
		o.sinks[s.Kind()] = s
	}
	o.metrics = newMetrics(cfg.Metrics, cfg.Store, cfg.Clock)
	return o, nil
}

// Start begins to deliver. The context bounds only the start; the life of the
// outbox ends with Stop.
func (o *Outbox) Start(context.Context) error { return o.life.begin(nil, o.run) }

// Stop begins no further delivery and waits for those under way; when ctx ends
// first they are broken off, and will be made again by the next Start of a new
// Outbox. Safe to call twice, and without Start.
func (o *Outbox) Stop(ctx context.Context) error { return o.life.end(ctx) }

// run works while this node is the one of several to do so, until soft ends.
func (o *Outbox) run(soft, hard context.Context) {
	defer o.cfg.Client.CloseIdleConnections()
	defer o.cfg.Trusted.CloseIdleConnections()
	for soft.Err() == nil {
		leads, changed := o.cfg.Lead(leadership)
		if leads {
			o.lead(soft, hard, changed)
			continue
		}
		select {
		case <-changed:
		case <-soft.Done():
		}
	}
}

// lead follows the log and delivers, from what the store says, until soft ends
// or another node leads. What was under way then is the other's to repeat.
func (o *Outbox) lead(soft, hard context.Context, changed <-chan struct{}) {
	soft, stop := context.WithCancel(soft)
	defer stop()
	hard, abort := context.WithCancel(hard)
	defer abort()
	o.dests, o.sending, o.unsettled, o.notes, o.settling, o.looking, o.settleAt = map[string]*destination{}, 0, nil, nil, false, false, time.Time{}
	var helpers sync.WaitGroup
	helpers.Go(func() { o.follow(soft) })
	helpers.Go(func() {
		for leads := true; leads; leads, changed = o.cfg.Lead(leadership) {
			select {
			case <-changed:
			case <-soft.Done():
				return
			}
		}
		stop()
		abort()
	})
	o.deliver(soft, hard)
	helpers.Wait()
}

// deliver is the owner's goroutine: it begins runs, takes their outcomes and
// makes these durable, until soft ends and everything under way is noted.
func (o *Outbox) deliver(soft, hard context.Context) {
	defer o.stopTimer()
	o.lookAgain()
	for soft.Err() == nil {
		o.step(soft, hard)
		select {
		case list := <-o.live:
			for _, id := range list {
				o.dest(id).dry = false
			}
		case <-o.look:
			o.looking = true
		case out := <-o.outcomes:
			o.take(out)
		case s := <-o.settled:
			o.finish(s)
		case <-o.wake:
			o.timerAt = time.Time{}
		case <-soft.Done():
		}
		o.takeAll()
	}
	for _, d := range o.dests {
		d.halt.Store(true)
	}
	o.looking = false
	for o.sending > 0 || o.settling || (len(o.unsettled)+len(o.notes) > 0 && hard.Err() == nil) {
		o.settle()
		o.wakeAt(o.settleAt, o.cfg.Clock.Now())
		broken := hard.Done()
		if hard.Err() != nil {
			broken = nil
		}
		select {
		case out := <-o.outcomes:
			o.take(out)
		case s := <-o.settled:
			o.finish(s)
		case <-o.wake:
			o.timerAt = time.Time{}
		case <-broken:
		}
	}
}

// takeAll takes what else was reported, without waiting.
func (o *Outbox) takeAll() {
	for {
		select {
		case out := <-o.outcomes:
			o.take(out)
		case list := <-o.live:
			for _, id := range list {
				o.dest(id).dry = false
			}
		default:
			return
		}
	}
}

// step does what can be done now and makes an appointment for the rest.
func (o *Outbox) step(soft, hard context.Context) {
	now := o.cfg.Clock.Now()
	var next time.Time
	if o.looking && !o.settling && len(o.notes) == 0 { // the store knows what the owner knows
		if err := o.lookAround(soft); err != nil {
			o.log.Error("the outbox cannot read the store; trying again", "error", err)
			o.wakeAt(now.Add(faultPause), now)
			return
		}
		o.looking = false
	}
	o.settle()
	for _, d := range o.dests {
		if err := o.dispatch(soft, hard, d); err != nil {
			if soft.Err() == nil {
				o.log.Error("the outbox cannot read the store; trying again", "error", err)
			}
			next = sooner(next, now.Add(faultPause))
			break
		}
		next = sooner(next, d.appointment(now))
		o.forget(d)
	}
	if len(o.unsettled)+len(o.notes) > 0 && !o.settling {
		next = sooner(next, o.settleAt)
	}
	o.wakeAt(next, now)
}

// forget drops a destination of which nothing need be known.
func (o *Outbox) forget(d *destination) {
	if d.dry && d.dueAt.IsZero() && d.sending == 0 && len(d.busy) == 0 && len(d.ready) == 0 && len(d.row) == 0 &&
		!d.failing() && d.authFailedAt.IsZero() && d.bucket == nil && len(o.dests) > o.cfg.Places {
		delete(o.dests, d.id)
	}
}

// sooner is the earlier of two times; zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// lookAgain makes the owner read how everything stands.
func (o *Outbox) lookAgain() {
	select {
	case o.look <- struct{}{}:
	default:
	}
}

// wakeAt makes the owner look again at a time; zero: no need.
func (o *Outbox) wakeAt(at, now time.Time) {
	if at.Equal(o.timerAt) {
		return
	}
	o.stopTimer()
	if o.timerAt = at; at.IsZero() {
		return
	}
	o.timer = o.cfg.Clock.AfterFunc(max(at.Sub(now), 0), func() {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	})
}

func (o *Outbox) stopTimer() {
	if o.timer != nil {
		o.timer.Stop()
	}
}

// dest is what is known of a destination.
func (o *Outbox) dest(id string) *destination {
	d := o.dests[id]
	if d == nil {
		d = &destination{id: id, busy: map[lane]*held{}}
		o.dests[id] = d
	}
	return d
}
