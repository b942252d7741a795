package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// Hangup implements API.
func (e *Engine) Hangup(ctx context.Context, account, id string) (*calls.Call, error) {
	return e.end(ctx, account, id, calls.ReasonByAPI)
}

// Cancel implements API. Calls that end on their own meanwhile are left out.
// Where another node runs some of them the error says so.
func (e *Engine) Cancel(ctx context.Context, account, ref, series string) ([]*calls.Call, error) {
	live, err := e.liveCalls(ctx, calls.CallFilter{Account: account, Ref: ref, Series: series, Live: true, Limit: 500})
	if err != nil {
		return nil, err
	}
	reason := calls.ReasonByAPI
	if series != "" {
		reason = calls.ReasonSeriesCanceled
	}
	ended := make([]*calls.Call, 0, len(live))
	away := 0
	var where *calls.Error
	for _, c := range live {
		if err := e.elsewhere(c); err != nil {
			where, away = err, away+1
			continue
		}
		done, err := e.end(ctx, account, c.ID, reason)
		if calls.CodeOf(err) == calls.CodeWrongState {
			continue
		}
		if err != nil {
			return ended, err
		}
		ended = append(ended, done)
	}
	if where != nil {
		where.Detail = fmt.Sprintf("%d calls were ended here; %d are run by another node and go on; of one of them: %s", len(ended), away, where.Detail)
		return ended, where
	}
	return ended, nil
}

// liveCalls reads every page of a list.
func (e *Engine) liveCalls(ctx context.Context, f calls.CallFilter) (all []*calls.Call, err error) {
	for {
		var page []*calls.Call
		err = e.store.View(ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.Calls(f)
			return err
		})
		all = append(all, page...)
		if err != nil || len(page) < f.Limit {
			return all, err
		}
		f.Cursor = page[len(page)-1].ID
	}
}

// handOver bounds the moment in which a call has left the queue and its
// session is not registered yet.
const (
	handOverTries = 50
	handOverPause = 10 * time.Millisecond
)

// end takes a call out of the queue or tells its session to hang up.
func (e *Engine) end(ctx context.Context, account, id string, reason calls.Reason) (*calls.Call, error) {
	for range handOverTries {
		c, err := e.ours(ctx, account, id)
		if err != nil {
			return nil, err
		}
		if queued, ok := e.cfg.Queue.Remove(id); ok {
			if queued == nil {
				queued, err = e.reread(ctx, c)
			}
			if err != nil {
				return nil, err
			}
			return e.finishQueued(ctx, queued, calls.Result{Outcome: calls.OutcomeCanceled, Reason: reason})
		}
		if s := e.session(id); s != nil && s.box.post(func() { s.hangup(reason, calls.ByZvonar) }) {
			return c, nil
		}
		wait := make(chan struct{})
		t := e.clock.AfterFunc(handOverPause, func() { close(wait) })
		select {
		case <-wait:
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		}
	}
	return nil, calls.Errorf(calls.CodeOverloaded, "the call is changing hands; try again")
}

// reread gives a call that was just taken from the queue as it stands: c was read
// before. What cannot be read goes back.
func (e *Engine) reread(ctx context.Context, c *calls.Call) (*calls.Call, error) {
	now, err := e.read(ctx, c.Account, c.ID)
	if err != nil {
		e.cfg.Queue.Enqueue(c)
	}
	return now, err
}

// mostLooked bounds the calls to one number that are looked at when it is blocked;
// the others find out when their time comes.
const mostLooked = 500

// lookAt has the queued calls to a number looked at: it was put on the blacklist.
func (e *Engine) lookAt(ctx context.Context, account, number string) {
	var live []*calls.Call
	err := e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		live, err = tx.Calls(calls.CallFilter{Account: account, To: number, Live: true, Limit: mostLooked})
		return err
	})
	if err != nil {
		return // the blacklist is asked before anybody is rung all the same
	}
	ids := make([]string, len(live))
	for i, c := range live {
		ids[i] = c.ID
	}
	e.cfg.Queue.Look(ids...)
}

// Why says what keeps a call that is not dialled yet back; nil: nothing does. What was
// told of it is in its row, the rest is asked of the queue.
func (e *Engine) Why(c *calls.Call) *calls.Hold {
	if c.Status != calls.StatusQueued && c.Status != calls.StatusHeld {
		return nil
	}
	if h, ok := e.cfg.Queue.Why(c.ID); ok {
		return &h
	}
	switch err := e.elsewhere(c); {
	case c.Hold != nil:
		return c.Hold
	case err != nil:
		return &calls.Hold{Gate: calls.GateTurn, Text: err.Detail}
	}
	return &calls.Hold{Gate: calls.GateTurn, Text: "it is being looked at"}
}

// ours reads a call that is not over and that this node runs.
func (e *Engine) ours(ctx context.Context, account, id string) (*calls.Call, error) {
	c, err := e.read(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if c.Over() {
		return nil, calls.Errorf(calls.CodeWrongState, "the call is over: %s", c.Outcome)
	}
	if c.Foreign {
		return nil, calls.Errorf(calls.CodeWrongState, "the call is the provider's own: zvonar only hears of it")
	}
	if err := e.elsewhere(c); err != nil {
		return nil, err
	}
	return c, nil
}

func (e *Engine) read(ctx context.Context, account, id string) (c *calls.Call, err error) {
	err = e.store.View(ctx, func(tx calls.ReadTx) error {
		c, err = tx.Call(account, id)
		return err
	})
	if errors.Is(err, calls.ErrNotFound) {
		return nil, calls.Errorf(calls.CodeNotFound, "there is no such call")
	}
	return c, err
}

// finishQueued completes a call that was never dialled. The caller owns c. What
// could not be stored did not happen: the call goes back to the queue.
func (e *Engine) finishQueued(ctx context.Context, c *calls.Call, r calls.Result) (*calls.Call, error) {
	done := c.Clone()
	endCall(done, r, calls.ByZvonar, e.clock.Now())
	if err := e.store.Update(ctx, write(done.Clone(), []calls.Event{e.event(done, calls.CallCompleted, completedOf(done))}, nil)); err != nil {
		e.cfg.Queue.Enqueue(c)
		return nil, err
	}
	e.metrics.completed(done)
	return done, nil
}

func (e *Engine) blockEvent(entry calls.BlockEntry) calls.Event {
	ev := calls.NewEvent(e.ids.New("evt_"), e.clock.Now(), "number:"+entry.Number, calls.NumberBlocked,
		blockData{Number: entry.Number, Scope: entry.Scope, Reason: entry.Reason, Source: entry.Source, ExpiresAt: calls.Stamp(entry.ExpiresAt), Digit: entry.Digit})
	ev.Account, ev.CallID = entry.Account, entry.CallID
	return ev
}

// blockIn adds the entry; the event is told only where the number was free.
func blockIn(tx calls.Tx, entry calls.BlockEntry, ev calls.Event) error {
	added, err := tx.Block(entry)
	if err != nil || !added {
		return err
	}
	return tx.AppendEvent(&ev)
}
