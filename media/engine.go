package media

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/dtmf"
)

// Engine owns the shards, the port range and every Port.
type Engine struct {
	cfg   Config
	tones toneClips
	keys  [len(dtmf.Alphabet)]*Clip
	epoch time.Time
	owns  bool // each shard keeps a processor of the scheduler
	limit int  // ports that may be open at once

	analysts []*analyst
	inband   atomic.Uint64 // digits heard in the audio
	// analyserPanics counts the analysers that were given up.
	analyserPanics atomic.Uint64
	// unreported counts the legs whose port for RTCP was taken.
	unreported atomic.Uint64
	wall       func() int64 // Unix time in nanoseconds, as packets' arrivals have it
	told       sync.Once    // of the threads' priority

	bridges sync.Mutex // who is bridged with whom (Port.peer)

	mu      sync.Mutex
	state   engineState
	shards  []*shard
	ports   *portRange // nil: the system gives the ports
	open    int
	done    chan struct{} // closed when all goroutines have ended
	deliver sync.WaitGroup
}

type engineState int

const (
	engineNew engineState = iota
	engineRunning
	engineStopped
)

// NewEngine checks the configuration (range, descriptors) without opening
// anything. Its errors say which key to change.
func NewEngine(cfg Config) (*Engine, error) {
	limit, err := cfg.checked(maxOpenFiles())
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, tones: sharedTones(), keys: sharedKeys(), epoch: time.Now(), wall: func() int64 { return time.Now().UnixNano() }, limit: limit, done: make(chan struct{})}
	for i := range min(cfg.Shards, maxAnalysts) {
		e.analysts = append(e.analysts, newAnalyst(e, i))
	}
	if cfg.PortMax > 0 {
		e.ports = newPortRange(cfg.PortMin, cfg.PortMax)
		if low, high, ok := ephemeralRange(); ok && cfg.PortMin <= high && cfg.PortMax >= low {
			cfg.Log.Warn("media.ports overlaps the range from which the system gives ports to others; some will be found in use",
				"ports", fmt.Sprintf("%d-%d", cfg.PortMin, cfg.PortMax), "ip_local_port_range", fmt.Sprintf("%d-%d", low, high))
		}
	}
	if err := e.register(cfg.Metrics); err != nil {
		return nil, err
	}
	return e, nil
}

// OwnProcessors gives the process one processor of the Go scheduler more for each
// shard, which keeps it while it waits for its beat: it never queues behind other
// goroutines, and the runtime's monitor has nothing to take away from it
// (docs/decisions/036). It is for the one engine of a daemon and has to be called
// before Start. restore, after Stop, takes them away again.
func (e *Engine) OwnProcessors() (restore func()) {
	e.owns = true
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(wholeCollectors(before + e.cfg.Shards))
	return func() { runtime.GOMAXPROCS(before) }
}

// wholeCollectors is the least number of processors from n on where the collector has
// its quarter of them as whole workers. Where it rounds badly, each processor has to
// work for it part of its time, and one that was a shard's makes up for all that it
// missed before the shard gets it back (docs/decisions/059).
func wholeCollectors(n int) int {
	for ; ; n++ {
		share := float64(n) / 4
		if off := math.Floor(share+0.5)/share - 1; math.Abs(off) <= 0.3 { // as the runtime's startCycle
			return n
		}
	}
}

// Start starts the shards. The context is not kept: Stop ends them.
func (e *Engine) Start(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != engineNew {
		return errors.New("the media engine can be started once")
	}
	for range e.cfg.Shards {
		sleep, err := newSleeper(e.owns)
		if err != nil {
			for _, s := range e.shards {
				err = errors.Join(err, s.sleep.close())
			}
			e.shards = nil
			return err
		}
		e.shards = append(e.shards, newShard(e, sleep))
	}
	e.state = engineRunning
	for _, a := range e.analysts {
		go a.run()
	}
	for _, s := range e.shards {
		go s.run()
		e.deliver.Go(s.box.deliver)
	}
	return nil
}

// Stop closes every port and returns when all goroutines have ended, or with the
// context's error. It must not be called from an event.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	before := e.state
	e.state = engineStopped
	shards := e.shards
	e.mu.Unlock()
	switch before {
	case engineNew:
		close(e.done)
	case engineRunning:
		for _, s := range shards {
			s.stop()
		}
		go e.reap(shards)
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop media: %w", ctx.Err())
	}
}

// reap waits for the goroutines and frees what they used.
func (e *Engine) reap(shards []*shard) {
	for _, s := range shards {
		<-s.ended
	}
	for _, a := range e.analysts {
		a.stop()
	}
	for _, a := range e.analysts {
		<-a.ended
	}
	for _, s := range shards {
		s.box.close()
	}
	e.deliver.Wait()
	e.mu.Lock()
	for _, s := range shards {
		_ = s.sleep.close() // nobody waits on it any more
	}
	e.mu.Unlock()
	close(e.done)
}

