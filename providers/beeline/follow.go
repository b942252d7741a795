package beeline

import (
	"context"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Follow tells what the events say of a call that we placed, and the statistics where
// no event comes. It implements providers.Follower.
func (c *Client) Follow(ctx context.Context, r providers.PlaceRequest, placed <-chan providers.PlaceResult, tell func(calls.ProviderReport)) (hear func()) {
	pattern, err := c.rung(r)
	if err != nil {
		return func() {} // Place says the same
	}
	f := &follow{pattern: pattern, client: r.To, mail: newMail()}
	c.desk.do(func() { c.desk.join(f) })
	return func() {
		defer c.desk.do(func() { c.desk.leave(f) })
		c.follow(ctx, r, f, placed, tell)
	}
}

// follow tells what f brings until all was told.
func (c *Client) follow(ctx context.Context, r providers.PlaceRequest, f *follow, placed <-chan providers.PlaceResult, tell func(calls.ProviderReport)) {
	begun := r.Began(c.clock.Now())
	polls := c.ticks(c.settings.Poll)
	defer polls.stop()
	for {
		select {
		case res, ok := <-placed:
			placed = nil
			c.desk.do(func() { c.desk.answered(f, res.ProviderCallID) })
			if !ok {
				continue // it may ring all the same
			}
		case <-f.mail.more:
			if notes := f.mail.take(); len(notes) > 0 {
				f.mail.post(notes...)
				c.carry(ctx, f.mail, begun, func(n note) { tell(n.report) })
				return
			}
		case <-polls.c:
			if placed == nil && c.polled(ctx, r, f.pattern, begun, tell) {
				return
			}
			polls.again()
		case <-ctx.Done():
			return
		}
	}
}

// carry tells the reports of one talk until it has ended and its recording was found
// or is not looked for.
func (c *Client) carry(ctx context.Context, m *mail, begun time.Time, tell func(note)) {
	for {
		select {
		case <-m.more:
		case <-ctx.Done():
			return
		}
		for _, n := range m.take() {
			tell(n)
			if begun.IsZero() {
				begun = n.report.At
			}
			if n.report.State != calls.ReportEnded {
				continue
			}
			if n.report.TalkMS > 0 {
				c.lookForRecord(ctx, n, begun, tell)
			}
			return
		}
	}
}

// recordPages bounds how far the list of recordings is read at one look.
const recordPages = 5

// lookForRecord looks for the recording of a talk, again and again: it appears
// minutes after the end, or never. n is the report of that end.
func (c *Client) lookForRecord(ctx context.Context, n note, begun time.Time, tell func(note)) {
	for _, after := range c.settings.Records {
		if pause(ctx, c.clock, after) != nil {
			return
		}
		link, err := c.recordLink(ctx, n.tracking, begun)
		switch {
		case err != nil:
			c.log.Debug("the recordings could not be read; they are looked at again", "error", err)
		case link != "":
			n.report = calls.ProviderReport{State: calls.ReportRecord, At: c.clock.Now(), RecordURL: link, TalkMS: n.report.TalkMS}
			tell(n)
			return
		}
	}
}

// recordLink is the address of the recording with this tracking id, "" while there is
// none.
func (c *Client) recordLink(ctx context.Context, tracking string, begun time.Time) (string, error) {
	const slack = 5 * time.Minute // their clock, and ours
	from := ""
	for range recordPages {
		page, err := c.portal.Records(ctx, from, "", begun.Add(-slack))
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(page, func(r Record) bool { return r.ExternalID == tracking }); i >= 0 {
			return c.portal.Reference(ctx, page[i].ID)
		}
		if len(page) == 0 || page[len(page)-1].ID == from {
			return "", nil
		}
		from = page[len(page)-1].ID
	}
	return "", nil
}

// polled asks the statistics whether the call took place; true: it did, and what
// became of it was told.
func (c *Client) polled(ctx context.Context, r providers.PlaceRequest, pattern string, begun time.Time, tell func(calls.ProviderReport)) bool {
	const slack = time.Minute
	now := c.clock.Now()
	list, err := c.portal.Statistics(ctx, c.people.userOf(pattern), begun.Add(-slack), now.Add(slack), 0)
	if err != nil {
		c.log.Debug("the statistics could not be read; they are asked again", "error", err)
		return false
	}
	i := slices.IndexFunc(list, func(s Stat) bool {
		other := s.Phone
		if other == "" {
			other = s.PhoneTo
		}
		start := s.StartDate.Time()
		return s.Direction != inbound && sameNumber(other, r.To) && !start.Before(begun.Add(-slack)) && c.his(s, pattern)
	})
	if i < 0 {
		return false
	}
	s := list[i]
	end := calls.ProviderReport{State: calls.ReportEnded, At: now, By: calls.ByProvider, Words: "by the statistics: " + calls.Clean(s.Status, 40)}
	if s.Duration > 0 {
		answered := s.StartDate.Time()
		tell(calls.ProviderReport{State: calls.ReportAnswered, At: answered})
		tell(calls.ProviderReport{State: calls.ReportJoined, At: answered})
		end.TalkMS = int64(s.Duration)
		end.At = answered.Add(time.Duration(s.Duration) * time.Millisecond)
	} else {
		end.SIPCode = 480
	}
	tell(end)
	return true
}

// his reports whether a line of the statistics is of a subscriber; one without a
// subscriber is of whoever was asked for.
func (c *Client) his(s Stat, pattern string) bool {
	a := s.Abonent
	return a == nil || is(pattern, a.UserID, *a, true)
}

// ticks wakes somebody up every now and then, by the house's clock.
type ticks struct {
	c    chan struct{}
	arm  func()
	stop func()
}

// again makes the next appointment.
func (t ticks) again() { t.arm() }

// ticks makes them; every 0 never ticks.
func (c *Client) ticks(every time.Duration) ticks {
	t := ticks{c: make(chan struct{}, 1), arm: func() {}, stop: func() {}}
	if every <= 0 {
		return t
	}
	timer := c.clock.AfterFunc(every, func() { t.c <- struct{}{} })
	t.arm = func() { timer = c.clock.AfterFunc(every, func() { t.c <- struct{}{} }) }
	t.stop = func() { timer.Stop() }
	return t
}
