package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

const (
	orphanTimeout = 10 * time.Second // for the BYE of one orphan leg
	orphanWorkers = 16               // calls whose legs are hung up at once
	recoveryPage  = 1000             // calls that are read at once
	lostBatch     = 200              // calls that end in one unit of work
)

// recover ends what a former process of this node was doing and queues what it
// had not begun. A call whose attempt was committed may have rung: it is lost,
// never dialled again, unless a provider carries it without us, whose reports go on. It may itself be killed anywhere: a call is completed
// only after the BYEs to its legs, and a BYE sent twice does no harm.
//
// Only the first page is waited for; the rest, and all BYEs, go on while the
// node takes calls already. What this run began meanwhile carries its fence.
func (e *Engine) recover(ctx context.Context) error {
	page, err := e.unfinished(ctx, "")
	if err != nil {
		return err
	}
	failpoint.Hit(failpoint.Recovering)
	e.resume(e.former(page))
	if len(page) == recoveryPage {
		e.wg.Go(func() { e.recoverRest(page[len(page)-1].ID) })
	}
	return nil
}

func (e *Engine) recoverRest(after string) {
	for e.life.Err() == nil {
		page, err := e.unfinished(e.life, after)
		if err != nil {
			if e.life.Err() == nil {
				e.log.Error("the calls of a former process could not be read; the watchdog goes on with them", "err", err)
			}
			return
		}
		e.resume(e.former(page))
		if len(page) < recoveryPage {
			return
		}
		after = page[len(page)-1].ID
	}
}

// former leaves out what this run wrote itself: somebody has it, or is just
// taking it.
func (e *Engine) former(page []*calls.Call) []*calls.Call {
	_, fence := e.nodes.Node()
	return slices.DeleteFunc(slices.Clone(page), func(c *calls.Call) bool { return fence != 0 && c.Fence == fence })
}

// unfinished reads a page of this node's calls that are not over.
func (e *Engine) unfinished(ctx context.Context, after string) (page []*calls.Call, err error) {
	node, _ := e.nodes.Node()
	err = e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		page, err = tx.UnfinishedOf(node, after, recoveryPage)
		return err
	})
	return page, err
}

// resume takes calls that nobody runs: those of a former process, or of a node
// that was lost.
func (e *Engine) resume(list []*calls.Call) {
	var talking, silent []*calls.Call
	for _, c := range list {
		open := e.carried(c)
		switch {
		case e.inHand(c.ID), c.Foreign: // the provider's next report goes on with it
		case waits(c):
			e.requeue(c)
		case open != nil:
			e.goOn(c, open)
		case len(dialogsOf(c)) > 0:
			talking = append(talking, c)
		default:
			silent = append(silent, c)
		}
	}
	if lost := len(talking) + len(silent); lost > 0 {
		e.log.Warn("calls that nobody runs any more end as lost", "calls", lost, "talking", len(talking))
	}
	for len(silent) > 0 {
		n := min(lostBatch, len(silent))
		e.loseAll(silent[:n])
		silent = silent[n:]
	}
	e.hangupOrphans(talking, endLost)
}

// requeue gives a call that nobody is rung for to the dialer. What held it is told
// already.
func (e *Engine) requeue(c *calls.Call) {
	e.cfg.Queue.Enqueue(c)
}

