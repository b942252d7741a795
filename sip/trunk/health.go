package trunk

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"zvonar/sip/resolve"
)

// The rules by which an address of a trunk is judged.
const (
	// ProbeInterval is between two OPTIONS to an address that answers.
	ProbeInterval = 10 * time.Second
	// ProbeAgain is after one that was not answered, ProbePatience how long each
	// waits. An address that falls silent is down after MaxMisses of them, 26 s at
	// the most.
	ProbeAgain    = 2 * time.Second
	ProbePatience = 4 * time.Second
	MaxMisses     = 3
	// Quarantine is how long an address is tried last that did not answer an INVITE
	// or REGISTER.
	Quarantine = 30 * time.Second
	// maxAvoid bounds the Retry-After of a 503.
	maxAvoid = time.Minute
)

// Target is an address of a trunk with what is known of it.
type Target struct {
	resolve.Target
	State State
	Since time.Time // of State
	RTT   time.Duration
	Error string // why it is not up, in words

	misses int       // OPTIONS in a row
	proven bool      // it has answered an OPTIONS
	avoid  time.Time // it is tried last until then
	shut   time.Time // and counts as down until then
	due    time.Time // of the next OPTIONS
	asked  bool      // one is on its way
}

// health is what is known of a trunk's addresses, in their order.
type health struct {
	mu   sync.Mutex
	list []*Target
	why  string // why there are none; "": nobody has asked yet
}

func (h *health) find(t resolve.Target) *Target {
	for _, k := range h.list {
		if k.Target == t {
			return k
		}
	}
	return nil
}

// SetTargets notes the addresses that the trunk's name stands for now; what is
// known of those that stay is kept. err is why there are none.
func (t *Trunk) SetTargets(now time.Time, found []resolve.Target, err error) {
	t.health.mu.Lock()
	defer t.health.mu.Unlock()
	if err != nil && t.Registered() != "" {
		t.health.list, t.health.why = nil, err.Error()+": check its user name and password against sip.users, and that sip.challenge_from has its network"
		return
	}
	if err != nil {
		t.health.list, t.health.why = nil, "the address of "+t.NextHop().Host+" is not known: "+err.Error()+"; check uri and the name servers"
		return
	}
	list := make([]*Target, 0, len(found))
	for _, f := range found {
		k := t.health.find(f)
		if k == nil {
			k = &Target{Target: f, State: Unknown, Since: now}
		}
		list = append(list, k)
	}
	t.health.list, t.health.why = list, ""
}

// Order puts first what may be tried; what failed lately or is down comes last.
func (t *Trunk) Order(now time.Time, found []resolve.Target) []resolve.Target {
	t.health.mu.Lock()
	defer t.health.mu.Unlock()
	out := slices.Clone(found)
	slices.SortStableFunc(out, func(a, b resolve.Target) int { return t.health.rank(now, a) - t.health.rank(now, b) })
	return out
}

// rank is 0 for a target that may be tried, more for one that is rather not.
func (h *health) rank(now time.Time, t resolve.Target) int {
	k := h.find(t)
	switch {
	case k == nil:
		return 0
	case k.down(now):
		return 2
	case now.Before(k.avoid):
		return 1
	}
	return 0
}

// Usable reports whether a call may be moved to a target.
func (t *Trunk) Usable(now time.Time, to resolve.Target) bool {
	t.health.mu.Lock()
	defer t.health.mu.Unlock()
	return t.health.rank(now, to) == 0
}

func (k *Target) down(now time.Time) bool { return k.State == Down || now.Before(k.shut) }

// Silent notes that a target did not answer a request, or could not be reached.
func (t *Trunk) Silent(now time.Time, at resolve.Target, why string) {
	t.health.change(at, func(k *Target) {
		k.shut, k.avoid, k.Error = now.Add(Quarantine), now.Add(Quarantine), why
		k.due = time.Time{} // an OPTIONS may show that it is back
	})
}

// Busy notes a 503: other addresses are tried first for a while, but it is no
// reason to say that the trunk is down.
func (t *Trunk) Busy(now time.Time, at resolve.Target, asked time.Duration) {
	if asked <= 0 {
		asked = ProbeInterval
	}
	t.health.change(at, func(k *Target) { k.avoid = now.Add(min(asked, maxAvoid)) })
}

// Answered notes that a target answered a request that is no OPTIONS.
func (t *Trunk) Answered(now time.Time, at resolve.Target) {
	t.health.change(at, func(k *Target) {
		k.shut, k.misses = time.Time{}, 0
		k.turn(now, Up, "")
	})
}

// Probed notes what became of an OPTIONS. bad says in words why it shows a fault,
// "" where it was answered; hard is a fault that needs no proof that the target
// speaks OPTIONS at all, such as a refused connection.
func (t *Trunk) Probed(now time.Time, at resolve.Target, rtt time.Duration, bad string, hard bool) {
	t.health.change(at, func(k *Target) {
		k.asked = false
		if bad == "" {
			k.misses, k.proven, k.RTT = 0, true, rtt
			k.shut, k.avoid = time.Time{}, time.Time{}
			k.turn(now, Up, "")
			return
		}
		k.misses++
		k.due = now.Add(ProbeAgain)
		if k.misses < MaxMisses {
			return
		}
		k.due = now.Add(ProbeInterval)
		if k.proven || hard || k.State == Down {
			k.turn(now, Down, bad)
		} else if k.State == Unknown {
			k.Error = bad + "; it never did, so calls are tried all the same (options: 0s where it does not speak it)"
		}
	})
}

// Due lists the targets that are to be asked by OPTIONS now, and notes that they
// are. next is when to look again. random is in [0, 1).
func (t *Trunk) Due(now time.Time, every time.Duration, random func() float64) (list []resolve.Target, next time.Duration) {
	t.health.mu.Lock()
	defer t.health.mu.Unlock()
	next = every
	for _, k := range t.health.list {
		if !k.asked && !k.due.After(now) {
			k.asked = true
			k.due = now.Add(every - time.Duration(float64(every)/10*random()))
			list = append(list, k.Target)
		}
		next = min(next, k.due.Sub(now))
	}
	return list, max(next, 100*time.Millisecond)
}

func (k *Target) turn(now time.Time, s State, why string) {
	if k.State != s {
		k.State, k.Since = s, now
	}
	k.Error = why
}

func (h *health) change(at resolve.Target, f func(*Target)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.find(at); k != nil {
		f(k)
	}
}

// targets is a copy of what is known, and why there is nothing.
func (h *health) targets(now time.Time) (list []Target, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.list {
		c := *k
		if c.State != Down && now.Before(c.shut) {
			c.State = Down
		}
		list = append(list, c)
	}
	return list, h.why
}

// judge sums the targets up.
func judge(list []Target, why string) (State, string) {
	if len(list) == 0 {
		if why != "" {
			return Down, why
		}
		return Unknown, ""
	}
	state, words := Down, []string{}
	for _, k := range list {
		switch {
		case k.State == Up:
			return Up, ""
		case k.State == Unknown:
			state = Unknown
		}
		if k.Error != "" {
			words = append(words, fmt.Sprintf("%s: %s", k.Target, k.Error))
		}
	}
	return state, strings.Join(words, "; ")
}
