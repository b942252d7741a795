package edge

import (
	"net/netip"
	"sync"
	"time"
)

// class sorts messages by what an unlimited number of them would cost.
type class int

const (
	classPing    class = iota // OPTIONS outside a dialog: answered here
	classCall                 // INVITE outside a dialog: refused with 503 beyond
	classInside               // requests of dialogs and transactions that live
	classReply                // responses
	classOther                // the rest: refused here
	classRefused              // answers of ours without a transaction
	classGuest                // what may bring a password
	classes
)

// limit is a token bucket's size.
type limit struct {
	rate, burst float64 // messages a second; messages at once
}

// The limits of one source (an address; of IPv6 its /64) and of all together.
// A trunk at 3,000 calls a second stays below those of calls, dialogs and
// responses.
var (
	perSource = [classes]limit{
		classPing: {20, 100}, classCall: {5000, 5000}, classInside: {20000, 20000},
		classReply: {20000, 20000}, classOther: {50, 200}, classRefused: {2000, 2000}, classGuest: {50, 300},
	}
	allTogether = [classes]limit{
		classPing: {500, 2000}, classCall: {10000, 10000}, classInside: {40000, 40000},
		classReply: {40000, 40000}, classOther: {500, 2000}, classRefused: {5000, 5000}, classGuest: {500, 3000},
	}
)

// maxSources bounds the sources that are told apart; those beyond share a bucket.
const maxSources = 4096

// bucket fills with time and is emptied by messages.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(l limit, now time.Time) bool {
	if b.at.IsZero() {
		b.left = l.burst
	} else {
		b.left = min(l.burst, b.left+l.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

type buckets [classes]bucket

// limiter holds the buckets of all sources.
type limiter struct {
	mu     sync.Mutex
	all    buckets
	others buckets // sources beyond maxSources
	m      map[netip.Addr]*buckets
	swept  time.Time
}

// allow takes a token of the source and one of all.
func (l *limiter) allow(from netip.Addr, c class, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of(from, now)
	return b[c].take(perSource[c], now) && l.all[c].take(allTogether[c], now)
}

// idle is how long a source is remembered: every bucket is full by then.
const idle = 30 * time.Second

func (l *limiter) of(from netip.Addr, now time.Time) *buckets {
	if from.Is6() {
		if p, err := from.WithZone("").Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	if b := l.m[from]; b != nil {
		return b
	}
	if len(l.m) >= maxSources && now.Sub(l.swept) > time.Second {
		l.swept = now
		for a, b := range l.m {
			if b.quiet(now) {
				delete(l.m, a)
			}
		}
	}
	if len(l.m) >= maxSources {
		return &l.others
	}
	if l.m == nil {
		l.m = map[netip.Addr]*buckets{}
	}
	b := &buckets{}
	l.m[from] = b
	return b
}

func (b *buckets) quiet(now time.Time) bool {
	for i := range b {
		if now.Sub(b[i].at) < idle {
			return false
		}
	}
	return true
}

// repeats bounds how often one and the same ACK is let through: once for each
// repetition of the response, so some eleven times in 32 s. Different ones may
// share a slot.
type repeats struct {
	mu    sync.Mutex
	slots [1 << 14]struct {
		second uint32
		n      uint16
	}
}

const (
	repeatsPeriod = 4
	maxRepeats    = 16
)

func (r *repeats) allow(hash uint64, now time.Time) bool {
	period := uint32(now.Unix() / repeatsPeriod)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[hash%uint64(len(r.slots))]
	if s.second != period {
		s.second, s.n = period, 0
	}
	if s.n >= maxRepeats {
		return false
	}
	s.n++
	return true
}
