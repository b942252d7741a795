package engine

import (
	"maps"
	"runtime"
	"slices"
	"time"

	"zvonar/internal/clock"
)

// quiet waits until no call has anything to do. What a call tells a leg, or the log, it
// tells in the midst of a step: what that step does after it (set a timer, listen to the
// leg) is promised only once the step is over.
func (b *bench) quiet() {
	b.t.Helper()
	for end := time.Now().Add(patience); !b.idle(); runtime.Gosched() {
		if time.Now().After(end) {
			b.t.Fatal("a call is never done with what it was told")
		}
	}
}

// idle waits until each call has taken what was posted so far, and reports whether
// nothing came of it.
func (b *bench) idle() bool {
	b.e.mu.Lock()
	list := slices.Collect(maps.Values(b.e.sessions))
	b.e.mu.Unlock()
	for _, s := range list {
		if !s.box.waits() {
			taken := make(chan struct{})
			s.box.postOr(func() { close(taken) }, func() { close(taken) })
			select {
			case <-taken:
			case <-time.After(patience):
			}
			return false
		}
	}
	return true
}

// waits reports whether nobody reads the mailbox, nor will.
func (m *mailbox) waits() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.busy
}

// patientClock is a clock that goes on only once no call has anything to do.
type patientClock struct {
	*clock.Fake
	b *bench
}

func (c patientClock) Advance(d time.Duration) {
	c.b.t.Helper()
	c.b.quiet()
	c.Fake.Advance(d)
}
