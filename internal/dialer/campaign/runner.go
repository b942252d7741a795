package campaign

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
)

// Gate is the dialer as campaigns see it. Safe for concurrent use.
type Gate interface {
	// SetCampaign says how the calls of a campaign may be dialled from now on. Until
	// then, and once it was dropped, none of them is.
	SetCampaign(id string, r calls.CampaignRule)
	DropCampaign(id string)
	CampaignLoad(id string) calls.CampaignLoad
	// CampaignHeld is how many of its calls each gate keeps back, on this node.
	CampaignHeld(id string) map[calls.Gate]int
}

// Caller makes and withdraws calls; the engine does.
type Caller interface {
	CallContact(ctx context.Context, c *calls.Campaign, t *calls.Contact, within func(calls.Tx, *calls.Call) error) (*calls.Call, error)
	Withdraw(ctx context.Context, account, campaign string) error
}

// Opens tells whether somebody may be called at now, and when next (the zero time:
// never): number decides where timezone is empty.
type Opens func(number, timezone string, w *calls.Window, now time.Time) (open bool, next time.Time)

// Resolve finds the recording that a flow names; an *calls.Error says why it may
// not be played.
type Resolve func(tx calls.ReadTx, account string, id calls.ClipID) error

// Config of a Runner. All but Nodes and Metrics is required.
type Config struct {
	Store   calls.Store
	Nodes   calls.Nodes // nil: this node is the only one
	Gate    Gate
	Caller  Caller
	Opens   Opens
	Resolve Resolve
	Clock   clock.Clock
	IDs     *clock.IDs
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// How often the runner looks.
const (
	breath   = 100 * time.Millisecond // between two looks
	longest  = 5 * time.Second        // without anything that calls for one
	tidyEach = 10 * time.Second       // calls of campaigns that are over are withdrawn
)

// Runner feeds campaigns. Make one with New, then Start.
type Runner struct {
	cfg  Config
	desk *Desk
	wake chan struct{}

	life  life.Worker
	mu    sync.Mutex
	trips map[string]string // campaign → why it is to be paused

	// The goroutine's own:
	told   map[string]calls.CampaignRule // what the gate knows
	closed map[lineKey]time.Time         // lines whose hours have not come
	seen   map[string]*calls.Campaign    // as they were at the last look
	tidied time.Time
}

type lineKey struct{ campaign, zones string }

// New makes a runner that does nothing before Start.
func New(cfg Config) (*Runner, error) {
	if cfg.Store == nil || cfg.Gate == nil || cfg.Caller == nil || cfg.Opens == nil || cfg.Resolve == nil || cfg.Clock == nil || cfg.IDs == nil || cfg.Log == nil {
		return nil, errors.New("campaign: Store, Gate, Caller, Opens, Resolve, Clock, IDs and Log are required")
	}
	r := &Runner{cfg: cfg, wake: make(chan struct{}, 1), trips: map[string]string{}, told: map[string]calls.CampaignRule{},
		closed: map[lineKey]time.Time{}, seen: map[string]*calls.Campaign{}}
	r.desk = &Desk{store: cfg.Store, gate: cfg.Gate, opens: cfg.Opens, resolve: cfg.Resolve, clock: cfg.Clock, ids: cfg.IDs, log: cfg.Log, kick: r.kick}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(&census{r})
	}
	return r, nil
}

// Desk is where campaigns are made and changed.
func (r *Runner) Desk() *Desk { return r.desk }

// Trip has a campaign paused for a reason in words: the dialer saw that it does
// harm. It returns at once.
func (r *Runner) Trip(campaign, reason string) {
	r.mu.Lock()
	r.trips[campaign] = reason
	r.mu.Unlock()
	r.kick()
}

func (r *Runner) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Tell tells the gate what may run, before anything does: so calls of a campaign
// that was paused when the process before this one ended are held from the start.
func (r *Runner) Tell(ctx context.Context) error {
	_, err := r.news(ctx)
	return err
}

// news reads the campaigns that may have something to do, and brings the gate up
// to date.
func (r *Runner) news(ctx context.Context) ([]*calls.Campaign, error) {
	r.desk.telling.Lock()
	defer r.desk.telling.Unlock()
	live, err := r.live(ctx)
	if err == nil {
		r.tell(live)
	}
	return live, err
}

// live reads the campaigns that may have something to do.
func (r *Runner) live(ctx context.Context) (live []*calls.Campaign, err error) {
	err = r.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		live, err = tx.Campaigns(calls.CampaignFilter{Live: true, Limit: 1000})
		return err
	})
	return live, err
}

