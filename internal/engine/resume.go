package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// A call that a provider carries without us outlives this process: it goes on playing,
// or talking, and tells how that ends. After a crash its session is made anew from what
// is durable and hears the reports from there on. Nothing is asked for again.

const (
	// firstNews is how long news are waited for of a call that the provider never named,
	// beyond the time it has to answer the request and to ring: the request may never
	// have left us.
	firstNews = time.Minute
	// leastPatience is how long news are waited for however long we were away: what asks
	// the provider how the call stands needs a moment.
	leastPatience = 5 * time.Minute
)

// carried gives the open attempt of a call that nobody runs and that its provider may
// be carrying; nil: there is none, or the call needed a leg of ours.
func (e *Engine) carried(c *calls.Call) (open *calls.Attempt) {
	p, ok := e.providers[c.Provider]
	if !ok || c.Foreign || c.Direction != calls.Out || !p.carries(c.Account) || p.wayOf(c.Flow) == bySIP || len(dialogsOf(c)) > 0 ||
		c.Status == calls.StatusQueued || c.Status == calls.StatusHeld {
		return nil
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		switch {
		case !a.Open():
		case open != nil, a.Role != calls.RoleCustomer, a.Trunk != p.lane(c.Flow):
			return nil
		default:
			open = a
		}
	}
	return open
}

// goOn makes the session of a call that its provider carries, and has it followed; false:
// it was not possible now.
func (e *Engine) goOn(c *calls.Call, open *calls.Attempt) bool {
	s := e.newSession(c)
	a, p := *open, e.providers[c.Provider]
	s.customer.attempt = &a
	request := s.placeRequest(p)
	request.Resumed = &calls.Resumed{AskedAt: a.SentAt, Rang: c.RingingAt != nil, Answered: c.AnsweredAt != nil, Digits: c.DigitString()}
	var err error
	if request.Employee, err = e.employeeFor(e.life, request, c.Provider, c.Employee); err != nil { // he may be gone by now, the call is not
		e.log.Warn("whom a call was placed for could not be found; the call goes on", "call", c.ID, "err", err)
	}
	if err := e.remember(s); err != nil {
		e.log.Error("what was told of a call could not be read", "call", c.ID, "err", err)
		return false
	}
	asked := &asking{done: make(chan struct{}), giveUp: func() {}, sent: request, res: calls.PlaceResult{ProviderCallID: c.ProviderCallID}}
	close(asked.done)
	s.provider.asked, s.provider.request, s.provider.known = true, asked, len(c.Digits)
	s.wish.trunk, s.wish.line, s.wish.from = c.Trunk, c.Line, c.From
	if slot, ok := e.cfg.Limits.Retake(c.Trunk); ok {
		s.customer.slot = slot
	}
	if !e.launch(s, func() { s.followAnew(p) }) {
		s.letGo()
		return false
	}
	return true
}

// remember reads what was told of the parties of a call, beyond its own fields.
func (e *Engine) remember(s *session) error {
	if s.call.Flow.Bridge == nil {
		return nil
	}
	var told []calls.Event
	err := e.store.View(e.life, func(tx calls.ReadTx) (err error) {
		told, err = tx.Events(calls.EventFilter{Account: s.call.Account, Subject: calls.CallSubject(s.id),
			Types: []calls.EventType{calls.CallBridging, calls.CallBridged, calls.CallUnbridged}})
		return err
	})
	p := &s.provider
	for _, ev := range told {
		switch ev.Type {
		case calls.CallBridging:
			p.bridging = true
		case calls.CallBridged:
			p.managerUp, p.bridgedAt = true, ev.Time
		case calls.CallUnbridged:
			p.bridgedAt = time.Time{}
		}
	}
	return err
}

// followAnew follows the call from where its log ends.
func (s *session) followAnew(p Provider) {
	s.phase = remote
	if s.call.AnsweredAt != nil {
		s.phase = remoteTalk
		if s.canTakeBack() {
			s.after(timerMax, max(leastPatience, s.maxDuration()-s.now().Sub(*s.call.AnsweredAt)), s.lastedTooLong)
		}
	}
	s.log.Info("a call goes on that its provider carries", "provider", p.Name, "status", s.call.Status)
	s.tell(s.event(calls.ProviderCall, providerData{Provider: p.Name, State: "resumed", ProviderCallID: s.call.ProviderCallID}))
	s.replayDigits()
	follow, asked, named := s.follower(p), s.provider.request, s.call.ProviderCallID != ""
	s.e.tails.Go(func() {
		placed := follow(asked.sent)
		defer close(placed)
		if named {
			placed <- asked.res
		}
	})
	s.awaitNews(p)
}

// replayDigits finds which menu the client is in. One who asked not to be called any more
// and whose entry was cut off is entered now.
func (s *session) replayDigits() {
	p := &s.provider
	p.menu = s.call.Flow.Digits
	p.blocked = slices.ContainsFunc(s.call.Actions, func(a calls.ActionResult) bool { return a.Action == string(calls.ActionBlock) })
	for _, d := range s.call.Digits {
		if d.Leg != calls.RoleCustomer || len(d.Digit) != 1 {
			continue
		}
		for _, a := range p.menu.Lookup(d.Digit[0]) {
			if a.Kind == calls.ActionBlock {
				s.remoteBlock(d.Digit[0], a)
			}
			if a.Digits != nil {
				p.menu = a.Digits
			}
		}
	}
}

// wasTold reports whether a digit was told to the process before this one: a provider
// repeats a report whose receipt it did not see.
func (s *session) wasTold(r calls.ProviderReport, digit byte) bool {
	at := s.timeOf(r)
	return !r.At.IsZero() && slices.ContainsFunc(s.call.Digits[:s.provider.known], func(d calls.DigitPress) bool {
		return d.At.Equal(at) && strings.HasPrefix(d.Digit, string(rune(digit)))
	})
}

// awaitNews bounds the wait for the first report since the call goes on. Without any it
// is lost: nobody knows what became of it.
func (s *session) awaitNews(p Provider) {
	last := s.customer.attempt.SentAt
	for _, at := range []*time.Time{s.call.RingingAt, s.call.AnsweredAt} {
		if at != nil && at.After(last) {
			last = *at
		}
	}
	wait := max(leastPatience, s.reportTimeout(p)-s.now().Sub(last))
	if s.call.ProviderCallID == "" && s.call.RingingAt == nil && s.call.AnsweredAt == nil {
		wait = min(wait, cmp.Or(p.ExpectTimeout, defaultExpectTimeout)+s.ringTimeout()+firstNews)
	}
	s.after(timerExpect, wait, s.noNews)
}

// noNews ends the call: it may be over since long. Whatever it is doing is taken back.
func (s *session) noNews() {
	s.takeBack(nil)
	s.tell(s.event(calls.CallNeedsAttention, attentionData{Why: "zvonar stopped while the provider carried the call, and the provider told nothing more of it"}))
	s.provider.shown = true
	s.endRemoteTalk(calls.ByZvonar, calls.ReasonNodeLost)
	s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonNodeLost, Charged: true}, calls.ByZvonar)
}

// lastedTooLong ends a talk that goes on, as far as is known, longer than it may.
func (s *session) lastedTooLong() {
	if s.provider.reports == 0 {
		s.noNews()
		return
	}
	s.hangup(calls.ReasonMaxDuration, calls.ByZvonar)
}
