package dialer

import (
	"cmp"
	"container/heap"
	"time"

	"zvonar/internal/calls"
)

// item is one queued call with what the dialer needs of it: the call itself is
// only handed on, so that whoever removes it may change it at once.
type item struct {
	call *calls.Call

	id, account, to string
	due, created    time.Time
	notAfter        time.Time // zero: none
	priority        int
	windows         []calls.Window       // all must be open
	clips           []calls.RecordingRef // that it may play, as far as they are known by now
	ids             []calls.ClipID       // what its flow calls them
	completed       bool                 // more is known of a clip than the call says
	woken           bool                 // one of its texts was read while it was examined
	textAsked       time.Time            // when its texts were given to be read aloud; zero: not yet
	lane            *lane

	next     time.Time   // when to look at it (again)
	hold     *calls.Hold // what was told last; nil: nothing
	examined bool        // its gates were seen open since it became ready

	in  *pile // waiting, or the ready pile of its lane
	pos [2]int
}

// pile is a heap of items that can be removed from the middle. Each pile keeps
// the positions of its items under its own index of item.pos.
type pile struct {
	items []*item
	slot  int
	less  func(a, b *item) bool
}

// The indices of item.pos.
const (
	byPlace    = 0 // in the pile it lies in
	byDeadline = 1 // in the pile of deadlines
)

func soonestFirst(a, b *item) bool { return a.next.Before(b.next) }

func deadlineFirst(a, b *item) bool { return a.notAfter.Before(b.notAfter) }

// urgentFirst: priority, then the longest due, then the oldest.
func urgentFirst(a, b *item) bool {
	return cmp.Or(cmp.Compare(b.priority, a.priority), a.due.Compare(b.due), a.created.Compare(b.created), cmp.Compare(a.id, b.id)) < 0
}

// Len implements heap.Interface.
func (p *pile) Len() int { return len(p.items) }

// Less implements heap.Interface.
func (p *pile) Less(i, j int) bool { return p.less(p.items[i], p.items[j]) }

// Swap implements heap.Interface.
func (p *pile) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].pos[p.slot], p.items[j].pos[p.slot] = i, j
}

// Push implements heap.Interface.
func (p *pile) Push(x any) {
	it := x.(*item)
	it.pos[p.slot] = len(p.items)
	p.items = append(p.items, it)
}

// Pop implements heap.Interface.
func (p *pile) Pop() any {
	last := len(p.items) - 1
	it := p.items[last]
	p.items[last] = nil
	p.items = p.items[:last]
	return it
}

func (p *pile) add(it *item) { heap.Push(p, it) }

func (p *pile) remove(it *item) { heap.Remove(p, it.pos[p.slot]) }

// head is the first item, nil where there is none.
func (p *pile) head() *item {
	if len(p.items) == 0 {
		return nil
	}
	return p.items[0]
}

// lane is a set of trunks and the ready calls that may use exactly these.
type lane struct {
	trunks []string
	ready  *pile
}

// queue is every call that waits, in the order in which it is looked at. It
// knows no gates and no locks.
type queue struct {
	items     map[string]*item
	waiting   *pile
	deadlines *pile
	lanes     map[string]*lane
	order     []*lane // for a fixed order of looking
}

func newQueue() *queue {
	return &queue{
		items:     map[string]*item{},
		waiting:   &pile{slot: byPlace, less: soonestFirst},
		deadlines: &pile{slot: byDeadline, less: deadlineFirst},
		lanes:     map[string]*lane{},
	}
}

// lane is the lane called key; it is made where there is none yet.
func (q *queue) lane(key string, trunks []string) *lane {
	l, ok := q.lanes[key]
	if !ok {
		l = &lane{trunks: trunks, ready: &pile{slot: byPlace, less: urgentFirst}}
		q.lanes[key] = l
		q.order = append(q.order, l)
	}
	return l
}

// add queues a new item; false where the call is queued already.
func (q *queue) add(it *item) bool {
	if q.items[it.id] != nil {
		return false
	}
	q.items[it.id] = it
	if !it.notAfter.IsZero() {
		q.deadlines.add(it)
	}
	q.put(it, q.waiting)
	return true
}

// put moves an item to a pile.
func (q *queue) put(it *item, p *pile) {
	if it.in != nil {
		it.in.remove(it)
	}
	it.in = p
	p.add(it)
}

// remove takes an item out for good.
func (q *queue) remove(it *item) {
	delete(q.items, it.id)
	it.in.remove(it)
	it.in = nil
	if !it.notAfter.IsZero() {
		q.deadlines.remove(it)
	}
}

// postpone looks at an item again at t.
func (q *queue) postpone(it *item, t time.Time) {
	it.next, it.examined = t, false
	q.put(it, q.waiting)
}

// overdue takes out what may no longer be dialled at now.
func (q *queue) overdue(now time.Time) (expired []*item) {
	for it := q.deadlines.head(); it != nil && !it.notAfter.After(now); it = q.deadlines.head() {
		q.remove(it)
		expired = append(expired, it)
	}
	return expired
}

// ripen moves what is to be looked at now from waiting to its lane.
func (q *queue) ripen(now time.Time) {
	for it := q.waiting.head(); it != nil && !it.next.After(now); it = q.waiting.head() {
		q.put(it, it.lane.ready)
	}
}

// first is the most urgent head of all lanes but the stuck ones.
func (q *queue) first(stuck map[*lane]bool) *item {
	var best *item
	for _, l := range q.order {
		if it := l.ready.head(); it != nil && !stuck[l] && (best == nil || urgentFirst(it, best)) {
			best = it
		}
	}
	return best
}

// rethink looks again at everything that is due, whatever held it.
func (q *queue) rethink(now time.Time) {
	for _, it := range q.items {
		it.examined = false
		if it.in == q.waiting && it.next.After(now) && !it.due.After(now) {
			q.postpone(it, now)
		}
	}
}

// nextLook is the time at which something in the queue changes by itself.
func (q *queue) nextLook() (t time.Time, ok bool) {
	if it := q.waiting.head(); it != nil {
		t, ok = it.next, true
	}
	if it := q.deadlines.head(); it != nil && (!ok || it.notAfter.Before(t)) {
		t, ok = it.notAfter, true
	}
	return t, ok
}
