package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
)

// Config of an Engine. Store, Line, Clips, Limits, Queue, Clock, IDs and Log
// are required.
type Config struct {
	Store  calls.Store
	Line   Line
	Clips  Clips
	Speech Speaker // nil: calls with a text are refused
	Takes  Takes   // nil: dictations are refused
	Queue  Queue
	Limits Limits
	Nodes  calls.Nodes // nil: this node is the only one
	Clock  clock.Clock
	IDs    *clock.IDs
	Log    *slog.Logger

	// Admits says why no new call may begin now, as an Error for the asker (the
	// store cannot write); nil: always.
	Admits func() error

	Metrics   prometheus.Registerer // nil: none
	Trunks    []TrunkNumbers
	Routes    []Route
	Providers []Provider
	Countries []string // ISO codes that may be called, the first is the default country
	// Retry is the policy of calls that bring none; nil: they are not tried again.
	Retry *calls.RetryPolicy
	// Presets are the windows that calls may name.
	Presets map[string]calls.Preset
	// AMDProfiles are the names that amd.profile of a flow may have.
	AMDProfiles []string
	// RingTimeout and MaxDuration hold where a call does not say otherwise.
	RingTimeout time.Duration // 0: 45 s
	MaxDuration time.Duration // 0: 30 min
	// TextQueued is told when an intent to send a text became durable; it must
	// not block. nil: nobody is.
	TextQueued func()
	// Softphones tells whether an employee's softphone is registered now, by its
	// user name; it must not block. nil: none is.
	Softphones func(sipUser string) bool
	// Callbacks is for how long somebody who was called hears what he was called for
	// when he calls the number back; 0: he does not.
	Callbacks time.Duration
	// CaptureLinks sign the links of call.recording_ready.
	CaptureLinks calls.CaptureLinks
}

// TrunkNumbers is what the engine must know of a trunk.
type TrunkNumbers struct {
	Name    string
	Numbers []string // caller numbers; the first is the default
	Account string   // whose calls it carries; "" = everybody's
	// HangUpEarly: an announcement or busy tone before the answer ends the attempt.
	HangUpEarly bool
	// Refers: a request to transfer a customer of it is handed to it (REFER).
	Refers bool
}

// Queue is the dialer as the engine sees it.
type Queue interface {
	// Enqueue hands a durable call over; Begin, Held, Expired, Blocked or Refused follows.
	Enqueue(call *calls.Call)
	// Remove takes a call back; ok is false where it is no longer queued. The call is
	// nil where the queue kept no more of it than its id: the store has it.
	Remove(id string) (c *calls.Call, ok bool)
	// Why says what keeps a queued call back, where nothing was told of it.
	Why(id string) (h calls.Hold, ok bool)
	// Foresee says what would keep a call back that is not made yet.
	Foresee(tx calls.ReadTx, c *calls.Call) (calls.Hold, error)
	// Others reports whether a trunk is left that may carry the call and did not fail it.
	Others(c *calls.Call) bool
	// Attempted hears what an attempt of a customer came to.
	Attempted(calls.Attempted)
	// Has tells whether a call is queued.
	Has(id string) bool
	// Look looks at calls at once, whatever holds them.
	Look(ids ...string)
	// Recheck looks at queued calls that may play a recording: it was decided on.
	Recheck(recordingID string)
}

// Engine runs calls. Create it with New, then Start.
type Engine struct {
	cfg       Config
	store     calls.Store
	nodes     calls.Nodes
	line      Line
	clock     clock.Clock
	ids       *clock.IDs
	log       *slog.Logger
	metrics   *metrics
	providers map[string]Provider
	plan      atomic.Pointer[plan]
	expect    *expectations
	routers   *breakers

	// life ends when Stop no longer waits: providers' answers and the BYEs of
	// recovery are given up.
	life    context.Context
	endLife context.CancelFunc

	mu       sync.Mutex
	sessions map[string]*session // by call id
	legs     map[string]*session // by id of a leg
	closing  map[string]bool     // calls that are over or being buried, their end not yet written
	draining bool
	wg       sync.WaitGroup
	crew     *life.Crew     // reads the mailboxes of calls
	tails    sync.WaitGroup // what hears the reports of providers, also of calls that are over

	turns turns // of the members of groups and the numbers of pools

	dog         *watchdog
	patrolTimer clock.Timer // under mu

	// barred are the recordings revoked while this process ran, with the version
	// up to which that goes. Under mu; a map is never changed once it is here.
	barred map[string]int
}

const (
	defaultRingTimeout = 45 * time.Second
	defaultMaxDuration = 30 * time.Minute
)

