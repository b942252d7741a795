package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/sdp"
	"zvonar/sip/trunk"
)

// withUpdate is an Allow header of a far end that takes UPDATE.
const withUpdate = "Allow: INVITE, ACK, BYE, UPDATE"

// randomly injects what chance says.
func randomly(v float64) func(*trunk.Config, *Config) {
	return func(_ *trunk.Config, c *Config) { c.Random = func() float64 { return v } }
}

// dialled makes a call of ours that p answers.
func dialled(t *testing.T, a *side, p *rawPeer, headers ...string) (*taker, *sipmsg.Request) {
	t.Helper()
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 200, "far", rawSDP, headers...)
	p.read("ACK")
	k.until(calls.LegAnswered)
	return k, invite
}

// next reads the next request of ours with a higher CSeq than the former one.
func (p *rawPeer) next(method string, former *sipmsg.Request) *sipmsg.Request {
	p.t.Helper()
	for {
		if req := p.read(method).(*sipmsg.Request); req.CSeq().SeqNo > former.CSeq().SeqNo {
			return req
		}
	}
}

// hangup ends a call of ours.
func (p *rawPeer) hangup(k *taker) calls.Ending {
	p.t.Helper()
	k.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	return k.end()
}

func origin(t *testing.T, req sipmsg.Message) (id, version string) {
	t.Helper()
	s, err := sdp.Parse(req.Body())
	if err != nil {
		t.Fatal(err)
	}
	return s.OriginID, s.OriginVersion
}

func TestWeHoldAndResume(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, invite := dialled(t, a, p)
	id, _ := origin(t, invite)
	former := invite
	for i, step := range []struct {
		on                bool
		ours, answer, ver string
	}{{true, "a=sendonly\r\n", "a=recvonly\r\n", "2"}, {false, "a=sendrecv\r\n", "", "3"}} {
		k.leg.Hold(step.on)
		re := p.next("INVITE", former)
		if got, ver := origin(t, re); got != id || ver != step.ver || !strings.Contains(string(re.Body()), step.ours) {
			t.Errorf("step %d: re-INVITE with\n%s", i, re.Body())
		}
		if tagOf(re.To()) != "far" {
			t.Errorf("the re-INVITE is not within the dialog: To tag %q", tagOf(re.To()))
		}
		p.respond(re, 200, "far", rawSDP+step.answer)
		ack := p.next("ACK", former)
		if ack.CSeq().SeqNo != re.CSeq().SeqNo {
			t.Errorf("ACK %d for re-INVITE %d", ack.CSeq().SeqNo, re.CSeq().SeqNo)
		}
		p.respond(re, 200, "far", rawSDP+step.answer) // our ACK was lost
		if again := p.again("ACK"); again.CSeq().SeqNo != re.CSeq().SeqNo {
			t.Errorf("the second ACK has number %d", again.CSeq().SeqNo)
		}
		former = re
	}
	if got := p.hangup(k); !got.Answered || got.By != calls.ByZvonar {
		t.Errorf("ending %+v", got)
	}
}

func TestAHoldBeforeTheAnswerWaitsForIt(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	k.leg.Hold(true)
	p.respond(invite, 200, "far", rawSDP)
	re := p.next("INVITE", invite)
	p.respond(re, 200, "far", rawSDP+"a=recvonly\r\n")
	p.next("ACK", invite)
	p.hangup(k)
}

func TestARefusedChangeLeavesTheSessionAsItWas(t *testing.T) {
	t.Parallel()
	for _, code := range []int{488, 403, 486, 500, 603} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			k, former := dialled(t, a, p)
			k.leg.Hold(true)
			re := p.next("INVITE", former)
			p.respond(re, code, "far", "")
			p.next("ACK", former)
			k.leg.Refresh() // what was agreed on is still: both directions
			again := p.next("INVITE", re)
			if !strings.Contains(string(again.Body()), "a=sendrecv\r\n") {
				t.Errorf("after %d the session is\n%s", code, again.Body())
			}
			p.respond(again, 200, "far", rawSDP)
			p.next("ACK", re)
			p.hangup(k)
		})
	}
}

