package dialer

import (
	"slices"
	"time"

	"zvonar/internal/calls"
)

// lane is a set of trunks and the ready calls that may use exactly these, group by
// group.
type lane struct {
	trunks []string
	shares map[uint32]*pile // by group; none is empty
}

// ready is how many calls are due in the lane.
func (l *lane) ready() (n int) {
	for _, share := range l.shares {
		n += len(share.list)
	}
	return n
}

// queue is every call that waits, in the order in which it is looked at. It
// knows no gates and no locks.
type queue struct {
	slab      slab
	index     index
	waiting   pile
	deadlines pile
	odd       map[key]string // ids that do not fit a key

	lanes     []*lane // at most 65,536: sets of trunks
	laneNames map[string]uint16

	groups     []*group // nil: free
	groupNames map[string]uint32
	clock      float64 // what the group that began last had got before

	sets clipSets
	hot  map[uint32]*calls.Call // that are looked at soon: their row need not be read
	// woken are entries that something happened to while they were looked at.
	woken map[uint32]bool
	held  [3]int // entries that were told to be held, by state
}

// The calls that are kept whole: at most so many, if they are to be looked at so soon.
const (
	mostHot = 10_000
	hotFor  = 10 * time.Second
)

func newQueue() *queue {
	q := &queue{odd: map[key]string{}, laneNames: map[string]uint16{}, groupNames: map[string]uint32{}, hot: map[uint32]*calls.Call{}, woken: map[uint32]bool{}}
	q.index.slab = &q.slab
	q.waiting = pile{slab: &q.slab, slot: byPlace, less: soonestFirst}
	q.deadlines = pile{slab: &q.slab, slot: byDeadline, less: deadlineFirst}
	q.sets.init()
	return q
}

// lane is the number of the lane called name; it is made where there is none yet.
func (q *queue) lane(name string, trunks []string) uint16 {
	n, ok := q.laneNames[name]
	if !ok {
		n = uint16(len(q.lanes))
		q.laneNames[name] = n
		q.lanes = append(q.lanes, &lane{trunks: trunks, shares: map[uint32]*pile{}})
	}
	return n
}

// groupOf is the group of a campaign, or of the single calls of an account.
func (q *queue) groupOf(account, campaign string) uint32 {
	name := "account:" + account
	if campaign != "" {
		name = "campaign:" + campaign
	}
	if n, ok := q.groupNames[name]; ok {
		return n
	}
	n := slices.Index(q.groups, nil)
	if n < 0 {
		n = len(q.groups)
		q.groups = append(q.groups, nil)
	}
	q.groups[n] = newGroup(campaign)
	q.groupNames[name] = uint32(n)
	return uint32(n)
}

// campaign is the group of a campaign, nil where it has none.
func (q *queue) campaign(id string) *group {
	if n, ok := q.groupNames["campaign:"+id]; ok {
		return q.groups[n]
	}
	return nil
}

// forget gives up a campaign's group that nothing needs any more.
func (q *queue) forget(id string) {
	if n, ok := q.groupNames["campaign:"+id]; ok && q.groups[n].idle() {
		q.groups[n] = nil
		delete(q.groupNames, "campaign:"+id)
	}
}

// find is the number of a call's entry, 0 where it is not queued.
func (q *queue) find(id string) uint32 {
	k, _ := keyOf(id)
	return q.index.get(k)
}

// add queues a call; false where it is queued already.
func (q *queue) add(c *calls.Call, lane uint16, now time.Time) bool {
	k, packed := keyOf(c.ID)
	if q.index.get(k) != 0 {
		return false
	}
	if !packed {
		q.odd[k] = c.ID
	}
	i := q.slab.take()
	e := q.slab.at(i)
	*e = entry{key: k, due: micros(c.DueAt), next: micros(c.DueAt), notAfter: microsOf(c.NotAfter), lane: lane, group: q.groupOf(c.Account, c.CampaignID),
		clips: q.sets.use(c.Flow.Clips), priority: int8(max(-100, min(c.Priority, 100)))}
	if c.Hold != nil { // it was told by the process before, or by the engine
		e.told(*c.Hold)
	}
	q.index.put(i)
	if e.notAfter != 0 {
		q.deadlines.add(i)
	}
	if len(q.hot) < mostHot && c.DueAt.Sub(now) < hotFor {
		q.hot[i] = c
	}
	q.put(i, waiting)
	return true
}

