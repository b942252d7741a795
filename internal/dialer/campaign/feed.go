package campaign

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
)

const (
	// aheadTime is how long the dialer could go on at full pace with what was fed.
	aheadTime  = 3 * time.Second
	leastAhead = 8
	mostAhead  = 1000
	freeAhead  = 200 // where the campaign has no pace of its own
	// mostLive bounds the calls of a campaign that are not over: those that wait to
	// be tried again are among them.
	mostLive = 50_000
	feeders  = 8
	// refRetry is when a contact is looked at again whose ref a live call has.
	refRetry = time.Minute
)

// ahead is how many calls that are due the dialer is to have.
func ahead(p calls.Pace) int {
	n := 0
	if p.CPS > 0 {
		n = int(math.Ceil(p.CPS * aheadTime.Seconds()))
	}
	if every := p.IntervalTime(); every > 0 {
		if k := int(aheadTime/every) + 1; n == 0 || k < n {
			n = k
		}
	}
	if p.MaxCalls > 0 && (n == 0 || p.MaxCalls < n) {
		n = p.MaxCalls
	}
	if n == 0 {
		return freeAhead
	}
	return min(max(n, leastAhead), mostAhead)
}

// serve does for one campaign what its schedule and its line ask for.
func (r *Runner) serve(ctx context.Context, c *calls.Campaign, now time.Time) (next time.Time, err error) {
	due, move, reason := scheduled(c, now)
	if move != "" {
		_, err := r.desk.move(ctx, c.Account, c.ID, move, reason, "zvonar")
		if err != nil && calls.CodeOf(err) == calls.CodeWrongState {
			// Nothing to call, or somebody was faster: the time is over either way.
			err = r.desk.forgetSchedule(ctx, c)
		}
		return now, err
	}
	if c.State != calls.CampaignIsRunning {
		return due, nil
	}
	at, err := r.feed(ctx, c, now)
	return sooner(due, at), err
}

// scheduled tells what a campaign's times ask for now, or when they will.
func scheduled(c *calls.Campaign, now time.Time) (due time.Time, move calls.CampaignMove, reason string) {
	switch {
	case c.State == calls.CampaignDraft && c.StartAt != nil:
		if now.Before(*c.StartAt) {
			return *c.StartAt, "", ""
		}
		return due, calls.CampaignStart, ""
	case c.State == calls.CampaignIsRunning && c.StopAt != nil:
		if now.Before(*c.StopAt) {
			return *c.StopAt, "", ""
		}
		return due, calls.CampaignPause, "its stop time has come; give a later stop_at and resume it to go on"
	}
	return due, "", ""
}

// feed admits what the dialer can begin soon, and finishes a campaign that has
// nothing left.
func (r *Runner) feed(ctx context.Context, c *calls.Campaign, now time.Time) (next time.Time, err error) {
	want := ahead(c.Pace) - r.cfg.Gate.CampaignLoad(c.ID).Queued
	var counts calls.CampaignCounts
	var list []*calls.Contact
	err = r.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if counts, err = tx.CampaignCounts(c.Account, c.ID); err != nil {
			return err
		}
		want = min(want, mostLive-int(counts[calls.CountCalling]))
		if want > 0 && counts.Waiting() > 0 {
			list, next, err = r.nextInLine(tx, c, want, now)
		}
		return err
	})
	if err != nil {
		return next, err
	}
	if counts[calls.CountTotal] > 0 && counts.Waiting() == 0 && counts[calls.CountCalling] == 0 {
		return next, r.desk.finish(ctx, c)
	}
	if len(list) == 0 {
		return next, nil
	}
	slow := r.admit(ctx, c, list)
	if slow {
		return now.Add(time.Second), nil
	}
	return now, nil // there may be more
}

