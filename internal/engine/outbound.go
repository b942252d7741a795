package engine

import (
	"errors"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// Begin takes a call from the dialer: every gate is open, slot is ours. The
// attempt is committed, and only then dialled. It returns at once.
func (e *Engine) Begin(call *calls.Call, slot Slot) {
	s := e.newSession(call)
	s.customer.slot = slot
	if !e.launch(s, s.begin) {
		slot.Release() // draining: the call stays queued in the store for the next process
	}
}

// begin commits the customer's attempt.
func (s *session) begin() {
	c := s.call
	s.wish.trunk, s.wish.line, s.wish.from = c.Trunk, c.Line, c.From
	c.Trunk, c.Line, c.Hold = s.customer.slot.Trunk(), c.From, nil
	provider, viaProvider := s.e.providers[c.Provider]
	if c.From == "" {
		c.From = s.e.defaultNumber(c.Trunk)
		if len(provider.Numbers) > 0 && provider.lane(c.Flow) == c.Trunk {
			c.From = provider.Numbers[0]
		}
		c.Line = c.From
	}
	if c.Provider != "" && !viaProvider {
		s.log.Warn("the provider of the call is no longer configured", "provider", c.Provider)
		s.complete(calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderFailed}, calls.ByZvonar)
		return
	}
	if b := c.Flow.Bridge; b != nil && b.Order == calls.ManagerFirst && !viaProvider {
		s.summon(b)
		return
	}
	a, err := s.newAttempt(calls.RoleCustomer, c.Trunk, c.To)
	if err != nil {
		s.abandon(err.Error())
		return
	}
	s.customer.attempt = a
	c.Status = calls.StatusDialing
	events := []calls.Event{s.event(calls.CallDialing, dialingData{Attempt: a.ID, N: a.N, Trunk: a.Trunk, Target: a.To, From: c.From})}
	if viaProvider {
		requested := providerData{Provider: c.Provider, State: "requested"}
		if provider.wayOf(c.Flow) == bySIP {
			requested.Extension = provider.Extension
		}
		events = append(events, s.event(calls.ProviderCall, requested))
	}
	s.after(timerMax, s.maxLife(), func() { s.hangup(calls.ReasonMaxDuration, calls.ByZvonar) })
	judged := s.now()
	row, asked := *a, c.Clone()
	s.commit(func(tx calls.Tx) error {
		if err := s.customer.slot.Confirm(tx, asked); err != nil {
			if blocked := s.notBlockedFrom(tx, asked); blocked != nil {
				return blocked // the number that is shown was not settled when the gates were asked
			}
			return err
		}
		return tx.InsertAttempt(&row)
	}, func(err error) {
		if err != nil {
			s.forgetAttempt(s.customer)
		} else {
			failpoint.Hit(failpoint.AttemptStored)
		}
		s.dropRevoked() // who decided may have done it between the dialer and here
		switch {
		case s.ending.reason == calls.ReasonMaxDuration: // the store took longer than a call may
			s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed}, calls.ByZvonar)
		case s.ending.reason != "": // cancelled while the attempt was being committed
			s.complete(calls.Result{Outcome: calls.OutcomeCanceled, Reason: s.ending.reason}, s.ending.by)
		case errors.Is(err, errBlocked):
			s.complete(calls.Result{Outcome: calls.OutcomeBlocked, Reason: calls.ReasonBlacklist}, calls.ByZvonar)
		case errors.Is(err, calls.ErrGateClosed):
			s.putBack("a gate closed meanwhile")
		case err != nil:
			s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStoreFailed}, calls.ByZvonar)
		case s.lost():
			s.lose()
		case s.now().Sub(judged) > gatesHold, !s.held():
			s.putBack("the attempt waited too long for the store")
		case viaProvider:
			s.place(provider)
		default:
			s.dialCustomer()
		}
	}, events...)
}

// maxLife bounds a call in every phase: ringing plus talk plus the time the
// protocol may need at both ends.
func (s *session) maxLife() time.Duration {
	return s.ringTimeout() + s.maxDuration() + time.Minute
}

func (s *session) ringTimeout() time.Duration {
	if s.call.RingTimeout > 0 {
		return s.call.RingTimeout
	}
	return s.e.cfg.RingTimeout
}

func (s *session) maxDuration() time.Duration {
	if s.call.MaxDuration > 0 {
		return s.call.MaxDuration
	}
	return s.e.cfg.MaxDuration
}

func (s *session) dialCustomer() {
	s.phase, s.early = dialing, early{}
	a := s.customer.attempt
	if err := s.e.line.Prepare(s.clips()); err != nil {
		s.log.Error("a clip of the call cannot be played", "err", err)
		r := calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonNoClip}
		if s.manager != nil {
			s.without(r)
			return
		}
		s.complete(r, calls.ByZvonar)
		return
	}
	leg, err := s.e.line.Dial(calls.DialRequest{
		AttemptID: a.ID, CallID: s.call.ID, Account: s.call.Account, SIPCallID: a.SIPCallID, Metadata: s.call.Metadata, Trunk: a.Trunk, To: a.To, From: s.call.From,
		Role: calls.RoleCustomer, RingTimeout: s.ringTimeout(), Via: s.customer.via.Via, Failover: s.customer.via.Failover, Anonymous: s.anonymous(),
		EarlyMedia: s.call.Flow.AMD.EarlyMedia,
	}, s.listen(s.customer))
	if err != nil {
		s.log.Warn("the trunk could not be asked to call", "trunk", a.Trunk, "err", err)
		s.legEvent(s.customer, calls.LegEvent{Kind: calls.LegEnded, At: s.now(), Ending: calls.Ending{Transport: true, By: calls.ByZvonar}})
		return
	}
	s.customer.leg = leg
	s.nameLeg(s.customer, true)
}

