package media

import (
	"slices"
	"sync/atomic"
)

// inbox holds the commands of a shard. Its thread may be the only one that goes
// before others, so it never waits for them: not for a lock either, whose owner the
// kernel may have put aside (docs/decisions/036).
type inbox struct {
	newest   atomic.Pointer[command]
	stopping atomic.Bool
	batch    []func(*shard) // of the shard alone
}

type command struct {
	do    func(*shard)
	older *command
}

// shut is the newest command of a shard that takes no further ones.
var shut = &command{}

// put adds a command; false once no more are taken.
func (i *inbox) put(f func(*shard)) bool {
	for c := (&command{do: f}); ; {
		c.older = i.newest.Load()
		if c.older == shut {
			return false
		}
		if i.newest.CompareAndSwap(c.older, c) {
			return true
		}
	}
}

// take gives what waits, the oldest first, and whether these are the last.
func (i *inbox) take() (commands []func(*shard), last bool) {
	var c *command
	if last = i.stopping.Load(); last {
		c = i.newest.Swap(shut)
	} else {
		c = i.newest.Swap(nil)
	}
	clear(i.batch)
	i.batch = i.batch[:0]
	for ; c != nil && c != shut; c = c.older {
		i.batch = append(i.batch, c.do)
	}
	slices.Reverse(i.batch)
	return i.batch, last
}

// do queues a command and wakes the shard. False once the shard is stopping.
func (s *shard) do(f func(*shard)) bool {
	if !s.inbox.put(f) {
		return false
	}
	s.sleep.wake()
	return true
}

// stop makes the shard close what is left and end.
func (s *shard) stop() {
	s.inbox.stopping.Store(true)
	s.sleep.wake()
}
