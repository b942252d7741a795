package sipuni

import (
	"context"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// Follow implements providers.Follower.
func (c *Client) Follow(ctx context.Context, r calls.PlaceRequest, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) (hear func()) {
	f := c.hub.follow(r.To, c.extensionOf(r))
	f.placed = r.Began(f.asked)
	ask := make(chan struct{}, 1)
	stop := c.remind(r, ask)
	return func() {
		defer c.hub.leave(f)
		defer stop()
		c.follow(ctx, r, f, placed, ask, tell)
	}
}

// follow tells what f brings until all was told; ask knocks when the statistic is to be asked.
func (c *Client) follow(ctx context.Context, r calls.PlaceRequest, f *follower, placed <-chan calls.PlaceResult, ask <-chan struct{}, tell func(calls.ProviderReport)) {
	t := teller{tell: tell, joins: r.Flow.Bridge != nil}
	for !t.over {
		select {
		case <-ctx.Done():
			return
		case res := <-placed: // closed without a value: no usable answer came
			placed = nil
			c.hub.settle(f, res.ProviderCallID)
		case <-f.news:
			for _, e := range c.hub.take(f) {
				t.hear(e)
				if e.answerMismatch {
					c.log.Warn("the service contradicts itself: status and time of the answer", "call", r.CallID, "status", e.status)
				}
			}
		case <-ask:
			e, found, err := c.lookUp(ctx, r, f)
			if err != nil {
				c.log.Warn("the statistic of the service could not be read", "call", r.CallID, "err", err)
			}
			if found {
				t.hear(e)
			}
		}
	}
}

// remind knocks at ask every while if the statistic is to be asked: of a call that
// comes to us our own leg tells all. stop ends it.
func (c *Client) remind(r calls.PlaceRequest, ask chan<- struct{}) (stop func()) {
	if c.set.StatisticsAfter == 0 || r.Flow.Bridge == nil && c.set.Method != "voicecall" {
		return func() {}
	}
	done := make(chan struct{})
	var again func()
	again = func() {
		select {
		case <-done:
			return
		case ask <- struct{}{}:
		default:
		}
		c.house.Clock.AfterFunc(c.set.StatisticsAfter, again)
	}
	timer := c.house.Clock.AfterFunc(c.set.StatisticsAfter, again)
	return func() { close(done); timer.Stop() }
}

// teller makes reports of the events of one call, in the order in which things go,
// each once, whatever order the events come in.
type teller struct {
	tell  func(calls.ProviderReport)
	joins bool
	said  []calls.ReportState
	over  bool
}

// once tells a report unless it was told, or the call is over.
func (t *teller) once(r calls.ProviderReport) {
	if t.over || slices.Contains(t.said, r.State) {
		return
	}
	t.said = append(t.said, r.State)
	t.tell(r)
	if t.joins && r.State != calls.ReportJoined && slices.Contains(t.said, calls.ReportAnswered) && slices.Contains(t.said, calls.ReportManager) {
		t.once(calls.ProviderReport{State: calls.ReportJoined, At: r.At})
	}
}

// hear reads one event.
func (t *teller) hear(e event) {
	switch e.kind {
	case eventStart:
		if !slices.Contains(t.said, calls.ReportAnswered) {
			t.once(calls.ProviderReport{State: calls.ReportRinging, At: e.at})
		}
	case eventAnswer:
		t.answer(e)
	case eventEnd:
		t.end(e)
	}
}

// answer tells who came to the telephone: the outside end is the client, the inside
// end our side. Of a call from inside to outside an answer is the client's, and our
// side was on the line before.
func (t *teller) answer(e event) {
	if e.dstType == inside {
		t.once(calls.ProviderReport{State: calls.ReportManager, At: e.at})
		if e.srcType == outside { // the client called in, or was rung first
			t.once(calls.ProviderReport{State: calls.ReportAnswered, At: e.at})
		}
		return
	}
	if e.srcType == inside {
		t.once(calls.ProviderReport{State: calls.ReportManager, At: e.at})
	}
	t.once(calls.ProviderReport{State: calls.ReportAnswered, At: e.at})
}

// end tells how the call ended. The status decides: where it says that the client
// answered, that is told first, also where the event of it is lost or late.
func (t *teller) end(e event) {
	how := statuses[e.status] // one that is unknown says nothing of a code
	if e.status == "ANSWER" {
		at := e.answered
		if at.IsZero() {
			at = e.started
		}
		t.answer(event{kind: eventAnswer, srcType: e.srcType, dstType: e.dstType, at: at})
	}
	if e.record != "" {
		t.once(calls.ProviderReport{State: calls.ReportRecord, RecordURL: e.record})
	}
	end := calls.ProviderReport{State: calls.ReportEnded, At: e.at, SIPCode: how.code, Outcome: how.outcome, Words: calls.Clean(e.status, 40)}
	if e.status == "ANSWER" && !e.answered.IsZero() && e.at.After(e.answered) {
		end.TalkMS = e.at.Sub(e.answered).Truncate(time.Millisecond).Milliseconds()
	}
	if t.over {
		return
	}
	t.once(end)
	t.over = true
}
