package engine

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync"

	"zvonar/internal/calls"
)

// CallContact admits the call of a contact. within runs in the same unit of work:
// the contact has its call and the call is durable, or neither. Errors are
// *calls.Error, or what within returned.
func (e *Engine) CallContact(ctx context.Context, c *calls.Campaign, t *calls.Contact, within func(calls.Tx, *calls.Call) error) (*calls.Call, error) {
	r := contactRequest(c, t)
	r.Within = within
	call, replayed, err := e.Submit(ctx, r)
	if err == nil && replayed { // the same contact once more: it has its call
		return nil, calls.ErrNotFound
	}
	return call, err
}

// contactRequest asks for the call of a contact.
func contactRequest(c *calls.Campaign, t *calls.Contact) CallRequest {
	r := CallRequest{
		Account: c.Account, TokenID: c.TokenID, To: t.Number, ToAt: "contact.number", ManagerAt: "contact.manager", From: callerOf(c, t),
		Ref: t.Ref, Trunk: c.Trunk, Priority: c.Priority, Window: c.Window, Timezone: t.Timezone, Retry: c.Retry,
		RingTimeout: c.RingTimeout, MaxDuration: c.MaxDuration, Metadata: c.Metadata, Variables: t.Variables, Consent: t.Consent.Or(c.Consent),
		CampaignID: c.ID, Contact: t.N, BodyHash: c.ID + "/" + strconv.FormatInt(t.N, 10),
	}
	if c.Bridge != nil {
		b := *c.Bridge
		b.Manager = cmp.Or(t.Manager, b.Manager)
		r.Bridge, r.Clip = &b, cmp.Or(t.Record, c.Flow.Record)
	} else {
		flow := c.Flow
		flow.Record = cmp.Or(t.Record, flow.Record)
		if t.Digits != nil {
			flow.Digits = t.Digits
		}
		r.Flow = &flow
	}
	return r
}

// callerOf takes the caller numbers of a campaign in turn.
func callerOf(c *calls.Campaign, t *calls.Contact) string {
	if len(c.From) == 0 {
		return ""
	}
	return c.From[int(t.N%int64(len(c.From)))]
}

// Withdraw ends the calls of a campaign that nobody was rung for, as far as this
// node has them; those that ring or talk go on.
func (e *Engine) Withdraw(ctx context.Context, account, campaign string) error {
	live, err := e.liveCalls(ctx, calls.CallFilter{Account: account, Campaign: campaign, Live: true, Limit: 500})
	if err != nil {
		return err
	}
	work := make(chan *calls.Call, len(live))
	for _, c := range live {
		if waits(c) {
			work <- c
		}
	}
	close(work)
	var group sync.WaitGroup
	failed := make([]error, withdrawers) // many at a time share a commit
	for i := range failed {
		group.Go(func() {
			for c := range work {
				if failed[i] = e.withdraw(ctx, c); failed[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// withdrawers is how many queued calls are ended at a time.
const withdrawers = 16

// withdraw ends a call if it is still queued here.
func (e *Engine) withdraw(ctx context.Context, c *calls.Call) error {
	queued, ok := e.cfg.Queue.Remove(c.ID)
	if !ok {
		return nil
	}
	if queued == nil {
		var err error
		if queued, err = e.reread(ctx, c); err != nil {
			return err
		}
	}
	_, err := e.finishQueued(ctx, queued, calls.Result{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonByAPI})
	return err
}
