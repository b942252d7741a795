package sipuni

// aliens are the calls at the service that nobody asked for here.
type aliens struct{ c *Client }

func newAliens(c *Client) *aliens { return &aliens{c: c} }

// hear notes an event of such a call.
func (a *aliens) hear(e event) {
	a.c.log.Debug("an event of a call that was not asked for", "event", int(e.kind), "sipuni_call", e.callID)
}
