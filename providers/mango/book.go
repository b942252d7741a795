package mango

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// notice is one of the notices of a call, as a value of its type.
type notice any

// Bounds of what is kept of calls that nobody follows yet or any more.
const (
	maxEntries   = 10000
	maxHeld      = 64 // notices of one call
	mailboxSize  = 256
	foreignPause = 2 * time.Hour // after which a call without a summary is forgotten
)

// book brings notices to the calls they are about: by the command that began the
// call, and from then on by entry_id, which stays through transfers. Calls that no
// command of ours began are strangers; who they are is settled after a while, for
// the notice that bears the command may come later than others. Safe for concurrent use.
type book struct {
	clock clock.Clock
	// patience is how long a stranger may turn out to be ours; strange is told of it
	// and of everything that follows, by one goroutine at a time.
	patience time.Duration
	strange  func(entry text, first bool, n notice)

	mu       sync.Mutex
	commands map[text]*watch
	entries  map[text]*entry
}

// disowned tells strange that a call turned out to be ours after all.
type disowned struct{}

// watch is a call of ours that is followed.
type watch struct {
	command text
	entry   text
	inbox   chan notice

	known chan struct{} // closed once there is a leg to be hung up
	mu    sync.Mutex
	leg   text
}

// at says which leg is to be hung up; "" leaves the last one.
func (w *watch) at(leg text) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if leg == "" {
		return
	}
	if w.leg == "" {
		close(w.known)
	}
	w.leg = leg
}

// live is the leg to be hung up.
func (w *watch) live() text {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leg
}

// entry is what is known of an entry_id.
type entry struct {
	watch   *watch // nil: a stranger, or one of ours that is over
	over    bool
	held    []notice // of a stranger, until it is settled
	settled bool
	busy    bool // strange is being told
	first   bool // strange was told before
}

func newBook(c clock.Clock, patience time.Duration, strange func(text, bool, notice)) *book {
	return &book{clock: c, patience: patience, strange: strange, commands: map[text]*watch{}, entries: map[text]*entry{}}
}

// follow opens the page of a command. close must be called.
func (b *book) follow(command string) *watch {
	w := &watch{command: text(command), inbox: make(chan notice, mailboxSize), known: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commands[w.command] = w
	return w
}

// adopt makes what is told of an entry that of a watch: a former process knew it.
func (b *book) adopt(w *watch, entry text) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.entry == "" {
		b.bind(w, entry)
	}
}

// find is the watch of a command, also for a while after it was closed.
func (b *book) find(command string) *watch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commands[text(command)]
}

// lateCommand is how long after its end the watch of a call can be found.
const lateCommand = time.Minute

// close ends a watch; what still comes about its call goes to nobody.
func (b *book) close(w *watch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock.AfterFunc(lateCommand, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.commands, w.command)
	})
	if e := b.entries[w.entry]; e != nil && e.watch == w {
		e.watch, e.over = nil, true
		b.forgetLater(w.entry, e)
	}
}

// forgetLater takes an entry out once nothing comes about it any more; b.mu is held.
func (b *book) forgetLater(id text, e *entry) {
	b.clock.AfterFunc(foreignPause, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.entries[id] == e {
			delete(b.entries, id)
		}
	})
}

// hear brings a notice to its call. It returns at once.
func (b *book) hear(command, id text, n notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.commands[command]; command != "" && w != nil {
		w.put(n)
		if id != "" && w.entry == "" {
			b.bind(w, id)
		}
		return
	}
	if id == "" {
		return
	}
	e := b.entries[id]
	if e == nil {
		if len(b.entries) >= maxEntries {
			return
		}
		e = &entry{}
		b.entries[id] = e
		b.forgetLater(id, e)
		b.clock.AfterFunc(b.patience, func() { b.settle(id, e) })
	}
	switch {
	case e.watch != nil:
		e.watch.put(n)
	case e.over:
	case len(e.held) < maxHeld:
		e.held = append(e.held, n)
		if e.settled && !e.busy {
			e.busy = true
			go b.tell(id, e)
		}
	}
}

// bind makes an entry that of a watch, with what was heard of it before; b.mu is held.
func (b *book) bind(w *watch, id text) {
	e := b.entries[id]
	if e == nil {
		e = &entry{}
		b.entries[id] = e
	}
	if e.watch != nil || e.over {
		return
	}
	w.entry, e.watch = id, w
	if e.settled {
		e.held = append(e.held, disowned{})
		if !e.busy {
			e.busy = true
			go b.tell(id, e)
		}
		return
	}
	for _, n := range e.held {
		w.put(n)
	}
	e.held = nil
}

// settle: an entry that is still nobody's is a stranger's.
func (b *book) settle(id text, e *entry) {
	b.mu.Lock()
	if e.watch != nil || e.over || b.entries[id] != e {
		b.mu.Unlock()
		return
	}
	e.settled, e.busy = true, true
	b.mu.Unlock()
	b.tell(id, e)
}

// tell gives strange what is held of an entry, in order.
func (b *book) tell(id text, e *entry) {
	for {
		b.mu.Lock()
		if len(e.held) == 0 {
			e.busy = false
			b.mu.Unlock()
			return
		}
		n, first := e.held[0], !e.first
		e.held, e.first = e.held[1:], true
		b.mu.Unlock()
		b.strange(id, first, n)
	}
}

// put leaves a notice for whoever follows; one who does not read loses the newest.
func (w *watch) put(n notice) {
	select {
	case w.inbox <- n:
	default:
	}
}
