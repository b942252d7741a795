package demo

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestEveryLineOfACallBearsTheNameOfItsScenario(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := newWatch(&out, func(e calls.Event, _ time.Time) string { return string(e.Type) }, map[string]string{"ref": "blacklist", "": "inbound"})
	w.on(calls.Event{Type: calls.CallQueued, CallID: "call_1", Ref: "ref"})
	w.on(calls.Event{Type: calls.NumberBlocked, CallID: "call_1"}) // of a number: it has no ref
	w.on(calls.Event{Type: calls.CallRinging, CallID: "call_2"})
	w.on(calls.Event{Type: calls.CallCompleted, CallID: "call_1", Ref: "ref"})
	for i, want := range []string{"blacklist", "blacklist", "inbound", "blacklist"} {
		if line := strings.Split(out.String(), "\n")[i]; !strings.HasPrefix(strings.TrimSpace(line), want+" ") {
			t.Errorf("line %d is %q, want it under %s", i, line, want)
		}
	}
	if id := <-w.over["ref"]; id != "call_1" {
		t.Errorf("over: %s", id)
	}
}

func TestAnOutgoingCallWithoutARefIsKnownByItsCallee(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := newWatch(&out, func(e calls.Event, _ time.Time) string { return string(e.Type) }, map[string]string{"to:79005551108": "facade", "": "inbound"})
	w.on(calls.Event{Type: calls.CallQueued, CallID: "call_1", Direction: calls.Out, Data: []byte(`{"to":"79005551108"}`)})
	w.on(calls.Event{Type: calls.CallCompleted, CallID: "call_1", Direction: calls.Out})
	if id := <-w.over["to:79005551108"]; id != "call_1" || strings.Count(out.String(), "facade") != 2 {
		t.Errorf("over: %s\n%s", id, &out)
	}
	if len(w.over[""]) != 0 {
		t.Error("it passes for the inbound call")
	}
}
