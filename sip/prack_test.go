package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/sip/trunk"
)

func withPRACK(how trunk.PRACK) func(*trunk.Config, *Config) {
	return func(t *trunk.Config, _ *Config) { t.PRACK = how }
}

func reliably(rseq int) []string {
	return []string{"Require: 100rel", fmt.Sprint("RSeq: ", rseq), "Contact: <sip:early@127.0.0.1>"}
}

func TestWeAcknowledgeProvisionalResponses(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, withPRACK(trunk.PRACKSupported))
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	if !supports(invite, tag100rel) || requires(invite, tag100rel) {
		t.Errorf("offered as\n%s", invite)
	}
	seq := fmt.Sprint(invite.CSeq().SeqNo)
	// Two telephones, each with numbers of its own; one repeats, one leaves a gap.
	for _, tc := range []struct {
		tag, body, want string
		code, rseq      int
	}{
		{"one", "", "9 " + seq + " INVITE", 180, 9},
		{"one", "", "", 180, 9},
		{"two", rawSDP, "4 " + seq + " INVITE", 183, 4},
		{"one", "", "", 183, 11},
		{"one", rawSDP, "10 " + seq + " INVITE", 183, 10},
	} {
		p.respond(invite, tc.code, tc.tag, tc.body, reliably(tc.rseq)[:2]...)
		if tc.want == "" {
			continue
		}
		prack := p.read("PRACK").(*sipmsg.Request)
		if got := header(prack, "rack"); got != tc.want || tagOf(prack.To()) != tc.tag || prack.Recipient.User != "raw" {
			t.Errorf("RAck %q to %s, want %q to %s", got, tagOf(prack.To()), tc.want, tc.tag)
		}
		p.respond(prack, 200, "", "")
	}
	k.until(calls.LegEarlyMedia)
	k.knows(func(l *Leg) bool { e := l.earlyOf("one"); return e != nil && e.agreed != nil })
	p.send(p.reverse(invite, "UPDATE", "one", rawSDP, 10)) // our offer was answered for good
	if res := p.read("200 UPDATE"); len(res.Body()) == 0 {
		t.Error("an offer in an early dialog is not answered")
	}
	p.respond(invite, 200, "one", "") // the 2xx need not describe it again
	p.read("ACK")
	if ev := k.until(calls.LegAnswered); ev.Codec != "PCMA" {
		t.Errorf("codec %q", ev.Codec)
	}
	k.leg.Hangup(0)
	bye := p.read("BYE").(*sipmsg.Request)
	if bye.CSeq().SeqNo < invite.CSeq().SeqNo+4 {
		t.Errorf("BYE %d comes before a PRACK", bye.CSeq().SeqNo)
	}
	p.respond(bye, 200, "", "")
	k.end()
}

func TestWhoRequiresOrLacks100rel(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		how     trunk.PRACK
		headers []string
		want    string
		says    string
	}{
		{trunk.PRACKOff, []string{"Require: 100rel"}, "420 INVITE", "Unsupported: 100rel"},
		{trunk.PRACKOff, []string{"Supported: 100rel"}, "180 INVITE", "Contact"},
		{trunk.PRACKRequired, nil, "421 INVITE", "Require: 100rel"},
		{trunk.PRACKRequired, []string{"Supported: 100rel"}, "180 INVITE", "RSeq: 1"},
		{trunk.PRACKSupported, []string{"Require: 100rel"}, "180 INVITE", "RSeq: 1"},
		{trunk.PRACKSupported, []string{"Supported: 100rel"}, "180 INVITE", "Contact"},
		{trunk.PRACKSupported, nil, "180 INVITE", "Contact"},
	} {
		a, p := withRaw(t, func(c *trunk.Config, cfg *Config) {
			withPRACK(tc.how)(c, cfg)
			cfg.Random = func() float64 { return 0 }
		})
		a.onArrival(func(l *Leg) { l.Ring() })
		p.send(p.request("INVITE", "inv", "f", "", rawSDP, 1, tc.headers...))
		res := p.read(tc.want).(*sipmsg.Response)
		if !strings.Contains(res.String(), tc.says) || (res.GetHeader("RSeq") != nil) != strings.HasPrefix(tc.says, "RSeq") {
			t.Errorf("%s with %v:\n%s", tc.how, tc.headers, res)
		}
		if strings.HasPrefix(tc.want, "180") {
			a.arrived(t).leg.Reject(486, 0, "")
			p.send(p.request("ACK", "inv", "f", tagOf(p.read("486 INVITE").To()), "", 1))
		}
	}
}

