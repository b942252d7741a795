package carrier

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/sip"
)

// steps collects what the switch tells, up to the end of the call.
func steps(t *testing.T, told <-chan SwitchEvent) (trail string, last SwitchEvent) {
	t.Helper()
	var names []string
	for {
		select {
		case last = <-told:
			names = append(names, string(last.State)+last.Digit)
		case <-time.After(patience):
			t.Fatalf("the call does not end; so far %s", names)
		}
		if last.State == SwitchEnded {
			return strings.Join(names, " "), last
		}
	}
}

// connects asks the switch for a call whose steps it returns.
func (b *bench) connects(t *testing.T, r SwitchRequest) (*SwitchCall, chan SwitchEvent) {
	t.Helper()
	told := make(chan SwitchEvent, 100)
	r.Report = func(ev SwitchEvent) { told <- ev }
	c, err := b.carrier.Switch(r)
	if err != nil {
		t.Fatal(err)
	}
	return c, told
}

func TestSwitchTellsTheStepsOfACall(t *testing.T) {
	t.Parallel()
	for order, want := range map[Order]string{
		AgentFirst:  "agent_answered client_ringing client_answered joined digit6 ended",
		ClientFirst: "client_ringing client_answered agent_answered joined digit6 ended",
	} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c, told := b.connects(t, SwitchRequest{CallbackRequest: CallbackRequest{Extension: "201", Phone: "79005551106", Order: order},
				From: "74950000001", Headers: map[string]string{"X-Command": "cmd-7"}})
			in, _ := b.take(t, playsAndTakesDigits(1))
			if in.inv.From != "74950000001" || in.leg.ReceivedHeader("X-Command") != "cmd-7" || in.leg.ReceivedHeader(HeaderCallID) != c.ID() {
				t.Errorf("INVITE %+v", in.inv)
			}
			trail, last := steps(t, told)
			if strings.ReplaceAll(trail, "agent_ringing ", "") != want || last.By != "agent" || last.Talk <= 0 {
				t.Errorf("told %s, ended %+v", trail, last)
			}
		})
	}
}

func TestSwitchTellsWhyAClientDoesNotCome(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, told := b.connects(t, SwitchRequest{CallbackRequest: CallbackRequest{Extension: "201", Phone: "79005550486"}})
	b.take(t, nil)
	if trail, last := steps(t, told); last.Code != 486 || last.Q850 != 17 || last.By != "client" || strings.Contains(trail, "joined") {
		t.Errorf("told %s, ended %+v", trail, last)
	}
}

func TestSwitchIsSteered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	told, calling := make(chan SwitchEvent, 100), make(chan *SwitchCall, 1)
	c, err := b.carrier.Switch(SwitchRequest{CallbackRequest: CallbackRequest{Extension: "201", Phone: "79005551000", Order: ClientFirst},
		Report: func(ev SwitchEvent) {
			if ev.State == SwitchJoined {
				(<-calling).Press("5")
			}
			told <- ev
		}})
	if err != nil {
		t.Fatal(err)
	}
	calling <- c
	in, heard := b.take(t, func(_ *sip.Leg, e calls.LegEvent) {
		if e.Kind == calls.LegDigit {
			c.Hangup(31)
		}
	})
	trail, last := steps(t, told)
	if !strings.Contains(heard, "digit 5 rfc4733") || !strings.Contains(heard, "cause 31") || last.By != "switch" || !strings.Contains(trail, "joined digit5 ended") {
		t.Errorf("%s heard %s; told %s, ended %+v", in.inv.To, heard, trail, last)
	}
}