func TestAFarEndThatForgotTheDialogEndsTheLeg(t *testing.T) {
	t.Parallel()
	for _, code := range []int{481, 408, 0} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			k, former := dialled(t, a, p)
			k.leg.Refresh()
			re := p.next("INVITE", former)
			if code != 0 { // 0: silence
				p.respond(re, code, "far", "")
			}
			bye := p.read("BYE")
			p.respond(bye, 481, "", "")
			if got := k.end(); got.By != calls.ByNetwork || !got.Answered {
				t.Errorf("ending %+v", got)
			}
		})
	}
}

func TestARefreshChangesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers []string
		method  string
	}{
		"by UPDATE where they take it": {[]string{withUpdate}, "UPDATE"},
		"by re-INVITE elsewhere":       {nil, "INVITE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			k, invite := dialled(t, a, p, tc.headers...)
			k.leg.Refresh()
			re := p.next(tc.method, invite)
			if tc.method == "UPDATE" {
				if len(re.Body()) != 0 {
					t.Errorf("a refresh by UPDATE brings\n%s", re.Body())
				}
				p.respond(re, 200, "", "")
			} else {
				if string(re.Body()) != string(invite.Body()) {
					t.Errorf("a refresh changes the description from\n%s\nto\n%s", invite.Body(), re.Body())
				}
				p.respond(re, 200, "far", rawSDP)
				p.next("ACK", invite)
			}
			p.hangup(k)
		})
	}
}

func TestARefreshTowardsACallerChangesNothing(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	p.send(p.request("INVITE", "first", "f", "", rawSDP, 1))
	k := a.arrived(t)
	k.leg.Answer()
	ok := p.read("200 INVITE").(*sipmsg.Response)
	p.send(p.request("ACK", "ack", "f", tagOf(ok.To()), "", 1))
	k.until(calls.LegAnswered)
	k.leg.Refresh()
	re := p.read("INVITE").(*sipmsg.Request)
	id, version := origin(t, ok)
	if i, v := origin(t, re); i != id || v != version {
		t.Errorf("a refresh changes the origin from %s %s to %s %s", id, version, i, v)
	}
	p.respond(re, 200, "", rawSDP)
	p.read("ACK")
	p.hangup(k)
}

func TestTheirRefreshKeepsVersionAndHold(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	held := rawSDP + "a=sendonly\r\n"
	var bodies []string
	for i := range 3 {
		p.send(p.request("INVITE", fmt.Sprint("re", i), "f", tag, held, 2+i))
		bodies = append(bodies, string(p.readSeq("200 INVITE", 2+i).Body()))
		p.send(p.request("ACK", fmt.Sprint("ack", i), "f", tag, "", 2+i))
	}
	p.send(p.request("UPDATE", "up", "f", tag, held, 5))
	bodies = append(bodies, string(p.read("200 UPDATE").Body()))
	for _, b := range bodies {
		if b != bodies[0] || !strings.Contains(b, "a=recvonly\r\n") {
			t.Errorf("a refresh was answered with\n%s\nthe hold with\n%s", b, bodies[0])
		}
	}
	p.hangup(k)
}

// readSeq reads the next message of a kind with that CSeq.
func (p *rawPeer) readSeq(what string, seq int) sipmsg.Message {
	p.t.Helper()
	for {
		if m := p.read(what); int(m.CSeq().SeqNo) == seq {
			return m
		}
	}
}

func TestGlareIsResolvedByChance(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, randomly(0)) // an inbound leg: again at once
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	k.leg.Hold(true)
	re := p.read("INVITE").(*sipmsg.Request)
	p.send(p.request("INVITE", "theirs", "f", tag, rawSDP, 2))
	p.readSeq("491 INVITE", 2)
	p.send(p.request("ACK", "theirs", "f", tag, "", 2))
	p.send(p.request("UPDATE", "theirs-too", "f", tag, rawSDP, 3))
	p.read("491 UPDATE")
	p.respond(re, 491, "", "")
	again := p.next("INVITE", re)
	if !strings.Contains(string(again.Body()), "a=sendonly\r\n") {
		t.Errorf("the second try asks for\n%s", again.Body())
	}
	p.respond(again, 200, "", rawSDP+"a=recvonly\r\n")
	p.next("ACK", re)
	p.hangup(k)
}

