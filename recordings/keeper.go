package recordings

import (
	"context"
	"errors"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/life"
)

const (
	firstSweep = 10 * time.Minute // after the start
	sweepEvery = 24 * time.Hour
)

// expendable are the states in which retention may take a recording.
var expendable = []calls.RecordingState{calls.RecordingIsRejected, calls.RecordingArchived, calls.RecordingIsRevoked}

// KeeperConfig of a Keeper.
type KeeperConfig struct {
	Library *Library
	// Keep is how long a recording that was rejected, archived or revoked is kept
	// after that; 0: for ever.
	Keep time.Duration
	// Lead tells whether this node is the one of several that does the work;
	// nil: it is. See calls.Nodes.Lead.
	Lead func() (leads bool, changed <-chan struct{})
}

// Keeper removes what is too old, and content that nobody has any more, once a
// day. One goroutine between Start and Stop.
type Keeper struct {
	cfg  KeeperConfig
	life life.Worker
}

// NewKeeper makes a Keeper.
func NewKeeper(cfg KeeperConfig) *Keeper {
	if cfg.Lead == nil {
		cfg.Lead = func() (bool, <-chan struct{}) { return true, nil }
	}
	return &Keeper{cfg: cfg}
}

// Start begins; the first sweep is some minutes later. It must be called once.
func (k *Keeper) Start(context.Context) error { return k.life.Start("recordings: the keeper", k.run) }

// Stop ends a sweep and waits for that, or for ctx. Stopping twice, or without
// Start, is harmless.
func (k *Keeper) Stop(ctx context.Context) error { return k.life.Stop(ctx) }

func (k *Keeper) run(ctx context.Context) {
	l := k.cfg.Library
	for wait := firstSweep; ; wait = sweepEvery {
		due := make(chan struct{})
		t := l.cfg.Clock.AfterFunc(wait, func() { close(due) })
		select {
		case <-due:
		case <-ctx.Done():
			t.Stop()
			return
		}
		if err := k.Sweep(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Log.Error("recordings could not be cleared of what is too old; tomorrow it is tried again", "error", err)
		}
	}
}

// Sweep does once what the Keeper does every day.
func (k *Keeper) Sweep(ctx context.Context) error {
	leads, _ := k.cfg.Lead()
	if leads && k.cfg.Keep > 0 {
		if err := k.expire(ctx); err != nil {
			return err
		}
	}
	done, err := k.cfg.Library.Collect(ctx, leads)
	k.cfg.Library.metrics.collected(done)
	_, forgot := k.cfg.Library.Forget()
	return errors.Join(err, forgot)
}

// expire deletes the recordings that were decided on too long ago, unless a call
// that is not over may play them.
func (k *Keeper) expire(ctx context.Context) error {
	l := k.cfg.Library
	before := l.cfg.Clock.Now().Add(-k.cfg.Keep)
	var old []*calls.Recording
	for _, state := range expendable {
		f := calls.RecordingFilter{State: state, Limit: 500}
		err := l.pages(ctx, f, func(r *calls.Recording) {
			if r.DecidedAt != nil && r.DecidedAt.Before(before) {
				old = append(old, r)
			}
		})
		if err != nil {
			return err
		}
	}
	if len(old) == 0 {
		return nil
	}
	pinned, err := l.pinned(ctx)
	if err != nil {
		return err
	}
	for _, r := range old {
		if !pinned[r.ID] {
			if err := l.delete(ctx, r, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// pages calls see for every recording of a filter.
func (l *Library) pages(ctx context.Context, f calls.RecordingFilter, see func(*calls.Recording)) error {
	for {
		var page []*calls.Recording
		err := l.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.Recordings(f)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range page {
			see(r)
		}
		if len(page) < f.Limit {
			return nil
		}
		f.Cursor = page[len(page)-1].ID
	}
}

// pinned are the recordings that calls may play which are not over.
func (l *Library) pinned(ctx context.Context) (map[string]bool, error) {
	ids := map[string]bool{}
	f := calls.CallFilter{Live: true, Limit: 500}
	for {
		var page []*calls.Call
		err := l.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.Calls(f)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			for _, ref := range c.Flow.Clips {
				ids[ref.RecordingID] = true
			}
		}
		if len(page) < f.Limit {
			return ids, nil
		}
		f.Cursor = page[len(page)-1].ID
	}
}

// delete removes one recording, if nobody decided on it anew meanwhile.
func (l *Library) delete(ctx context.Context, r *calls.Recording, before time.Time) error {
	err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		now, err := tx.Recording(r.Account, r.ID)
		if errors.Is(err, calls.ErrNotFound) {
			return nil
		}
		if err != nil || !slices.Contains(expendable, now.State) || now.DecidedAt == nil || !now.DecidedAt.Before(before) {
			return err
		}
		if err := l.tell(tx, now, calls.RecordingDeleted); err != nil {
			return err
		}
		entry := calls.AuditEntry{Account: r.Account, Actor: "zvonar", Action: "recording.delete", Object: r.ID, At: l.cfg.Clock.Now(), Detail: "it was " + string(now.State)}
		return errors.Join(tx.DeleteRecording(r.Account, r.ID), tx.Audit(entry))
	})
	if err == nil {
		l.cfg.Log.Info("recording deleted: it was kept for as long as retention says", "recording", r.ID, "account", r.Account, "state", r.State)
	}
	return err
}
