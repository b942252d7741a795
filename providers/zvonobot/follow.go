package zvonobot

import (
	"context"
	"strconv"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Bounds of what is kept of calls that nobody follows (yet).
const (
	earlyLife = 2 * time.Minute
	mostEarly = 1000
	mostTold  = 128 // facts that wait for one call
)

// follows finds whom a fact is for: by our call where our parameters came back, else by
// the id of the API call. A fact that is faster than the answer of create waits for it.
type follows struct {
	clock clock.Clock

	mu    sync.Mutex
	calls map[string]*follow // by our call
	apis  map[int64]*follow
	ids   map[int64]*follow // by the id of the call within the API call, once known
	early []earlyFact
}

type earlyFact struct {
	at time.Time
	t  told
}

// follow is one call that is followed.
type follow struct {
	call string
	wake chan struct{} // has room for one

	// Guarded by follows.mu.
	api   int64
	inner map[int64]bool
	facts []told
}

func (f *follows) init(c clock.Clock) {
	f.clock, f.calls, f.apis, f.ids = c, map[string]*follow{}, map[int64]*follow{}, map[int64]*follow{}
}

// open begins to follow a call. Of two followers of one call the later counts.
func (f *follows) open(call string) *follow {
	w := &follow{call: call, wake: make(chan struct{}, 1), inner: map[int64]bool{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call] = w
	f.replay(func(t told) bool { return t.Echo == call })
	return w
}

// name says by which id the provider knows the call.
func (f *follows) name(w *follow, api int64) {
	if api == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.api != 0 && w.api != api {
		delete(f.apis, w.api)
	}
	w.api = api
	f.apis[api] = w
	f.replay(func(t told) bool { return t.API == api || t.API == 0 && t.Call == api })
}

// replay tells what came before its time.
func (f *follows) replay(mine func(told) bool) {
	kept := f.early[:0]
	for _, e := range f.early {
		if !mine(e.t) || !f.give(e.t) {
			kept = append(kept, e)
		}
	}
	clear(f.early[len(kept):])
	f.early = kept
}

// close ends it.
func (f *follows) close(w *follow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[w.call] == w {
		delete(f.calls, w.call)
	}
	if f.apis[w.api] == w {
		delete(f.apis, w.api)
	}
	for id := range w.inner {
		if f.ids[id] == w {
			delete(f.ids, id)
		}
	}
}

// tell gives a fact to whoever follows its call; false: nobody does yet.
func (f *follows) tell(t told) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.give(t) {
		return true
	}
	now := f.clock.Now()
	for len(f.early) > 0 && (len(f.early) >= mostEarly || now.Sub(f.early[0].at) > earlyLife) {
		f.early = f.early[1:]
	}
	f.early = append(f.early, earlyFact{now, t})
	return false
}

func (f *follows) give(t told) bool {
	w := f.find(t)
	if w == nil {
		return false
	}
	if t.Call != 0 && t.API != 0 && len(w.inner) < mostTold {
		w.inner[t.Call] = true
		f.ids[t.Call] = w
	}
	if len(w.facts) < mostTold {
		w.facts = append(w.facts, t)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return true
}

// find looks by the surest name first.
func (f *follows) find(t told) *follow {
	if t.Echo != "" {
		return f.calls[t.Echo]
	}
	if t.API != 0 {
		return f.apis[t.API]
	}
	if w := f.ids[t.Call]; w != nil {
		return w
	}
	return f.apis[t.Call] // a bare object may be named by either
}

// take are the facts that wait.
func (f *follows) take(w *follow) []told {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := w.facts
	w.facts = nil
	return list
}

// live are the ids of API calls that are followed, in no order.
func (f *follows) live() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]int64, 0, len(f.apis))
	for id := range f.apis {
		out = append(out, id)
	}
	return out
}

// Follow implements providers.Follower.
func (c *Client) Follow(ctx context.Context, r calls.PlaceRequest, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) (hear func()) {
	w := c.follows.open(r.CallID)
	return func() {
		defer c.follows.close(w)
		c.follow(ctx, r, w, placed, tell)
	}
}

// follow tells what w brings until all was told.
func (c *Client) follow(ctx context.Context, r calls.PlaceRequest, w *follow, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) {
	p := progressOf(r.Resumed)
	var late chan struct{} // closed when the sound of the talk is waited for no longer
	for {
		select {
		case <-ctx.Done():
			return
		case <-late:
			return
		case res, ok := <-placed:
			if placed = nil; ok {
				id, _ := strconv.ParseInt(res.ProviderCallID, 10, 64)
				c.follows.name(w, id)
			}
			continue
		case <-w.wake:
		}
		for _, t := range c.follows.take(w) {
			c.follows.name(w, t.API)
			for _, report := range p.apply(t, c.causes) {
				tell(report)
			}
		}
		if !p.over {
			continue
		}
		if !r.Flow.Capture || p.recorded || !p.answered {
			return
		}
		if late == nil {
			late = make(chan struct{})
			end := late
			wait := time.Duration(c.cfg.RecordWait)
			if wait == 0 {
				wait = recordWait
			}
			defer c.clock.AfterFunc(wait, func() { close(end) }).Stop()
		}
	}
}

// providerID is the name of the call in our fields.
func providerID(t told) string {
	if t.API == 0 {
		return ""
	}
	return strconv.FormatInt(t.API, 10)
}
