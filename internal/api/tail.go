package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"zvonar/internal/calls"
)

// tailLength is how many positions of the log's end are held for live streams.
const tailLength = 4096

// tail is the end of the log in memory, read once for all live streams and
// written once as they send it. Who is further behind reads the store. Safe for
// concurrent use.
type tail struct {
	store calls.Store

	mu      sync.Mutex
	changed <-chan struct{} // closed: there is more than was read; nil: nothing was read yet
	events  []frame         // everything after from up to last, of all accounts
	from    int64
	last    int64
}

// frame is one event as streams send it. Nobody changes it.
type frame struct {
	event calls.Event
	text  []byte
}

func newFrame(e calls.Event) frame {
	data, err := json.Marshal(e)
	if err != nil {
		return frame{event: e} // data of the log is JSON by construction
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", e.Pos, e.Type, data) // JSON has no line breaks
	return frame{event: e, text: b.Bytes()}
}

// stretch is what a stream sends next.
type stretch struct {
	frames  []frame
	end     int64 // position up to which nothing is left out
	last    int64 // end of the log
	horizon int64 // see calls.LogReads; 0 where it does not matter
	changed <-chan struct{}
}

// read gives up to filter.Limit events after filter.After.
func (t *tail) read(ctx context.Context, filter calls.EventFilter) (stretch, error) {
	t.mu.Lock()
	if err := t.refresh(ctx); err != nil {
		t.mu.Unlock()
		return stretch{}, err
	}
	out := stretch{end: t.last, last: t.last, changed: t.changed}
	events, from := t.events, t.from
	t.mu.Unlock()
	if filter.After < from {
		return out, out.fromStore(ctx, t.store, filter)
	}
	// What is older was sent already.
	first, _ := slices.BinarySearchFunc(events, filter.After+1, func(f frame, pos int64) int { return int(f.event.Pos - pos) })
	for _, f := range events[first:] {
		if !matches(f.event, filter) {
			continue
		}
		if out.frames = append(out.frames, f); len(out.frames) == filter.Limit {
			out.end = f.event.Pos
			break
		}
	}
	return out, nil
}

// refresh reads what was committed since the last time, if anything was. It is
// called with mu held, so that a hundred streams that wake together read once.
func (t *tail) refresh(ctx context.Context) error {
	if t.changed != nil {
		select {
		case <-t.changed:
		default:
			return nil
		}
	}
	changed := t.store.Changed()
	events, from, last := t.events, t.from, t.last
	err := t.store.View(ctx, func(tx calls.ReadTx) error {
		end, err := tx.LastPos()
		if err != nil {
			return err
		}
		if t.changed == nil || end-last > tailLength {
			events, from, last = nil, end, end
			return nil
		}
		for last < end {
			rows, err := tx.Events(calls.EventFilter{After: last, Limit: 1000})
			if err != nil {
				return err
			}
			for _, e := range rows {
				events = append(events, newFrame(e)) // behind what readers of t.events can see
				last = e.Pos
			}
			if len(rows) < 1000 {
				last = end
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.changed, t.last, t.from, t.events = changed, last, from, events
	t.trim()
	return nil
}

// trim forgets what is further back than tailLength.
func (t *tail) trim() {
	if t.last-t.from <= 2*tailLength {
		return
	}
	t.from = t.last - tailLength
	first, _ := slices.BinarySearchFunc(t.events, t.from+1, func(f frame, pos int64) int { return int(f.event.Pos - pos) })
	t.events = slices.Clone(t.events[first:])
}

// fromStore reads for a stream that is further behind than the tail goes.
func (s *stretch) fromStore(ctx context.Context, store calls.Store, filter calls.EventFilter) error {
	return store.View(ctx, func(tx calls.ReadTx) (err error) {
		if s.horizon, err = tx.Horizon(); err != nil {
			return err
		}
		if s.last, err = tx.LastPos(); err != nil {
			return err
		}
		rows, err := tx.Events(filter)
		for _, e := range rows {
			s.frames = append(s.frames, newFrame(e))
		}
		s.end = s.last
		if len(rows) == filter.Limit {
			s.end = rows[len(rows)-1].Pos
		}
		return err
	})
}

// matches is what the store's filter does, for an event in memory.
func matches(e calls.Event, f calls.EventFilter) bool {
	return (f.Account == "" || e.Account == f.Account) && (f.Subject == "" || e.Subject == f.Subject) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}
