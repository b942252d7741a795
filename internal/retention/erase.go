package retention

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Request asks to erase a number.
type Request struct {
	Account, Actor string
	Number         string // digits only
	KeepBlock      bool   // leave it on the blacklist
}

// Eraser erases numbers. Safe for concurrent use; one number at a time.
type Eraser struct {
	store calls.Store
	clock clock.Clock
	ids   *clock.IDs
	files []Forget
	one   sync.Mutex
}

// Forget takes what is kept of a call outside the database off the disk: its
// sound, its messages. Nothing there is no error.
type Forget func(ctx context.Context, call string) error

// NewEraser makes an Eraser that has files forgotten, too.
func NewEraser(store calls.Store, clk clock.Clock, ids *clock.IDs, files ...Forget) *Eraser {
	return &Eraser{store: store, clock: clk, ids: ids, files: files}
}

// Erase takes a number out of everything that is kept of an account, in
// portions, and returns once it is in no file of the database. It may be broken
// off and asked for again: what was done stays done. While a call with this
// number is not over nothing is erased (CodeWrongState); where one begins
// meanwhile, what was erased by then stays so.
func (e *Eraser) Erase(ctx context.Context, q Request) (id string, all calls.Erased, err error) {
	e.one.Lock()
	defer e.one.Unlock()
	err = e.store.View(ctx, func(r calls.ReadTx) error {
		live, err := r.LiveCallOf(q.Account, q.Number)
		if err == nil && live != "" {
			return calls.Errorf(calls.CodeWrongState, "call %s with this number is not over, or its text is not sent yet; wait for its call.completed, or end it, and ask again", live)
		}
		return err
	})
	if err != nil {
		return "", all, err
	}
	job := calls.Erasure{ID: e.ids.New("era_"), Account: q.Account, Number: q.Number, Unblock: !q.KeepBlock, At: e.clock.Now()}
	for more := true; more; {
		var n calls.Erased
		gone, err := e.forgetSome(ctx, q)
		if err != nil {
			return job.ID, all, err
		}
		err = e.store.Update(ctx, func(tx calls.Tx) (err error) {
			if n, more, err = tx.Erase(job, portion); err != nil || more {
				return err
			}
			return tx.Audit(entry(job, q.Actor, all, n))
		})
		if err != nil {
			return job.ID, all, err
		}
		if err := e.forgetRest(ctx, n.Of, gone); err != nil {
			return job.ID, all, err
		}
		all.Add(n) // the next portion waits behind whoever waits for the writer now
	}
	if s, ok := e.store.(calls.Scrubber); ok {
		return job.ID, all, s.Scrub(ctx, q.Number)
	}
	return job.ID, all, nil
}

// forgetSome has the files of the calls of the next portion forgotten: before
// their rows, by which they would not be found again.
func (e *Eraser) forgetSome(ctx context.Context, q Request) (gone []string, err error) {
	if len(e.files) == 0 {
		return nil, nil
	}
	err = e.store.View(ctx, func(r calls.ReadTx) (err error) {
		gone, err = r.CallsOf(q.Account, q.Number, portion)
		return err
	})
	if err != nil {
		return nil, err
	}
	return gone, e.forgetRest(ctx, gone, nil)
}

// forgetRest has the files of calls forgotten but for those that are gone.
func (e *Eraser) forgetRest(ctx context.Context, list, gone []string) error {
	for _, call := range list {
		if slices.Contains(gone, call) {
			continue
		}
		for _, forget := range e.files {
			if err := forget(ctx, call); err != nil {
				return fmt.Errorf("files of call %s: %w", call, err)
			}
		}
	}
	return nil
}

// entry is what the audit log keeps of an erasure: that somebody did it and how
// much it was, with the number masked.
func entry(job calls.Erasure, actor string, before, last calls.Erased) calls.AuditEntry {
	before.Add(last)
	return calls.AuditEntry{Account: job.Account, Actor: actor, Action: "number.erase", Object: "erasure:" + job.ID, At: job.At,
		Detail: fmt.Sprintf("%s: %d calls, %d events, %d texts; blocked: %t", calls.Mask(job.Number), before.Calls, before.Events, before.Texts, before.Blocked)}
}
