package retention

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
)

// The work of a sweep, so chosen that the writer serves others in between: a
// portion of calls takes it some 10 ms.
const (
	// Every is how long after a sweep the next one begins.
	Every = 5 * time.Minute
	// portion is how many rows one unit of work looks at.
	portion = 50
	// pause lies between two portions that removed something.
	pause = 50 * time.Millisecond
)

// Config says what is kept and how long. Zero durations are for ever.
type Config struct {
	Events     time.Duration // calls with all that is theirs, and the events of everything else
	Deliveries time.Duration // finished deliveries, and webhooks of single calls
	Audit      time.Duration
	Campaigns  time.Duration // that were stopped or finished, with their contacts

	Store calls.Store
	// Lead tells whether this node is the one of several that does the work;
	// nil: it is. See calls.Nodes.Lead.
	Lead    func() (leads bool, changed <-chan struct{})
	Clock   clock.Clock
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// Retention removes what is older than is kept. Make one with New, run it
// between Start and Stop.
type Retention struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics

	life life.Worker
}

// New checks the configuration.
func New(cfg Config) (*Retention, error) {
	if cfg.Store == nil || cfg.Clock == nil {
		return nil, errors.New("retention: Store and Clock are needed")
	}
	if cfg.Lead == nil {
		cfg.Lead = func() (bool, <-chan struct{}) { return true, nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Retention{cfg: cfg, log: cfg.Log, metrics: newMetrics(cfg.Metrics, cfg.Store, cfg.Clock)}, nil
}

// Start begins the first sweep and returns.
func (r *Retention) Start(context.Context) error {
	return r.life.Start("retention", r.run)
}

// Stop breaks off a sweep between two portions. It may be called twice and
// before Start.
func (r *Retention) Stop(ctx context.Context) error { return r.life.Stop(ctx) }

func (r *Retention) run(ctx context.Context) {
	for ctx.Err() == nil {
		leads, changed := r.cfg.Lead()
		if leads {
			r.sweep(ctx)
		}
		r.wait(ctx, Every, changed)
	}
}

// wait ends after d, or where another node may have begun or ceased to lead.
func (r *Retention) wait(ctx context.Context, d time.Duration, changed <-chan struct{}) {
	over := make(chan struct{})
	defer r.cfg.Clock.AfterFunc(d, func() { close(over) }).Stop()
	select {
	case <-over:
	case <-changed:
	case <-ctx.Done():
	}
}

// sweep goes through every kind once. What fails is tried again by the next
// sweep.
func (r *Retention) sweep(ctx context.Context) {
	for _, kind := range calls.ExpiryKinds() {
		keep, limited := r.keep(kind)
		if !limited {
			continue
		}
		e := calls.Expiry{Kind: kind, Before: r.cfg.Clock.Now().Add(-keep)}
		if err := r.kind(ctx, e); err != nil && ctx.Err() == nil {
			r.log.Error("old rows could not be removed; the next sweep tries again", "kind", kind, "error", err)
		}
	}
}

// keep is how long a kind is kept, and whether there is a limit at all.
func (r *Retention) keep(kind calls.ExpiryKind) (d time.Duration, limited bool) {
	switch kind {
	case calls.ExpireDeliveries, calls.ExpireWebhooks:
		d = r.cfg.Deliveries
	case calls.ExpireCalls, calls.ExpireEvents, calls.ExpireDays:
		d = r.cfg.Events
	case calls.ExpireAudit:
		d = r.cfg.Audit
	case calls.ExpireCampaigns:
		d = r.cfg.Campaigns
	case calls.ExpireKeys, calls.ExpireBlocks:
		return 0, true // their own time is in the record
	}
	return d, d > 0
}

// kind sweeps one kind in portions.
func (r *Retention) kind(ctx context.Context, e calls.Expiry) error {
	removed := 0
	var from calls.ExpiryMark
	for {
		if leads, _ := r.cfg.Lead(); !leads {
			return nil
		}
		var out calls.Expired
		err := r.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
			out, err = tx.Expire(e, from, portion)
			return err
		})
		if err != nil {
			return err
		}
		r.metrics.gone(out.Rows)
		removed += out.Total()
		if from = out.Next; !out.More {
			break
		}
		if out.Total() > 0 {
			r.wait(ctx, pause, nil)
		}
	}
	if removed > 0 {
		r.log.Info("old rows were removed", "kind", e.Kind, "rows", removed, "before", e.Before)
	}
	return nil
}