func TestHowLongGlareWaits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		outbound bool
		chance   float64
		want     time.Duration
	}{
		{true, 0, 2100 * time.Millisecond}, {true, 0.5, 3050 * time.Millisecond}, {true, 0.9999999, 4 * time.Second},
		{false, 0, 0}, {false, 0.5, time.Second}, {false, 0.9999999, 2 * time.Second},
	} {
		l := &Leg{outbound: tc.outbound, ua: &UA{cfg: Config{Random: func() float64 { return tc.chance }}}}
		if got := l.glare(); got != tc.want {
			t.Errorf("outbound %v, chance %v: %s, want %s", tc.outbound, tc.chance, got, tc.want)
		}
	}
}

func TestAnOverlappingOfferIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, randomly(0.35))
	p.send(p.request("INVITE", "one", "f", "", rawSDP, 1))
	k := a.arrived(t)
	k.leg.Ring()
	tag := tagOf(p.read("180 INVITE").To())
	for i, method := range []string{"INVITE", "UPDATE"} {
		p.send(p.request(method, "over"+method, "f", tag, rawSDP, 2+i))
		res := p.readSeq("500 "+method, 2+i).(*sipmsg.Response)
		if got := header(res, "Retry-After"); got != "3" {
			t.Errorf("%s: Retry-After %q", method, got)
		}
		if method == "INVITE" {
			p.send(p.request("ACK", "over"+method, "f", tag, "", 2))
		}
	}
	p.send(p.request("UPDATE", "bare", "f", tag, "", 4)) // only the target
	p.read("200 UPDATE")
	k.leg.Answer()
	p.send(p.request("ACK", "ack", "f", tagOf(p.readSeq("200 INVITE", 1).To()), "", 1))
	k.until(calls.LegAnswered)
	p.hangup(k)
}

func TestALateOfferWithinTheCall(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	p.send(p.request("INVITE", "late", "f", tag, "", 2))
	res := p.readSeq("200 INVITE", 2)
	if !strings.Contains(string(res.Body()), "a=sendrecv\r\n") {
		t.Errorf("our offer is\n%s", res.Body())
	}
	// Until their answer comes nobody may offer anew.
	p.send(p.request("INVITE", "soon", "f", tag, rawSDP, 3))
	p.readSeq("491 INVITE", 3)
	p.send(p.request("ACK", "soon", "f", tag, "", 3))
	p.send(p.request("ACK", "late-ack", "f", tag, rawSDP+"a=sendonly\r\n", 2))
	p.send(p.request("BYE", "bye", "f", tag, "", 4))
	p.read("200 BYE")
	k.end()
}

func TestAnAckWithoutTheAnswerLeavesAnEstablishedSession(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	p.send(p.request("INVITE", "late", "f", tag, "", 2))
	p.readSeq("200 INVITE", 2)
	p.send(p.request("ACK", "late-ack", "f", tag, "", 2))
	p.send(p.request("OPTIONS", "alive", "f", tag, "", 3))
	p.read("200 OPTIONS")
	if got := p.hangup(k); got.Media || got.By != calls.ByZvonar {
		t.Errorf("ending %+v", got)
	}
}

func TestAnOfferIsTakenWhileOurRefreshIsOnItsWay(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, invite := dialled(t, a, p, withUpdate)
	k.leg.Refresh()
	update := p.next("UPDATE", invite)
	p.send(p.reverse(invite, "INVITE", "far", rawSDP+"a=sendonly\r\n", 1))
	if res := p.readSeq("200 INVITE", 1); !strings.Contains(string(res.Body()), "a=recvonly\r\n") {
		t.Errorf("their offer is answered with\n%s", res.Body())
	}
	p.send(p.reverse(invite, "ACK", "far", "", 1))
	p.respond(update, 200, "", "")
	k.knows(func(l *Leg) bool { return l.mod.tx == nil && l.answer.res == nil })
	p.hangup(k)
}

// TestTheNextTryComesWhenTheFarEndSays: 500 and 503 with a Retry-After.
func TestTheNextTryComesWhenTheFarEndSays(t *testing.T) {
	t.Parallel()
	for _, code := range []int{500, 503} {
		a, p := withRaw(t, nil)
		k, invite := dialled(t, a, p)
		k.leg.Hold(true)
		re := p.next("INVITE", invite)
		p.respond(re, code, "far", "", "Retry-After: 0")
		again := p.next("INVITE", re)
		if !strings.Contains(string(again.Body()), "a=sendonly\r\n") {
			t.Errorf("after %d the second try asks for\n%s", code, again.Body())
		}
		p.respond(again, 200, "far", rawSDP+"a=recvonly\r\n")
		p.next("ACK", re)
		p.hangup(k)
	}
}
