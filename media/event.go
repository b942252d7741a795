package media

import (
	"sync"
	"time"

	"zvonar/internal/calls"
)

// EventKind is what a Port reports.
type EventKind int

// The events of a port.
const (
	EventFirstAudio       EventKind = iota + 1 // first valid RTP received, once
	EventPlaybackStarted                       // PlayID; its first frame left
	EventPlaybackFinished                      // PlayID, Played, Reason; with PlayEnd, 20 ms after the last frame
	EventDigit                                 // Digit, Via
	EventMediaTimeout                          // dead air for one of Session.Patience; Silence
	EventClosed                                // Facts; the last event
)

// Event is something that happened on a port.
type Event struct {
	Kind   EventKind
	At     time.Time
	PlayID int64
	Played time.Duration // audio that left on the wire
	Reason calls.PlayReason
	Digit  byte
	Via    string // rfc4733, inband
	// Silence is of EventMediaTimeout.
	Silence calls.Silence
	Facts   calls.LegFacts
}

// The values of Event.Via: a telephone-event, a tone in the audio.
const (
	viaRFC4733 = "rfc4733"
	viaInband  = "inband"
)

// told is an event on its way to the port's owner.
type told struct {
	port  *Port
	event Event
}

// outbox carries events and counters from a shard to the goroutines that may
// wait: the shard takes its lock once a beat.
type outbox struct {
	mu       sync.Mutex
	waiting  []told
	counters counters
	closed   bool
	signal   chan struct{}
}

func newOutbox() *outbox { return &outbox{signal: make(chan struct{}, 1)} }

func (o *outbox) put(events []told, c *counters) {
	o.mu.Lock()
	o.waiting = append(o.waiting, events...)
	o.counters = *c
	o.mu.Unlock()
	if len(events) > 0 {
		o.ring()
	}
}

// offer is put where that does not have to wait; false: it would have had to.
func (o *outbox) offer(events []told, c *counters) bool {
	if !o.mu.TryLock() {
		return false
	}
	o.waiting = append(o.waiting, events...)
	o.counters = *c
	o.mu.Unlock()
	if len(events) > 0 {
		o.ring()
	}
	return true
}

// add takes an event of another goroutine than the shard's.
func (o *outbox) add(t told) {
	o.mu.Lock()
	o.waiting = append(o.waiting, t)
	o.mu.Unlock()
	o.ring()
}

func (o *outbox) ring() {
	select {
	case o.signal <- struct{}{}:
	default:
	}
}

// close lets deliver return once everything has been delivered.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.ring()
}

func (o *outbox) snapshot() counters {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counters
}

// deliver hands out the events, one at a time and in order, until close.
func (o *outbox) deliver() {
	var batch []told
	for range o.signal {
		o.mu.Lock()
		batch, o.waiting = o.waiting, batch[:0]
		closed := o.closed
		o.mu.Unlock()
		for i := range batch {
			batch[i].port.tell(batch[i].event)
		}
		clear(batch)
		if closed {
			return
		}
	}
}
