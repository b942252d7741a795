package store

import (
	"log/slog"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

const (
	// slowAfter is how long the writer may be at one batch, and a unit of Update
	// may wait for it, before new work is refused.
	slowAfter = 2 * time.Second
	// The pauses between tries of a store that fails double from the first to
	// the longest.
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
)

// stage is what the writer is doing.
type stage int

const (
	stageIdle stage = iota
	stageBegin
	stageUnits
	stageCommit
)

var slowWords = map[stage]string{
	stageBegin:  "another process may hold the database",
	stageUnits:  "reading or writing the database takes very long",
	stageCommit: "the disk, or the database server, takes very long to make a commit durable",
}

// health is how the writer is doing, as the writer tells it. It says each change
// once, in the log.
type health struct {
	clock clock.Clock
	log   *slog.Logger

	mu     sync.Mutex
	fault  fault // of the last try
	cause  error
	since  time.Time // of the fault, or of slow
	stage  stage
	slow   bool // the present batch has taken longer than slowAfter
	watch  clock.Timer
	batch  int64 // number of the present batch
	noRoom bool  // the reserve is not there
	crowd  bool  // the alarm about what waits in memory was given
}

// crowdedAt is how many units in the line raise an alarm. Nothing is dropped
// beyond it: no new call begins while the store fails, so the line ends with the
// calls that run.
const crowdedAt = 100_000

// enter notes that the writer begins a batch.
func (h *health) enter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.batch++
	h.stage = stageBegin
	n, began := h.batch, h.clock.Now()
	h.watch = h.clock.AfterFunc(slowAfter, func() { h.tooLong(n, began) })
}

func (h *health) at(s stage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stage = s
}

// tooLong notes that batch n is not done although its time is over.
func (h *health) tooLong(n int64, began time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.batch != n || h.stage == stageIdle || h.slow {
		return
	}
	h.slow = true
	if h.fault == faultNone {
		h.since = began
		h.log.Error("the store is slow: new calls are refused", "why", slowWords[h.stage])
	}
}

// leave notes how a batch ended; done says that something was committed.
func (h *health) leave(f fault, cause error, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watch.Stop()
	h.stage = stageIdle
	was, wasSlow := h.fault, h.slow
	h.slow = false
	switch {
	case f != faultNone:
		h.failed(f, cause, wasSlow)
	case !done:
	case was != faultNone:
		h.fault, h.cause, h.crowd = faultNone, nil, false
		h.log.Warn("the store writes again", "after", h.clock.Now().Sub(h.since).Round(time.Millisecond).String())
	case wasSlow:
		h.log.Warn("the store is no longer slow", "after", h.clock.Now().Sub(h.since).Round(time.Millisecond).String())
	}
}

// found notes a fault of the batch that runs, before anybody is told of it: who is
// refused and then asks how the store is must not hear that it is well.
func (h *health) found(f fault, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed(f, cause, h.slow)
}

// failed notes a fault; slow: it was known already that something is wrong. mu is held.
func (h *health) failed(f fault, cause error, slow bool) {
	was := h.fault
	if was == faultNone && !slow {
		h.since = h.clock.Now()
	}
	h.fault, h.cause = f, cause
	if was != f {
		h.log.Error(f.words()+". New calls are refused; what running calls tell is kept and written later", "error", cause)
	}
}

// crowded gives the alarm about n waiting units, once a fault.
func (h *health) crowded(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n >= crowdedAt && !h.crowd {
		h.crowd = true
		h.log.Error("very much waits in memory for the store; it is lost if the process ends before the store writes again", "units", n)
	}
}

// giveUpReserve notes whether the reserve is gone.
func (h *health) giveUpReserve(gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noRoom = gone
}

// broken says why nothing can be written now; nil where it can.
func (h *health) broken() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.fault != faultNone:
		return &calls.Error{Code: calls.CodeOverloaded, Detail: h.fault.words(), Err: h.cause}
	case h.slow:
		return calls.Errorf(calls.CodeOverloaded, "the store has not committed anything for %s: %s",
			h.clock.Now().Sub(h.since).Round(time.Second), slowWords[h.stage])
	}
	return nil
}

// failing says why no new call may begin; nil where it may.
func (h *health) failing() error {
	if err := h.broken(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.noRoom {
		return calls.Errorf(calls.CodeOverloaded, "%s", reserveWords)
	}
	return nil
}

// reserveWords says what is wrong while the reserve is not there.
const reserveWords = "the disk under data_dir has no room for the reserve (store_reserve): only running calls are written; make room, nothing need be restarted"

// Failing implements calls.Health.
func (s *Store) Failing() error {
	if err := s.health.failing(); err != nil {
		return err
	}
	if err := s.Held(); err != nil {
		return &calls.Error{Code: calls.CodeOverloaded, Detail: err.Error(), Err: err}
	}
	return nil
}

// tired is the answer to a unit that waited too long.
func tired() error {
	return calls.Errorf(calls.CodeOverloaded, "the store did not come to this within %s; nothing was stored, try again in a moment", slowAfter)
}
