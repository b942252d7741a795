package mango

import (
	"context"
	"sync"
	"time"

	"zvonar/internal/clock"
)

// limit is so many requests in so long a time. The zero limit is none.
type limit struct {
	n   int
	per time.Duration
}

// group names requests that are limited together.
type group string

// The groups.
const (
	groupAny        group = "any" // all requests
	groupCallback   group = "callback"
	groupHangup     group = "call/hangup"
	groupRecord     group = "recording/start"
	groupRecordings group = "recordings"
	groupUsers      group = "config/users/request"
	groupBalance    group = "account/balance"
	groupTransfer   group = "transfer"
	groupStats      group = "stats/request"
	groupStatResult group = "stats/result"
	groupRoute      group = "route"
)

// limits are the published ones: of one PBX (product), and of the platform (total).
var limits = map[group]struct{ product, total limit }{
	groupAny:        {limit{10, time.Second}, limit{100, time.Second}},
	groupCallback:   {limit{4, time.Second}, limit{10, time.Second}},
	groupHangup:     {limit{4, time.Second}, limit{10, time.Second}},
	groupRecord:     {limit{4, time.Second}, limit{10, time.Second}},
	groupRecordings: {limit{10, time.Second}, limit{120, time.Second}},
	groupUsers:      {limit{1, 2 * time.Second}, limit{10, time.Second}},
	groupBalance:    {limit{2, time.Second}, limit{10, time.Second}},
	groupTransfer:   {limit{1, 2 * time.Second}, limit{}},
	groupStats:      {limit{1, 2 * time.Second}, limit{10, time.Second}},
	groupStatResult: {limit{}, limit{50, time.Second}},
	groupRoute:      {limit{1, 2 * time.Second}, limit{10, time.Second}},
}

// window counts the requests of one limit: of any n+1 in a row, the last comes no
// sooner than `per` after the first.
type window struct {
	limit limit
	times []time.Time // the last n, oldest first
}

// free is when the next request may be made.
func (w *window) free() time.Time {
	if w.limit.n == 0 || len(w.times) < w.limit.n {
		return time.Time{}
	}
	return w.times[0].Add(w.limit.per)
}

func (w *window) take(at time.Time) {
	if w.limit.n == 0 {
		return
	}
	if len(w.times) == w.limit.n {
		w.times = append(w.times[:0], w.times[1:]...)
	}
	w.times = append(w.times, at)
}

// maxBuckets bounds how many keys are counted; more are counted as one.
const maxBuckets = 4096

// meter counts requests against limits by key and group. Safe for concurrent use.
type meter struct {
	clock clock.Clock
	// slack is added to every period: what we send evenly arrives less evenly.
	slack time.Duration

	mu      sync.Mutex
	windows map[string]*window
}

func newMeter(c clock.Clock, slack time.Duration) *meter {
	return &meter{clock: c, slack: slack, windows: map[string]*window{}}
}

// of gives the windows that a request of the group counts in; m.mu is held.
func (m *meter) of(key string, g group) []*window {
	var all []*window
	add := func(name string, l limit) {
		if l.n == 0 {
			return
		}
		w := m.windows[name]
		if w == nil {
			if len(m.windows) >= maxBuckets {
				m.forget()
			}
			l.per += m.slack
			w = &window{limit: l}
			m.windows[name] = w
		}
		all = append(all, w)
	}
	for _, each := range []group{groupAny, g} {
		l := limits[each]
		add(string(each)+" of "+key, l.product)
		if m.slack == 0 { // the platform is only ours to keep where we are it
			add(string(each), l.total)
		}
		if g == groupAny {
			break
		}
	}
	return all
}

// forget drops windows in which nothing counts any more; m.mu is held.
func (m *meter) forget() {
	now := m.clock.Now()
	for name, w := range m.windows {
		if len(w.times) == 0 || now.Sub(w.times[len(w.times)-1]) > w.limit.per {
			delete(m.windows, name)
		}
	}
}

// try counts a request, unless a limit forbids it: then it says until when.
func (m *meter) try(key string, g group) (until time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	windows := m.of(key, g)
	for _, w := range windows {
		if free := w.free(); free.After(now) && free.After(until) {
			until = free
		}
	}
	if !until.IsZero() {
		return until, false
	}
	for _, w := range windows {
		w.take(now)
	}
	return time.Time{}, true
}

// wait counts a request as soon as the limits let it. An error: ctx ended before.
func (m *meter) wait(ctx context.Context, key string, g group) error {
	for {
		until, ok := m.try(key, g)
		if ok {
			return nil
		}
		wake := make(chan struct{})
		t := m.clock.AfterFunc(until.Sub(m.clock.Now()), func() { close(wake) })
		select {
		case <-wake:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// penaltyTime is for how long nobody is listened to after bad requests.
const penaltyTime = 2 * time.Minute

// penalties watch bad requests (3xxx): more of them than are borne within
// penaltyTime shut a key out until penaltyTime after the first. Safe for concurrent use.
type penalties struct {
	clock clock.Clock
	borne int

	mu  sync.Mutex
	bad map[string]*misdeeds
}

type misdeeds struct {
	first time.Time
	n     int
}

func newPenalties(c clock.Clock, borne int) *penalties {
	return &penalties{clock: c, borne: borne, bad: map[string]*misdeeds{}}
}

// count notes n bad requests.
func (p *penalties) count(key string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	m := p.bad[key]
	if m == nil || now.Sub(m.first) >= penaltyTime {
		if m == nil && len(p.bad) >= maxBuckets {
			for k, old := range p.bad {
				if now.Sub(old.first) >= penaltyTime {
					delete(p.bad, k)
				}
			}
			if len(p.bad) >= maxBuckets {
				return // as many misbehave already as are remembered
			}
		}
		m = &misdeeds{first: now}
		p.bad[key] = m
	}
	m.n += n
}

// until is how long the key is shut out; zero: it is not.
func (p *penalties) until(key string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.bad[key]
	if m == nil || m.n <= p.borne {
		return time.Time{}
	}
	if end := m.first.Add(penaltyTime); end.After(p.clock.Now()) {
		return end
	}
	return time.Time{}
}
