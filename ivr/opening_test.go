package ivr

import (
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestWhatStandsBeforeTheFlow(t *testing.T) {
	t.Parallel()
	ring := func(to string) calls.Action { return calls.Action{Kind: calls.ActionManager, Value: to} }
	for name, c := range map[string]struct {
		first []calls.Action
		ends  []ActionEnd
		want  []string
	}{
		"nothing":                 {nil, nil, told("play A")},
		"somebody who is reached": {[]calls.Action{ring("1")}, []ActionEnd{BridgeEnded}, told("act \x00 managerPhone 1", "hangup bridge_end")},
		"nobody is reached":       {[]calls.Action{ring("1"), ring("2")}, []ActionEnd{ManagerNotReached, ActionFailed}, told("act \x00 managerPhone 1", "act \x00 managerPhone 2", "play A")},
		"the second is reached":   {[]calls.Action{ring("1"), ring("2")}, []ActionEnd{ManagerNotReached, BridgeEnded}, told("act \x00 managerPhone 1", "act \x00 managerPhone 2", "hangup bridge_end")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow := flowOf(nil, func(f *calls.Flow) { f.Manager.BusyRecord = "Y" })
			leg := &fakeLeg{t: t, timers: map[Timer]time.Duration{}}
			s := New(flow, leg)
			s.StartWith(c.first...)
			s.OnDigit('1') // nobody listens yet
			for i, end := range c.ends {
				s.OnActionDone(0, c.first[i], end, "")
			}
			if !slices.Equal(leg.told, c.want) {
				t.Errorf("the leg was told %q, want %q", leg.told, c.want)
			}
		})
	}
}
