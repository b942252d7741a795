package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

const (
	heartbeat   = 15 * time.Second // proxies cut what is silent for longer
	streamBatch = 200              // events sent at once
)

// errTokenGone ends a stream whose token was revoked or has expired.
var errTokenGone = errors.New("the token may no longer be used")

// stream sends events as they are committed, until the client or the server
// goes. It holds one of the places for streams and none of those for requests.
func (s *Server) stream(ctx context.Context, in *eventsInput, filter calls.EventFilter) (*huma.StreamResponse, error) {
	token := requestOf(ctx).token.ID
	if err := s.streams.enter(token); err != nil {
		return nil, err
	}
	filter.Limit = streamBatch
	if in.LastEventID == "" && in.After == "" {
		err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			filter.After, err = tx.LastPos()
			return err
		})
		if err != nil {
			s.streams.leave(token)
			return nil, err
		}
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer s.streams.leave(token)
		s.metrics.streams.Inc()
		defer s.metrics.streams.Dec()
		q := requestOf(ctx)
		q.stream = true
		q.release()
		h := q.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no")
		f := &follower{s: s, filter: filter, links: mayFollowLinks(ctx), beat: make(chan struct{}, 1), gone: s.tokenGone(ctx),
			w: &eventWriter{w: q.w, control: http.NewResponseController(q.w), patience: s.cfg.StreamPatience}}
		if err := f.run(ctx); err != nil {
			s.log.Debug("live stream ended", "request", q.id, "error", err)
		}
	}}, nil
}

// follower is one live stream. It belongs to the goroutine of its request.
type follower struct {
	s      *Server
	w      *eventWriter
	filter calls.EventFilter
	links  bool // see mayFollowLinks
	lag    lag
	gap    int64           // horizon that was told
	gone   <-chan struct{} // closed: the token may no longer be used
	beat   chan struct{}
}

// run writes what is in the log after filter.After, then waits for more.
func (f *follower) run(ctx context.Context) error {
	// An id without data is no event, but it is what a client sends back in
	// Last-Event-ID: one cut off before its first event resumes here too.
	fmt.Fprintf(&f.w.buf, "retry: 2000\nid: %d\n\n", f.filter.After)
	if err := f.w.flush(); err != nil {
		return err
	}
	for {
		ending := f.s.isStopping() // asked before reading: what the drained calls ended with is sent, too
		next, err := f.s.tail.read(ctx, f.filter)
		if err != nil {
			return err
		}
		if err := f.send(next); err != nil {
			return err
		}
		if f.filter.After < next.last {
			select {
			case <-f.gone: // also of one that never waits
				return errTokenGone
			default:
				continue
			}
		}
		if ending {
			return context.Canceled
		}
		if err := f.wait(ctx, next.changed); err != nil {
			return err
		}
	}
}

// send writes a stretch of the log with the marks that belong before it. Marks
// have no id: a client that is cut off after one resumes at its last event.
func (f *follower) send(next stretch) error {
	if next.horizon > f.filter.After && next.horizon > f.gap {
		fmt.Fprintf(&f.w.buf, "event: zvonar.gap\ndata: {\"from\":%d,\"to\":%d}\n\n", f.filter.After+1, next.horizon)
		f.gap = next.horizon
	}
	if behind := next.last - f.filter.After; f.lag.tell(behind) {
		fmt.Fprintf(&f.w.buf, "event: zvonar.lag\ndata: {\"behind\":%d,\"pos\":%d}\n\n", behind, f.filter.After)
	}
	for _, frame := range next.frames {
		if !f.links && frame.event.Type == calls.CallRecordingReady {
			frame = newFrame(withoutLink(frame.event))
		}
		f.w.buf.Write(frame.text)
	}
	f.filter.After = next.end
	if f.w.buf.Len() == 0 {
		return nil
	}
	return f.w.flush()
}

// wait ends when there may be something to send, and gives a sign of life where
// there is nothing for long.
func (f *follower) wait(ctx context.Context, changed <-chan struct{}) error {
	timer := f.s.clock.AfterFunc(heartbeat, func() {
		select {
		case f.beat <- struct{}{}:
		default:
		}
	})
	defer timer.Stop()
	select {
	case <-changed:
	case <-f.beat:
		// The id lets a client whose filter lets nothing through resume here.
		fmt.Fprintf(&f.w.buf, ": still here\nid: %d\n\n", f.filter.After)
		return f.w.flush()
	case <-f.gone:
		return errTokenGone
	case <-ctx.Done():
		return ctx.Err()
	case <-f.s.stopping:
	}
	return nil
}

// isStopping tells whether Stop was called.
func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// eventWriter gathers server-sent events and sends them at once.
type eventWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration // for a client to take what is written
	buf      bytes.Buffer
}

// flush sends what was gathered; a client that does not take it in time is gone.
func (w *eventWriter) flush() error {
	defer w.buf.Reset()
	_ = w.control.SetWriteDeadline(time.Now().Add(w.patience)) // not every test's writer can
	if _, err := w.w.Write(w.buf.Bytes()); err != nil {
		return err
	}
	return w.control.Flush()
}
