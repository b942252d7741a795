package beeline

import (
	"slices"
	"time"

	"zvonar/internal/calls"
)

// A talk is everything that belongs to one extTrackingId: the halves of it that
// different subscribers see, the two legs of Click-to-Dial, a hunt group's members
// that ring one after the other. Events tell what is so, most of them with all
// times of the call, and what is known only ever grows: so events may come twice
// and in any order.
type talk struct {
	key  string // extTrackingId, or the callId of a call without one
	legs []*leg
	told told
}

// told is what was reported of a talk.
type told struct{ ringing, manager, answered, joined bool }

// leg is one callId at one subscriber. A callId that turns from the first leg of
// Click-to-Dial (the subscriber himself is rung) into the call to the client is two.
type leg struct {
	user, id string
	self     bool // the subscriber is rung, before the client is
	out      bool
	remote   string // number of the other party; "": withheld
	answered bool
	released bool
	start, answer,
	release time.Time // zero: not told
	cause, by string
}

// learn takes in what an event tells of one of its calls. of is the telephone
// number and the extension of the subscriber, "" where they are not known.
func (t *talk) learn(kind, user string, c Call, of []string) {
	self := c.Personality == personClickToDial && toSelf(user, c.Remote, of)
	l := t.leg(user, c.ID, self)
	l.out = l.out || c.Personality == personOriginator || c.Personality == personClickToDial ||
		c.Personality == "" && (kind == eventOriginating || kind == eventOriginated)
	if n := c.Remote.Number(); n != "" {
		l.remote = n
	}
	l.start, l.answer, l.release = earliest(l.start, c.Start), earliest(l.answer, c.Answer), earliest(l.release, c.Release)
	answered := kind == eventAnswered || kind == eventHeld || kind == eventRetrieved || c.State == "Active" || c.State == "Held"
	l.answered = l.answered || answered || !l.answer.IsZero()
	l.released = l.released || kind == eventReleased || c.State == "Released" || !c.Release.IsZero()
	if c.Cause != "" {
		l.cause = c.Cause
	}
	if c.ReleasedBy != "" {
		l.by = c.ReleasedBy
	}
}

// toSelf reports whether the remote party that a Click-to-Dial call shows is the
// subscriber: then he is being rung, and nobody else is yet.
func toSelf(user string, r Remote, of []string) bool {
	if r.User != "" && r.User == user {
		return true
	}
	n := r.Number()
	return n == "" || sameNumber(n, numberOf(user)) || slices.ContainsFunc(of, func(o string) bool { return sameNumber(n, o) })
}