// put moves an entry to where it waits or is ready.
func (q *queue) put(i uint32, to state) {
	e := q.slab.at(i)
	q.lift(i)
	e.state = to
	g := q.groups[e.group]
	if e.gate != 0 {
		q.held[to]++
		g.held[e.gate]++
	}
	if to == waiting {
		g.parked++
		q.waiting.add(i)
		return
	}
	if g.queued++; g.queued == 1 {
		g.passed = max(g.passed, q.clock)
	}
	l := q.lanes[e.lane]
	share := l.shares[e.group]
	if share == nil {
		share = &pile{slab: &q.slab, slot: byPlace, less: urgentFirst}
		l.shares[e.group] = share
	}
	share.add(i)
}

// lift takes an entry from where it lies.
func (q *queue) lift(i uint32) {
	e := q.slab.at(i)
	if e.gate != 0 && e.state != gone {
		q.held[e.state]--
		q.groups[e.group].held[e.gate]--
	}
	switch e.state {
	case waiting:
		q.groups[e.group].parked--
		q.waiting.remove(i)
	case ready:
		q.groups[e.group].queued--
		l := q.lanes[e.lane]
		share := l.shares[e.group]
		share.remove(i)
		if share.head() == 0 {
			delete(l.shares, e.group)
		}
	}
	e.state = gone
}

// remove takes an entry out for good.
func (q *queue) remove(i uint32) {
	e := q.slab.at(i)
	q.lift(i)
	if e.notAfter != 0 {
		q.deadlines.remove(i)
	}
	q.index.remove(e.key)
	q.sets.leave(e.clips)
	delete(q.hot, i)
	delete(q.woken, i)
	if e.key[0] == 0xff {
		delete(q.odd, e.key)
	}
	campaign := q.groups[e.group].campaign
	q.slab.drop(i)
	if campaign != "" {
		q.forget(campaign)
	}
}

// postpone looks at an entry again at t.
func (q *queue) postpone(i uint32, t, now time.Time) {
	e := q.slab.at(i)
	q.lift(i)
	e.next, e.examined = micros(t), false
	if t.Sub(now) > hotFor {
		delete(q.hot, i)
	}
	q.put(i, waiting)
}

// tell keeps what was told of an entry; false where that is no news.
func (q *queue) tell(i uint32, h calls.Hold) bool {
	e := q.slab.at(i)
	if !e.news(h) {
		return false
	}
	g := q.groups[e.group]
	if e.gate == 0 {
		q.held[e.state]++
	} else {
		g.held[e.gate]--
	}
	e.told(h)
	g.held[e.gate]++
	return true
}

// wakeful is when to look again, where something may have happened meanwhile.
func (q *queue) wakeful(i uint32, next, now time.Time) time.Time {
	if q.woken[i] {
		delete(q.woken, i)
		return now
	}
	return next
}

// id is the id of the call of an entry.
func (q *queue) id(i uint32) string {
	k := q.slab.at(i).key
	if k[0] == 0xff {
		return q.odd[k]
	}
	return k.id()
}

// ripenAtOnce bounds how long the queue is locked: when a window opens a million
// calls are due in the same instant.
const ripenAtOnce = 2000

// ripen moves what is to be looked at now from waiting to its lane; false where
// there is more.
func (q *queue) ripen(now int64) (all bool) {
	for range ripenAtOnce {
		i := q.waiting.head()
		if i == 0 || q.slab.at(i).next > now {
			return true
		}
		q.put(i, ready)
	}
	return false
}

// mostCredit bounds what a group may have been kept from, in beginnings of weight 1,
// and get back all at once.
const mostCredit = 1

// first is the call to look at next: the most urgent one of the group that got least,
// lanes that are stuck and groups that are closed left out; 0: there is none.
func (q *queue) first(r *round) (best uint32) {
	var from *group
	for _, l := range q.lanes {
		if r.stuck[l] {
			continue
		}
		for n, share := range l.shares {
			g := q.groups[n]
			if r.closed[g] {
				continue
			}
			g.passed = max(g.passed, q.clock-mostCredit)
			i := share.head()
			if best == 0 || g.passed < from.passed || g.passed == from.passed && urgentFirst(q.slab.at(i), q.slab.at(best)) {
				best, from = i, g
			}
		}
	}
	return best
}

// nextLook is the time at which something in the queue changes by itself.
func (q *queue) nextLook() (t time.Time, ok bool) {
	var us int64
	if i := q.waiting.head(); i != 0 {
		us, ok = q.slab.at(i).next, true
	}
	if i := q.deadlines.head(); i != 0 && (!ok || q.slab.at(i).notAfter < us) {
		us, ok = q.slab.at(i).notAfter, true
	}
	return timeOf(us), ok
}

// len is how many calls are queued.
func (q *queue) len() int { return q.index.n }
