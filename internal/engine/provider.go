package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"zvonar/internal/calls"
)

const defaultExpectTimeout = 60 * time.Second

// expectation is a call whose INVITE a provider will send us.
type expectation struct {
	s       *session
	trunk   string
	ext     string
	caller  string // "" = any: then only one may be out at a time for (trunk, ext)
	granted func()
	active  bool
}

// expectations match provider's INVITEs to calls, each exactly once. Two calls
// that an INVITE could not tell apart are never awaited at the same time: the
// second waits until the first is claimed or dropped.
type expectations struct {
	mu   sync.Mutex
	list []*expectation
}

func newExpectations() *expectations { return &expectations{} }

// add registers x; granted is called (from any goroutine) once x is awaited.
func (e *expectations) add(x *expectation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
	e.activate()
}

// activate grants every expectation that no earlier one could be confused with.
func (e *expectations) activate() {
	for i, x := range e.list {
		if x.active {
			continue
		}
		clash := slices.ContainsFunc(e.list[:i], func(o *expectation) bool { return o.confusable(x) })
		if !clash {
			x.active = true
			x.granted()
		}
	}
}

func (x *expectation) confusable(o *expectation) bool {
	return x.trunk == o.trunk && x.ext == o.ext && (x.caller == "" || o.caller == "" || x.caller == o.caller)
}

// claim takes the expectation that inv fulfils; nil if there is none.
func (e *expectations) claim(inv calls.Invite) *session {
	e.mu.Lock()
	defer e.mu.Unlock()
	from := digitsOnly(inv.From)
	for i, x := range e.list {
		if x.active && x.trunk == inv.Trunk && x.ext == inv.To && (x.caller == "" || x.caller == from) {
			e.list = slices.Delete(e.list, i, i+1)
			e.activate()
			return x.s
		}
	}
	return nil
}

// drop forgets what s still awaits.
func (e *expectations) drop(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.list)
	e.list = slices.DeleteFunc(e.list, func(x *expectation) bool { return x.s == s })
	if len(e.list) != n {
		e.activate()
	}
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
	s.after(timerExpect, p.ExpectTimeout, func() {
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderTimeout, Charged: true}, calls.ByProvider)
	})
	r := calls.PlaceRequest{CallID: s.call.ID, Attempt: s.customer.attempt.ID, To: s.call.To, From: s.call.From,
		Extension: p.Extension, Ref: s.call.Ref}
	s.e.wg.Add(1)
	go func() {
		defer s.e.wg.Done()
		ctx, cancel := context.WithTimeout(context.Background(), p.ExpectTimeout)
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
		s.log.Warn("the provider refused to call", "provider", p.Name, "err", err)
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderFailed}, calls.ByProvider)
	}
}

// claimed takes the provider's INVITE as this call's customer leg.
func (s *session) claimed(leg Leg, inv calls.Invite) {
	if s.phase != placing {
		leg.Reject(480, 0, "")
		return
	}
	s.customer.leg = leg
	s.phase = connecting
	at := s.now()
	s.call.Status, s.call.RingingAt = calls.StatusRinging, &at
	p := s.e.providers[s.call.Provider]
	s.tell(s.event(calls.ProviderCall, providerData{Provider: p.Name, State: "claimed", ProviderCallID: s.call.ProviderCallID, Extension: inv.To}),
		s.event(calls.CallRinging, ringingData{Attempt: s.customer.attempt.ID}))
	s.after(timerExpect, s.ringTimeout(), func() { s.hangup(calls.ReasonRingTimeout, calls.ByZvonar) })
	leg.Answer()
}

// onProviderAnswered: our side of the provider's call stands.
func (s *session) onProviderAnswered(ev calls.LegEvent) {
	s.updateAttempt(s.customer, func(a *calls.Attempt) { a.Dialog = ev.Dialog })
	if s.e.providers[s.call.Provider].Ready != ReadyAudio {
		s.clientReady(ev.At, ev.Codec)
	}
}

// onProviderAudio: the provider sends audio, so the client is on the line.
func (s *session) onProviderAudio(ev calls.LegEvent) {
	if s.e.providers[s.call.Provider].Ready == ReadyAudio {
		s.clientReady(ev.At, ev.Codec)
	}
}

// clientReady starts the flow for the client whom the provider connected.
func (s *session) clientReady(at time.Time, codec string) {
	s.after(timerExpect, 0, nil)
	s.startTalk(at)
	s.call.SIPCode = 200
	s.call.RingMS = ringMS(s.call, s.customer.attempt, at)
	s.updateAttempt(s.customer, func(a *calls.Attempt) { a.State, a.SIPCode, a.Charged = calls.AttemptAnswered, 200, true })
	s.tell(s.event(calls.CallAnswered, answeredData{Attempt: s.customer.attempt.ID, Leg: calls.RoleCustomer, Codec: codec, RingMS: s.call.RingMS}))
}