// nextInLine takes up to want contacts that may be called now, in turn from each
// line whose hours are open, and tells when more may be.
func (r *Runner) nextInLine(tx calls.ReadTx, c *calls.Campaign, want int, now time.Time) (list []*calls.Contact, next time.Time, err error) {
	lines, err := tx.ContactLines(c.Account, c.ID)
	if err != nil {
		return nil, next, err
	}
	var open [][]*calls.Contact
	for _, l := range lines {
		if l.Turn > now.UnixMicro() {
			next = sooner(next, time.UnixMicro(l.Turn))
			continue
		}
		if at := r.closed[lineKey{c.ID, l.Zones}]; at.After(now) {
			next = sooner(next, at)
			continue
		}
		part, err := tx.NextContacts(c.Account, c.ID, l.Zones, now.UnixMicro(), want)
		if err != nil {
			return nil, next, err
		}
		if len(part) == 0 {
			continue
		}
		if is, at := r.cfg.Opens(part[0].Number, part[0].Timezone, c.Window, now); !is {
			// Windows may change with the configuration: it is not believed for long.
			look := now.Add(time.Minute)
			if !at.IsZero() && at.Before(look) {
				look = at
			}
			r.closed[lineKey{c.ID, l.Zones}] = look
			next = sooner(next, look)
			continue
		}
		open = append(open, part)
	}
	for i := 0; len(list) < want; i++ {
		found := false
		for _, part := range open {
			if i < len(part) && len(list) < want {
				list, found = append(list, part[i]), true
			}
		}
		if !found {
			break
		}
	}
	return list, next, nil
}

// admit makes calls of contacts, several at a time so that they share commits;
// slow says that the store, or the engine, cannot take more now.
func (r *Runner) admit(ctx context.Context, c *calls.Campaign, list []*calls.Contact) (slow bool) {
	work := make(chan *calls.Contact, len(list))
	for _, t := range list {
		work <- t
	}
	close(work)
	var halted atomic.Bool
	var group sync.WaitGroup
	for range min(feeders, len(list)) {
		group.Go(func() {
			for t := range work {
				if ctx.Err() != nil || halted.Load() {
					return
				}
				if !r.call(ctx, c, t) {
					halted.Store(true)
				}
			}
		})
	}
	group.Wait()
	return halted.Load()
}

// errNotRunning ends the admission of a campaign that was paused meanwhile.
var errNotRunning = errors.New("the campaign does not run any more")

// call makes a call of one contact; false where it is no use to go on with the
// campaign now.
func (r *Runner) call(ctx context.Context, c *calls.Campaign, t *calls.Contact) bool {
	_, err := r.cfg.Caller.CallContact(ctx, c, t, func(tx calls.Tx, call *calls.Call) error {
		is, err := tx.Campaign(c.Account, c.ID)
		if err == nil && is.State != calls.CampaignIsRunning {
			err = errNotRunning
		}
		if err != nil {
			return err
		}
		return tx.TakeContact(c.Account, c.ID, t.N, call.ID)
	})
	var known *calls.Error
	switch {
	case err == nil, errors.Is(err, calls.ErrNotFound): // it has a call, of somebody else's making
		return true
	case errors.Is(err, errNotRunning), ctx.Err() != nil:
		return false
	case !errors.As(err, &known) || known.Code == calls.CodeOverloaded || known.Code == calls.CodeInternal:
		r.cfg.Log.Warn("a contact could not be made a call; it is tried again", "campaign", c.ID, "contact", t.N, "err", err)
		return false
	case known.Code == calls.CodeRefConflict:
		err = r.cfg.Store.Update(ctx, func(tx calls.Tx) error {
			return tx.PlaceContact(c.Account, c.ID, t.N, r.cfg.Clock.Now().Add(refRetry).UnixMicro())
		})
	case itsOwnFault(known, t):
		err = r.cfg.Store.Update(ctx, func(tx calls.Tx) error {
			return tx.DropContact(c.Account, c.ID, t.N, calls.ContactFailed, known.Detail)
		})
	default:
		r.cfg.Log.Warn("a campaign is paused: no call can be made of its contacts", "campaign", c.ID, "err", err)
		r.Trip(c.ID, known.Detail)
		return false
	}
	if err != nil && !errors.Is(err, calls.ErrNotFound) && ctx.Err() == nil {
		r.cfg.Log.Warn("a contact could not be set aside; it is tried again", "campaign", c.ID, "contact", t.N, "err", err)
		return false
	}
	return true
}

// itsOwnFault reports whether a refusal is about what only this contact has.
func itsOwnFault(e *calls.Error, t *calls.Contact) bool {
	switch e.Code {
	case calls.CodeInvalidNumber, calls.CodeDestinationForbidden:
		return true
	case calls.CodeUnknownRecording, calls.CodeRecordingNotApproved:
		return t.Record != "" || t.Digits != nil
	case calls.CodeBadAction:
		return t.Manager != "" || t.Digits != nil
	case calls.CodeInvalidField:
		return t.Timezone != "" || t.Manager != ""
	}
	return false
}