// takenOver hears of the calls of a node whose lease ran out. They are this
// node's by now.
func (e *Engine) takenOver(from string, left []*calls.Call) {
	e.mu.Lock()
	if e.draining {
		e.mu.Unlock()
		return // they wait in the store for the next start, or for another node
	}
	e.wg.Add(1)
	e.mu.Unlock()
	defer e.wg.Done()
	e.log.Debug("calls of a lost node are taken over", "node", from, "calls", len(left))
	e.resume(left)
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

// verdict is what becomes of a call that nobody runs any more.
type verdict struct {
	reason calls.Reason
	why    string // what a person should look at; "": nothing
}

var endLost = verdict{reason: calls.ReasonNodeLost}

// loseAll completes calls as lost, in one unit of work or, should one of them
// not fit, each in its own.
func (e *Engine) loseAll(list []*calls.Call) {
	err := e.lose(list, endLost)
	switch {
	case err == nil, e.life.Err() != nil, errors.Is(err, calls.ErrFenced):
		return
	case calls.CodeOf(err) == calls.CodeOverloaded:
		e.log.Warn("calls of a former process could not be ended; the watchdog tries again", "calls", len(list), "err", err)
		return
	}
	for _, c := range list {
		e.loseOne(c, endLost)
	}
}

func (e *Engine) loseOne(c *calls.Call, v verdict) {
	if err := e.lose([]*calls.Call{c}, v); err != nil && e.life.Err() == nil {
		e.log.Error("a call that nobody runs could not be ended; the watchdog tries again", "call", c.ID, "err", err)
	}
}

// lose completes calls in one unit of work. One that is over by then stays so.
func (e *Engine) lose(list []*calls.Call, v verdict) error {
	var ended []*calls.Call
	units := make([]func(calls.Tx) error, len(list))
	for i, c := range list {
		e.expectNoMore(c)
		c = c.Clone()
		e.markLost(c, v)
		var last []calls.Event
		if v.why != "" {
			last = append(last, e.event(c, calls.CallNeedsAttention, attentionData{Why: v.why}))
		}
		units[i] = func(tx calls.Tx) error {
			if now, err := tx.Call("", c.ID); err != nil || now.Over() {
				return err
			}
			ended = append(ended, c)
			return closing(c, append(last, e.event(c, calls.CallCompleted, completedOf(c))))(tx)
		}
	}
	err := e.store.Update(e.life, func(tx calls.Tx) error {
		ended = nil
		for _, unit := range units {
			if err := unit(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	failpoint.Hit(failpoint.RecoveryLost)
	for _, c := range ended {
		e.metrics.completed(c)
	}
	return nil
}

// markLost sets the final fields of a call that nobody runs.
func (e *Engine) markLost(c *calls.Call, v verdict) {
	now := e.clock.Now()
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Open() {
			a.State, a.EndedAt, a.Dialog = calls.AttemptLost, &now, nil
		}
	}
	c.Dialog = nil
	endCall(c, calls.Result{Outcome: calls.OutcomeLost, Reason: v.reason}, calls.ByZvonar, now)
}

// expectNoMore refuses the INVITE that the provider of a lost call may still
// send: it is no inbound call, and nobody answers it any more.
func (e *Engine) expectNoMore(c *calls.Call) {
	p, ok := e.providers[c.Provider]
	if !ok || c.Provider == "" || c.Foreign || c.AnsweredAt != nil || p.wayOf(c.Flow) != bySIP {
		return
	}
	x := p.expectationOf(c.To, c.ID)
	for _, a := range c.Attempts {
		x.ids = append(x.ids, a.ID)
	}
	if c.ProviderCallID != "" {
		x.ids, x.named = append(x.ids, c.ProviderCallID), true
	}
	e.expect.refuse(x)
}

// hangupOrphans sends BYE to every leg that a former process left talking, and
// then completes its call. It does not wait for that.
func (e *Engine) hangupOrphans(talking []*calls.Call, v verdict) {
	work := make(chan *calls.Call, len(talking))
	for _, c := range talking {
		e.setBuried(c.ID, true)
		work <- c
	}
	close(work)
	for range min(orphanWorkers, len(talking)) {
		e.wg.Go(func() {
			for c := range work {
				e.bury(c, v)
				e.setBuried(c.ID, false)
			}
		})
	}
}

// setBuried marks a call whose legs are being hung up.
func (e *Engine) setBuried(id string, yes bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if yes {
		e.closing[id] = true
		return
	}
	delete(e.closing, id)
}

// bury hangs up what is left of one call and completes it. Once the engine must
// stop, the rest is left to the next start.
func (e *Engine) bury(c *calls.Call, v verdict) {
	if e.life.Err() != nil {
		return
	}
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
	if e.life.Err() == nil {
		e.loseOne(c, v)
	}
}
