package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

const (
	orphanTimeout = 10 * time.Second // for the BYE of one orphan leg
	orphanWorkers = 16               // calls whose legs are hung up at once
)

// recover ends what a former process of this node was doing and queues what it
// had not begun. A call whose attempt was committed may have rung: it is lost,
// never dialled again. It may itself be killed anywhere: a call is completed
// only after the BYEs to its legs, and a BYE sent twice does no harm.
func (e *Engine) recover(ctx context.Context) error {
	var open []*calls.Call
	err := e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		open, err = tx.Unfinished()
		return err
	})
	if err != nil {
		return err
	}
	failpoint.Hit(failpoint.Recovering)
	var talking []*calls.Call
	lost := 0
	for _, c := range open {
		switch {
		case waits(c):
			c.Status, c.Hold = calls.StatusQueued, nil
			e.cfg.Queue.Enqueue(c)
			continue
		case len(dialogsOf(c)) > 0:
			talking = append(talking, c)
		default:
			if err := e.lose(ctx, c); err != nil {
				return err
			}
		}
		lost++
	}
	if lost > 0 {
		e.log.Warn("calls of a former process end as lost", "calls", lost, "talking", len(talking))
	}
	e.hangupOrphans(talking)
	return nil
}

// waits reports whether nobody can have been rung for c.
func waits(c *calls.Call) bool {
	if c.Status != calls.StatusQueued && c.Status != calls.StatusHeld {
		return false
	}
	for _, a := range c.Attempts {
		if a.Open() {
			return false
		}
	}
	return true
}

// dialogsOf lists the dialogs that a former process may have left standing.
func dialogsOf(c *calls.Call) (dialogs [][]byte) {
	for _, a := range c.Attempts {
		if a.Open() && len(a.Dialog) > 0 {
			dialogs = append(dialogs, a.Dialog)
		}
	}
	if len(c.Dialog) > 0 {
		dialogs = append(dialogs, c.Dialog)
	}
	return dialogs
}

// lose completes one call as lost.
func (e *Engine) lose(ctx context.Context, c *calls.Call) error {
	now := e.clock.Now()
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Open() {
			a.State, a.EndedAt, a.Dialog = calls.AttemptLost, &now, nil
		}
	}
	c.Dialog = nil
	endCall(c, calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonNodeLost}, calls.ByZvonar, now)
	err := e.store.Update(ctx, closing(c, e.event(c, calls.CallCompleted, completedOf(c))))
	if err == nil {
		failpoint.Hit(failpoint.RecoveryLost)
		e.metrics.completed(c)
	}
	return err
}

// hangupOrphans sends BYE to every leg that a former process left talking, and
// then completes its call. It does not wait for that.
func (e *Engine) hangupOrphans(talking []*calls.Call) {
	work := make(chan *calls.Call, len(talking))
	for _, c := range talking {
		work <- c
	}
	close(work)
	for range min(orphanWorkers, len(talking)) {
		e.wg.Go(func() {
			for c := range work {
				e.bury(c)
			}
		})
	}
}

// bury hangs up what is left of one call and completes it. Once the engine must
// stop, the rest is left to the next start.
func (e *Engine) bury(c *calls.Call) {
	var dialogs sync.WaitGroup
	for _, d := range dialogsOf(c) {
		dialogs.Go(func() {
			ctx, cancel := context.WithTimeout(e.life, orphanTimeout)
			defer cancel()
			if err := e.line.HangupOrphan(ctx, d); err != nil && e.life.Err() == nil {
				e.log.Warn("an orphan leg did not take our BYE", "call", c.ID, "err", err)
			}
		})
	}
	dialogs.Wait()
	failpoint.Hit(failpoint.RecoveryBye)
	if e.life.Err() != nil {
		return
	}
	if err := e.lose(e.life, c); err != nil && !errors.Is(err, context.Canceled) {
		e.log.Error("a call of a former process could not be ended; the next start tries again", "call", c.ID, "err", err)
	}
}
