package beeline

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

const (
	// remembered is how long a talk that is over is known, so that what comes late is
	// not taken for a new one.
	remembered = 10 * time.Minute
	// deskQueue is how many events may wait for the desk.
	deskQueue = 256
	sweepEach = 30 * time.Second
)

// desk brings the events of the provider into order: it knows the talks, which of
// them are calls that we placed, and tells of the others. One goroutine (run) owns
// everything but the queue.
type desk struct {
	clock   clock.Clock
	log     *slog.Logger
	people  *people
	settle  time.Duration
	maxCall time.Duration
	// foreign carries the mail of a call that nobody asked for; nil: they are not told.
	foreign func(*mail)
	name    string // of the provider
	own     string // the subscriber that our user agent is; "": none

	queue chan func()
	done  chan struct{} // closed once run has ended

	talks   map[string]*entry // by key
	byCall  map[string]*entry
	follows []*follow
}

// entry is a talk with its owner.
type entry struct {
	talk     talk
	employee *calls.Employee // whose subscription told of it first; nil: not known
	mail     *mail           // nil: nobody is told
	foreign  bool            // nobody asked for it
	seen     time.Time       // its last event
	settling clock.Timer     // set while it is quiet
	over     bool
}

// follow is a call that we place: its events are ours, not those of a stranger.
type follow struct {
	pattern string // of the subscriber who is rung
	client  string
	id      string // as the portal called it; "": not told
	placed  bool   // the portal has answered, or never will
	entry   *entry // the talk that it is; nil: none was seen
	mail    *mail
}

func newDesk(c clock.Clock, log *slog.Logger, p *people, s *Settings, name string) *desk {
	d := &desk{clock: c, log: log, people: p, settle: s.Settle, maxCall: s.MaxCall, name: name,
		queue: make(chan func(), deskQueue), done: make(chan struct{}), talks: map[string]*entry{}, byCall: map[string]*entry{}}
	if s.Answers == answersSIP {
		d.own = s.Subscriber
	}
	return d
}

// run works until ctx ends, and then off what waits.
func (d *desk) run(ctx context.Context) {
	defer close(d.done)
	tick := make(chan struct{}, 1)
	arm := func() clock.Timer {
		return d.clock.AfterFunc(sweepEach, func() { tick <- struct{}{} })
	}
	timer := arm()
	defer func() { timer.Stop() }()
	for {
		select {
		case f := <-d.queue:
			f()
		case <-tick:
			d.sweep()
			timer = arm()
		case <-ctx.Done():
			d.close()
			return
		}
	}
}

// close takes in what was answered with a yes, and ends what is quiet: after a restart
// nobody would know of either.
func (d *desk) close() {
	for len(d.queue) > 0 {
		(<-d.queue)()
	}
	for _, en := range d.talks {
		if !en.over && en.mail != nil && en.settling != nil {
			d.end(en)
		}
	}
}

// post gives the desk something to do, unless too much waits there already or it has
// ended.
func (d *desk) post(f func()) bool {
	select {
	case <-d.done:
		return false
	default:
	}
	select {
	case d.queue <- f:
		return true
	default:
		return false
	}
}

// do is post for what must not be lost: it waits.
func (d *desk) do(f func()) {
	select {
	case d.queue <- f:
	case <-d.done:
	}
}

// event takes in an event of a subscription that belongs to employee (nil: to the
// group, or to our own user agent).
func (d *desk) event(e Event, employee *calls.Employee) {
	if isGroup(e.User) {
		return // its members tell the same, each for himself
	}
	if employee == nil {
		employee = d.people.find(e.User)
	}
	for _, c := range e.Calls {
		en := d.entry(c, employee)
		if en.over {
			continue
		}
		en.seen = d.clock.Now()
		en.talk.learn(e.Type, e.User, c, d.people.aliases(e.User, employee))
		d.advance(en)
	}
}

// entry finds the talk of a call, or begins one.
func (d *desk) entry(c Call, employee *calls.Employee) *entry {
	key := c.Tracking
	if key == "" {
		key = "call " + c.ID
	}
	en := d.talks[key]
	if en == nil {
		if en = d.byCall[c.ID]; en == nil || (c.Tracking != "" && en.talk.key != "call "+c.ID) {
			en = &entry{talk: talk{key: key}, employee: employee}
		}
		en.talk.key = key
		d.talks[key] = en
	}
	d.byCall[c.ID] = en
	return en
}

// advance tells what is new of a talk and notes that it may be over.
func (d *desk) advance(en *entry) {
	now := d.clock.Now()
	if en.mail == nil && !d.assign(en) {
		return
	}
	if en.mail != nil {
		d.tell(en, en.talk.news(now)...)
	}
	switch quiet := en.talk.quiet(); {
	case !quiet && en.settling != nil:
		en.settling.Stop()
		en.settling = nil
	case quiet && en.settling == nil:
		d.settleLater(en)
	}
}

