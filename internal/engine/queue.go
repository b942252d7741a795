package engine

import "zvonar/internal/calls"

// Held takes a call from the dialer: a gate keeps the call back. Told only
// when the gate or its end changes.
func (e *Engine) Held(c *calls.Call, h calls.Hold) {
	c.Status, c.Hold = calls.StatusHeld, &h
	e.observe(c, e.event(c, calls.CallHeld, calls.HoldView{Gate: h.Gate, Until: calls.StampOf(h.Until), Text: h.Text}))
}

// Expired takes a call from the dialer: not_after passed.
func (e *Engine) Expired(c *calls.Call) {
	r := calls.Result{Outcome: calls.OutcomeExpired, Reason: calls.ReasonNotAfter}
	if last := lastOutcome(c); last != "" { // he was rung: what became of that is the outcome
		r.Outcome = last
	}
	e.endQueued(c, r)
}

// Blocked takes a call from the dialer: the number is on the blacklist at
// the moment it would be dialled.
func (e *Engine) Blocked(c *calls.Call, entry calls.BlockEntry) {
	e.endQueued(c, calls.Result{Outcome: calls.OutcomeBlocked, Reason: calls.ReasonBlacklist})
}

// Refused takes a call from the dialer: a clip of it may not be played any
// more, or never was approved.
func (e *Engine) Refused(c *calls.Call, reason calls.Reason) {
	e.endQueued(c, calls.Result{Outcome: calls.OutcomeCanceled, Reason: reason})
}

func (e *Engine) endQueued(c *calls.Call, r calls.Result) {
	endCall(c, r, calls.ByZvonar, e.clock.Now())
	e.metrics.completed(c)
	e.log.Info("call ended before it was dialled", "call", c.ID, "to", calls.Mask(c.To), "outcome", c.Outcome)
	e.closeCall(c, nil)
}

// observe writes a call that no session owns, without waiting.
func (e *Engine) observe(c *calls.Call, events ...calls.Event) {
	id := c.ID
	e.store.Note(write(c.Clone(), events, nil), func(err error) {
		if err != nil {
			e.log.Error("the call could not be written to the store", "call", id, "err", err)
		}
	})
}