// New makes an engine; nothing runs until Start.
func New(cfg Config) (*Engine, error) {
	if cfg.Store == nil || cfg.Line == nil || cfg.Clips == nil || cfg.Queue == nil || cfg.Limits == nil ||
		cfg.Clock == nil || cfg.IDs == nil || cfg.Log == nil {
		return nil, errors.New("engine: Store, Line, Clips, Queue, Limits, Clock, IDs and Log are required")
	}
	if cfg.RingTimeout == 0 {
		cfg.RingTimeout = defaultRingTimeout
	}
	if cfg.Admits == nil {
		cfg.Admits = func() error { return nil }
	}
	if cfg.MaxDuration == 0 {
		cfg.MaxDuration = defaultMaxDuration
	}
	e := &Engine{
		cfg: cfg, store: cfg.Store, nodes: cfg.Nodes, dog: newWatchdog(), line: cfg.Line, clock: cfg.Clock, ids: cfg.IDs, log: cfg.Log,
		sessions: map[string]*session{}, legs: map[string]*session{}, closing: map[string]bool{}, providers: map[string]Provider{},
	}
	if e.nodes == nil {
		e.nodes = alone{}
	}
	e.Reload(cfg.Trunks, cfg.Routes)
	e.life, e.endLife = context.WithCancel(context.Background())
	e.crew = life.NewCrew(cfg.Clock, nil)
	e.expect = newExpectations(cfg.Clock)
	e.routers = newBreakers(cfg.Clock)
	for _, p := range cfg.Providers {
		if p.ExpectTimeout == 0 {
			p.ExpectTimeout = defaultExpectTimeout
		}
		if _, follows := p.Originator.(Follower); !follows && (p.Plays || p.Joins) {
			return nil, fmt.Errorf("engine: provider %s plays or joins and reports nothing", p.Name)
		}
		e.providers[p.Name] = p
	}
	e.metrics = newMetrics(cfg.Metrics, e)
	return e, nil
}

// Start recovers what a former process left behind and queues what was waiting.
// The line must be running (orphan legs get their BYE) and the queue must take
// calls already.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.recover(ctx); err != nil {
		return err
	}
	e.nodes.OnTaken(e.takenOver)
	e.watch()
	return nil
}

// Drain refuses new calls, asked for or inbound; calls that run go on. The dialer is stopped
// by its owner.
func (e *Engine) Drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.draining = true
	if e.patrolTimer != nil {
		e.patrolTimer.Stop()
	}
}

func (e *Engine) isDraining() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.draining
}

// stopPatience bounds the wait for calls that were hung up: their own watchdog
// and a moment for the store.
const stopPatience = watchdogAfter + 10*time.Second

// Stop drains, waits for the running calls until ctx ends, then hangs up what is
// left (reason shutdown) and waits for the ends of those, at most stopPatience.
// Stopping twice is harmless.
func (e *Engine) Stop(ctx context.Context) error {
	e.Drain()
	defer e.crew.Close()
	defer e.endLife()
	done := make(chan struct{})
	go func() { e.wg.Wait(); close(done) }()
	select {
	case <-done:
		e.endLife()
		e.tails.Wait()
		return nil
	case <-ctx.Done():
	}
	e.mu.Lock()
	for _, s := range e.sessions {
		s.box.post(func() { s.hangup(calls.ReasonShutdown, calls.ByZvonar) })
	}
	e.mu.Unlock()
	e.endLife()
	late := make(chan struct{})
	t := e.clock.AfterFunc(stopPatience, func() { close(late) })
	defer t.Stop()
	select {
	case <-done:
		e.tails.Wait()
		return nil
	case <-late:
		return fmt.Errorf("engine: %d calls did not come to their end; the next start ends them as lost", e.Active())
	}
}

// Active is the number of calls that run.
func (e *Engine) Active() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sessions)
}

// launch begins a session, unless the engine is draining or the call runs already.
func (e *Engine) launch(s *session, first func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining || e.sessions[s.id] != nil {
		return false
	}
	e.sessions[s.call.ID] = s
	e.wg.Add(1)
	s.box.post(first)
	return true
}

func (e *Engine) forget(s *session) {
	e.mu.Lock()
	if e.sessions[s.id] == s { // the watchdog may have cut it off
		delete(e.sessions, s.id)
	}
	e.mu.Unlock()
	if s.back { // not before: a call that is in the queue may begin at once
		e.requeue(s.call)
	}
	e.wg.Done()
}

func (e *Engine) session(id string) *session {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sessions[id]
}

// event builds an event of call c that happened now.
func (e *Engine) event(c *calls.Call, t calls.EventType, data any) calls.Event {
	return calls.ForCall(e.ids.New("evt_"), e.clock.Now(), c, t, data)
}

// write is the unit of work that changes a call together with its events, after
// first, if that is not nil.
func write(call *calls.Call, events []calls.Event, first func(calls.Tx) error) func(calls.Tx) error {
	return func(tx calls.Tx) error {
		if first != nil {
			if err := first(tx); err != nil {
				return err
			}
		}
		if err := tx.UpdateCall(call); err != nil {
			return err
		}
		if call.CampaignID != "" && call.Over() {
			if err := tx.SettleContact(call); err != nil {
				return err
			}
		}
		return appendEvents(tx, events)
	}
}

func appendEvents(tx calls.Tx, events []calls.Event) error {
	for i := range events {
		if err := tx.AppendEvent(&events[i]); err != nil {
			return err
		}
	}
	return nil
}