// Start begins to feed. It must be called once.
func (r *Runner) Start(context.Context) error { return r.life.Start("campaign", r.run) }

// Stop ends the feeding and waits for what is being admitted, at most until ctx
// ends. Stopping twice, or without Start, is harmless.
func (r *Runner) Stop(ctx context.Context) error { return r.life.Stop(ctx) }

// leads asks whether this node feeds.
func (r *Runner) leads() (bool, <-chan struct{}) {
	if r.cfg.Nodes == nil {
		return true, nil
	}
	return r.cfg.Nodes.Lead("campaigns")
}

// run is the runner's goroutine.
func (r *Runner) run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := r.cfg.Store.Changed()
		leads, handed := r.leads()
		next, err := r.look(ctx, leads)
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("campaigns could not be looked at; it is tried again", "err", err)
			changed, next = nil, r.cfg.Clock.Now().Add(time.Second)
		}
		r.rest(ctx, breath, nil, nil)
		wait := longest
		if d := next.Sub(r.cfg.Clock.Now()); !next.IsZero() && d < wait {
			wait = max(0, d)
		}
		r.rest(ctx, wait, changed, handed)
	}
}

// rest waits for d, or until something happens.
func (r *Runner) rest(ctx context.Context, d time.Duration, changed, handed <-chan struct{}) {
	over := make(chan struct{})
	t := r.cfg.Clock.AfterFunc(d, func() { close(over) })
	defer t.Stop()
	wake := r.wake
	if changed == nil && handed == nil && d <= breath {
		wake = nil // a breath is taken whole
	}
	select {
	case <-over:
	case <-changed:
	case <-handed:
	case <-wake:
	case <-ctx.Done():
	}
}

// look does what there is to do once, and tells when the next is due (the zero
// time: when something changes).
func (r *Runner) look(ctx context.Context, leads bool) (next time.Time, err error) {
	r.pauseTripped(ctx)
	live, err := r.news(ctx)
	if err != nil {
		return next, err
	}
	now := r.cfg.Clock.Now()
	r.tidy(ctx, live, now)
	if !leads {
		return next, nil
	}
	for _, c := range live {
		at, err := r.serve(ctx, c, now)
		if err != nil {
			return next, err
		}
		next = sooner(next, at)
	}
	return next, nil
}

// tell brings the gate up to date.
func (r *Runner) tell(live []*calls.Campaign) {
	seen := map[string]*calls.Campaign{}
	for _, c := range live {
		seen[c.ID] = c
		if old := r.seen[c.ID]; old != nil && !reflect.DeepEqual(old.Window, c.Window) {
			clear(r.closed)
		}
		if rule, known := r.told[c.ID]; c.Live() && (!known || rule != c.Rule()) {
			r.told[c.ID] = c.Rule()
			r.cfg.Gate.SetCampaign(c.ID, c.Rule())
		}
	}
	for id := range r.told {
		if c := seen[id]; c == nil || !c.Live() {
			r.cfg.Gate.DropCampaign(id)
			delete(r.told, id)
			r.tidied = time.Time{}
		}
	}
	r.seen = seen
}

// tidy withdraws the queued calls of campaigns that were stopped: also after a
// crash in between, and on every node those that it has.
func (r *Runner) tidy(ctx context.Context, live []*calls.Campaign, now time.Time) {
	if now.Sub(r.tidied) < tidyEach && !now.Before(r.tidied) {
		return
	}
	r.tidied = now
	var busy []calls.CampaignName
	err := r.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		busy, err = tx.CampaignsWithCalls()
		return err
	})
	for _, b := range busy {
		if c := r.seen[b.ID]; c != nil && c.Live() {
			continue
		}
		err = errors.Join(err, r.cfg.Caller.Withdraw(ctx, b.Account, b.ID))
	}
	if err != nil && ctx.Err() == nil {
		r.cfg.Log.Warn("calls of stopped campaigns could not be withdrawn; it is tried again", "err", err)
	}
}

// pauseTripped pauses what Trip named.
func (r *Runner) pauseTripped(ctx context.Context) {
	r.mu.Lock()
	trips := r.trips
	r.trips = map[string]string{}
	r.mu.Unlock()
	for id, reason := range trips {
		err := r.desk.pauseItself(ctx, id, reason)
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.Error("a campaign could not be paused; it is tried again", "campaign", id, "err", err)
			r.mu.Lock()
			if r.trips[id] == "" {
				r.trips[id] = reason
			}
			r.mu.Unlock()
		}
	}
}

// sooner is the earlier of two times of which the zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
