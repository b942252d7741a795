package life

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// Crew is goroutines that take work one piece after another, and wait a while for
// the next: their stacks have grown already, and whoever has nothing to do needs no
// goroutine. Its methods may be called from any goroutine. Make one with NewCrew.
type Crew struct {
	panicked func(v any)

	mu     sync.Mutex
	n      int
	idle   chan struct{} // closed when n drops to 0; nil while nobody waits
	spare  []chan func() // of goroutines that wait for work: their stacks have grown already
	unused int           // how many of them nobody needed since the last trim
	timer  clock.Timer   // of the next trim; nil: none waits
	clock  clock.Clock
	closed bool // none waits any more
}

// NewCrew makes a crew whose panics go to panicked; with nil they end the process.
func NewCrew(clock clock.Clock, panicked func(v any)) *Crew {
	return &Crew{clock: clock, panicked: panicked}
}

const (
	maxSpare   = 64              // goroutines that wait for work
	trimPeriod = 4 * time.Second // after which those go that were not needed
)

// Start runs f in a goroutine of its own.
func (c *Crew) Start(f func()) {
	c.mu.Lock()
	c.n++
	var w chan func()
	if k := len(c.spare); k > 0 {
		w, c.spare = c.spare[k-1], c.spare[:k-1]
		c.unused = min(c.unused, k-1)
	}
	c.mu.Unlock()
	if w == nil {
		go c.run(f)
		return
	}
	w <- f // it waits, and there is room for one
}

// run runs f and whatever it is given afterwards.
func (c *Crew) run(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		c.Guard(f)
		if !c.done(next) {
			return
		}
		f = <-next
	}
}

// Close sends the goroutines away that wait for work; it is called once nothing
// but them is left, or nothing ever ran.
func (c *Crew) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.unused = len(c.spare)
	c.sendAway()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// trim sends those away that nobody needed for a while.
func (c *Crew) trim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendAway()
	c.timer = nil
	c.schedule()
}

// sendAway ends the goroutines that are unused; c.mu is held.
func (c *Crew) sendAway() {
	for _, w := range c.spare[:c.unused] {
		w <- nil
	}
	c.spare = append([]chan func(){}, c.spare[c.unused:]...)
	c.unused = len(c.spare)
}

// schedule sets the next trim where there is something to trim; c.mu is held.
func (c *Crew) schedule() {
	if c.timer == nil && len(c.spare) > 0 && !c.closed {
		c.timer = c.clock.AfterFunc(trimPeriod, c.trim)
	}
}

// Guard runs f, here, and tells of its panic.
func (c *Crew) Guard(f func()) {
	if c.panicked != nil {
		defer func() {
			if v := recover(); v != nil {
				c.panicked(v)
			}
		}()
	}
	f()
}

// done counts a goroutine out; true where it is to wait for more at next.
func (c *Crew) done(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.n == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
	if c.closed || len(c.spare) >= maxSpare {
		return false
	}
	c.spare = append(c.spare, next)
	c.schedule()
	return true
}

// Waiting gives a channel that is closed once no goroutine runs.
func (c *Crew) Waiting() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	return c.idle
}
