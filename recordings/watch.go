package recordings

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/life"
)

// watchPause lies between two looks at the log, so that a busy log is not read
// for every commit. What a moderator decides takes effect that much later.
const watchPause = 200 * time.Millisecond

// decisions are the events after which something may be played that was not
// before, or the other way round.
var decisions = []calls.EventType{calls.RecordingApproved, calls.RecordingRejected, calls.RecordingRevoked, calls.RecordingUndone,
	calls.RecordingUploaded, calls.RecordingRestored}

// Watch tells of every decision on a recording, also of those that were taken on
// another node: it reads the event log. One goroutine between Start and Stop.
type Watch struct {
	store calls.Store
	clock clock.Clock
	log   *slog.Logger
	tell  func(id string, revoked int)

	pos  int64
	life life.Worker
}

// NewWatch makes a Watch. tell gets the recording and the version up to which it
// is revoked now, 0 where it is not; it runs on the goroutine of the Watch and
// must return at once.
func NewWatch(store calls.Store, clk clock.Clock, log *slog.Logger, tell func(id string, revoked int)) *Watch {
	return &Watch{store: store, clock: clk, log: log, tell: tell}
}

// Start begins at the present end of the log. It must be called once.
func (w *Watch) Start(ctx context.Context) error {
	var end int64
	err := w.store.View(ctx, func(tx calls.ReadTx) (err error) {
		end, err = tx.LastPos()
		return err
	})
	if err != nil {
		return err
	}
	return w.life.Start("recordings: the watch", func(ctx context.Context) {
		w.pos = end
		w.run(ctx)
	})
}

// Stop ends the goroutine and waits for it, or for ctx. Stopping twice, or
// without Start, is harmless.
func (w *Watch) Stop(ctx context.Context) error { return w.life.Stop(ctx) }

func (w *Watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := w.store.Changed()
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.log.Error("decisions on recordings cannot be read; calls may play what was revoked just now", "error", err)
			changed = nil // tried again after the pause
		}
		if changed != nil {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
		w.pause(ctx)
	}
}

func (w *Watch) pause(ctx context.Context) {
	over := make(chan struct{})
	t := w.clock.AfterFunc(watchPause, func() { close(over) })
	defer t.Stop()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// look reads what was decided since the last time.
func (w *Watch) look(ctx context.Context) error {
	revoked := map[string]int{}
	pos := w.pos
	err := w.store.View(ctx, func(tx calls.ReadTx) error {
		end, err := tx.LastPos()
		for err == nil && pos < end {
			var page []calls.Event
			if page, err = tx.Events(calls.EventFilter{Types: decisions, After: pos, Limit: 100}); err != nil {
				break
			}
			for _, e := range page {
				id := strings.TrimPrefix(e.Subject, "recording:")
				rec, err := tx.Recording("", id)
				switch {
				case err == nil && rec.Revoked != nil:
					revoked[id] = rec.Revoked.Through
				case err == nil || errors.Is(err, calls.ErrNotFound):
					revoked[id] = 0
				default:
					return err
				}
				pos = e.Pos
			}
			if len(page) < 100 {
				pos = end
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	w.pos = pos
	for id, through := range revoked {
		w.tell(id, through)
	}
	return nil
}
