package resolve

import (
	"context"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"zvonar/internal/clock"
)

// How long answers count.
const (
	leastTTL = time.Second
	mostTTL  = time.Hour
	mostNone = 5 * time.Minute // that something is not there
	mostFail = 5 * time.Second // that nobody could say
	maxStale = 24 * time.Hour  // a former answer, while nobody can say
	maxKept  = 4096            // answers
	askLimit = 5 * time.Second // of one question, whoever waits for it
)

type key struct {
	name string
	typ  dnsmessage.Type
}

// entry is what is known of a key. A failure keeps the answer of before.
type entry struct {
	answer Answer
	got    time.Time // when the answer came; zero: there was none yet
	until  time.Time
	err    error
}

// flight is a question that is under way.
type flight struct{ done chan struct{} }

// cache asks each question once and keeps the answer for as long as it counts.
type cache struct {
	clock clock.Clock
	ask   func(context.Context, string, dnsmessage.Type) (Answer, error)

	mu      sync.Mutex
	m       map[key]*entry
	flights map[key]*flight
}

func newCache(c clock.Clock, ask func(context.Context, string, dnsmessage.Type) (Answer, error)) *cache {
	return &cache{clock: c, ask: ask, m: map[key]*entry{}, flights: map[key]*flight{}}
}

// get answers from memory, or asks and waits until ctx ends.
func (c *cache) get(ctx context.Context, name string, typ dnsmessage.Type) (Answer, error) {
	k := key{name, typ}
	for {
		c.mu.Lock()
		now := c.clock.Now()
		e := c.m[k]
		if e != nil && now.Before(e.until) {
			c.mu.Unlock()
			return e.give(now)
		}
		f := c.flights[k]
		if f == nil {
			f = &flight{done: make(chan struct{})}
			c.flights[k] = f
			c.mu.Unlock()
			c.fetch(ctx, k, f)
			continue
		}
		c.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			if e != nil {
				return e.give(now)
			}
			return Answer{}, ctx.Err()
		}
	}
}

// give is the answer, or what became of the question: where nobody could say, the
// answer of before counts on.
func (e *entry) give(now time.Time) (Answer, error) {
	if e.err == nil || !e.got.IsZero() && now.Sub(e.got) < maxStale {
		return e.answer, nil
	}
	return Answer{}, e.err
}

// fetch asks and keeps what comes.
func (c *cache) fetch(ctx context.Context, k key, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	a, err := c.ask(ctx, k.name, k.typ)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	delete(c.flights, k)
	now := c.clock.Now()
	e := c.m[k]
	if e == nil {
		c.makeRoom(now)
		e = &entry{}
		c.m[k] = e
	}
	if e.err = err; err != nil {
		e.until = now.Add(mostFail)
		return
	}
	most := mostTTL
	if len(a.Addrs)+len(a.SRV)+len(a.NAPTR) == 0 {
		most = mostNone
	}
	e.answer, e.got, e.until = a, now, now.Add(min(max(a.TTL, leastTTL), most))
}

// makeRoom drops what has run out, or anything, once there is too much; c.mu is held.
func (c *cache) makeRoom(now time.Time) {
	if len(c.m) < maxKept {
		return
	}
	for k, e := range c.m {
		if now.After(e.until) {
			delete(c.m, k)
		}
	}
	for k := range c.m {
		if len(c.m) < maxKept {
			return
		}
		delete(c.m, k)
	}
}
