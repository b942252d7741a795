package mango

import (
	"context"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// alarm wakes one goroutine. Setting it again forgets what it was set to.
type alarm struct {
	clock clock.Clock
	rings chan struct{}
	timer clock.Timer
}

func newAlarm(c clock.Clock) *alarm { return &alarm{clock: c, rings: make(chan struct{}, 1)} }

// set has it ring after d.
func (a *alarm) set(d time.Duration) {
	a.stop()
	rings := a.rings
	a.timer = a.clock.AfterFunc(d, func() {
		select {
		case rings <- struct{}{}:
		default:
		}
	})
}

// stop has it not ring, also where it just did.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer, a.rings = nil, make(chan struct{}, 1)
}

// settleTime is how long after the end of a call its first word of a recording may come.
const settleTime = 30 * time.Second

// Follow implements providers.Follower.
func (c *client) Follow(ctx context.Context, r calls.PlaceRequest, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) (hear func()) {
	w := c.book.follow(r.Attempt)
	f := &following{c: c, r: r, w: w, tell: tell, bell: newAlarm(c.house.Clock), began: r.Began(c.house.Clock.Now()),
		t: newTracker(r.To, r.Flow.Bridge != nil)}
	f.t.resume(r.Resumed)
	f.setBell()
	return func() {
		defer c.book.close(w)
		defer f.bell.stop()
		f.run(ctx, placed)
	}
}

// run tells what comes until all was told.
func (f *following) run(ctx context.Context, placed <-chan calls.PlaceResult) {
	for !f.done {
		select {
		case <-ctx.Done():
			return
		case res, ok := <-placed:
			placed = nil
			f.placed = ok
			if res.ProviderCallID != "" { // only of a call that goes on after a restart
				f.t.entry = text(res.ProviderCallID)
				f.c.book.adopt(f.w, f.t.entry)
			}
		case n := <-f.w.inbox:
			f.hear(n)
		case <-f.bell.rings:
			f.rang(ctx)
		}
	}
}

// following is one call that is followed, by one goroutine.
type following struct {
	c      *client
	r      calls.PlaceRequest
	w      *watch
	t      *tracker
	tell   func(calls.ProviderReport)
	bell   *alarm
	began  time.Time
	placed bool // the provider took the command
	heard  bool // some notice came
	ended  bool // the end was told; recordings may follow
	done   bool
}

// hear takes one notice.
func (f *following) hear(n notice) {
	f.heard = true
	var news []calls.ProviderReport
	switch n := n.(type) {
	case callNotice:
		news = f.t.call(n)
	case dtmfNotice:
		news = f.t.digits(n)
	case summaryNotice:
		news = f.t.summary(n)
	case recordingNotice:
		f.t.recording(n)
	case recordNotice:
		if f.t.added(n) && f.c.set.RecordLinks {
			r := f.t.report(calls.ReportRecord, n.Timestamp.time())
			r.RecordURL = f.c.recordLink(string(n.Recording))
			news = append(news, r)
		}
	case resultNotice:
		if class(int(n.Result)) != 1 && len(f.t.legs) == 0 && !f.t.ended {
			f.t.reason = int(n.Result)
			news = append(news, f.t.end(f.c.house.Clock.Now(), 0))
		}
	}
	f.w.at(f.t.live) // before it is told: who hears of a leg may take the call back at once
	f.say(news...)
	f.setBell()
}

// say tells reports.
func (f *following) say(list ...calls.ProviderReport) {
	for _, r := range list {
		f.tell(r)
		f.ended = f.ended || r.State == calls.ReportEnded
	}
}

// setBell says when this call is to be looked at though nothing comes.
func (f *following) setBell() {
	set := f.c.set
	switch {
	case f.ended && f.t.awaited():
		f.bell.set(time.Duration(set.RecordWait))
	case f.ended:
		f.bell.set(min(settleTime, time.Duration(set.RecordWait)))
	case f.t.idle():
		f.bell.set(time.Duration(set.Quiet))
	case set.Reconcile > 0 && f.r.Flow.Bridge != nil:
		f.bell.set(time.Duration(set.Reconcile))
	default:
		f.bell.stop()
	}
}

// rang: nothing came for as long as was waited.
func (f *following) rang(ctx context.Context) {
	switch {
	case f.ended:
		f.done = true
		return
	case f.t.idle():
		f.say(f.t.end(f.lastEnd(), 0))
	default:
		f.reconcile(ctx)
	}
	f.setBell()
}

// lastEnd is when the last leg ended.
func (f *following) lastEnd() (at time.Time) {
	for _, l := range f.t.legs {
		if l.at.After(at) {
			at = l.at
		}
	}
	return at
}