// clips lists every clip the flow can play.
func (s *session) clips() []calls.RecordingRef {
	refs := make([]calls.RecordingRef, 0, len(s.call.Flow.Clips))
	for _, r := range s.call.Flow.Clips {
		refs = append(refs, r)
	}
	return refs
}

func (s *session) onRinging(ev calls.LegEvent) {
	s.call.SIPCode = ev.Code
	if s.call.Status == calls.StatusRinging {
		return // one call.ringing, however many 18x come
	}
	failpoint.Hit(failpoint.CallRinging)
	at := ev.At
	s.call.Status, s.call.RingingAt = calls.StatusRinging, &at
	s.tell(s.event(calls.CallRinging, ringingData{Attempt: s.customer.attempt.ID, SIPCode: ev.Code}))
}

func (s *session) onEarlyMedia(ev calls.LegEvent) {
	s.onRinging(ev)
	s.tell(s.event(calls.CallEarlyMedia, ringingData{Attempt: s.customer.attempt.ID, SIPCode: ev.Code}))
}

// onAnswered starts the flow first and tells of it after: the first audio waits
// for nobody.
func (s *session) onAnswered(ev calls.LegEvent) {
	s.call.Verdict = calls.VerdictNone // whatever was heard before
	s.startTalk(ev.At)
	s.call.SIPCode = 200
	s.call.RingMS = ringMS(s.call, s.customer.attempt, ev.At)
	s.setAttempt(s.customer, func(a *calls.Attempt) {
		a.State, a.SIPCode, a.Charged, a.Dialog = calls.AttemptAnswered, 200, true, ev.Dialog
	})
	s.storeAnswer(s.event(calls.CallAnswered, answeredData{Attempt: s.customer.attempt.ID, Leg: calls.RoleCustomer, Codec: ev.Codec, RingMS: s.call.RingMS}))
	s.attempted(calls.Result{Outcome: calls.OutcomeAnswered, Charged: true}, 200)
	s.connectParties()
}

// storeAnswer tells of the answer, together with the attempt that keeps the
// dialog: a crash in between would leave a leg that nobody knows of.
func (s *session) storeAnswer(answered calls.Event) {
	s.tell(answered)
	s.e.store.Note(s.unit(nil), func(err error) {
		s.stored(err)
		if err == nil {
			failpoint.Hit(failpoint.AnswerStored)
		}
	})
}

// startTalk moves the call to talking and starts its flow.
func (s *session) startTalk(at time.Time) {
	failpoint.Hit(failpoint.CallAnswered)
	s.phase = talking
	s.call.Status, s.call.AnsweredAt = calls.StatusAnswered, &at
	s.after(timerMax, s.maxDuration(), func() { s.hangup(calls.ReasonMaxDuration, calls.ByZvonar) })
	if s.call.Flow.Capture {
		_ = s.beginCapture() // which told the log; before the first word
	}
	if s.call.Flow.Bridge == nil {
		s.startFlow()
		s.listenForMachines()
	}
}

// onUnanswered ends a call whose customer never came to the phone.
func (s *session) onUnanswered(ev calls.LegEvent) {
	if s.phase == dialing && s.follow(ev) {
		return
	}
	end := ev.Ending
	judged := calls.Judge(end)
	if s.phase == connecting {
		judged = judgeProvider(end)
	}
	s.attempted(judged, end.Code)
	if s.phase == dialing && (s.failOver(end) || s.manager != nil && s.failOverHere(ev)) {
		return
	}
	s.call.Q850 = end.Q850
	if end.Code != 0 {
		s.call.SIPCode = end.Code
	}
	by := end.By
	if by == "" {
		by = calls.ByNetwork
	}
	if s.manager != nil { // he waits for the client
		s.judged = &judged
		s.because(judged.Reason, by)
		s.leave(q850Normal)
		return
	}
	s.complete(judged, by)
}

// judgeProvider reads the end of a provider's leg whose client never came: the
// answer on it was ours, so only the cause says what became of the client.
func judgeProvider(end calls.Ending) calls.Result {
	if end.Q850 == 0 || end.Q850 == q850Normal {
		return calls.Result{Outcome: calls.OutcomeNoAnswer, Charged: true}
	}
	return calls.Judge(calls.Ending{Q850: end.Q850, Rang: true})
}

func (s *session) onMediaTimeout(ev calls.LegEvent) {
	s.hangup(ev.Silence.Reason(), calls.ByZvonar)
}

// onCustomerGone ends an answered call that the customer (or the network) left.
func (s *session) onCustomerGone(ev calls.LegEvent) {
	by := ev.Ending.By
	if by == "" {
		by = calls.ByCustomer
	}
	s.call.Q850 = ev.Ending.Q850
	s.because(goneFor(ev.Ending), by)
	s.leave(0)
}

// goneFor is why a leg ended that was answered.
func goneFor(end calls.Ending) calls.Reason {
	if end.Expired {
		return calls.ReasonSessionExpired
	}
	return calls.ReasonHangup
}

func ringMS(c *calls.Call, a *calls.Attempt, answered time.Time) int64 {
	from := a.SentAt
	if c.RingingAt != nil {
		from = *c.RingingAt
	}
	return max(0, answered.Sub(from).Milliseconds())
}
