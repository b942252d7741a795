package recordings

import (
	"context"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// DefaultClaim is how long a moderator has a recording for himself.
const DefaultClaim = 10 * time.Minute

// free refuses a recording that another moderator has before him.
func (l *Library) free(rec *calls.Recording, actor string, now time.Time) error {
	if rec.ClaimedBy == "" || rec.ClaimedBy == actor || rec.ClaimedUntil == nil || !now.Before(*rec.ClaimedUntil) {
		return nil
	}
	e := calls.Errorf(calls.CodeWrongState, "%s has this recording before him until %s: take another one, or wait",
		rec.ClaimedBy, rec.ClaimedUntil.UTC().Format(time.RFC3339))
	e.Extra = map[string]any{"claimed_by": rec.ClaimedBy, "claimed_until": calls.StampOf(rec.ClaimedUntil)}
	return e
}

// Claim gives a pending recording to a moderator: until the claim ends nobody
// else decides on it. His own claim is prolonged. Errors are *calls.Error:
// not-found, wrong-state (with claimed_by and claimed_until where it is somebody
// else's).
func (l *Library) Claim(ctx context.Context, account, id, actor string) (*calls.Recording, error) {
	return l.hold(ctx, Decision{Account: account, ID: id, Actor: actor}, func(c *change) error { return c.claim() })
}

// ClaimNext claims the oldest pending recording that the moderator may decide on,
// or gives him the one that he has claimed already. Errors are *calls.Error:
// not-found where nothing waits for him.
func (l *Library) ClaimNext(ctx context.Context, account, actor string) (*calls.Recording, error) {
	return l.hold(ctx, Decision{Account: account, Actor: actor}, func(c *change) error {
		next, err := c.next()
		if err != nil {
			return err
		}
		c.rec = next
		return c.claim()
	})
}

// Release gives a claimed recording back to the queue. Errors are *calls.Error:
// not-found, wrong-state where it is not the moderator's.
func (l *Library) Release(ctx context.Context, account, id, actor string) (*calls.Recording, error) {
	return l.hold(ctx, Decision{Account: account, ID: id, Actor: actor}, func(c *change) error {
		if c.rec.ClaimedBy != actor {
			return calls.Errorf(calls.CodeWrongState, "you have not claimed this recording")
		}
		c.rec.ClaimedBy, c.rec.ClaimedUntil = "", nil
		return c.finish("recording.release", calls.RecordingReleased, "")
	})
}

// hold changes who has a recording, in one unit of work.
func (l *Library) hold(ctx context.Context, d Decision, do func(*change) error) (*calls.Recording, error) {
	var c *change
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		c = &change{Decision: d, l: l, tx: tx, now: l.cfg.Clock.Now().UTC()}
		if d.ID != "" {
			if c, err = l.begin(tx, d); err != nil {
				return err
			}
		}
		return do(c)
	})
	if err != nil {
		return nil, err
	}
	return c.rec, nil
}

func (c *change) claim() error {
	if c.rec.State != calls.RecordingPending {
		return calls.Errorf(calls.CodeWrongState, "the recording is %s: only a pending one waits for a moderator", c.rec.State)
	}
	if err := c.l.free(c.rec, c.Actor, c.now); err != nil {
		return err
	}
	until := c.now.Add(c.l.cfg.Claim)
	known := c.rec.ClaimedBy == c.Actor && c.rec.ClaimedUntil.After(c.now)
	c.rec.ClaimedBy, c.rec.ClaimedUntil = c.Actor, &until
	if known { // prolonged: nothing that anybody must be told
		return c.tx.UpdateRecording(c.rec)
	}
	return c.finish("recording.claim", calls.RecordingClaimed, "")
}

// next is the recording that the moderator has claimed already, or else the
// oldest one that he may decide on.
func (c *change) next() (found *calls.Recording, err error) {
	f := calls.RecordingFilter{Account: c.Account, State: calls.RecordingPending, Oldest: true, Limit: 100}
	for {
		page, err := c.tx.Recordings(f)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			if r.ClaimedBy == c.Actor && r.ClaimedUntil != nil && c.now.Before(*r.ClaimedUntil) {
				return r, nil
			}
			if found == nil && c.suits(r) {
				found = r
			}
		}
		if len(page) < f.Limit {
			break
		}
		f.Cursor = page[len(page)-1].ID
	}
	if found == nil {
		return nil, calls.Errorf(calls.CodeNotFound, "no recording waits for you")
	}
	return found, nil
}

// suits reports whether the moderator may approve r.
func (c *change) suits(r *calls.Recording) bool {
	if c.l.free(r, c.Actor, c.now) != nil || c.l.cfg.FourEyes && r.UploadedBy == c.Actor {
		return false
	}
	return !slices.ContainsFunc(r.Approvals, func(a calls.Approval) bool { return a.By == c.Actor })
}
