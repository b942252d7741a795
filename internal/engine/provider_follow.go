package engine

import (
	"context"
	"time"

	"zvonar/internal/calls"
)

const (
	// lateReports is how long reports of an answered call are heard after its end:
	// the link to its sound may take minutes.
	lateReports = 15 * time.Minute
	// recallPatience bounds the wait for a provider that is to take a call back.
	recallPatience = 10 * time.Second
)

// follower gives what begins to hear the provider's reports of the call: once it
// returns none is missed. They come into the call's mailbox; what comes once it is over
// goes to lateReport. It may wait for the provider, so not in the call's goroutine.
func (s *session) follower(p Provider) func(calls.PlaceRequest) chan<- calls.PlaceResult {
	f, ok := p.Originator.(Follower)
	ctx, stop := context.WithCancel(s.e.life)
	if !ok {
		stop()
		return func(calls.PlaceRequest) chan<- calls.PlaceResult { return make(chan calls.PlaceResult, 1) }
	}
	s.provider.unfollow = stop
	id := s.id
	return func(r calls.PlaceRequest) chan<- calls.PlaceResult {
		placed := make(chan calls.PlaceResult, 1)
		hear := f.Follow(ctx, r, placed, func(report calls.ProviderReport) {
			if !s.hears(report) {
				s.e.lateReport(ctx, id, report)
			}
		})
		s.e.tails.Go(func() {
			defer stop()
			hear()
		})
		return placed
	}
}

// hears gives a report to the call and waits until it was heard; false where the
// call is over. Any goroutine but the call's.
func (s *session) hears(r calls.ProviderReport) bool {
	heard := make(chan struct{})
	if !s.box.post(func() { defer close(heard); s.reported(r) }) {
		return false
	}
	select {
	case <-heard:
		return true
	case <-s.gone:
	}
	select {
	case <-heard:
		return true
	default:
		return false
	}
}

// unfollow ends the reports of a call that is over. One that was answered may
// still be told where its sound lies.
func (s *session) unfollow() {
	stop := s.provider.unfollow
	if stop == nil {
		return
	}
	s.provider.unfollow = nil
	if s.call.AnsweredAt == nil {
		stop()
		return
	}
	s.e.clock.AfterFunc(lateReports, stop)
}

// lateReport takes what a provider tells of a call that is over. Only where its
// sound lies is still news.
func (e *Engine) lateReport(ctx context.Context, id string, r calls.ProviderReport) {
	if r.State != calls.ReportRecord || !goodLink(r.RecordURL) {
		return
	}
	err := e.store.Update(ctx, func(tx calls.Tx) error {
		c, err := tx.Call("", id)
		if err != nil {
			return err
		}
		ev := e.event(c, calls.CallRecordingReady, recordData{URL: r.RecordURL, Provider: c.Provider, DurationMS: r.TalkMS})
		return tx.AppendEvent(&ev)
	})
	if err != nil && ctx.Err() == nil {
		e.log.Error("a provider told where the sound of a call lies and the event could not be stored", "call", id, "err", err)
	}
}

// takeBack asks the provider, once, to take back what it was asked for; told hears
// in the call's goroutine what it said, if the call is not over by then. false: it
// cannot, or there is nothing to take back. Nothing waits for it.
func (s *session) takeBack(told func(error)) bool {
	p := s.e.providers[s.call.Provider]
	c, ok := p.Originator.(Canceler)
	a := s.provider.request
	if !ok || a == nil || s.provider.refused || s.provider.ended || s.provider.back {
		return false
	}
	s.provider.back = true
	s.e.wg.Add(1) // the session holds it, too: it is not waited out yet
	go func() {
		defer s.e.wg.Done()
		// It goes on where zvonar stops: somebody would be rung in vain.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.e.life), recallPatience)
		defer cancel()
		err := takeBack(ctx, c, a)
		if err != nil {
			s.log.Warn("the provider did not take the call back", "provider", p.Name, "err", err)
		}
		if told != nil {
			s.box.post(func() { told(err) })
		}
	}()
	return true
}

// takeBack waits for the provider's answer to the request, which names the call, and
// cancels that.
func takeBack(ctx context.Context, c Canceler, a *asking) error {
	select {
	case <-a.done:
	case <-ctx.Done():
		a.giveUp()
		<-a.done
	}
	if a.refused() {
		return nil
	}
	return c.Cancel(ctx, a.sent, a.res)
}
