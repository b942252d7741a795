package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"zvonar/internal/calls"
)

// sse is an event as the daemon streams it.
func sse(pos int64, call string, typ calls.EventType) string {
	b, err := json.Marshal(calls.Event{ID: fmt.Sprint("evt_", pos), Pos: pos, CallID: call, Type: typ, Data: json.RawMessage(`{}`)})
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", pos, typ, b)
}

var errEnough = errors.New("enough")

// collect notes positions and stops at the pos last.
func collect(got *[]int64, last int64) func(calls.Event) error {
	return func(e calls.Event) error {
		*got = append(*got, e.Pos)
		if e.Pos == last {
			return errEnough
		}
		return nil
	}
}

func TestAStreamThatBreaksIsResumedWhereItBroke(t *testing.T) {
	t.Parallel()
	var asked []string
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		switch len(asked) {
		case 1: // cut off before its first event, and again in the middle of one
			_, _ = io.WriteString(w, "retry: 2000\nid: 7\n\n: still here\n\n")
		case 2:
			_, _ = io.WriteString(w, sse(8, "a", calls.CallQueued)+sse(9, "a", calls.CallRinging)[:30])
		case 3:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		default: // the seen event again: it is not told twice
			_, _ = io.WriteString(w, sse(8, "a", calls.CallQueued)+sse(9, "a", calls.CallRinging)+sse(10, "a", calls.CallAnswered))
		}
	})
	var got []int64
	if err := c.Events(t.Context(), Now, collect(&got, 10)); !errors.Is(err, errEnough) {
		t.Error(err)
	}
	if fmt.Sprint(got) != "[8 9 10]" || fmt.Sprintf("%q", asked) != `["" "7" "8" "8"]` {
		t.Errorf("got %v, asked %q", got, asked)
	}
}

func TestARefusedStreamIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := daemon(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"type":"/problems/unauthorized","detail":"who are you?"}`)
	})
	err := c.Events(t.Context(), 0, nil)
	var p *Problem
	if !errors.As(err, &p) || p.Code() != calls.CodeUnauthorized || asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}

func TestAStreamThatBringsNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := daemon(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	})
	if err := c.Events(t.Context(), 0, nil); err == nil || asked.Load() != maxFailures {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}

func TestAnEventThatIsNoneIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "data: {\n\n") })
	ctx, cancel := context.WithCancel(t.Context())
	s := &stream{client: c, after: 3, f: func(calls.Event) error { t.Error("an event"); return nil }}
	if err := s.read(ctx); err == nil || !strings.Contains(err.Error(), "cannot be read") || s.after != 3 {
		t.Errorf("got %v, pos %d", err, s.after)
	}
	cancel()
	if err := c.Events(ctx, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestFollowCallTellsItsEventsFromTheFirstToTheLast(t *testing.T) {
	t.Parallel()
	event := func(pos int64, typ calls.EventType) string {
		return fmt.Sprintf(`{"id":"e","pos":%d,"call_id":"a","type":%q,"time":"2026-11-21T09:30:00.000Z","data":{}}`, pos, typ)
	}
	for _, c := range []struct {
		name, log, live, want string
	}{
		{"live", `{"items":[` + event(3, calls.CallQueued) + `],"next":null}`,
			sse(4, "other", calls.CallCompleted) + sse(5, "a", calls.CallRinging) + sse(6, "a", calls.CallCompleted) + sse(7, "a", calls.SMSSent), "[3 5 6]"},
		{"over already", `{"items":[` + event(3, calls.CallQueued) + `,` + event(4, calls.CallCompleted) + `],"next":null}`, "", "[3 4]"},
	} {
		client := daemon(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/calls/a/events" {
				_, _ = io.WriteString(w, c.log)
				return
			}
			if c.live == "" || r.Header.Get("Last-Event-ID") != "3" {
				t.Errorf("%s: a stream after %q", c.name, r.Header.Get("Last-Event-ID"))
			}
			_, _ = io.WriteString(w, c.live)
		})
		var got []int64
		err := client.FollowCall(t.Context(), "a", func(e calls.Event) error { got = append(got, e.Pos); return nil })
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, %v", c.name, got, err)
		}
	}
}

func TestTheEventsOfACallAreReadPageByPage(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "0" {
			_, _ = io.WriteString(w, `{"items":[{"pos":5,"time":"2026-11-21T09:30:00Z"}],"next":"5"}`)
			return
		}
		_, _ = io.WriteString(w, `{"items":[{"pos":9,"time":"2026-11-21T09:30:00Z"}],"next":null}`)
	})
	var got []int64
	if err := c.CallEvents(t.Context(), "a", collect(&got, 99)); err != nil || fmt.Sprint(got) != "[5 9]" {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(sse(1, "a", calls.CallQueued) + ": still here\n\nid: 7\n\n")
	f.Add("data: {}\ndata: \n\nid:x\n:\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Client{Base: "http://h", HTTP: &http.Client{Transport: answer(text)}}
		last := int64(-1)
		s := &stream{client: c, after: last, f: func(e calls.Event) error {
			if e.Pos <= last {
				t.Errorf("pos %d after %d", e.Pos, last)
			}
			last = e.Pos
			return nil
		}}
		if err := s.read(context.Background()); err == nil {
			t.Error("a stream that ended gave no error")
		}
	})
}

// answer is a transport with one answer.
type answer string

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}
