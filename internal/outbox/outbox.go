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
	defaultLanes = 64
	// faultPause is how long the outbox leaves the store alone after it failed.
	faultPause = time.Second
)

// Config of an Outbox. Store, Clock and Client are required.
type Config struct {
	Store calls.Store
	Clock clock.Clock
	// Client delivers to webhooks that came by API: egress's guarded one.
	Client *http.Client
	// Trusted delivers to webhooks of the configuration file; nil makes
	// egress.Trusted().
	Trusted  *http.Client
	Schedule Schedule                          // nil: DefaultSchedule
	Jitter   func(time.Duration) time.Duration // nil: a tenth either way
	Lanes    int                               // deliveries at once; 0: 64
	Log      *slog.Logger                      // nil: discarded
	Metrics  prometheus.Registerer             // nil: none
}

// Outbox delivers the event log to webhooks. Make one with New.
type Outbox struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics

	life life

	wake chan struct{} // a timer fired

	// The rest belongs to the goroutine of run.
	busy     map[lane]bool
	ready    []calls.Delivery // due heads of lanes, not begun yet
	finished chan lane
	timer    clock.Timer
}

// lane is the queue of one webhook's deliveries about one subject.
type lane struct{ webhook, subject string }

func laneOf(d calls.Delivery) lane { return lane{d.WebhookID, d.Subject} }

// New makes an Outbox that is not running yet.
func New(cfg Config) (*Outbox, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.Client == nil {
		return nil, errors.New("outbox: Store, Clock and Client are required")
	}
	if cfg.Trusted == nil {
		cfg.Trusted = egress.Trusted()
	}
	if cfg.Schedule == nil {
		cfg.Schedule = DefaultSchedule()
	}
	if cfg.Jitter == nil {
		cfg.Jitter = spread
	}
	if cfg.Lanes <= 0 {
		cfg.Lanes = defaultLanes
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbox{
		cfg: cfg, log: cfg.Log, metrics: newMetrics(cfg.Metrics, cfg.Store, cfg.Clock),
		wake: make(chan struct{}, 1), busy: map[lane]bool{}, finished: make(chan lane, cfg.Lanes),
	}, nil
}

// Start begins to deliver. The context bounds only the start; the life of the
// outbox ends with Stop.
func (o *Outbox) Start(context.Context) error { return o.life.begin(nil, o.run) }

// Stop begins no further delivery and waits for those under way; when ctx ends
// first they are broken off, and will be made again by the next Start of a new
// Outbox. Safe to call twice, and without Start.
func (o *Outbox) Stop(ctx context.Context) error { return o.life.end(ctx) }

// run owns lanes and timer until soft ends.
func (o *Outbox) run(soft, hard context.Context) {
	var deliveries sync.WaitGroup
	defer func() {
		if o.timer != nil {
			o.timer.Stop()
		}
		deliveries.Wait()
		o.cfg.Client.CloseIdleConnections()
		o.cfg.Trusted.CloseIdleConnections()
	}()
	news, changed := true, o.cfg.Store.Changed()
	for soft.Err() == nil {
		var err error
		if news {
			changed = o.cfg.Store.Changed() // before reading, so that nothing falls between
			err = o.fanOut(soft)
			news = err != nil
		}
		if err == nil {
			err = o.dispatch(soft, hard, &deliveries)
		}
		if err != nil && soft.Err() == nil {
			o.log.Error("the outbox cannot read or write the store; trying again", "error", err)
			o.wakeIn(faultPause)
		}
		select {
		case <-changed:
			news = true
		case <-o.wake:
		case l := <-o.finished:
			o.free(l)
		case <-soft.Done():
		}
	}
}

// free takes back the lanes of deliveries that have ended.
func (o *Outbox) free(l lane) {
	for {
		delete(o.busy, l)
		select {
		case l = <-o.finished:
		default:
			return
		}
	}
}

// wakeIn makes the owner look again after d; an earlier appointment is dropped.
func (o *Outbox) wakeIn(d time.Duration) {
	if o.timer != nil {
		o.timer.Stop()
	}
	o.timer = o.cfg.Clock.AfterFunc(d, func() {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	})
}
