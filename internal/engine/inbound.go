package engine

import (
	"context"
	"time"

	"zvonar/internal/calls"
)

// Incoming takes an inbound leg: it belongs to a provider's call that is
// awaited, or to a configured number, or it is refused. It returns at once and
// may be called from any goroutine; the leg must not have been answered.
func (e *Engine) Incoming(leg Leg, inv calls.Invite) {
	if inv.Replaces != "" {
		e.replace(leg, inv)
		return
	}
	switch s, found := e.expect.claim(leg, inv); found {
	case claimTaken:
		leg.Listen(s.call.ID, s.listen(s.customer))
		return
	case claimTooLate:
		e.log.Warn("a provider's call came after we had given it up and was refused", "trunk", inv.Trunk)
		leg.Reject(480, 0, "")
		return
	case claimUnclear:
		e.log.Warn("a provider's call without its mark could be that of several that are awaited, and was refused; is match_header right?", "trunk", inv.Trunk)
		leg.Reject(480, 0, "")
		return
	}
	route, ok := e.route(inv)
	if account, own := e.ownLine(inv); !ok && own && e.cfg.Callbacks > 0 {
		route, ok = Route{Number: inv.To, Account: account}, true
	}
	if !ok {
		e.metrics.unrouted.Inc()
		e.log.Warn("an inbound call for a number that nobody configured was refused", "trunk", inv.Trunk, "number", calls.Mask(inv.To))
		leg.Reject(404, 1, "Not Found")
		return
	}
	if inv.Hops >= calls.MaxForwards && (passesOn(route.Flow.Digits) || route.Lookup != nil) {
		e.log.Warn("an inbound call was refused: "+tooManyHops, "trunk", inv.Trunk, "number", calls.Mask(inv.To))
		leg.Reject(483, 25, "Too Many Hops")
		return
	}
	if e.cfg.Admits() != nil { // the log tells of it already, once
		leg.Reject(503, 42, "Service Unavailable")
		return
	}
	e.arrive(leg, inv, route)
}

// route finds what an inbound number does: a row for this trunk before one for any.
func (e *Engine) route(inv calls.Invite) (Route, bool) {
	var found Route
	ok := false
	for _, r := range e.plan.Load().routes {
		if r.Number != inv.To || r.Trunk != "" && r.Trunk != inv.Trunk || !e.hasTrunk(r.account(), inv.Trunk) {
			continue
		}
		if !ok || found.Trunk == "" {
			found, ok = r, true
		}
	}
	return found, ok
}

// account is whose call it is that takes the route.
func (r Route) account() string {
	if r.Account == "" {
		return calls.MainAccount
	}
	return r.Account
}

// arrive starts the session of an inbound call.
func (e *Engine) arrive(leg Leg, inv calls.Invite, route Route) {
	now := e.clock.Now()
	c := &calls.Call{
		ID: e.ids.New("call_"), Account: route.account(), Direction: calls.In, Status: calls.StatusRinging,
		To: inv.To, From: e.callerOf(inv.From), Line: inv.To, Trunk: inv.Trunk, Flow: route.Flow,
		CreatedAt: now, DueAt: now, RingingAt: &now,
	}
	s := e.newSession(c)
	s.customer.leg, s.hops = leg, inv.Hops+1
	s.routing.lookup = route.Lookup
	s.phase = offered
	if !e.launch(s, s.offer) {
		leg.Reject(503, 41, "Service Unavailable")
		return
	}
	leg.Listen(s.call.ID, s.listen(s.customer))
}

// digitsOnly keeps a caller's number if it is one; anything else is not a number.
func digitsOnly(s string) string {
	if len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) > 15 {
		return ""
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return ""
		}
	}
	return s
}

// offer rings, pins the clips of the route and answers.
func (s *session) offer() {
	c := s.call
	s.nameLeg(s.customer, true)
	s.e.metrics.started(c)
	s.insert(s.event(calls.CallRinging, ringingData{SIPCode: 180}))
	slot, _, ok := s.e.cfg.Limits.Acquire(c.Trunk)
	if !ok {
		s.refuse(503, 34, calls.ReasonBusyHere)
		return
	}
	s.customer.slot = slot
	remembered := s.remember()
	if remembered {
		if s.hops > calls.MaxForwards && passesOn(c.Flow.Digits) {
			s.refuse(483, 25, calls.ReasonNoRoute)
			return
		}
	} else if c.Flow.Repeats == 0 { // a number that is called from, and does nothing else
		s.refuse(404, 1, calls.ReasonNoRoute)
		return
	}
	s.customer.leg.Ring()
	s.after(timerMax, s.maxLife(), func() { s.hangup(calls.ReasonMaxDuration, calls.ByZvonar) })
	switch {
	case remembered:
		s.customer.leg.Answer()
	case s.routing.lookup != nil && c.From != "":
		s.askRouter()
	default:
		s.takeIn()
	}
}

// takeIn answers a call that its route's flow is to run on.
func (s *session) takeIn() {
	if err := s.pinClips(); err != nil {
		s.log.Error("an inbound number has a clip that cannot be played", "number", calls.Mask(s.call.To), "err", err)
		s.refuse(480, 31, calls.ReasonNoClip)
		return
	}
	s.customer.leg.Answer()
}

// pinClips resolves what the flow of a route names, as it is approved now.
func (s *session) pinClips() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.e.store.View(ctx, func(tx calls.ReadTx) error {
		_, err := s.e.pin(tx, s.call, nil)
		return err
	})
	if err != nil {
		return err
	}
	return s.e.line.Prepare(s.clips())
}

// refuse ends an inbound call that was not answered.
func (s *session) refuse(code, q850 int, reason calls.Reason) {
	s.call.SIPCode = code
	s.because(reason, calls.ByZvonar)
	s.customer.leg.Reject(code, q850, "")
	s.phase = leaving
	s.after(timerWatchdog, watchdogAfter, s.finish)
}

// onInboundAnswered starts the flow on a leg that we answered.
func (s *session) onInboundAnswered(ev calls.LegEvent) {
	s.call.SIPCode, s.call.Dialog = 200, ev.Dialog
	s.call.RingMS = max(0, ev.At.Sub(*s.call.RingingAt).Milliseconds())
	s.startTalk(ev.At)
	s.storeAnswer(s.event(calls.CallAnswered, answeredData{Leg: calls.RoleCustomer, Codec: ev.Codec, RingMS: s.call.RingMS}))
}

// answeredElsewhere is the SIP cause of a CANCEL for a call that another telephone
// took (RFC 3326 3.1).
const answeredElsewhere = 200

// onMissed: the caller gave up before we answered.
func (s *session) onMissed(ev calls.LegEvent) {
	s.call.SIPCode = ev.Ending.Code
	s.call.Q850 = ev.Ending.Q850
	by := ev.Ending.By
	if by == "" {
		by = calls.ByCustomer
	}
	reason := calls.ReasonHangup
	if ev.Ending.SIPCause == answeredElsewhere {
		reason = calls.ReasonElsewhere
	}
	s.complete(calls.Result{Outcome: calls.OutcomeMissed, Reason: reason}, by)
}
