package media

import "time"

// follow has a bridged leg send what the other side said as soon as it is there,
// instead of at its own times: in one codec and packet time a bridge then delays
// by no more than the beat in which a packet is read. The leg's own clock stands by and
// fills in where nothing comes. Both legs are of this shard, which Bridge sees to.
func (l *leg) follow() {
	o, r := &l.out, l.hear
	for r != nil && o.sending && o.started && !o.player.active() && !o.digits.Busy() && r.ready(l.codec.Index, l.frame, &o.owed) {
		soon := o.stopped-l.shard.now > l.ptime/2 // after the frame before
		switch {
		case soon && o.owed > 0:
			r.read.Add(1)
			o.owed--
			continue
		case soon:
			o.paced = 0
		default:
			if o.paced++; o.paced > maxDepth {
				o.owed = 0 // whoever listens has got used to it
			}
		}
		l.send(l.shard.now)
		o.follows = true
		// What is late by less than the jitter so far is waited for.
		o.due = l.shard.now + l.ptime*time.Duration(r.out.depth) + l.ptime*3/4
	}
}

// leads lets the other side of the bridge send what was just heard.
func (l *leg) leads() {
	if other := l.other; other != nil && other.owner.Load() == l.shard && !other.closed {
		other.follow()
	}
}

// ready reports whether the next frame is there, in the listener's codec and length, and
// has the sound flow. owed are frames in whose place the listener's clock sent silence: a
// gap is one of them, and what comes late in a burst is left out, or the delay
// would stay for good.
func (r *ring) ready(index, frame int, owed *int) bool {
	o := &r.out
	o.depth = max(o.depth, 1)
	for {
		read, high := r.read.Load(), r.high.Load()
		if read >= high || o.n > 0 {
			return false
		}
		s := &r.slots[read%ringSlots]
		there := s.position.Load() == read+1
		if *owed > 0 && !there {
			*owed--
			o.dry = 0
			if o.asIs(index) {
				o.holes++
			}
			r.read.Store(read + 1)
			continue
		}
		if !there || s.codec != index || s.n != frame {
			return false
		}
		r.flow()
		return true
	}
}

// flow ends a drought. A short one was jitter: keep more. A long one was a pause,
// and one whose frame never came a loss.
func (r *ring) flow() {
	o := &r.out
	read := r.read.Load()
	came := r.slots[read%ringSlots].position.Load() == read+1
	if came && !o.flowing && o.dry > 0 && o.dry <= maxDepth && o.frame > 0 {
		o.depth = min(o.depth+1, maxDepth)
	}
	o.flowing, o.dry = true, 0
}

// owe notes a frame that was wanted in vain; a pause owes nothing.
func (o *outbound) owe(heard bool) {
	switch {
	case heard:
		o.wanting = 0
	case o.wanting < maxDepth:
		o.wanting++
		o.owed++
	default:
		o.owed = 0
	}
}