// Open binds a fresh even port and begins to drain it. events receives what
// happens on it, one at a time, in order, never on a shard's thread; it must not
// block. Error{Code: overloaded} when the range is used up.
func (e *Engine) Open(events func(Event)) (*Port, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.admits()
	if err != nil {
		return nil, err
	}
	sock, number, err := e.bind()
	if err != nil {
		return nil, err
	}
	p := &Port{engine: e, shard: s, home: s, number: number, events: events}
	p.local = netip.AddrPortFrom(e.cfg.Advertise, sock.addr().Port())
	p.leg = newLeg(p, sock)
	p.leg.reports.sock = e.bindReports(sock.addr())
	e.open++
	s.load.Add(1)
	s.do(func(s *shard) { s.add(p.leg) })
	return p, nil
}

// Admits says why no call should begin now, nil if one may: the queue of calls
// waits instead of losing one to it. Beats that come late are a reason, for a
// further call would be heard by those there are; they are none for a further leg
// of a call that runs, which Open gives all the same.
func (e *Engine) Admits() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.admits()
	if err == nil && s.strained.Load() {
		err = calls.Errorf(calls.CodeOverloaded, "the sound of the calls that run leaves late; try again when some have ended")
	}
	return err
}

// admits gives the shard for a further leg. The caller holds e.mu.
func (e *Engine) admits() (*shard, error) {
	if e.state != engineRunning {
		return nil, calls.Errorf(calls.CodeOverloaded, "the media engine is not running")
	}
	s := e.lightest()
	if e.open >= e.limit || e.ports != nil && e.ports.empty(e.since()) {
		return nil, calls.Errorf(calls.CodeOverloaded, "all %d media ports are in use; try again when a call has ended", e.limit)
	}
	return s, nil
}

// bindTries bounds the ports found taken by others before a call is refused.
const bindTries = 32

// bind opens a socket on the port that has been idle the longest. The caller
// holds e.mu.
func (e *Engine) bind() (socket, int, error) {
	var last error
	for range bindTries {
		number := 0
		if e.ports != nil {
			var ok bool
			if number, ok = e.ports.take(e.since()); !ok {
				break
			}
		}
		sock, err := e.listen(netip.AddrPortFrom(e.cfg.IP, uint16(number)))
		if err != nil {
			last = err
			if e.ports != nil {
				// Somebody else has it: it rests like one that was used.
				e.ports.release(number, true, e.since())
			}
			continue
		}
		if sock.addr().Port()%2 == 0 {
			return sock, number, nil
		}
		if err := sock.close(); err != nil {
			last = err
		}
	}
	if last != nil {
		e.cfg.Log.Error("no media port could be opened", "err", last)
	}
	refusal := calls.Errorf(calls.CodeOverloaded, "no media port is free; try again when a call has ended")
	refusal.Err = last
	return nil, 0, refusal
}

// bindReports opens the port behind a leg's for RTCP (RFC 3550 11). Where somebody
// else has it the leg does without: its sound is worth more.
func (e *Engine) bindReports(audio netip.AddrPort) socket {
	sock, err := e.listen(netip.AddrPortFrom(e.cfg.IP, audio.Port()+1))
	if err != nil {
		e.unreported.Add(1)
		return nil
	}
	return sock
}

func (e *Engine) lightest() *shard {
	best := e.shards[0]
	for _, s := range e.shards[1:] {
		if s.load.Load() < best.load.Load() {
			best = s
		}
	}
	return best
}

// release takes a closed port back.
func (e *Engine) release(p *Port) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
	if e.ports != nil {
		e.ports.release(p.number, p.heard, e.since())
	}
	e.balance()
}

// preferred tells, for the first shard, what its thread was given.
func (e *Engine) preferred(p priority, err error) {
	e.told.Do(func() {
		switch {
		case p == priorityNone:
			e.cfg.Log.Info("the threads that move the sound wait their turn like all others; LimitRTPRIO=1 or LimitNICE=-20 (CAP_SYS_NICE) would let them go first", "err", err)
		case p == priorityNice:
			e.cfg.Log.Info("the threads that move the sound go before others only in part; LimitRTPRIO=1 (CAP_SYS_NICE) would let them go first", "err", err)
		}
	})
}

// leaveBridge separates a port that closes from the one it is bridged with.
func (e *Engine) leaveBridge(p *Port) {
	e.bridges.Lock()
	defer e.bridges.Unlock()
	p.part()
}

// since is the time on the engine's clock.
func (e *Engine) since() time.Duration { return time.Since(e.epoch) }

// listen opens a socket whose packets are marked.
func (e *Engine) listen(addr netip.AddrPort) (socket, error) {
	sock, err := e.cfg.listen(addr)
	if m, ok := sock.(marker); ok && err == nil {
		m.mark(e.cfg.DSCP)
	}
	return sock, err
}
