package dialer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
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

// Config of a Dialer. Store, Clock, Log, Zones, Country and OpenAt are required, and a
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
	// Window and Caps hold for every call; one that brings its own may only narrow
	// them: who may ask for calls may not have people rung at night.
	Window calls.Window
	Caps   calls.Caps
	// Presets are the windows and caps that calls name.
	Presets map[string]calls.Preset
	// TrunkBreaker leaves trunks alone, CampaignBreaker pauses campaigns. The zero value
	// is never.
	TrunkBreaker, CampaignBreaker BreakerConfig
	// OnTrip is told that a campaign was paused by itself, and why; it must not block
	// nor call the Dialer. nil: nobody is.
	OnTrip func(campaign, reason string)
	// Zones lists the time zones a number may be in (numbering.Zones).
	Zones func(number string) []string
	// Country is where a number is (numbering.Country).
	Country func(number string) string
	// OpenAt tells whether all windows are open in all zones, and when next (numbering.OpenAt).
	OpenAt func(windows []calls.Window, country string, zones []string, now time.Time) (open bool, next time.Time)
}

// Dialer is the queue of calls and its gates.
type Dialer struct {
	cfg     Config
	limits  *Limits
	metrics *metrics
	wake    chan struct{}
	trunks  atomic.Pointer[[]TrunkLimits] // replaced as a whole

	mu       sync.Mutex
	reloaded bool // lanes may be those of trunks that were
	queue    *queue
	breakers map[string]*breaker // by trunk
	flying   map[string]int      // numbers that were begun and have no attempt in the store yet
	suspects map[string]bool     // recordings whose calls are to be looked at
	life     life.Worker

	// The goroutine's own:
	standings   map[clipKey]calls.Standing // what the store said of clips at standingsAt
	standingsAt time.Time
	refused     bool                 // the log was told that nobody is dialled now
	reading     map[string]time.Time // calls whose texts were given to be read aloud, since when
}

// New makes a dialer. It takes calls at once and begins none before Start.
func New(cfg Config) (*Dialer, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.Log == nil || cfg.Zones == nil || cfg.Country == nil || cfg.OpenAt == nil {
		return nil, errors.New("dialer: Store, Clock, Log, Zones, Country and OpenAt are required")
	}
	if cfg.Admits == nil {
		cfg.Admits = func() error { return nil }
	}
	if cfg.TrunkUp == nil {
		cfg.TrunkUp = func(string) bool { return true }
	}
	d := &Dialer{cfg: cfg, limits: NewLimits(cfg.Clock, cfg.Trunks), wake: make(chan struct{}, 1),
		queue: newQueue(), breakers: map[string]*breaker{}, flying: map[string]int{}, reading: map[string]time.Time{}}
	d.trunks.Store(&cfg.Trunks)
	for _, t := range cfg.Trunks {
		d.breakers[t.Name] = newBreaker(cfg.TrunkBreaker)
	}
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
	return d.life.Start("dialer", d.run)
}

// Stop begins nothing more and waits until the goroutine has ended, or ctx has.
// What is queued stays queued in the store. Stopping twice, or without Start, is
// harmless.
func (d *Dialer) Stop(ctx context.Context) error { return d.life.Stop(ctx) }

// Enqueue takes over a call that is durable. A call that is queued already is
// left as it is. Only a call that is looked at soon is kept as it is; of any other the
// row is read when its time has come.
func (d *Dialer) Enqueue(call *calls.Call) {
	name, trunks := d.route(call)
	d.mu.Lock()
	d.queue.add(call, d.queue.lane(name, trunks), d.cfg.Clock.Now())
	d.mu.Unlock()
	d.poke()
}

// route names the lane of a call and the trunks that may carry it: its own, else
// the first that owns its caller number, else any but those that failed it already.
// Trunks of other accounts are not there for it.
func (d *Dialer) route(call *calls.Call) (name string, trunks []string) {
	whichever := call.Trunk == "" && call.From == ""
	for _, t := range *d.trunks.Load() {
		switch {
		case t.Account != "" && t.Account != call.Account, t.Named && call.Trunk != t.Name:
		case whichever && !slices.Contains(call.Avoid, t.Name):
			trunks = append(trunks, t.Name)
		case whichever:
		case call.Trunk == t.Name, call.Trunk == "" && slices.Contains(t.Numbers, call.From):
			return "trunk:" + t.Name, []string{t.Name}
		}
	}
	return "any of " + strings.Join(trunks, ","), trunks
}

// Others reports whether a trunk is left that may carry the call and did not fail it.
func (d *Dialer) Others(call *calls.Call) bool {
	if call.Trunk != "" || call.From != "" {
		return false
	}
	_, trunks := d.route(call)
	return len(trunks) > 0
}

// Remove takes a call back, e.g. to cancel it. ok: it was still queued and is the
// caller's own now; call is nil where the store has all of it. Not ok: it was never
// here, or was handed to the Starter.
func (d *Dialer) Remove(id string) (call *calls.Call, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.queue.find(id)
	if i == 0 {
		return nil, false
	}
	if hot := d.queue.hot[i]; hot != nil {
		call = hot.Clone() // a gate may be reading the other
	}
	d.queue.remove(i)
	d.poke() // what stood behind it may go on
	return call, true
}

// Has tells whether a call is queued.
func (d *Dialer) Has(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.find(id) != 0
}

// Look looks at calls at once, whatever they wait for, if they are due.
func (d *Dialer) Look(ids ...string) {
	d.mu.Lock()
	now := d.cfg.Clock.Now()
	for _, id := range ids {
		if i := d.queue.find(id); i != 0 && d.queue.slab.at(i).due <= micros(now) {
			d.queue.postpone(i, now, now)
		}
	}
	d.mu.Unlock()
	d.poke()
}

// Kick looks again at what waits for a trunk: one may have come up.
func (d *Dialer) Kick() { d.poke() }

// poke wakes the goroutine; many pokes are one.
func (d *Dialer) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run is the dialer's goroutine.
func (d *Dialer) run(ctx context.Context) {
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
