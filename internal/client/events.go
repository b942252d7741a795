package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

const (
	defaultPause = time.Second
	maxFailures  = 10      // openings in a row that bring nothing
	maxEvent     = 4 << 20 // bytes of one line of the stream
	// silence is how long a stream may say nothing before it counts as broken;
	// the daemon sends a sign of life every 15 s.
	silence = 45 * time.Second
)

// Now, given to Events, begins with what happens from now on.
const Now int64 = -1

// Events is EventsOf with every event.
func (c *Client) Events(ctx context.Context, after int64, f func(calls.Event) error) error {
	return c.EventsOf(ctx, nil, after, f)
}

// EventsOf calls f, one at a time and by pos, with every event after the pos
// after that filter, the query of GET /v1/events, lets through, live, until f returns an error (which comes back) or ctx ends. A stream
// that breaks is opened again where it broke; after several openings in a row
// that bring nothing, and at once where the daemon refuses, the reason is
// returned.
func (c *Client) EventsOf(ctx context.Context, filter url.Values, after int64, f func(calls.Event) error) error {
	s := &stream{client: c, path: "/v1/events", after: after, f: f}
	if len(filter) > 0 {
		s.path += "?" + filter.Encode()
	}
	pause := c.Pause
	if pause <= 0 {
		pause = defaultPause
	}
	for failures := 0; ; {
		s.alive = false
		err := s.read(ctx)
		var stop *stopped
		var refused *Problem
		switch {
		case errors.As(err, &stop):
			return stop.err
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused) && refused.Status < 500:
			return err
		case s.alive:
			failures = 0
		default:
			failures++
		}
		if failures == maxFailures {
			return fmt.Errorf("the event stream broke %d times in a row: %w", failures, err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// FollowCall calls f with every event of a call from its first to its
// call.completed, live. nil means that call.completed was seen.
func (c *Client) FollowCall(ctx context.Context, id string, f func(calls.Event) error) error {
	over := errors.New("call.completed was seen")
	after := int64(0)
	each := func(e calls.Event) error {
		after = e.Pos
		if e.CallID != id {
			return nil
		}
		if err := f(e); err != nil {
			return err
		}
		if e.Type == calls.CallCompleted {
			return over
		}
		return nil
	}
	err := c.CallEvents(ctx, id, each)
	if err == nil {
		err = c.Events(ctx, after, each)
	}
	if errors.Is(err, over) {
		return nil
	}
	return err
}

// CallEvents calls f with every event of a call that is in the log.
func (c *Client) CallEvents(ctx context.Context, id string, f func(calls.Event) error) error {
	for after := int64(0); ; {
		var page struct {
			Items []calls.Event `json:"items"`
			Next  *string       `json:"next"`
		}
		path := "/v1/calls/" + url.PathEscape(id) + "/events?limit=500&after=" + strconv.FormatInt(after, 10)
		if err := c.Do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, e := range page.Items {
			after = e.Pos
			if err := f(e); err != nil {
				return err
			}
		}
		if page.Next == nil || len(page.Items) == 0 {
			return nil
		}
	}
}

// EventPage gives up to limit events after the pos after that filter lets through,
// by pos, and the pos up to which the page leaves nothing out.
func (c *Client) EventPage(ctx context.Context, filter url.Values, after int64, limit int) ([]calls.Event, int64, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	maps.Copy(query, filter)
	page, err := ask[struct {
		Items []calls.Event `json:"items"`
		Pos   int64         `json:"pos"`
	}](ctx, c, http.MethodGet, "/v1/events?"+query.Encode(), nil)
	return page.Items, page.Pos, err
}

// stream reads server-sent events over as many connections as it takes.
type stream struct {
	client *Client
	path   string
	after  int64 // last pos seen; < 0: none
	f      func(calls.Event) error
	alive  bool // this connection brought something
}

// stopped wraps what f returned, to tell it from faults of the stream.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

// read opens one connection and reads it to its end.
func (s *stream) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := time.AfterFunc(silence, cancel)
	defer watch.Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.after >= 0 {
		header.Set("Last-Event-ID", strconv.FormatInt(s.after, 10))
	}
	res, err := s.client.send(ctx, http.MethodGet, s.path, header, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	var data []byte
	var id, name string
	for lines.Scan() {
		watch.Reset(silence)
		s.alive = true
		key, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(key) {
		case "id":
			id = string(value)
		case "event":
			name = string(value)
		case "data":
			data = append(data, value...)
		case "":
			if len(lines.Bytes()) > 0 {
				continue // a comment: the sign of life
			}
			if strings.HasPrefix(name, "zvonar.") {
				data = data[:0] // a mark of the stream, no event of the log
			}
			if err := s.dispatch(id, data); err != nil {
				return err
			}
			data, name = data[:0], ""
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// dispatch ends one server-sent event. One without data only moves the place
// where the stream is resumed.
func (s *stream) dispatch(id string, data []byte) error {
	if pos, err := strconv.ParseInt(id, 10, 64); err == nil && len(data) == 0 {
		s.after = max(s.after, pos)
	}
	if len(data) == 0 {
		return nil
	}
	var e calls.Event
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("an event cannot be read: %w", err)
	}
	if e.Pos <= s.after {
		return nil // seen before the connection broke
	}
	s.after = e.Pos
	if err := s.f(e); err != nil {
		return &stopped{err}
	}
	return nil
}
