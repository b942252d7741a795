package registrar

import (
	"net/netip"
	"sync"
	"time"
)

// What guessing costs.
const (
	// maxWrongSource wrong passwords of one address within wrongWindow: nothing of
	// it is heard for banned.
	maxWrongSource = 10
	// maxWrongUser of one user, from addresses that never knew his password: those
	// are refused without a look for as long.
	maxWrongUser = 30
	wrongWindow  = 10 * time.Minute
	banned       = 10 * time.Minute
	maxTallies   = 65536
)

// tally counts failures of one key.
type tally struct {
	n     int
	since time.Time
	until time.Time // refused until then
}

// limits remembers who guessed.
type limits struct {
	mu      sync.Mutex
	sources map[netip.Addr]tally
	users   map[string]tally
	trusted map[trust]time.Time // who proved himself from where, and when
}

type trust struct {
	user string
	from netip.Addr
}

func newLimits() *limits {
	return &limits{sources: map[netip.Addr]tally{}, users: map[string]tally{}, trusted: map[trust]time.Time{}}
}

// network is what counts as one source: an address, of IPv6 the /64 that its owner has.
func network(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is4() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// barred reports whether a source is not heard.
func (l *limits) barred(from netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.sources[network(from)].until)
}

// closed reports whether a user is refused from there without a look.
func (l *limits) closed(user string, from netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.trusted[trust{user, network(from)}]
	return !known && now.Before(l.users[user].until)
}

// wrong counts a wrong password; it reports whether that was the one too many of
// its source.
func (l *limits) wrong(user string, from netip.Addr, now time.Time) (bans bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = network(from)
	trim(l.sources, now)
	trim(l.users, now)
	s := l.sources[from].add(now, maxWrongSource)
	l.sources[from] = s
	if _, known := l.trusted[trust{user, from}]; !known {
		l.users[user] = l.users[user].add(now, maxWrongUser)
	}
	return s.n == maxWrongSource
}

// right forgives a source, and notes that the user is known there.
func (l *limits) right(user string, from netip.Addr, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = network(from)
	delete(l.sources, from)
	if len(l.trusted) >= maxTallies {
		clear(l.trusted)
	}
	l.trusted[trust{user, from}] = now
}

func (t tally) add(now time.Time, most int) tally {
	if now.Sub(t.since) > wrongWindow {
		t = tally{since: now, until: t.until}
	}
	if t.n++; t.n >= most {
		t.until = now.Add(banned)
	}
	return t
}

// trim makes room: first what is over, then anything.
func trim[K comparable](m map[K]tally, now time.Time) {
	if len(m) < maxTallies {
		return
	}
	for k, t := range m {
		if now.Sub(t.since) > wrongWindow && now.After(t.until) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) < maxTallies {
			return
		}
		delete(m, k)
	}
}
