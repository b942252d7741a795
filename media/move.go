package media

import "slices"

// uneven is how many legs one shard may have more than another before one of them
// moves: calls end as they like, and would leave one processor with most of them.
const uneven = 16

// balance has the fullest shard give a leg to the emptiest where they are uneven.
// The caller holds e.mu.
func (e *Engine) balance() {
	if len(e.shards) < 2 {
		return
	}
	full, empty := e.shards[0], e.lightest()
	for _, s := range e.shards[1:] {
		if s.load.Load() > full.load.Load() {
			full = s
		}
	}
	if full.load.Load()-empty.load.Load() > uneven {
		full.do(func(s *shard) { s.shed(empty) })
	}
}

// shed moves any leg, but none that is bridged: the other side of its bridge is
// here.
func (s *shard) shed(to *shard) {
	for l := range s.legs {
		if l.other == nil {
			l.port.moveTo(to)
			return
		}
	}
}

// moveTo gives the port's leg to another shard. What was commanded before is done
// by the former one, what is commanded from now on by the new one, once it has the
// leg.
func (p *Port) moveTo(to *shard) {
	p.place.Lock()
	defer p.place.Unlock()
	from := p.shard
	if from == to || !from.do(func(s *shard) { s.give(p.leg, to) }) {
		return
	}
	p.shard = to
	to.load.Add(1)
}

// command runs f on the leg, at once or when it has arrived.
func (s *shard) command(l *leg, f func(*leg)) {
	if l.owner.Load() != s {
		s.early[l] = append(s.early[l], f)
		return
	}
	f(l)
}

// give lets go of a leg and hands it over, a closed one for the sake of commands
// that wait for it there.
func (s *shard) give(l *leg, to *shard) {
	if !l.closed {
		s.remove(l)
		s.kicked = slices.DeleteFunc(s.kicked, func(k *leg) bool { return k == l })
		// What it did here is told before what it will do there.
		s.box.put(s.events, &s.count)
		clear(s.events)
		s.events = s.events[:0]
	}
	if to.do(func(t *shard) { t.adopt(l) }) {
		return
	}
	to.load.Add(-1)
	if !l.closed { // the engine stops, and this shard closes it
		s.legs[l] = struct{}{}
		s.load.Add(1)
	}
}

// adopt takes over a leg in the middle of what it does.
func (s *shard) adopt(l *leg) {
	if l.closed {
		s.load.Add(-1)
	} else {
		l.shard = s
		s.legs[l] = struct{}{}
		if o := &l.out; o.started {
			o.due = s.place(l, o.due)
		} else {
			s.place(l, s.now+l.ptime)
		}
		s.setQuick(l, l.speak != nil)
		s.kicked = append(s.kicked, l)
	}
	l.owner.Store(s)
	waiting := s.early[l]
	delete(s.early, l)
	for _, f := range waiting {
		f(l)
	}
}
