package engine

import (
	"context"
	"errors"
	"time"

	"zvonar/internal/calls"
)

const defaultExpectTimeout = 60 * time.Second

// providerSide is what a call by a provider knows of it.
type providerSide struct {
	shown    bool    // a person was told to look at the call
	asked    bool    // the request left us, or may have
	refused  bool    // the provider said no
	back     bool    // it was asked to take the call back
	request  *asking // nil: nothing was asked
	answered bool    // our side of its call stands
	heard    bool    // it sends audio
	codec    string

	// What it told.
	reports   int                // how many
	known     int                // digits that the process before this one was told
	there     bool               // the client answered
	ended     bool               // its call is over
	managerUp bool               // the manager answered
	bridging  bool               // call.bridging was told
	bridgedAt time.Time          // when both heard each other; zero: not yet
	blocked   bool               // the client asked not to be called
	menu      calls.DigitMap     // what the digits do now, where it plays
	unfollow  context.CancelFunc // ends its reports; nil: it tells nothing
}

// asking is a request to a provider. What it came to is there once done is closed.
type asking struct {
	done   chan struct{}
	giveUp context.CancelFunc
	sent   calls.PlaceRequest
	res    calls.PlaceResult
	err    error
}

// refused reports whether certainly nobody rings.
func (a *asking) refused() bool {
	var unknown *calls.PlaceUnknown
	return a.err != nil && !errors.As(a.err, &unknown)
}

// place asks the provider for the call. Where its INVITE is to come to us it is
// awaited before. The attempt is durable already: a crash between the two rings
// nobody again.
func (s *session) place(p Provider) {
	if p.wayOf(s.call.Flow) != bySIP {
		s.phase, s.provider.menu = remote, s.call.Flow.Digits
		s.after(timerMax, 0, nil) // the provider may queue it; its reports are waited for
		s.ask(p)
		return
	}
	s.phase = placing
	if err := s.e.line.Prepare(s.clips()); err != nil {
		s.log.Error("a clip of the call cannot be played", "err", err)
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonNoClip}, calls.ByZvonar)
		return
	}
	x := p.expectationOf(s.call.To, s.call.ID, s.customer.attempt.ID)
	x.s, x.granted = s, func() { s.box.post(func() { s.ask(p) }) }
	s.e.expect.add(x)
}

// ask sends the request. It waits in a goroutine of its own: a provider that
// hangs holds up nothing but its call.
func (s *session) ask(p Provider) {
	if s.phase != placing && s.phase != remote {
		return
	}
	if !s.held() {
		s.lose()
		return
	}
	if s.phase == placing {
		s.awaitInvite(p)
	} else {
		s.awaitReport(p)
	}
	ctx, cancel := context.WithTimeout(s.e.life, p.ExpectTimeout)
	a := &asking{done: make(chan struct{}), giveUp: cancel, sent: s.placeRequest(p)}
	s.provider.asked, s.provider.request = true, a
	follow := s.follower(p)
	inNameOf := s.call.Employee
	s.e.wg.Add(1)
	go func() {
		defer s.e.wg.Done()
		defer cancel()
		a.res, a.err = s.e.placeBy(ctx, p, a, inNameOf, follow)
		close(a.done)
		s.box.post(func() { s.placed(p, a) })
	}()
}

// placeBy finds the employee, has the reports heard from now on, and asks.
func (e *Engine) placeBy(ctx context.Context, p Provider, a *asking, inNameOf string, follow func(calls.PlaceRequest) chan<- calls.PlaceResult) (res calls.PlaceResult, err error) {
	if a.sent.Employee, err = e.employeeFor(ctx, a.sent, p.Name, inNameOf); err != nil {
		return res, &calls.PlaceRefused{Reason: nobodyThere(err), Err: err}
	}
	placed := follow(a.sent)
	defer close(placed)
	res, err = p.Originator.Place(ctx, a.sent)
	if err == nil {
		placed <- res
	}
	return res, err
}

// awaitInvite bounds the wait for the provider's INVITE.
func (s *session) awaitInvite(p Provider) {
	s.after(timerExpect, p.ExpectTimeout, func() {
		s.takeBack(nil)
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderTimeout, Charged: true}, calls.ByProvider)
	})
}

