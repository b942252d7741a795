package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// watch prints the events of the calls as they happen, each line under the name
// of its scenario, and tells when a call is over.
type watch struct {
	out   io.Writer
	line  func(calls.Event, time.Time) string
	names map[string]string // scenario name by ref, and "" for the inbound one

	mu    sync.Mutex
	refs  map[string]string      // of calls without a ref of their own, by call id
	start map[string]time.Time   // first event, by call id
	name  map[string]string      // of the scenario, by call id: an event about a number names the call only
	over  map[string]chan string // by ref; gets the call id
}

func newWatch(out io.Writer, line func(calls.Event, time.Time) string, names map[string]string) *watch {
	w := &watch{out: out, line: line, names: names, refs: map[string]string{}, start: map[string]time.Time{}, name: map[string]string{}, over: map[string]chan string{}}
	for ref := range names {
		w.over[ref] = make(chan string, 1)
	}
	return w
}

// on takes the next event of the log.
func (w *watch) on(e calls.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.CallID == "" {
		return
	}
	e.Ref = w.refOf(e)
	start, known := w.start[e.CallID]
	if !known {
		start = e.Time
		w.start[e.CallID] = start
		w.name[e.CallID] = e.Ref
		if name, ours := w.names[e.Ref]; ours {
			w.name[e.CallID] = name
		}
	}
	fmt.Fprintf(w.out, "  %-32.32s %s\n", w.name[e.CallID], w.line(e, start))
	if over, ours := w.over[e.Ref]; ours && e.Type == calls.CallCompleted {
		select {
		case over <- e.CallID:
		default: // a second call.completed is found in the log afterwards
		}
	}
}

// printf writes a line of the script's own between those of the calls.
func (w *watch) printf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.out, format+"\n", args...)
}

// refOfCallee begins the ref by which the watch knows an outgoing call without one:
// the callee's number follows.
const refOfCallee = "to:"

// refOf is the ref of an event's call.
func (w *watch) refOf(e calls.Event) string {
	if e.Ref != "" || e.Direction != calls.Out {
		return e.Ref
	}
	if e.Type == calls.CallQueued {
		var data struct {
			To string `json:"to"`
		}
		if json.Unmarshal(e.Data, &data) == nil {
			w.refs[e.CallID] = refOfCallee + data.To
		}
	}
	return w.refs[e.CallID]
}