func (t *talk) leg(user, id string, self bool) *leg {
	for _, l := range t.legs {
		if l.user == user && l.id == id && l.self == self {
			return l
		}
	}
	l := &leg{user: user, id: id, self: self}
	t.legs = append(t.legs, l)
	return l
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// has reports whether a callId is of this talk.
func (t *talk) has(id string) bool {
	return id == t.key || slices.ContainsFunc(t.legs, func(l *leg) bool { return l.id == id })
}

// direction is how the talk began: a subscriber's own call is an outgoing one, also
// where it rings a colleague.
func (t *talk) direction() calls.Direction {
	if slices.ContainsFunc(t.legs, func(l *leg) bool { return l.out }) {
		return calls.Out
	}
	return calls.In
}

// main is the leg that the talk is told by: one with somebody else, answered before
// unanswered, in the talk's direction, the first of these. nil: only the subscriber
// himself was rung so far.
func (t *talk) main() *leg {
	var best *leg
	out := t.direction() == calls.Out
	score := func(l *leg) (n int) {
		if l.out == out {
			n += 2
		}
		if l.answered {
			n++
		}
		return n
	}
	for _, l := range t.legs {
		if l.self {
			continue
		}
		if best == nil || score(l) > score(best) {
			best = l
		}
	}
	return best
}

// user is whose call it is: of the main leg, or of who is rung for it.
func (t *talk) user() string {
	if m := t.main(); m != nil {
		return m.user
	}
	if len(t.legs) > 0 {
		return t.legs[0].user
	}
	return ""
}

// client is the number of the other party, "" while nobody but the subscriber rings.
func (t *talk) client() string {
	if m := t.main(); m != nil {
		return m.remote
	}
	return ""
}

// quiet reports whether nothing of the talk is going on any more: other legs may
// follow (a transfer, the next member of a group) for a moment.
func (t *talk) quiet() bool {
	others := t.main() != nil
	for _, l := range t.legs {
		if !l.released && (!l.self || !others) {
			return false
		}
	}
	return len(t.legs) > 0
}

// news is what is to be reported now and was not before, in the order in which
// calls go on. now stands for times that were not told.
func (t *talk) news(now time.Time) (list []calls.ProviderReport) {
	tell := func(done *bool, state calls.ReportState, at time.Time) {
		if *done {
			return
		}
		*done = true
		if at.IsZero() {
			at = now
		}
		list = append(list, calls.ProviderReport{State: state, At: at, ProviderCallID: t.id()})
	}
	m, out := t.main(), t.direction() == calls.Out
	self := slices.IndexFunc(t.legs, func(l *leg) bool { return l.self })
	if out && self >= 0 && (t.legs[self].answered || m != nil) {
		tell(&t.told.manager, calls.ReportManager, t.legs[self].answer)
	}
	if m == nil {
		return list
	}
	tell(&t.told.ringing, calls.ReportRinging, m.start)
	if m.answered {
		tell(&t.told.answered, calls.ReportAnswered, m.answer)
		tell(&t.told.joined, calls.ReportJoined, m.answer)
	}
	return list
}

// id is the provider's id of the talk: the callId of its first leg.
func (t *talk) id() string {
	if len(t.legs) > 0 {
		return t.legs[0].id
	}
	return t.key
}

// ended is how the talk ended, once it is quiet for good.
func (t *talk) ended(now time.Time) calls.ProviderReport {
	r := calls.ProviderReport{State: calls.ReportEnded, ProviderCallID: t.id(), At: now}
	m := t.main()
	if m == nil { // the subscriber did not come to his telephone
		r.By, r.Outcome, r.Reason = calls.ByManager, calls.OutcomeCanceled, calls.ReasonManagerNotReached
		if len(t.legs) > 0 {
			r.Words = t.legs[0].cause
			r.At = at(t.legs[0].release, now)
		}
		return r
	}
	r.At, r.Words, r.By = at(t.lastRelease(), now), m.cause, partyOf(m.by)
	if m.answered {
		if !m.answer.IsZero() && r.At.After(m.answer) {
			r.TalkMS = r.At.Sub(m.answer).Milliseconds()
		}
		return r
	}
	r.SIPCode = codeOf(m.cause)
	return r
}

// lastRelease is when the last leg with somebody else was released.
func (t *talk) lastRelease() (last time.Time) {
	for _, l := range t.legs {
		if !l.self && l.release.After(last) {
			last = l.release
		}
	}
	return last
}

func at(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

// partyOf says who hung up, in our words: local is the subscriber.
func partyOf(releasing string) calls.Party {
	switch releasing {
	case "localRelease":
		return calls.ByManager
	case "remoteRelease":
		return calls.ByCustomer
	}
	return calls.ByProvider
}

// releaseCodes is what the release causes mean as final responses. Those that the
// facts do not name are "no answer".
var releaseCodes = map[string]int{
	"Busy":                    486,
	"Temporarily Unavailable": 480,
	"Forbidden":               403,
	"Not Found":               404,
	"Request Timeout":         408,
	"User Not Found":          404,
	"Request Failure":         500,
	"Server Failure":          500,
	"Global Failure":          603,
	"Declined":                603,
}

func codeOf(cause string) int {
	if code, ok := releaseCodes[cause]; ok {
		return code
	}
	return 480
}