func (d *desk) settleLater(en *entry) {
	en.settling = d.clock.AfterFunc(d.settle, func() { d.do(func() { d.settled(en) }) })
}

// assign decides whose a talk is; false: that cannot be said yet.
func (d *desk) assign(en *entry) bool {
	waiting := false
	for _, f := range d.follows {
		switch {
		case f.entry != nil:
		case f.id != "" && en.talk.has(f.id):
			d.give(en, f)
			return true
		case d.alike(f, en):
			if f.placed {
				d.give(en, f)
				return true
			}
			waiting = true // its id will tell
		}
	}
	if waiting {
		return false
	}
	if d.foreign != nil && en.employee != nil && en.talk.main() != nil && (d.own == "" || !d.people.same(d.own, en.talk.user())) {
		en.mail, en.foreign = newMail(), true
		d.foreign(en.mail)
	}
	return true
}

func (d *desk) give(en *entry, f *follow) { en.mail, f.entry = f.mail, en }

// alike reports whether a talk looks like the call of a follow: the subscriber
// begins it, and it leads to the client as far as can be seen.
func (d *desk) alike(f *follow, en *entry) bool {
	if en.talk.direction() != calls.Out || !d.people.same(f.pattern, en.talk.user()) {
		return false
	}
	client := en.talk.client()
	return sameNumber(client, f.client) || client == "" && en.talk.main() == nil
}

// foreignCall is what a call of a stranger looks like from outside.
func (d *desk) foreignCall(en *entry) calls.ForeignCall {
	e, client := en.employee, en.talk.client()
	if found := d.people.find(en.talk.user()); found != nil {
		e = found
	}
	line := numberOf(e.Phone)
	if n := numberOf(en.talk.user()); len(n) >= 10 {
		line = n
	}
	f := calls.ForeignCall{Account: e.Account, Provider: d.name, ProviderCallID: en.talk.key, Direction: en.talk.direction(), Line: line, Employee: e.ID}
	f.To, f.From = line, client
	if f.Direction == calls.Out {
		f.To, f.From = client, line
	}
	return f
}

// settled ends a talk that stayed quiet. One that may be a call of ours, which the
// portal has not named yet, waits for that.
func (d *desk) settled(en *entry) {
	if en.over || en.settling == nil || !en.talk.quiet() {
		return
	}
	if en.mail == nil && !d.assign(en) {
		d.settleLater(en)
		return
	}
	d.end(en)
}

func (d *desk) end(en *entry) { d.endAt(en, d.clock.Now()) }

// endAt ends a talk. at stands for the time of its end where that was not told.
func (d *desk) endAt(en *entry, at time.Time) {
	en.over, en.seen = true, d.clock.Now()
	if en.settling != nil {
		en.settling.Stop()
	}
	if en.mail == nil {
		return
	}
	d.tell(en, append(en.talk.news(at), en.talk.ended(at))...)
}

// tell posts reports of a talk.
func (d *desk) tell(en *entry, list ...calls.ProviderReport) {
	for _, r := range list {
		n := note{report: r, tracking: en.talk.key}
		if en.foreign {
			n.call = d.foreignCall(en)
		}
		en.mail.post(n)
	}
}

// sweep forgets talks that are over, and ends those of which nothing is heard.
func (d *desk) sweep() {
	now := d.clock.Now()
	for key, en := range d.talks {
		switch {
		case en.over && now.Sub(en.seen) > remembered:
			delete(d.talks, key)
		case !en.over && now.Sub(en.seen) > d.maxCall:
			d.log.Warn("nothing more was told of a talk; it is taken for ended", "provider", d.name, "talk", key)
			d.endAt(en, en.seen) // what was between is not known to have been a talk
		}
	}
	for id, en := range d.byCall {
		if d.talks[en.talk.key] != en {
			delete(d.byCall, id)
		}
	}
}

// join makes the desk look out for a call that we are about to place.
func (d *desk) join(f *follow) { d.follows = append(d.follows, f) }

// answered notes what the portal said; the talks that waited for it are assigned,
// the one of this id before others that look like it.
func (d *desk) answered(f *follow, id string) {
	f.id, f.placed = id, true
	d.assignWaiting(func(en *entry) bool { return id != "" && en.talk.has(id) })
	d.assignWaiting(func(*entry) bool { return true })
}

func (d *desk) assignWaiting(which func(*entry) bool) {
	for _, en := range d.talks {
		if !en.over && en.mail == nil && which(en) {
			d.advance(en)
		}
	}
}

// leave ends the lookout.
func (d *desk) leave(f *follow) {
	d.follows = slices.DeleteFunc(d.follows, func(o *follow) bool { return o == f })
	d.assignWaiting(func(*entry) bool { return true })
}