// calling is a caller who gets early media from us.
func calling(t *testing.T, a *side, p *rawPeer, body string) (*taker, string) {
	t.Helper()
	a.onArrival(func(l *Leg) { l.Ring(); l.Progress(183); l.Answer() })
	p.send(p.request("INVITE", "inv", "f", "", body, 1, "Require: 100rel"))
	res := p.read("180 INVITE").(*sipmsg.Response)
	return a.arrived(t), tagOf(res.To())
}

func (p *rawPeer) prack(tag, body string, rseq, cseq int) {
	p.send(p.request("PRACK", fmt.Sprint("prack", cseq), "f", tag, body, cseq, fmt.Sprintf("RAck: %d 1 INVITE", rseq)))
}

func prackedSide(t *testing.T) (*side, *rawPeer) {
	return withRaw(t, func(c *trunk.Config, cfg *Config) {
		c.PRACK, cfg.Random = trunk.PRACKSupported, func() float64 { return 0 }
	})
}

func TestTheAnswerWaitsForThePRACKOfOurDescription(t *testing.T) {
	t.Parallel()
	a, p := prackedSide(t)
	k, tag := calling(t, a, p, rawSDP)
	p.prack(tag, "", 7, 2)
	p.read("481 PRACK")
	p.prack(tag, "", 1, 3)
	p.read("200 PRACK")
	progress := p.read("183 INVITE").(*sipmsg.Response)
	if header(progress, "rseq") != "2" || len(progress.Body()) == 0 {
		t.Errorf("early media:\n%s", progress)
	}
	k.knows(func(l *Leg) bool { return l.state == stIncoming && l.uas.reliable.answer })
	p.prack(tag, rawSDP, 2, 4) // and they offer anew
	if res := p.read("200 PRACK"); len(res.Body()) == 0 {
		t.Error("the offer in a PRACK is not answered")
	}
	if res := p.read("200 INVITE"); len(res.Body()) != 0 {
		t.Errorf("what was agreed is described again:\n%s", res)
	}
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	p.send(p.request("BYE", "bye", "f", tag, "", 5))
	p.read("200 BYE")
	k.end()
}

func TestALateOfferMayBeAnsweredByAPRACK(t *testing.T) {
	t.Parallel()
	a, p := prackedSide(t)
	a.onArrival(func(l *Leg) { l.Progress(183); l.Answer() })
	p.send(p.request("INVITE", "inv", "f", "", "", 1, "Supported: 100rel"))
	res := p.read("183 INVITE").(*sipmsg.Response)
	k, tag := a.arrived(t), tagOf(res.To())
	if len(res.Body()) == 0 {
		t.Error("the first reliable response makes no offer")
	}
	p.prack(tag, rawSDP, 1, 2)
	p.read("200 PRACK")
	if res := p.read("200 INVITE"); len(res.Body()) != 0 {
		t.Errorf("what was agreed is offered again:\n%s", res)
	}
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	if ev := k.until(calls.LegAnswered); ev.Codec != "PCMA" {
		t.Errorf("codec %q", ev.Codec)
	}
	p.send(p.request("BYE", "bye", "f", tag, "", 5))
	p.read("200 BYE")
	k.end()
}

func TestAProvisionalResponseIsRepeatedUntilItsPRACK(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	a, p := withRaw(t, func(tc *trunk.Config, cfg *Config) { tc.PRACK, cfg.Clock = trunk.PRACKSupported, c })
	a.onArrival(func(l *Leg) { l.Ring() })
	p.send(p.request("INVITE", "inv", "f", "", rawSDP, 1, "Require: 100rel"))
	first := p.read("180 INVITE").String()
	k := a.arrived(t)
	for i, wait := 0, sipmsg.T1; i < 6; i, wait = i+1, 2*wait {
		k.knows(func(l *Leg) bool { return l.timers[timerReliable] != nil && l.uas.reliable.waits == i })
		c.Advance(wait)
		if again := p.again("180 INVITE").String(); again != first {
			t.Errorf("repeated as\n%s", again)
		}
	}
	k.knows(func(l *Leg) bool { return l.timers[timerReliable] != nil && l.uas.reliable.waits == 6 })
	c.Advance(64 * sipmsg.T1)
	res := p.read("504 INVITE")
	p.send(p.request("ACK", "inv", "f", tagOf(res.To()), "", 1))
	if end := k.end(); !end.Timeout {
		t.Errorf("ended %+v", end)
	}
}

func FuzzRAck(f *testing.F) {
	f.Add("776656 1 INVITE")
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := rack(s); ok && r.rseq == 0 {
			t.Errorf("%q names nothing", s)
		}
	})
}
