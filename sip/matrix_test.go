package sip

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// trouble is what a relay does to one kind of message.
type trouble struct {
	name   string
	copies func(n int) int // of the n-th one
}

// troubles: the first is lost; the first four are, which is longer than one
// repetition; each comes twice.
var troubles = []trouble{
	{"the first is lost", func(n int) int { return b2i(n > 0) }},
	{"four are lost", func(n int) int { return b2i(n > 3) }},
	{"each comes twice", func(int) int { return 2 }},
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestEveryMessageMayBeLostOrDoubled plays one call with all that may be in one
// (ringing, answer, hold from either side, a refresh, INFO, BYE from either
// side), while the relay takes away or doubles one kind of message in one
// direction. It must come to the same end.
func TestEveryMessageMayBeLostOrDoubled(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		what     string
		fromLeft bool
	}{
		{"INVITE", true}, {"INVITE", false}, {"100 INVITE", false}, {"180 INVITE", false}, {"200 INVITE", false}, {"200 INVITE", true},
		{"ACK", true}, {"ACK", false}, {"UPDATE", true}, {"200 UPDATE", false}, {"INFO", true}, {"200 INFO", false},
		{"BYE", true}, {"BYE", false}, {"200 BYE", false}, {"200 BYE", true},
	} {
		for _, tr := range troubles {
			way := "to the caller"
			if kind.fromLeft {
				way = "to the callee"
			}
			t.Run(strings.Join([]string{kind.what, way, tr.name}, ", "), func(t *testing.T) {
				t.Parallel()
				a, r, b := pair(t, nil, func(m message) int {
					if m.what == kind.what && m.fromLeft == kind.fromLeft {
						return tr.copies(m.n)
					}
					return 1
				})
				out := a.dial(t, nil)
				in := b.arrived(t)
				in.leg.Ring()
				in.leg.Answer()
				out.until(calls.LegAnswered)
				in.until(calls.LegAnswered)

				out.leg.Hold(true)
				in.knows(func(l *Leg) bool { return l.state == stUp && !l.agreed.Send && l.answer.res == nil })
				out.leg.SendInfo('7')
				if ev := in.until(calls.LegDigit); ev.Digit != '7' {
					t.Errorf("digit %q", ev.Digit)
				}
				out.leg.Refresh()
				r.waitFor(t, 1, "200 UPDATE")
				out.knows(func(l *Leg) bool { return l.mod.tx == nil })
				in.leg.Hold(true)
				out.knows(func(l *Leg) bool { return !l.agreed.Send && l.answer.res == nil })

				first, second := out, in
				if kind.what == "BYE" && !kind.fromLeft || kind.what == "200 BYE" && kind.fromLeft {
					first, second = in, out
				}
				first.leg.Hangup(0)
				if got := first.end(); !got.Answered || got.By != calls.ByZvonar || got.Timeout {
					t.Errorf("who hung up ended as %+v", got)
				}
				if got := second.end(); !got.Answered || got.By != calls.ByCustomer || got.Q850 != 16 {
					t.Errorf("the other one ended as %+v", got)
				}
				select {
				case ev := <-in.ch:
					t.Errorf("something follows the end: %+v", ev)
				case k := <-b.inbound:
					t.Errorf("a second call: %+v", k.inv)
				default:
				}
			})
		}
	}
}

// TestEveryMessageOfACancelMayBeLostOrDoubled is the same for a call that is given
// up while it rings.
func TestEveryMessageOfACancelMayBeLostOrDoubled(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"CANCEL", "200 CANCEL", "487 INVITE", "ACK"} {
		for _, tr := range troubles {
			t.Run(what+", "+tr.name, func(t *testing.T) {
				t.Parallel()
				a, _, b := pair(t, nil, func(m message) int {
					if m.what == what {
						return tr.copies(m.n)
					}
					return 1
				})
				out := a.dial(t, nil)
				in := b.arrived(t)
				in.leg.Ring()
				out.until(calls.LegRinging)
				out.leg.Hangup(0)
				if got := out.end(); !got.Canceled || got.Answered || got.Code != 487 {
					t.Errorf("the caller's ending %+v", got)
				}
				if got := in.end(); got.Answered || got.By != calls.ByCustomer || got.Q850 != 16 {
					t.Errorf("the callee's ending %+v", got)
				}
			})
		}
	}
}
