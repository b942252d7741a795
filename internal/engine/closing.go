package engine

import (
	"errors"
	"time"

	"zvonar/internal/calls"
)

// closePauses lie between the tries to write the end of a call. After the last
// one the watchdog ends it.
var closePauses = [...]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute}

// closeCall writes the end of a call that is over, with what it had not told yet
// and its call.completed, and does not wait. A store that is out of order for a
// while delays the end, it does not lose it: until it is written, ref is taken
// and the call looks alive.
func (e *Engine) closeCall(c *calls.Call, untold []calls.Event) {
	done := c.Clone()
	e.mu.Lock()
	e.closing[done.ID] = true
	e.mu.Unlock()
	e.tryClose(done, append(untold, e.event(done, calls.CallCompleted, completedOf(done))), 0)
}

func (e *Engine) tryClose(c *calls.Call, last []calls.Event, try int) {
	e.store.Note(closing(c, last), func(err error) {
		switch {
		case err == nil:
		case takenAway(err):
			// Whoever took the call over, or cut it off, ends it.
		case try == len(closePauses):
			e.log.Error("the end of the call could not be written; the watchdog will end it", "call", c.ID, "err", err)
		default:
			e.log.Warn("the end of the call could not be written; it is tried again", "call", c.ID, "in", closePauses[try], "err", err)
			e.clock.AfterFunc(closePauses[try], func() { e.tryClose(c, last, try+1) })
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.closing, c.ID)
	})
}

// takenAway reports that a call is somebody else's, or was ended by somebody
// else, so that nothing of it can be written here any more.
func takenAway(err error) bool {
	return errors.Is(err, calls.ErrFenced) || calls.CodeOf(err) == calls.CodeWrongState
}

// closing is the unit of work that ends a call.
func closing(c *calls.Call, last []calls.Event) func(calls.Tx) error {
	return write(c, last, func(tx calls.Tx) error { return rewriteAttempts(tx, c.Attempts) })
}

// rewriteAttempts brings the attempts of a call to what is known of them: a unit
// that told of one may have failed.
func rewriteAttempts(tx calls.Tx, attempts []calls.Attempt) error {
	for _, a := range attempts {
		if err := tx.UpdateAttempt(&a); err != nil && !errors.Is(err, calls.ErrNotFound) {
			return err
		}
	}
	return nil
}