// placed hears the provider's answer. Its INVITE, or a report, may have come before it.
func (s *session) placed(p Provider, a *asking) {
	data := providerData{Provider: p.Name, State: "accepted", ProviderCallID: a.res.ProviderCallID}
	switch {
	case a.refused():
		data.State, data.Error = "failed", a.err.Error()
	case a.err != nil:
		data.State, data.Error = "unknown", a.err.Error()
	}
	s.tell(s.event(calls.ProviderCall, data))
	s.named(a.res.ProviderCallID)
	if data.State != "failed" {
		if s.phase == remote && s.call.Flow.Bridge != nil && s.call.Flow.Bridge.Order == calls.ManagerFirst {
			s.tellBridging()
		}
		return
	}
	s.log.Warn("the provider refused to call", "provider", p.Name, "err", a.err)
	switch {
	case s.provider.reports > 0:
		s.log.Warn("the provider refused a call that it reports of; its reports count", "provider", p.Name)
	case s.phase == placing, s.phase == remote:
		s.provider.refused = true
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderFailed}, calls.ByProvider)
	}
}

// named keeps what the provider calls the call, so that it is not taken for a foreign one.
func (s *session) named(id string) {
	if id == "" || s.call.ProviderCallID != "" || len(id) > maxProviderID || !calls.Printable(id) {
		return
	}
	s.call.ProviderCallID = id
	s.e.expect.name(s, id)
	account, provider, call := s.call.Account, s.call.Provider, s.id
	s.e.store.Note(func(tx calls.Tx) error { return tx.NameProviderCall(account, provider, id, call) }, s.stored)
}

// maxProviderID bounds the name that a provider gives a call.
const maxProviderID = 256

// claimed takes the provider's INVITE as this call's customer leg.
func (s *session) claimed() {
	a, ok := s.e.expect.pick(s)
	if !ok {
		return
	}
	s.customer.leg, s.hops = a.leg, a.inv.Hops+1
	s.phase = connecting
	s.tell(s.event(calls.ProviderCall, providerData{Provider: s.call.Provider, State: "claimed", ProviderCallID: s.call.ProviderCallID, Extension: a.inv.To}))
	s.rings(s.now())
	s.awaitClient()
	a.leg.Answer()
}

// awaitClient bounds the wait for the client while our side of the provider's call
// stands.
func (s *session) awaitClient() {
	s.after(timerExpect, s.ringTimeout(), func() { s.hangup(calls.ReasonRingTimeout, calls.ByZvonar) })
}

// rings tells once that the client's telephone rings, as far as is known.
func (s *session) rings(at time.Time) bool {
	if s.call.RingingAt != nil {
		return false
	}
	s.call.Status, s.call.RingingAt = calls.StatusRinging, &at
	s.tell(s.event(calls.CallRinging, ringingData{Attempt: s.customer.attempt.ID}))
	return true
}

// leaveProvider: the call is over, or its INVITE is no longer wanted.
func (s *session) leaveProvider() {
	p := &s.provider
	if p.request != nil && !p.back {
		p.request.giveUp()
	}
	s.unfollow()
	if leg := s.e.expect.leave(s, p.asked && !p.refused); leg != nil {
		leg.Reject(480, 0, "")
	}
}

// onProviderAnswered: our side of the provider's call stands.
func (s *session) onProviderAnswered(ev calls.LegEvent) {
	s.provider.answered, s.provider.codec = true, ev.Codec
	s.setAttempt(s.customer, func(a *calls.Attempt) { a.Dialog = ev.Dialog })
	s.clientReady(ev.At)
}

// onProviderAudio: the provider sends audio.
func (s *session) onProviderAudio(ev calls.LegEvent) {
	s.provider.heard = true
	s.clientReady(ev.At)
}

// isReady reports whether the client is on the line, by the provider's sign.
func (p *providerSide) isReady(sign Ready) bool {
	switch sign {
	case ReadyAudio:
		return p.answered && (p.heard || p.there)
	case ReadyEvent:
		return p.answered && p.there
	}
	return p.answered
}

// clientReady starts the flow once the client is on the line.
func (s *session) clientReady(at time.Time) {
	if !s.provider.isReady(s.e.providers[s.call.Provider].Ready) {
		return
	}
	s.after(timerExpect, 0, nil)
	s.startTalk(at)
	s.call.SIPCode = 200
	s.call.RingMS = ringMS(s.call, s.customer.attempt, at)
	s.setAttempt(s.customer, func(a *calls.Attempt) { a.State, a.SIPCode, a.Charged = calls.AttemptAnswered, 200, true })
	s.storeAnswer(s.event(calls.CallAnswered, answeredData{Attempt: s.customer.attempt.ID, Leg: calls.RoleCustomer, Codec: s.provider.codec, RingMS: s.call.RingMS}))
	s.connectParties()
}
