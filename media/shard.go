package media

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// beat is the period of a shard. A leg is due every ptime, which is a multiple of
// it; all ptimes divide the wheel of 120 ms.
const (
	beat       = 5 * time.Millisecond
	wheelSlots = 24
)

// maxDatagram is more than any RTP packet of ours; longer ones are cut and then
// refused by their length.
const maxDatagram = 1500

// shard owns legs: only its goroutine (or a test that plays it) touches them.
// Times are counted from the engine's epoch.
type shard struct {
	engine   *Engine
	sleep    sleeper
	box      *outbox
	load     atomic.Int64 // legs, for the choice of a shard
	strained atomic.Bool  // a further leg would be heard by those there are
	ended    chan struct{}

	inbox   inbox
	now     time.Duration
	wall    int64         // the same instant by the clock that stamps packets
	next    time.Duration // nominal time of the next beat
	slot    int           // of the next beat
	legs    map[*leg]struct{}
	early   map[*leg][]func(*leg) // commands of legs that are on their way here
	wheel   [wheelSlots][]*leg
	quick   []*leg // bridged legs, drained on every beat
	kicked  []*leg // legs that may send before their beat
	events  []told
	roused  uint64        // analysts to wake, by index
	heardAt time.Duration // when some were woken last
	count   counters
	late    float64       // share of late beats, and of the time spent on beats,
	busy    float64       // of the last two seconds or so
	toil    time.Duration // since the last beat
	// refusals may still be read in this beat beyond the share of their leg.
	refusals int
	packet   rtp.Packet // reused by receive
	// What leaves is put together here: legs of their own would each be cold.
	scratch [rtpHeader + maxFrame]byte
	frame   [maxFrame]byte
	in      intake
}

func newShard(e *Engine, s sleeper) *shard {
	return &shard{
		engine: e, sleep: s, box: newOutbox(), ended: make(chan struct{}),
		legs: map[*leg]struct{}{}, early: map[*leg][]func(*leg){},
	}
}

// run is the shard's goroutine. Its thread ends with it.
func (s *shard) run() {
	runtime.LockOSThread()
	defer close(s.ended)
	s.engine.preferred(prefer())
	for {
		if len(s.legs) == 0 && len(s.early) == 0 && len(s.events) == 0 {
			s.rest()
		} else {
			s.sleep.wait(s.next - s.engine.since())
		}
		began := threadTime()
		ended := s.advance(s.engine.since())
		s.labour(threadTime() - began)
		if ended {
			return
		}
	}
}

// rest waits for a command; while there are no legs nobody needs a beat.
func (s *shard) rest() {
	s.late, s.busy = 0, 0
	s.strained.Store(false)
	s.sleep.rest()
	s.next = s.engine.since() + beat
}

// advance does all that is due at now, and reports whether the shard has ended.
func (s *shard) advance(now time.Duration) (ended bool) {
	s.now, s.wall = now, s.engine.wall()
	stopping := s.obey()
	if late := now - s.next; late > wheelSlots*beat {
		// Whole turns are left out: every leg is still served once.
		s.next += late / (wheelSlots * beat) * (wheelSlots * beat)
	}
	for s.next <= now {
		s.gauge(now-s.next > beat)
		slot := s.slot
		s.next, s.slot = s.next+beat, (slot+1)%wheelSlots
		s.serve(slot)
	}
	if stopping {
		for l := range s.legs {
			l.close()
		}
	}
	s.wakeAnalysts(stopping)
	if stopping {
		s.box.put(s.events, &s.count)
	} else if !s.box.offer(s.events, &s.count) {
		return false // somebody reads there; they are told with the next
	}
	clear(s.events)
	s.events = s.events[:0]
	return stopping
}

// serve is one beat.
func (s *shard) serve(slot int) {
	s.refusals = maxRefused
	for _, l := range s.quick {
		if s.wall >= l.in.soonest {
			l.receive()
		}
	}
	for _, l := range s.wheel[slot] {
		l.beat()
	}
}

// obey runs the commands that wait, then lets the legs they touched send.
func (s *shard) obey() (stopping bool) {
	commands, stopping := s.inbox.take()
	for _, f := range commands {
		f(s)
	}
	for _, l := range s.kicked {
		l.kick()
	}
	clear(s.kicked)
	s.kicked = s.kicked[:0]
	return stopping
}

// add takes over a fresh leg, which is drained every 20 ms from now on.
func (s *shard) add(l *leg) {
	l.shard = s
	l.owner.Store(s)
	s.legs[l] = struct{}{}
	s.place(l, s.now+l.ptime)
}

// remove forgets a leg.
func (s *shard) remove(l *leg) {
	delete(s.legs, l)
	s.unplace(l)
	s.setQuick(l, false)
	s.load.Add(-1)
}

// place makes the leg due at the beat nearest to at, and every ptime from there.
// It returns the nominal time of that beat.
func (s *shard) place(l *leg, at time.Duration) time.Duration {
	s.unplace(l)
	ahead := max(0, int((at-s.next+beat/2)/beat))
	period := int(l.ptime / beat)
	for slot := (s.slot + ahead) % period; slot < wheelSlots; slot += period {
		s.wheel[slot] = append(s.wheel[slot], l)
	}
	l.placed = true
	return s.next + time.Duration(ahead)*beat
}

func (s *shard) unplace(l *leg) {
	if !l.placed {
		return
	}
	for i := range s.wheel {
		s.wheel[i] = without(s.wheel[i], l)
	}
	l.placed = false
}

// setQuick has the leg drained on every beat, or no longer.
func (s *shard) setQuick(l *leg, on bool) {
	if have := slices.Contains(s.quick, l); have == on {
		return
	}
	if on {
		s.quick = append(s.quick, l)
		return
	}
	s.quick = without(s.quick, l)
}

// without removes a leg; the order within a beat is of no meaning.
func without(legs []*leg, l *leg) []*leg {
	i := slices.Index(legs, l)
	if i < 0 {
		return legs
	}
	last := len(legs) - 1
	legs[i], legs[last] = legs[last], nil
	return legs[:last]
}

// emit queues an event for delivery after this beat.
func (s *shard) emit(p *Port, ev Event) {
	ev.At = s.engine.epoch.Add(s.now)
	if p.home != s {
		p.home.box.add(told{p, ev})
		return
	}
	s.events = append(s.events, told{p, ev})
}
