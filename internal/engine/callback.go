package engine

import (
	"context"
	"errors"
	"slices"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// Who calls back a number that he was called from hears what he was called for.

// ownLine reports whether an inbound number is one that calls are made from, so
// that somebody may call it back, and whose.
func (e *Engine) ownLine(inv calls.Invite) (account string, ok bool) {
	for _, t := range e.trunks() {
		if t.Name == inv.Trunk && slices.Contains(t.Numbers, inv.To) {
			if t.Account == "" {
				return calls.MainAccount, true
			}
			return t.Account, true
		}
	}
	return "", false
}

// callerOf is the number of somebody who calls us, as it would be called.
func (e *Engine) callerOf(from string) string {
	digits := digitsOnly(from)
	if normal, err := numbering.Normalize(digits, e.defaultCountry()); err == nil {
		return normal
	}
	return digits
}

// remember puts the flow that the caller was called for in the place of the
// route's, if he was called within Callbacks; true where it did.
func (s *session) remember() bool {
	c := s.call
	if s.e.cfg.Callbacks <= 0 || c.From == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolvePatience)
	defer cancel()
	var before *calls.Call
	err := s.e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		before, err = tx.LastTo(c.Account, c.From, c.Line)
		return err
	})
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return false
	case err != nil:
		s.log.Warn("what the caller was called for could not be looked up", "err", err)
		return false
	case before.CreatedAt.Before(s.now().Add(-s.e.cfg.Callbacks)), before.Flow.Bridge != nil, before.Flow.Record == "":
		return false
	}
	route := c.Flow
	c.Flow = before.Flow
	c.Flow.AMD = calls.DefaultFlow().AMD
	if err := s.pinClips(); err != nil {
		s.log.Info("what the caller was called for is no longer played", "err", err)
		c.Flow, c.Recording = route, nil
		return false
	}
	c.Ref, c.Series, c.CampaignID, c.Metadata = before.Ref, before.Series, before.CampaignID, before.Metadata
	c.Employee = before.Employee
	s.log.Info("a caller hears what he was called for", "from", calls.Mask(c.From), "before", before.ID)
	return true
}
