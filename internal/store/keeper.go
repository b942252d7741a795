package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// keeper renews the lease of this run and takes over from nodes that let theirs
// run out. Where nobody can share the store it has nothing to do: the node is
// always held and leads everything.
type keeper struct {
	s      *Store
	fenced chan struct{}

	mu      sync.Mutex
	isOff   bool      // fenced is closed
	held    time.Time // until when the lease is ours, by our clock
	spare   time.Time // nobody is taken over before
	works   map[string]bool
	changed chan struct{} // closed when an answer of Lead may have changed
	take    func(string, []*calls.Call)
	timer   clock.Timer
	running bool // a round runs
	soon    bool // the next one is to follow at once
	stopped bool
	wg      sync.WaitGroup // the round that runs
}

func newKeeper(s *Store) *keeper {
	return &keeper{s: s, fenced: make(chan struct{}), works: map[string]bool{}, changed: make(chan struct{})}
}

// start begins to renew; since is a moment before the lease was taken.
func (k *keeper) start(since time.Time) {
	if !k.s.cfg.shared {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = since.Add(k.s.lease())
	k.schedule(k.period())
}

// period lies between two renewals: a few may fail before the lease is gone.
func (k *keeper) period() time.Duration { return k.s.lease() / 6 }

// schedule sets the next round; k.mu is held.
func (k *keeper) schedule(d time.Duration) {
	if k.timer != nil {
		k.timer.Stop()
	}
	if k.stopped || k.isOff {
		return
	}
	k.timer = k.s.cfg.Clock.AfterFunc(d, k.tick)
}

// hurry asks for a round now; k.mu is held.
func (k *keeper) hurry() {
	if k.running {
		k.soon = true
		return
	}
	k.schedule(0)
}

// tick is one round. Only one runs at a time: the next is set at its end.
func (k *keeper) tick() {
	k.mu.Lock()
	if k.stopped || k.isOff || k.running {
		k.mu.Unlock()
		return
	}
	k.wg.Add(1)
	k.running, k.soon = true, false
	works, take := slices.Sorted(maps.Keys(k.works)), k.take
	k.mu.Unlock()
	defer k.wg.Done()

	since, r, err := k.renew(works)
	if err != nil && !errors.Is(err, calls.ErrFenced) && !errors.Is(err, ErrClosed) {
		k.s.log.Warn("the lease of this node could not be renewed", "node", k.s.cfg.Node, "error", err)
	}
	k.settle(since, r, err)
	if err == nil && take != nil && !since.Before(k.spared()) {
		for _, l := range r.lapsed {
			k.takeOver(l, take)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = false
	next := k.period()
	if k.soon {
		next = 0
	}
	k.schedule(next)
}

// settle keeps what a round found.
func (k *keeper) settle(since time.Time, r round, err error) {
	if errors.Is(err, calls.ErrFenced) {
		k.fence()
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.tellLocked() // the lease may be gone by now
		return
	}
	if !since.Before(k.held) {
		// We could not renew for a whole lease: nor could others. Each gets the
		// time of one to come back, or the first to come back would take them all.
		k.spare = since.Add(k.s.lease())
	}
	k.held = since.Add(k.s.lease())
	for w, leads := range r.leads {
		if k.works[w] != leads {
			k.works[w] = leads
			k.tellLocked()
		}
	}
}

// spared is until when nobody is taken over.
func (k *keeper) spared() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.spare
}

func (k *keeper) tellLocked() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// unit runs fn like Update, but is never refused for the length of the queue: a
// node must not lose its calls because it has much to do.
func (k *keeper) unit(fn func(*tx) error) error {
	done := make(chan error, 1)
	k.s.Observe(func(t calls.Tx) error { return fn(t.(*tx)) }, func(err error) { done <- err })
	return <-done
}

// renew runs one renewal; since is a moment before it.
func (k *keeper) renew(works []string) (since time.Time, r round, err error) {
	err = k.unit(func(t *tx) (err error) {
		since = k.s.cfg.Clock.Now()
		r, err = k.s.renew(t, works)
		return err
	})
	return since, r, err
}

// takeOver makes the calls of a lapsed node ours and hands them on.
func (k *keeper) takeOver(l lapsed, take func(string, []*calls.Call)) {
	ok := false
	err := k.unit(func(t *tx) (err error) {
		ok, err = k.s.fenceOff(t, l)
		return err
	})
	total := 0
	for more := ok; more && err == nil; {
		var part []*calls.Call
		err = k.unit(func(t *tx) (err error) {
			part, err = k.s.takePart(t, l)
			return err
		})
		if err == nil && len(part) > 0 {
			total += len(part)
			take(l.node, part)
		}
		more = len(part) == takePage
	}
	switch {
	case err != nil:
		k.s.log.Error("the calls of a lost node could not be taken over", "node", l.node, "taken", total, "error", err)
	case ok:
		k.s.log.Warn("a node let its lease run out; its calls were taken over", "node", l.node, "calls", total)
	}
}

// fence marks this run as fenced, once.
func (k *keeper) fence() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isOff {
		return
	}
	k.isOff = true
	close(k.fenced)
	k.tellLocked()
	k.s.log.Error("this process lost its node: another one owns its calls now", "node", k.s.cfg.Node, "fence", k.s.fence)
}

// end lets no further round begin.
func (k *keeper) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// stop ends the rounds and waits for the one that runs; the writer must run, or
// have ended.
func (k *keeper) stop() {
	k.end()
	k.wg.Wait()
}

// Node implements calls.Nodes.
func (s *Store) Node() (name string, fence int64) { return s.cfg.Node, s.fence }

// Held implements calls.Nodes. Both clocks must agree: the monotonic one does
// not see a machine that slept, the other may be set back.
func (s *Store) Held() error {
	k := s.keeper
	if !s.cfg.shared {
		return nil
	}
	now := s.cfg.Clock.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.isOff:
		return calls.ErrFenced
	case !now.Before(k.held), !now.Round(0).Before(k.held.Round(0)):
		return calls.ErrLapsed
	}
	return nil
}

// Fenced implements calls.Nodes.
func (s *Store) Fenced() <-chan struct{} { return s.keeper.fenced }

// Lead implements calls.Nodes.
func (s *Store) Lead(work string) (leads bool, changed <-chan struct{}) {
	if !s.cfg.shared {
		return true, nil
	}
	held := s.Held() == nil
	k := s.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	leads, known := k.works[work]
	if !known {
		k.works[work] = false
		k.hurry()
	}
	return leads && held, k.changed
}

// OnTaken implements calls.Nodes.
func (s *Store) OnTaken(take func(from string, left []*calls.Call)) {
	s.keeper.mu.Lock()
	defer s.keeper.mu.Unlock()
	s.keeper.take = take
}

// giveUp leaves the node as a clean stop does, while units are still taken.
func (s *Store) giveUp(ctx context.Context) {
	s.keeper.end()
	if !s.cfg.shared || s.Held() != nil {
		return
	}
	if err := s.Update(ctx, func(t calls.Tx) error { return s.leave(t.(*tx)) }); err != nil && !errors.Is(err, calls.ErrFenced) {
		s.log.Warn("the lease of this node could not be given back; it ends by itself", "error", err)
	}
}
