package carrier

import (
	"net/netip"
	"strings"

	"zvonar/internal/calls"
	"zvonar/sip"
)

// onInvite takes a call from zvonar. It runs on the dialog's goroutine.
func (c *Carrier) onInvite(leg *sip.Leg, inv calls.Invite) {
	name, steps, ok := script(c.resolve(inv.To))
	if !ok {
		steps = []step{{do: opReject, code: 404, q850: 1}}
	}
	number := inv.To
	if !dialable(number) {
		number = "unknown" // it becomes part of a file name
	}
	x := c.newCall(Call{
		Kind: KindCallee, SIPCallID: bounded(inv.SIPCallID), Number: number,
		From: bounded(inv.From), To: bounded(inv.To), Behaviour: name,
	})
	x.line = calleeLine{leg}
	leg.Listen(x.on)
	if err := c.launch(x, steps); err != nil {
		c.cfg.Log.Warn("test carrier: call refused", "error", err)
	}
}

// Place calls zvonar: from is shown as the caller, to is dialled, and once
// zvonar answers the caller behaves as the number like would after its answer
// ("1101" presses 1 after the clip). It returns the call's id at once. Errors
// are *calls.Error.
func (c *Carrier) Place(from, to, like string) (id string, err error) {
	switch {
	case !dialable(from):
		return "", calls.Errorf(calls.CodeInvalidField, "from must be 1 to 32 digits").At("body.from", bounded(from))
	case !dialable(to):
		return "", calls.Errorf(calls.CodeInvalidField, "to must be 1 to 32 digits").At("body.to", bounded(to))
	}
	name, steps, ok := script(magic(like))
	if steps = fromAnswer(steps); !ok || steps == nil {
		return "", calls.Errorf(calls.CodeInvalidField,
			"like must be the suffix of a behaviour that answers, such as 1000").At("body.like", bounded(like))
	}
	x := c.newCall(Call{Kind: KindCaller, Number: from, From: from, To: to, Behaviour: name})
	leg, err := c.dial(&x.rec, nil, x.on)
	if err != nil {
		return "", err
	}
	x.line = callerLine{leg}
	return x.rec.ID, c.launch(x, steps)
}

// fromAnswer is the part of a script that begins with the answer; nil if there is none.
func fromAnswer(steps []step) []step {
	for i, s := range steps {
		if s.do == opAnswer {
			return append([]step{{do: opAnswer}}, steps[i+1:]...)
		}
	}
	return nil
}

// dial sends an INVITE to zvonar for rec and notes its Call-ID.
func (c *Carrier) dial(rec *Call, headers map[string]string, events func(calls.LegEvent)) (*sip.Leg, error) {
	if !c.accepting() {
		return nil, calls.Errorf(calls.CodeOverloaded, "the carrier is full or stopping; try again when calls have ended")
	}
	rec.SIPCallID = c.cfg.IDs.New("")
	return c.ua.Dial(calls.DialRequest{
		AttemptID: rec.ID, SIPCallID: rec.SIPCallID, Trunk: trunkName,
		To: rec.To, From: rec.From, Role: calls.RoleCustomer,
		RingTimeout: c.paced(clientRing), Headers: headers,
	}, events)
}

// accepting reports whether another call may begin.
func (c *Carrier) accepting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running && len(c.live) < c.cfg.MaxCalls
}

// newCall makes a call; launch starts it.
func (c *Carrier) newCall(rec Call) *call {
	rec.ID, rec.StartedAt = c.cfg.IDs.New("tc_"), c.cfg.Clock.Now()
	return &call{carrier: c, clock: c.cfg.Clock, box: newMailbox[message](), rec: rec, clientRing: clientRing}
}

// launch runs steps on x in a goroutine of its own. On an error nothing runs,
// and x's line is refused or hung up.
func (c *Carrier) launch(x *call, steps []step) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running || len(c.live) >= c.cfg.MaxCalls {
		x.line.Reject(503, 34, "")
		return calls.Errorf(calls.CodeOverloaded, "the carrier is full or stopping; try again when calls have ended")
	}
	c.cfg.Log.Info("test carrier: call", "id", x.rec.ID, "kind", x.rec.Kind, "number", calls.Mask(x.rec.Number), "behaviour", x.rec.Behaviour)
	c.log.put(x.rec)
	c.live[x.rec.ID] = x
	if x.reports != nil {
		c.calls.Go(x.tellSteps)
	}
	c.calls.Go(func() {
		x.run(steps)
		c.mu.Lock()
		delete(c.live, x.rec.ID)
		c.mu.Unlock()
	})
	return nil
}

// resolve applies the aliases.
func (c *Carrier) resolve(number string) string {
	if like, ok := c.cfg.Aliases[number]; ok {
		return magic(like)
	}
	return number
}

// magic completes the last four digits of a magic number.
func magic(like string) string {
	if len(like) == 4 {
		return Prefix + like
	}
	return like
}

// listenAddr reads "udp://127.0.0.1:5070".
func listenAddr(s string) (netip.AddrPort, error) {
	rest, ok := strings.CutPrefix(s, "udp://")
	addr, err := netip.ParseAddrPort(rest)
	if !ok || err != nil || addr.Addr().IsUnspecified() {
		return netip.AddrPort{}, calls.Errorf(calls.CodeInvalidField,
			"listen address %q: write it like udp://127.0.0.1:5070, with the address of one interface", bounded(s))
	}
	return addr, nil
}
