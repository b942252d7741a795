package media

import (
	"math/rand/v2"
	"time"
)

// quarantine keeps a closed port from being given to the next call while late
// packets of the former one may still arrive.
const quarantine = 2 * time.Second

// portRange gives out the even ports of a range, the longest idle first. It is
// not safe for concurrent use.
type portRange struct {
	inUse   []uint64 // bitmap by (port-first)/2
	first   int
	idle    fifo[int]      // free, in the order they became so
	resting fifo[restPort] // closed, in the order they were
	used    int
}

type restPort struct {
	port  int
	until time.Duration
}

// newPortRange holds the even ports from low to high. It starts at a random one:
// ports that cannot be guessed, and a restart does not reuse at once what the
// process before it had.
func newPortRange(low, high int) *portRange {
	first := low + low%2
	n := max(0, (high-first)/2+1)
	r := &portRange{first: first, inUse: make([]uint64, (n+63)/64)}
	if n == 0 {
		return r
	}
	start := rand.IntN(n)
	for i := range n {
		r.idle.push(first + 2*((start+i)%n))
	}
	return r
}

// take gives the port that has been idle the longest; false if all are in use or
// in quarantine. now counts from any fixed point.
func (r *portRange) take(now time.Duration) (int, bool) {
	r.rested(now)
	port, ok := r.idle.peek()
	if !ok {
		return 0, false
	}
	r.idle.pop()
	r.mark(port, true)
	return port, true
}

// empty tells whether take would find nothing.
func (r *portRange) empty(now time.Duration) bool {
	r.rested(now)
	_, ok := r.idle.peek()
	return !ok
}

// rested ends the quarantine of those whose time is over.
func (r *portRange) rested(now time.Duration) {
	for {
		p, ok := r.resting.peek()
		if !ok || p.until > now {
			return
		}
		r.resting.pop()
		r.idle.push(p.port)
	}
}

// release gives a port back; heard ones rest before they are given out again.
func (r *portRange) release(port int, heard bool, now time.Duration) {
	if !r.taken(port) {
		return
	}
	r.mark(port, false)
	if !heard {
		r.idle.push(port)
		return
	}
	r.resting.push(restPort{port, now + quarantine})
}

func (r *portRange) taken(port int) bool {
	i := (port - r.first) / 2
	return i >= 0 && i/64 < len(r.inUse) && r.inUse[i/64]&(1<<(i%64)) != 0
}

func (r *portRange) mark(port int, used bool) {
	i := (port - r.first) / 2
	if used {
		r.inUse[i/64] |= 1 << (i % 64)
		r.used++
		return
	}
	r.inUse[i/64] &^= 1 << (i % 64)
	r.used--
}

// fifo is a queue in a slice that forgets its head now and then.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) push(v T) {
	if f.head > 64 && f.head > len(f.items)/2 {
		f.items = append(f.items[:0], f.items[f.head:]...)
		f.head = 0
	}
	f.items = append(f.items, v)
}

func (f *fifo[T]) peek() (v T, ok bool) {
	if f.head == len(f.items) {
		return v, false
	}
	return f.items[f.head], true
}

func (f *fifo[T]) pop() { f.head++ }
