package engine

import (
	"slices"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// lateInvite is how long an INVITE of a request that we gave up is still
// expected, so that it is neither taken for an inbound call nor for the call
// that is awaited next.
const lateInvite = 30 * time.Second

// expectation is a call whose INVITE a provider will send us.
type expectation struct {
	s       *session
	trunk   string
	ext     string
	caller  string // "" = any: then only one may be out at a time for (trunk, ext)
	granted func()
	state   expectState

	// header, if not "", is one of the INVITE that has one of ids in it. named: the
	// provider's own id is among them.
	header string
	ids    []string
	named  bool
}

// expectationOf is what the INVITE of a call will look like; ids are ours of it.
func (p Provider) expectationOf(to string, ids ...string) *expectation {
	x := &expectation{trunk: p.Trunk, ext: p.Extension, header: p.MatchHeader, ids: ids}
	if p.MatchCaller {
		x.caller = to
	}
	return x
}

type expectState int

const (
	expectWaiting   expectState = iota // an earlier one could be confused with it
	expectActive                       // its INVITE may come
	expectAbandoned                    // its call is over; its INVITE may still come and is refused
)

// expectations match provider's INVITEs to calls, each exactly once. Two calls
// that an INVITE could not tell apart are never awaited at the same time: the
// second waits until the first is claimed or can no longer come. Safe for
// concurrent use; it locks mailboxes under its own lock, never the other way.
type expectations struct {
	clock clock.Clock

	mu      sync.Mutex
	list    []*expectation
	arrived map[*session]arrival // claimed, not yet picked up by the call
}

// arrival is the INVITE that fulfilled an expectation.
type arrival struct {
	leg Leg
	inv calls.Invite
}

func newExpectations(c clock.Clock) *expectations {
	return &expectations{clock: c, arrived: map[*session]arrival{}}
}

// add registers x; granted is called (from any goroutine) once x is awaited.
func (e *expectations) add(x *expectation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
	e.activate()
}

// activate grants every expectation that no earlier one could be confused with.
func (e *expectations) activate() {
	for i, x := range e.list {
		if x.state != expectWaiting {
			continue
		}
		clash := slices.ContainsFunc(e.list[:i], func(o *expectation) bool { return o.confusable(x) })
		if !clash {
			x.state = expectActive
			x.granted()
		}
	}
}

// confusable reports whether the INVITE of o, a later one, could be taken for that of x.
// One whose name is known cannot be: what does not bear it is not its.
func (x *expectation) confusable(o *expectation) bool {
	if x.header != "" && x.header == o.header && x.named {
		return false
	}
	return x.trunk == o.trunk && x.ext == o.ext && (x.caller == "" || o.caller == "" || x.caller == o.caller)
}

// claimResult is what an INVITE turned out to be.
type claimResult int

const (
	claimNone    claimResult = iota // nobody awaits it
	claimTaken                      // a call has it
	claimTooLate                    // it belongs to a call that is over
	claimUnclear                    // it could be that of more than one
)

// claim gives the leg to the call that awaits it.
func (e *expectations) claim(leg Leg, inv calls.Invite) (*session, claimResult) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, several := e.find(leg, inv)
	switch {
	case several:
		return nil, claimUnclear
	case i < 0:
		return nil, claimNone
	}
	x := e.list[i]
	e.list = slices.Delete(e.list, i, i+1)
	e.activate()
	if x.state != expectActive || !x.s.box.post(x.s.claimed) {
		return nil, claimTooLate
	}
	e.arrived[x.s] = arrival{leg, inv}
	return x.s, claimTaken
}

// find is whose INVITE it is, -1 where it is nobody's. several: it could be that of more
// than one. Where the mark of an INVITE is known it decides; one that is not belongs to
// the call whose name is not known yet.
func (e *expectations) find(leg Leg, inv calls.Invite) (found int, several bool) {
	from := digitsOnly(inv.From)
	found = -1
	for i, x := range e.list {
		if x.state == expectWaiting || x.trunk != inv.Trunk || x.ext != inv.To || x.caller != "" && x.caller != from {
			continue
		}
		mark := markOf(leg, x.header)
		switch {
		case x.header == "", mark != "" && slices.Contains(x.ids, mark):
			return i, false
		case mark != "" && x.named: // it is another's
		case found >= 0:
			several = true
		default:
			found = i
		}
	}
	return found, several
}

// markOf is the value of a header of the INVITE; "" where there is none.
func markOf(leg Leg, header string) string {
	if m, ok := leg.(Marked); ok && header != "" {
		return m.ReceivedHeader(header)
	}
	return ""
}

// name tells what the provider calls the call of s: others need not wait for its
// INVITE any more.
func (e *expectations) name(s *session, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.list {
		if x.s == s && x.header != "" && !x.named {
			x.ids, x.named = append(x.ids, id), true
		}
	}
	e.activate()
}

// pick gives a call the INVITE it claimed.
func (e *expectations) pick(s *session) (arrival, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, ok := e.arrived[s]
	delete(e.arrived, s)
	return a, ok
}

// refuse keeps x as abandoned for a while: its INVITE is refused.
func (e *expectations) refuse(x *expectation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x.state = expectAbandoned
	e.list = append(e.list, x)
	e.forgetLater(x)
}

// forgetLater takes x out once its INVITE no longer comes; e.mu is held.
func (e *expectations) forgetLater(x *expectation) {
	e.clock.AfterFunc(lateInvite, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.remove(x)
	})
}

// leave forgets what s still awaits, for s is over. Where the INVITE may come
// all the same it is refused, for a while. A leg that was claimed and never
// picked up comes back, to be refused by the caller.
func (e *expectations) leave(s *session, mayCome bool) Leg {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range slices.Clone(e.list) {
		if x.s != s {
			continue
		}
		if !mayCome || x.state != expectActive {
			e.remove(x)
			continue
		}
		x.state, x.s = expectAbandoned, nil
		e.forgetLater(x)
	}
	leg := e.arrived[s].leg
	delete(e.arrived, s)
	return leg
}

// remove takes x out, if it is still there.
func (e *expectations) remove(x *expectation) {
	if i := slices.Index(e.list, x); i >= 0 {
		e.list = slices.Delete(e.list, i, i+1)
		e.activate()
	}
}
