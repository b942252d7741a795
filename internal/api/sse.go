package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

const (
	heartbeat      = 15 * time.Second // proxies cut what is silent for longer
	streamBatch    = 200              // events read at once
	streamDeadline = 10 * time.Second // for a client to take what is written
)

// errTokenGone ends a stream whose token was revoked or has expired.
var errTokenGone = errors.New("the token may no longer be used")

// stream sends events as they are committed, until the client or the server
// goes. It holds one of the places for streams and none of those for requests.
func (s *Server) stream(ctx context.Context, in *eventsInput, filter calls.EventFilter) (*huma.StreamResponse, error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, calls.Errorf(calls.CodeOverloaded, "too many live streams are open; close one, or read /v1/events?after= instead")
	}
	filter.Limit = streamBatch
	if in.LastEventID == "" && in.After == "" {
		err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			filter.After, err = tx.LastPos()
			return err
		})
		if err != nil {
			<-s.streams
			return nil, err
		}
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer func() { <-s.streams }()
		s.metrics.streams.Inc()
		defer s.metrics.streams.Dec()
		q := requestOf(ctx)
		q.stream = true
		q.release()
		h := q.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no")
		w := &eventWriter{w: q.w, control: http.NewResponseController(q.w)}
		if err := s.follow(ctx, w, filter); err != nil {
			s.log.Debug("live stream ended", "request", q.id, "error", err)
		}
	}}, nil
}

// follow writes what is in the log after filter.After, then waits for more.
func (s *Server) follow(ctx context.Context, w *eventWriter, filter calls.EventFilter) error {
	// An id without data is no event, but it is what a client sends back in
	// Last-Event-ID: one cut off before its first event resumes here too.
	fmt.Fprintf(&w.buf, "retry: 2000\nid: %d\n\n", filter.After)
	if err := w.flush(); err != nil {
		return err
	}
	beat, gone := make(chan struct{}, 1), s.tokenGone(ctx)
	for {
		ending := s.isStopping() // asked before reading: what the drained calls ended with is sent, too
		changed := s.cfg.Store.Changed()
		rows, err := s.readEvents(ctx, filter)
		if err != nil {
			return err
		}
		for _, e := range rows {
			w.event(e)
			filter.After = e.Pos
		}
		if len(rows) > 0 {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if ending {
			return context.Canceled
		}
		if len(rows) == filter.Limit {
			continue
		}
		timer := s.clock.AfterFunc(heartbeat, func() {
			select {
			case beat <- struct{}{}:
			default:
			}
		})
		select {
		case <-changed:
		case <-beat:
			w.buf.WriteString(": still here\n\n")
			err = w.flush()
		case <-gone:
			err = errTokenGone
		case <-ctx.Done():
			err = ctx.Err()
		case <-s.stopping:
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
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

// eventWriter gathers a batch of server-sent events and sends it at once.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
}

// event adds e. Its JSON has no line breaks, so it is one data line.
func (w *eventWriter) event(e calls.Event) {
	data, err := json.Marshal(e)
	if err != nil {
		return // data of the log is JSON by construction
	}
	fmt.Fprintf(&w.buf, "id: %d\nevent: %s\ndata: %s\n\n", e.Pos, e.Type, data)
}

// flush sends what was gathered; a client that does not take it in time is gone.
func (w *eventWriter) flush() error {
	defer w.buf.Reset()
	_ = w.control.SetWriteDeadline(time.Now().Add(streamDeadline)) // not every test's writer can
	if _, err := w.w.Write(w.buf.Bytes()); err != nil {
		return err
	}
	return w.control.Flush()
}
