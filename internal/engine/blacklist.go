package engine

import (
	"context"

	"zvonar/internal/calls"
)

// Block implements API.
func (e *Engine) Block(ctx context.Context, entry calls.BlockEntry) (added bool, err error) {
	if entry.CreatedAt.IsZero() {
		entry.CreatedAt = e.clock.Now()
	}
	if entry.Scope == "" {
		entry.Scope = calls.ScopeAccount
	}
	ev := e.blockEvent(entry)
	err = e.store.Update(ctx, func(tx calls.Tx) (err error) {
		if added, err = tx.Block(entry); err != nil || !added {
			return err
		}
		return tx.AppendEvent(&ev)
	})
	if err == nil {
		e.lookAt(ctx, entry.Account, entry.Number)
	}
	return added && err == nil, err
}

// BlockMany implements API.
func (e *Engine) BlockMany(ctx context.Context, entries []calls.BlockEntry) (added int, err error) {
	err = e.store.Update(ctx, func(tx calls.Tx) error {
		added = 0
		for _, b := range entries {
			isNew, err := tx.Block(b)
			if err != nil {
				return err
			}
			if isNew {
				added++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// Unblock implements API.
func (e *Engine) Unblock(ctx context.Context, account, number, scope string) (removed bool, err error) {
	ev := calls.NewEvent(e.ids.New("evt_"), e.clock.Now(), "number:"+number, calls.NumberUnblocked, blockData{Number: number, Scope: scope, Source: "api"})
	ev.Account = account
	err = e.store.Update(ctx, func(tx calls.Tx) error {
		removed, err = tx.UnblockScope(account, number, scope)
		if err != nil || !removed {
			return err
		}
		return tx.AppendEvent(&ev)
	})
	return removed && err == nil, err
}

// notBlockedFrom is errBlocked where the callee may not be called in this call.
func (s *session) notBlockedFrom(tx calls.ReadTx, c *calls.Call) error {
	_, err := tx.BlockedFor(calls.BlockQuery{Account: c.Account, Number: c.To, Campaign: c.CampaignID, Line: c.Line})
	if err == nil {
		return errBlocked
	}
	return nil
}
