//go:build linux

package main

import (
	"container/heap"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// farmConfig is what calls are made like.
type farmConfig struct {
	target netip.AddrPort // its signalling
	local  netip.AddrPort // ours; the media sockets have the ports after it
	number string
	hold   time.Duration
	load   workload
}

// sharedSockets carry the media of all calls.
const sharedSockets = 4

// farm is all calls of the generator; everything in it belongs to its loop.
type farm struct {
	cfg     farmConfig
	run     int64
	sip     *batchSocket
	media   []*batchSocket
	sound   []byte
	byID    map[string]*call
	byMedia map[netip.AddrPort]*call
	slots   [slots][]*call
	strays  []datagram // of no call that is known yet; looked at once more
	active  int
	serial  int
	timers  timers
	pairs   map[string]*call // legs of bridges whose other one is not there yet, by what their numbers share
	loud    [frame]byte
	uttered []*call // whose loud frame is queued
	scratch [longest]byte
	now     window
	rate    float64 // calls a second that the farm makes
	owed    float64
	orders  chan func(*farm)
	ended   chan struct{}
}

func newFarm(cfg farmConfig) (*farm, error) {
	f := &farm{cfg: cfg, run: time.Now().Unix(), sound: speech(), loud: loudFrame(), byID: map[string]*call{}, byMedia: map[netip.AddrPort]*call{}, pairs: map[string]*call{},
		orders: make(chan func(*farm), 16), ended: make(chan struct{})}
	var err error
	if f.sip, err = listen(cfg.local); err != nil {
		return nil, err
	}
	for i := range sharedSockets {
		s, err := listen(netip.AddrPortFrom(cfg.local.Addr(), cfg.local.Port()+uint16(2+2*i)))
		if err != nil {
			return nil, err
		}
		f.media = append(f.media, s)
	}
	return f, nil
}

// do has the loop run fn and waits for it.
func (f *farm) do(fn func(*farm)) {
	done := make(chan struct{})
	f.orders <- func(f *farm) { fn(f); close(done) }
	<-done
}

// loop runs the farm, a millisecond after another, on this thread.
func (f *farm) loop() {
	runtime.LockOSThread()
	defer close(f.ended)
	began := time.Now()
	base := monotonic()
	last := began
	for tick := 1; ; tick++ {
		due := base + int64(tick)*int64(time.Millisecond)
		at := unix.NsecToTimespec(due)
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil) == unix.EINTR {
		}
		f.now.lateness.observe(time.Duration(monotonic() - due))
		now := time.Now()
		span := now.Sub(last).Seconds()
		f.now.callSeconds += float64(f.active) * span
		last = now
		select {
		case order := <-f.orders:
			if order == nil {
				return
			}
			order(f)
		default:
		}
		for f.owed += f.rate * span; f.owed >= 1; f.owed-- {
			f.ring(now)
		}
		f.turn(tick, now)
	}
}

// turn does what a millisecond asks for.
func (f *farm) turn(tick int, now time.Time) {
	for more := true; more; {
		seen := f.sip.receive()
		for _, d := range seen {
			f.message(d, now)
		}
		more = len(seen) == batchSize
	}
	f.timers.run(now)
	for _, d := range f.strays {
		if f.byMedia[d.from] != nil {
			f.hear(d)
		}
	}
	f.strays = f.strays[:0]
	for _, s := range f.media {
		for more := true; more; {
			seen := s.receive()
			for _, d := range seen {
				f.hear(d)
			}
			more = len(seen) == batchSize
		}
	}
	for _, c := range f.slots[tick%slots] {
		f.speak(c, now)
	}
	for _, s := range f.media {
		s.flush()
		f.now.refused += s.refused
		s.refused = 0
	}
	f.left()
}

func (f *farm) stop() {
	f.orders <- nil
	<-f.ended
}

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// timers are what is to be done later, the next first.
type timers []timer

type timer struct {
	at time.Time
	do func(time.Time)
}

func (f *farm) later(at time.Time, do func(time.Time)) { heap.Push(&f.timers, timer{at, do}) }

func (t *timers) run(now time.Time) {
	for len(*t) > 0 && !(*t)[0].at.After(now) {
		heap.Pop(t).(timer).do(now)
	}
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}
