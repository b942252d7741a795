// Package live lets an amd.Listener hear a leg while its call goes on: sound comes
// from a media analyst, time from a clock where the far end sends nothing, for a
// line that suppresses silence must not stop the judge's time.
package live

import (
	"sync"
	"time"

	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/media/amd"
)

const (
	// patience is how long nothing may come until that is silence; jitter is shorter.
	patience = 300 * time.Millisecond
	beat     = 100 * time.Millisecond
	// longest is how much silence is heard at once.
	longest = 15 * amd.Rate
)

// Ears are a media.Analyser that judges who answered. Event times count from the
// start of the listening.
type Ears struct {
	clock clock.Clock
	tell  func(amd.Event)

	mu       sync.Mutex
	listener *amd.Listener
	last     time.Time // when sound last came, or was replaced by silence
	supplied int       // samples of silence that the clock supplied since then
	timer    clock.Timer
	ended    bool
}

// Start makes ears that begin to count now. tell is called on the goroutine of the
// sound or of the clock, one call at a time; it must not block and not call Stop.
func Start(listener *amd.Listener, c clock.Clock, tell func(amd.Event)) *Ears {
	e := &Ears{clock: c, tell: tell, listener: listener, last: c.Now()}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.again()
	return e
}

// Stop ends the listening; tell is not called after it.
func (e *Ears) Stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.end()
}

func (e *Ears) end() {
	e.ended = true
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// Hear implements media.Analyser.
func (e *Ears) Hear(s media.Sound) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.last = e.clock.Now()
	gap := s.Gap - e.supplied
	e.supplied = 0
	switch {
	case s.Fresh || gap <= 0:
		if s.Fresh {
			e.listener.Gap(0) // no frame may look across the seam
		}
	case s.Lost:
		e.listener.Gap(min(gap, longest))
	default:
		e.listener.Silence(min(gap, longest), e.tell)
	}
	e.listener.Feed(s.PCM, e.tell)
	e.rest()
}

// rest ends the listening once nothing more will be told.
func (e *Ears) rest() {
	if e.listener.Done() {
		e.end()
	}
}

func (e *Ears) again() { e.timer = e.clock.AfterFunc(beat, e.look) }

// look supplies silence where nothing comes.
func (e *Ears) look() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	if missing := e.clock.Now().Sub(e.last); missing >= patience {
		if n := min(int(missing*amd.Rate/time.Second)-e.supplied, longest); n > 0 {
			e.supplied += n
			e.listener.Silence(n, e.tell)
		}
	}
	if e.rest(); !e.ended {
		e.again()
	}
}
