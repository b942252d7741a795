package engine

import "zvonar/internal/calls"

// A provider may leave calls to people: those that are none for it, and those that
// came to nothing by its fault.

// unfit says in words why a call is for a person and not for its provider; "": it is
// for the provider, or has none.
func (e *Engine) unfit(r CallRequest, c *calls.Call) string {
	p := e.providers[c.Provider]
	if c.Provider == "" || p.Unfit == nil {
		return ""
	}
	return p.Unfit(r.To, c.To, c.Timezone, c.DueAt)
}

// leaveToPerson ends a call that was accepted and is for a person: nobody is asked to
// place it.
func (e *Engine) leaveToPerson(c *calls.Call, why string) {
	endCall(c, calls.Result{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonForPerson}, calls.ByZvonar, e.clock.Now())
	e.metrics.completed(c)
	e.log.Info("call left to a person", "call", c.ID, "to", calls.Mask(c.To), "provider", c.Provider, "why", why)
	e.closeCall(c, []calls.Event{e.event(c, calls.CallNeedsAttention, attentionData{Why: why})})
}

// showPeople has a person look at a call that came to nothing by its provider's fault,
// where the provider wants that and nobody was told yet.
func (s *session) showPeople(r calls.Result) {
	why := map[calls.Reason]string{
		calls.ReasonProviderFailed:  "the provider did not place the call",
		calls.ReasonProviderTimeout: "the provider told nothing of the call in time",
	}[r.Reason]
	if why != "" && s.e.providers[s.call.Provider].Attention && !s.provider.shown {
		s.tell(s.event(calls.CallNeedsAttention, attentionData{Why: why}))
	}
}
