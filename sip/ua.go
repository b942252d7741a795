package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
	"zvonar/media"
	"zvonar/sip/edge"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

// UA is the user agent: listeners, trunks, dialogs.
type UA struct {
	cfg   Config
	m     *metrics
	log   *slog.Logger
	clock clock.Clock
	work  *life.Crew

	binds     []endpoint
	guard     *edge.Guard
	listeners []*listener
	udp       []*edge.UDP
	streams   map[string]*edge.Streams // by transport: "TCP", "TLS"
	certs     *edge.Certificates       // nil: no listener speaks TLS
	dialing   keyed
	watch     *watchdog
	tp        *sipmsg.TransportLayer
	tx        *sipmsg.TransactionLayer
	ringing   *ringingCalls
	peers     *peerSet
	strays    *strays
	nonces    *nonces
	load      *load
	trunks    trunkWatch
	names     *resolve.Resolver

	// sends is held while a request is given to sipgo, and by close: where our
	// socket is gone already, sipgo would open one of its own in its place, which
	// nobody would ever close.
	sends  sync.RWMutex
	closed atomic.Bool // set under sends: nothing is sent or heard any more

	mu            sync.Mutex
	phase         phase
	draining      bool // no more calls from outside are taken
	onInvite      func(*Leg, calls.Invite)
	legs          map[string]*Leg   // by dialog key
	live          map[*Leg]bool     // every leg that has not reported its end
	seen          map[string]bool   // inbound INVITEs of calls that live, by Call-ID, From tag, CSeq (RFC 3261 8.2.2.2)
	ended         *recent[struct{}] // dialogs that are over, by key
	past          *recent[struct{}] // and of those that are over
	registrations []*registration
	pace          *pacer // of registrations
	probers       []*prober
	sweep         *sweeper
	drained       chan struct{} // closed when live becomes empty while stopping
	stopped       chan struct{} // closed when Stop is done
}

// phase is where a user agent's own life stands.
type phase int

const (
	phaseNew phase = iota
	phaseServing
	phaseStopping
	phaseStopped
)

// New checks the configuration. Nothing is opened; errors are *calls.Error where
// the configuration is to blame.
func New(cfg Config) (*UA, error) {
	binds, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Metrics, cfg.Log)
	if err != nil {
		return nil, err
	}
	ua := &UA{
		cfg: cfg, m: m, log: cfg.Log, clock: cfg.Clock, binds: binds,
		ringing: newRinging(), peers: newPeers(), strays: newStrays(), nonces: newNonces(),
		legs: map[string]*Leg{}, live: map[*Leg]bool{}, seen: map[string]bool{},
		past: newRecent[struct{}](cfg.Clock), ended: newRecent[struct{}](cfg.Clock), stopped: make(chan struct{}),
	}
	ua.names = cfg.Names
	ua.pace = &pacer{clock: ua.clock, next: map[string]time.Time{}}
	ua.trunks.last, ua.trunks.down, ua.trunks.owed = map[string]trunk.State{}, map[string]bool{}, map[string]bool{}
	ua.work = life.NewCrew(cfg.Clock, ua.panicked)
	ua.load = newLoad(ua.clock, ua.ringing.count, ua.legCount)
	ua.guard = edge.NewGuard(host{ua}, m, ua.clock)
	ua.guard.Show(cfg.Tap)
	ua.guard.Mark(cfg.DSCP)
	ua.streams = map[string]*edge.Streams{"TCP": edge.NewStreams(ua.guard), "TLS": edge.NewStreams(ua.guard)}
	ua.watch = newWatchdog(ua)
	if err := m.transactions(ua.load.transactions); err != nil {
		return nil, err
	}
	prepareLibrary(cfg.Log)
	return ua, nil
}

// OnInvite sets who decides on inbound calls; call it before Start. f runs on
// the dialog's goroutine and must return at once, after having taken the leg
// (Leg.Listen) or refused it (Leg.Reject). Only INVITEs from a trunk reach it.
func (ua *UA) OnInvite(f func(leg *Leg, inv calls.Invite)) {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	ua.onInvite = f
}

// Start opens the listeners and returns once they serve.
func (ua *UA) Start(ctx context.Context) error {
	ua.mu.Lock()
	if ua.phase != phaseNew {
		ua.mu.Unlock()
		return calls.Errorf(calls.CodeWrongState, "the user agent was started before; make a new one")
	}
	ua.phase = phaseServing
	ua.mu.Unlock()
	if err := ua.open(ctx); err != nil {
		ua.close()
		ua.work.Close()
		ua.mu.Lock()
		ua.phase = phaseStopped
		close(ua.stopped)
		ua.mu.Unlock()
		return err
	}
	ua.watch.start()
	ua.startSweeper()
	for _, t := range ua.cfg.Trunks.All() {
		ua.begun(t, nil)
	}
	return nil
}

