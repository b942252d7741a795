package voximplant

import (
	"context"
	"time"

	"zvonar/internal/calls"
)

// Follow implements providers.Follower. Reports of the scenario come through the feed;
// where nothing is heard for a while the history of the account is asked.
func (c *client) Follow(ctx context.Context, r calls.PlaceRequest, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) (hear func()) {
	l := c.feed.open(r)
	f := &follower{client: c, request: r, line: l, story: newStory(), tell: tell, due: make(chan alarm, 4), wait: time.Duration(c.settings.History.After)}
	f.begun = c.house.Clock.Now()
	f.story.answered = r.Resumed != nil && r.Resumed.Answered
	f.ask(f.wait)
	return func() {
		defer c.feed.close(l)
		defer c.forget(r.Attempt)
		defer f.stop()
		f.run(ctx, placed)
	}
}

// run tells what comes until all was told.
func (f *follower) run(ctx context.Context, placed <-chan calls.PlaceResult) {
	for !f.over {
		select {
		case <-ctx.Done():
			return
		case result, ok := <-placed:
			placed = nil
			if ok {
				f.session = result.ProviderCallID
				f.client.feed.name(f.line, result.ProviderCallID)
			}
		case x := <-f.line.facts:
			f.heard(x)
		case what := <-f.due:
			f.rang(ctx, what)
		}
	}
}

// alarm is what a timer of a follower is for.
type alarm int

const (
	alarmReorder alarm = iota
	alarmHistory
	alarmRecord
)

// follower follows one call; one goroutine owns it.
type follower struct {
	client  *client
	request calls.PlaceRequest
	line    *line
	story   *story
	tell    func(calls.ProviderReport)
	session string
	begun   time.Time
	wait    time.Duration // until history is asked again
	over    bool
	due     chan alarm
	timers  [3]interface{ Stop() bool }
}

// after rings an alarm later; one of each kind is set at a time.
func (f *follower) after(what alarm, d time.Duration) {
	if t := f.timers[what]; t != nil {
		t.Stop()
	}
	due := f.due
	f.timers[what] = f.client.house.Clock.AfterFunc(d, func() {
		select {
		case due <- what:
		default: // as many wait as there are kinds
		}
	})
}

func (f *follower) stop() {
	for _, t := range f.timers {
		if t != nil {
			t.Stop()
		}
	}
}

// ask has the history asked after d, unless it is switched off.
func (f *follower) ask(d time.Duration) {
	if !f.client.settings.History.Off {
		f.after(alarmHistory, d)
	}
}

// heard takes a report of the scenario.
func (f *follower) heard(x fact) {
	if x.session != "" && f.session == "" {
		f.session = x.session
		f.client.feed.name(f.line, x.session)
	}
	f.tellAll(f.story.add(x))
	if len(f.story.held) > 0 {
		f.after(alarmReorder, time.Duration(f.client.settings.Callbacks.Reorder))
	}
	if !f.story.ended { // it lives: the history can wait
		f.wait = time.Duration(f.client.settings.History.After)
		f.ask(f.wait)
	}
}

func (f *follower) tellAll(reports []calls.ProviderReport) {
	for _, r := range reports {
		if r.ProviderCallID == "" {
			r.ProviderCallID = f.session
		}
		f.tell(r)
	}
	if !f.story.ended || f.over {
		return
	}
	if !f.request.Flow.Capture || len(f.story.recorded) > 0 {
		f.over = true
		return
	}
	if len(reports) > 0 { // the sound is still to come
		f.after(alarmRecord, time.Duration(f.client.settings.Callbacks.RecordWait))
	}
}

// rang does what an alarm is for.
func (f *follower) rang(ctx context.Context, what alarm) {
	switch what {
	case alarmReorder:
		f.tellAll(f.story.flush())
	case alarmRecord:
		if f.client.settings.History.Off {
			f.over = true
			return
		}
		// The last place where the sound may be found.
		reports, _ := f.client.lookUp(ctx, f)
		f.tellAll(reports)
		f.over = true
	case alarmHistory:
		if f.story.ended {
			return
		}
		f.askHistory(ctx)
	}
}

// askHistory asks what became of the call, and when to ask again.
func (f *follower) askHistory(ctx context.Context) {
	h := f.client.settings.History
	reports, err := f.client.lookUp(ctx, f)
	if err != nil && ctx.Err() == nil {
		f.client.house.Log.Warn("the history of a call could not be had", "provider", f.client.name, "call", f.request.CallID, "err", err)
	}
	f.tellAll(reports)
	if f.story.ended {
		return
	}
	if f.client.house.Clock.Now().Sub(f.begun) > time.Duration(h.GiveUp) {
		if f.request.Resumed != nil { // nobody knows what became of it, which is for the engine to say
			return
		}
		f.tellAll(f.story.tell(nil, calls.ProviderReport{State: calls.ReportEnded, By: calls.ByProvider,
			Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderTimeout, Words: "neither reports nor the history tell what became of it"}))
		f.over = true
		return
	}
	f.wait = min(2*f.wait, time.Duration(h.Most))
	f.ask(f.wait)
}
