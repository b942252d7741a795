package engine

import (
	"context"
	"time"

	"zvonar/internal/calls"
)

// orphanTimeout bounds the BYE for one orphan leg.
const orphanTimeout = 10 * time.Second

// recover ends what a former process of this node was doing and queues what it
// had not begun. A call whose attempt was committed may have rung: it is lost,
// never dialled again.
func (e *Engine) recover(ctx context.Context) error {
	var open []*calls.Call
	err := e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		open, err = tx.Unfinished()
		return err
	})
	if err != nil {
		return err
	}
	var dialogs [][]byte
	lost := 0
	for _, c := range open {
		if c.Status == calls.StatusQueued || c.Status == calls.StatusHeld {
			c.Status, c.Hold = calls.StatusQueued, nil
			e.cfg.Queue.Enqueue(c)
			continue
		}
		left, err := e.lose(ctx, c)
		if err != nil {
			return err
		}
		dialogs = append(dialogs, left...)
		lost++
	}
	if lost > 0 {
		e.log.Warn("calls of a former process were ended as lost", "calls", lost, "orphan_legs", len(dialogs))
	}
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		e.hangupOrphans(dialogs)
	}()
	return nil
}

// lose completes one call as lost and returns the dialogs it left behind.
func (e *Engine) lose(ctx context.Context, c *calls.Call) (dialogs [][]byte, err error) {
	now := e.clock.Now()
	var changed []calls.Attempt
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if a.State != calls.AttemptDialing && a.State != calls.AttemptAnswered {
			continue
		}
		if len(a.Dialog) > 0 {
			dialogs = append(dialogs, a.Dialog)
		}
		a.State, a.EndedAt, a.Dialog = calls.AttemptLost, &now, nil
		changed = append(changed, *a)
	}
	endCall(c, calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonNodeLost}, calls.ByZvonar, now)
	e.metrics.completed(c)
	return dialogs, e.store.Update(ctx, write(c, []calls.Event{e.event(c, calls.CallCompleted, completedOf(c))},
		func(tx calls.Tx) error {
			for i := range changed {
				if err := tx.UpdateAttempt(&changed[i]); err != nil {
					return err
				}
			}
			return nil
		}))
}

// hangupOrphans sends a BYE to every leg that a former process left talking.
func (e *Engine) hangupOrphans(dialogs [][]byte) {
	for _, d := range dialogs {
		ctx, cancel := context.WithTimeout(context.Background(), orphanTimeout)
		if err := e.line.HangupOrphan(ctx, d); err != nil {
			e.log.Warn("an orphan leg did not take our BYE", "err", err)
		}
		cancel()
	}
}