// Stop hangs up every leg (CANCEL, BYE, 480), waits for the answers until ctx
// ends, closes the listeners and returns when all goroutines have ended.
func (ua *UA) Stop(ctx context.Context) error {
	ua.mu.Lock()
	switch ua.phase {
	case phaseNew:
		ua.phase = phaseStopped
		close(ua.stopped)
		ua.mu.Unlock()
		return nil
	case phaseStopping, phaseStopped:
		ua.mu.Unlock()
		<-ua.stopped
		return nil
	}
	ua.phase = phaseStopping
	legs, drained := ua.liveLocked()
	ua.mu.Unlock()

	for _, l := range legs {
		l.Hangup(0)
	}
	select {
	case <-drained:
	case <-ctx.Done():
		ua.log.Warn("sip: stopping before every far end has answered", "legs", len(legs))
		for _, l := range legs {
			l.post(&input{ev: evAbort})
		}
		<-drained // abort ends a leg without waiting for anybody
	}
	ua.stopProbers()
	ua.stopSweeper()
	ua.stopRegistrations(ctx)
	ua.watch.stop()
	ua.close()
	<-ua.work.Waiting()
	ua.work.Close()
	// An answer to what came in last may have opened a connection meanwhile.
	ua.closeTransports()
	ua.mu.Lock()
	ua.phase = phaseStopped
	close(ua.stopped)
	ua.mu.Unlock()
	return nil
}

// liveLocked lists the legs and gives a channel that is closed once there are none.
func (ua *UA) liveLocked() ([]*Leg, <-chan struct{}) {
	ua.drained = make(chan struct{})
	if len(ua.live) == 0 {
		close(ua.drained)
	}
	legs := make([]*Leg, 0, len(ua.live))
	for l := range ua.live {
		legs = append(legs, l)
	}
	return legs, ua.drained
}

// Addr is the bound address of the first listener of network ("udp", "tcp",
// "tls"): listeners may be given port 0. Call it after Start.
func (ua *UA) Addr(network string) netip.AddrPort {
	for _, l := range ua.listeners {
		if l.network == network {
			return l.addr
		}
	}
	return netip.AddrPort{}
}

func (ua *UA) legCount() int {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return len(ua.live)
}

// enter admits a leg to the registry; false when full or stopping.
func (ua *UA) enter(l *Leg) bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if ua.phase != phaseServing || len(ua.live) >= maxLegs {
		return false
	}
	if _, taken := ua.legs[l.key]; taken {
		return false
	}
	ua.legs[l.key], ua.live[l] = l, true
	ua.m.dialogs.Inc()
	return true
}

// forget takes a dialog out of the registry: further requests get 481.
func (ua *UA) forget(l *Leg) {
	ua.ended.keep(l.key, struct{}{})
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if ua.legs[l.key] == l {
		delete(ua.legs, l.key)
		ua.m.dialogs.Dec()
	}
}

// gone notes that a leg has reported its end.
func (ua *UA) gone(l *Leg) {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	delete(ua.live, l)
	if len(ua.live) == 0 && ua.drained != nil && ua.phase == phaseStopping {
		close(ua.drained)
		ua.drained = nil
	}
}

// find is the leg of a dialog.
func (ua *UA) find(callID, localTag string) *Leg {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return ua.legs[callID+"\x00"+localTag]
}

// serving reports whether new calls are taken.
func (ua *UA) serving() bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return ua.phase == phaseServing
}

// Drain takes no more calls from outside: INVITE and OPTIONS get 503, so that
// trunks go elsewhere. What runs goes on, and may be joined by legs of ours.
func (ua *UA) Drain() {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	ua.draining = true
}

// takes reports whether calls from outside are taken.
func (ua *UA) takes() bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return ua.phase == phaseServing && !ua.draining
}

// merged notes an INVITE and reports whether the same one came before by
// another way (RFC 3261 8.2.2.2).
func (ua *UA) merged(key string) bool {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if _, past := ua.past.get(key); past || ua.seen[key] {
		return true
	}
	ua.seen[key] = true
	return false
}

// unsee forgets an INVITE once no copy of it can be on its way any more.
func (ua *UA) unsee(key string) {
	ua.past.keep(key, struct{}{})
	ua.mu.Lock()
	defer ua.mu.Unlock()
	delete(ua.seen, key)
}

// panicked logs and counts a caught panic.
func (ua *UA) panicked(v any) { ua.m.Panic(v, debug.Stack()) }

// openPort takes a media port for l.
func (ua *UA) openPort(l *Leg) error {
	port, err := ua.cfg.Media.Open(func(ev media.Event) {
		if !l.box.post(func() { l.heard(ev) }) {
			ua.m.Drop(dropMailbox)
		}
	})
	if err != nil {
		return err
	}
	l.port = port
	return nil
}

// HangupOrphan sends a BYE within a dialog that a former process left behind;
// dialog is LegEvent.Dialog of its LegAnswered. Any answer will do: 481 means
// that the far end knew already.
func (ua *UA) HangupOrphan(ctx context.Context, dialog []byte) error {
	d, err := restore(dialog)
	if err != nil {
		return &calls.Error{Code: calls.CodeInvalidField, Detail: "the stored dialog cannot be read", Err: err}
	}
	if !ua.serving() {
		return calls.Errorf(calls.CodeWrongState, "the user agent does not run")
	}
	ua.peers.add(d.hopAddr(), 1)
	defer ua.peers.add(d.hopAddr(), -1)
	t, _ := ua.cfg.Trunks.Get(d.trunk)
	done := make(chan error, 1)
	ua.ask(d, sipmsg.BYE, ua.credentialsOf(t), nil, func(_ *sipmsg.Response, err error) { done <- err })
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return &calls.Error{Code: calls.CodeInternal, Detail: "the BYE for an orphaned leg was not answered", Err: err}
	}
	return nil
}

// random is a number in [0, 1).
func (ua *UA) random() float64 { return ua.cfg.Random() }

// afterT1s is a timer of n round-trip times.
func afterT1s(n int) time.Duration { return time.Duration(n) * sipmsg.T1 }
