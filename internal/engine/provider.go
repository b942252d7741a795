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
	asked    bool               // the request left us, or may have
	refused  bool               // the provider said no
	giveUp   context.CancelFunc // of the request that is out; nil: none
	answered bool               // our side of its call stands
	heard    bool               // it sends audio
	codec    string
}

// place registers what will come and then asks the provider. The attempt is
// durable already: a crash between the two rings nobody again.
func (s *session) place(p Provider) {
	s.phase = placing
	if p.ExpectTimeout == 0 {
		p.ExpectTimeout = defaultExpectTimeout
	}
	if err := s.e.line.Prepare(s.clips()); err != nil {
		s.log.Error("a clip of the call cannot be played", "err", err)
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonNoClip}, calls.ByZvonar)
		return
	}
	x := &expectation{s: s, trunk: p.Trunk, ext: p.Extension}
	if p.MatchCaller {
		x.caller = s.call.To
	}
	x.granted = func() { s.box.post(func() { s.ask(p) }) }
	s.e.expect.add(x)
}

// ask sends the request. It waits in a goroutine of its own: a provider that
// hangs holds up nothing but its call.
func (s *session) ask(p Provider) {
	if s.phase != placing {
		return
	}
	if !s.held() {
		s.lose()
		return
	}
	s.after(timerExpect, p.ExpectTimeout, func() {
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderTimeout, Charged: true}, calls.ByProvider)
	})
	r := calls.PlaceRequest{CallID: s.call.ID, Attempt: s.customer.attempt.ID, To: s.call.To, From: s.call.From,
		Extension: p.Extension, Ref: s.call.Ref}
	ctx, cancel := context.WithTimeout(s.e.life, p.ExpectTimeout)
	s.provider.asked, s.provider.giveUp = true, cancel
	s.e.wg.Add(1)
	go func() {
		defer s.e.wg.Done()
		defer cancel()
		res, err := p.Originator.Place(ctx, r)
		s.box.post(func() { s.placed(p, res, err) })
	}()
}

// placed hears the provider's answer. Its INVITE may have come before it.
func (s *session) placed(p Provider, res calls.PlaceResult, err error) {
	data := providerData{Provider: p.Name, State: "accepted", ProviderCallID: res.ProviderCallID}
	var unknown *calls.PlaceUnknown
	switch {
	case errors.As(err, &unknown):
		data.State, data.Error = "unknown", err.Error()
	case err != nil:
		data.State, data.Error = "failed", err.Error()
	}
	s.call.ProviderCallID = res.ProviderCallID
	s.tell(s.event(calls.ProviderCall, data))
	if data.State == "failed" && s.phase == placing {
		s.provider.refused = true
		s.log.Warn("the provider refused to call", "provider", p.Name, "err", err)
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderFailed}, calls.ByProvider)
	}
}

// claimed takes the provider's INVITE as this call's customer leg.
func (s *session) claimed() {
	a, ok := s.e.expect.pick(s)
	if !ok {
		return
	}
	s.customer.leg, s.hops = a.leg, a.inv.Hops+1
	s.phase = connecting
	at := s.now()
	s.call.Status, s.call.RingingAt = calls.StatusRinging, &at
	s.tell(s.event(calls.ProviderCall, providerData{Provider: s.call.Provider, State: "claimed", ProviderCallID: s.call.ProviderCallID, Extension: a.inv.To}),
		s.event(calls.CallRinging, ringingData{Attempt: s.customer.attempt.ID}))
	s.after(timerExpect, s.ringTimeout(), func() { s.hangup(calls.ReasonRingTimeout, calls.ByZvonar) })
	a.leg.Answer()
}

// leaveProvider: the call is over, or its INVITE is no longer wanted.
func (s *session) leaveProvider() {
	if s.provider.giveUp != nil {
		s.provider.giveUp()
	}
	if leg := s.e.expect.leave(s, s.provider.asked && !s.provider.refused); leg != nil {
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

// clientReady starts the flow once the provider's sign says that the client is
// on the line.
func (s *session) clientReady(at time.Time) {
	if !s.provider.answered || s.e.providers[s.call.Provider].Ready == ReadyAudio && !s.provider.heard {
		return
	}
	s.after(timerExpect, 0, nil)
	s.startTalk(at)
	s.call.SIPCode = 200
	s.call.RingMS = ringMS(s.call, s.customer.attempt, at)
	s.setAttempt(s.customer, func(a *calls.Attempt) { a.State, a.SIPCode, a.Charged = calls.AttemptAnswered, 200, true })
	s.storeAnswer(s.event(calls.CallAnswered, answeredData{Attempt: s.customer.attempt.ID, Leg: calls.RoleCustomer, Codec: s.provider.codec, RingMS: s.call.RingMS}))
}
