package engine

import (
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
)

const (
	// patrolEvery lies between two rounds of the watchdog.
	patrolEvery = time.Minute
	// patience is how many rounds in a row must find a call without anybody, or
	// a session without a sign of life, before it is ended: a call may just be
	// changing hands.
	roundsOfPatience = 2
)

// watchdog finds calls that nobody runs and sessions that do not go on. Its
// fields belong to the round that runs.
type watchdog struct {
	suspects map[string]int   // rounds a call was found without anybody
	silent   map[*session]int // rounds a session did not answer
	running  atomic.Bool
}

func newWatchdog() *watchdog {
	return &watchdog{suspects: map[string]int{}, silent: map[*session]int{}}
}

// watch has the next round begin in a while.
func (e *Engine) watch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.draining {
		e.patrolTimer = e.clock.AfterFunc(patrolEvery, e.patrol)
	}
}

// patrol is one round.
func (e *Engine) patrol() {
	e.mu.Lock()
	if e.draining || !e.dog.running.CompareAndSwap(false, true) {
		e.mu.Unlock()
		return
	}
	e.wg.Add(1)
	e.mu.Unlock()
	defer e.wg.Done()
	defer e.watch()
	defer e.dog.running.Store(false)
	e.checkSessions()
	if err := e.checkCalls(); err != nil && e.life.Err() == nil {
		e.log.Warn("the watchdog could not read the calls of this node", "err", err)
	}
}

// checkSessions asks every session for a sign of life. One that gives none is
// cut off: its call is ended without it, by what the store knows.
func (e *Engine) checkSessions() {
	e.mu.Lock()
	running := make([]*session, 0, len(e.sessions))
	for _, s := range e.sessions {
		running = append(running, s)
	}
	e.mu.Unlock()
	silent := map[*session]int{}
	for _, s := range running {
		if s.asked.Swap(true) {
			silent[s] = e.dog.silent[s] + 1
			if silent[s] >= roundsOfPatience {
				delete(silent, s)
				e.cutOff(s)
			}
			continue
		}
		s.box.post(s.lives)
	}
	e.dog.silent = silent
}

// lives answers the watchdog, in the goroutine of the call. A call that outlived
// all its limits is ended here, where that can still be done in order.
func (s *session) lives() {
	s.asked.Store(false)
	if s.phase == committing || s.phase.remotely() || s.now().Sub(s.born) < s.maxLife()+s.maxDuration()+2*watchdogAfter {
		return // while its attempt waits for the store nobody is rung; reports have a time-out of their own
	}
	s.log.Error("the call outlived all its limits; the watchdog ends it", "phase", s.phase.String())
	s.abandon("the call outlived all its limits")
}

// cutOff takes the call from a session whose goroutine hangs. Whatever that
// still does finds the call over.
func (e *Engine) cutOff(s *session) {
	e.log.Error("a running call gives no sign of life; the watchdog ends it", "call", s.id)
	e.metrics.stuck.Inc()
	e.mu.Lock()
	if e.sessions[s.id] == s {
		delete(e.sessions, s.id)
	}
	e.mu.Unlock()
	var c *calls.Call
	err := e.store.View(e.life, func(tx calls.ReadTx) (err error) {
		c, err = tx.Call("", s.id)
		return err
	})
	if err != nil {
		e.log.Error("the call could not be read; the next round ends it", "call", s.id, "err", err)
		return
	}
	if !c.Over() {
		e.hangupOrphans([]*calls.Call{c}, verdict{calls.ReasonStuck, "the call hung inside zvonar; the log tells more"})
	}
}

// checkCalls looks for calls of this node that nobody runs: not in the queue,
// not in a session, their end not on its way into the store.
func (e *Engine) checkCalls() error {
	suspects := map[string]int{}
	var stuck, silent []*calls.Call
	for after := ""; ; {
		page, err := e.unfinished(e.life, after)
		if err != nil {
			return err
		}
		for _, c := range page {
			if e.inHand(c.ID) {
				continue
			}
			if c.Foreign {
				if e.silent(c) {
					silent = append(silent, c)
				}
				continue
			}
			if suspects[c.ID] = e.dog.suspects[c.ID] + 1; suspects[c.ID] >= roundsOfPatience {
				delete(suspects, c.ID)
				stuck = append(stuck, c)
			}
		}
		if len(page) < recoveryPage {
			break
		}
		after = page[len(page)-1].ID
	}
	e.dog.suspects = suspects
	e.free(stuck)
	e.forsake(silent)
	return nil
}

// free ends calls that nobody runs, or queues them again where nobody can have
// been rung.
func (e *Engine) free(stuck []*calls.Call) {
	var lost []*calls.Call
	for _, c := range stuck {
		if e.inHand(c.ID) {
			continue
		}
		e.metrics.stuck.Inc()
		if waits(c) {
			e.log.Error("a waiting call was in no queue; it is queued again", "call", c.ID)
			e.requeue(c)
			continue
		}
		e.log.Error("a call was in progress and nobody ran it; the watchdog ends it", "call", c.ID, "status", c.Status)
		lost = append(lost, c)
	}
	e.hangupOrphans(lost, verdict{calls.ReasonStuck, "the call was in progress and nobody ran it; the log tells more"})
}

// inHand reports whether somebody of this process answers for a call.
func (e *Engine) inHand(id string) bool {
	e.mu.Lock()
	held := e.sessions[id] != nil || e.closing[id]
	e.mu.Unlock()
	return held || e.cfg.Queue.Has(id)
}
