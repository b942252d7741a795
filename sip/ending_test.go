package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// TestWhatALegKnowsAboutItsEnd plays one end each and compares the facts that the
// outcome table reads, and what it makes of them.
func TestWhatALegKnowsAboutItsEnd(t *testing.T) {
	t.Parallel()
	refuse := func(code int, headers ...string) func(*rawPeer, *taker, *sipmsg.Request) {
		return func(p *rawPeer, _ *taker, invite *sipmsg.Request) { p.respond(invite, code, "far", "", headers...) }
	}
	rung := func(then func(*rawPeer, *taker, *sipmsg.Request)) func(*rawPeer, *taker, *sipmsg.Request) {
		return func(p *rawPeer, k *taker, invite *sipmsg.Request) {
			p.respond(invite, 180, "far", "")
			k.until(calls.LegRinging)
			then(p, k, invite)
		}
	}
	for _, tc := range []struct {
		name string
		play func(*rawPeer, *taker, *sipmsg.Request)
		want calls.Ending
		told calls.Result
	}{
		{"busy", refuse(486), calls.Ending{Code: 486, Text: "Busy Here", By: calls.ByCustomer}, calls.Result{Outcome: calls.OutcomeBusy, Charged: true}},
		{"busy everywhere", rung(refuse(600)), calls.Ending{Code: 600, Text: "Busy Everywhere", By: calls.ByCustomer, Progress: true, Rang: true}, calls.Result{Outcome: calls.OutcomeBusy, Charged: true}},
		{"a cause before the code", refuse(480, `Reason: Q.850;cause=20;text="absent"`), calls.Ending{Code: 480, Q850: 20, Text: "absent", By: calls.ByCustomer},
			calls.Result{Outcome: calls.OutcomeUnreachable, Reason: calls.ReasonSubscriberAbsent, Charged: true}},
		{"the answer that counts of a fork", refuse(500, `Reason: SIP;cause=603`), calls.Ending{Code: 500, SIPCause: 603, Text: "Server Internal Error", By: calls.ByNetwork},
			calls.Result{Outcome: calls.OutcomeRejected, Charged: true}},
		{"redirected", refuse(302), calls.Ending{Code: 302, Text: "Moved Temporarily", By: calls.ByNetwork}, calls.Result{Outcome: calls.OutcomeUnreachable, Reason: calls.ReasonRedirected, Charged: true}},
		{"no common audio", refuse(488), calls.Ending{Code: 488, Text: "Not Acceptable Here", By: calls.ByNetwork, Media: true}, calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonMedia}},
		{"congestion", refuse(503, "Reason: Q.850;cause=34"), calls.Ending{Code: 503, Q850: 34, Text: "Service Unavailable", By: calls.ByNetwork},
			calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonCongestion}},
		{"only 100, then nothing said", func(p *rawPeer, k *taker, invite *sipmsg.Request) {
			p.respond(invite, 100, "", "")
			k.until(calls.LegTrying)
			p.respond(invite, 404, "far", "")
		}, calls.Ending{Code: 404, Text: "Not Found", By: calls.ByNetwork, Trying: true}, calls.Result{Outcome: calls.OutcomeInvalidNumber, Charged: true}},
		{"given up by us", rung(func(p *rawPeer, k *taker, invite *sipmsg.Request) {
			k.leg.Hangup(0)
			cancel := p.read("CANCEL").(*sipmsg.Request)
			if why := header(cancel, "Reason"); why != "Q.850;cause=16" {
				p.t.Errorf("the CANCEL says %q", why)
			}
			p.respond(cancel, 200, "", "")
			p.respond(invite, 487, "far", "")
		}), calls.Ending{Code: 487, Text: "Request Terminated", By: calls.ByZvonar, Progress: true, Rang: true, Canceled: true},
			calls.Result{Outcome: calls.OutcomeNoAnswer, Reason: calls.ReasonRingTimeout, Charged: true}},
		{"hung up by them", func(p *rawPeer, k *taker, invite *sipmsg.Request) {
			p.respond(invite, 200, "far", rawSDP)
			p.read("ACK")
			k.until(calls.LegAnswered)
			p.send(strings.Replace(p.reverse(invite, "BYE", "far", "", 1), "Max-Forwards: 70", "Max-Forwards: 70\r\nReason: SIP;cause=200, Q.850;cause=31", 1))
			p.read("200 BYE")
		}, calls.Ending{Code: 200, Q850: 31, SIPCause: 200, By: calls.ByCustomer, Answered: true}, calls.Result{Outcome: calls.OutcomeAnswered, Reason: calls.ReasonHangup, Charged: true}},
		{"hung up by us", func(p *rawPeer, k *taker, invite *sipmsg.Request) {
			p.respond(invite, 202, "far", rawSDP) // any 2xx is an answer
			p.read("ACK")
			k.until(calls.LegAnswered)
			k.leg.Hangup(0)
			bye := p.read("BYE").(*sipmsg.Request)
			if why := header(bye, "Reason"); why != "Q.850;cause=16" {
				p.t.Errorf("the BYE says %q", why)
			}
			p.respond(bye, 200, "", "")
		}, calls.Ending{Code: 202, By: calls.ByZvonar, Answered: true}, calls.Result{Outcome: calls.OutcomeAnswered, Reason: calls.ReasonHangup, Charged: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			k := a.dial(t, nil)
			tc.play(p, k, p.read("INVITE").(*sipmsg.Request))
			got := k.end()
			if got != tc.want {
				t.Errorf("ending %+v, want\n%+v", got, tc.want)
			}
			if r := calls.Judge(got); r != tc.told {
				t.Errorf("told as %+v, want %+v", r, tc.told)
			}
		})
	}
}

func TestACallThatCannotBeSentIsATransportError(t *testing.T) {
	t.Parallel()
	p := newRawPeer(t, "127.0.0.1")
	a := newSide(t, "udp://127.0.0.1:0", func(c *trunk.Config, _ *Config) { c.URI = "sip:127.0.0.1:1;transport=tcp" }, addrPort(p.conn.LocalAddr()))
	got := a.dial(t, nil).end()
	if !got.Transport || got.Trying || calls.Judge(got) != (calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonTrunkTransport}) {
		t.Errorf("ending %+v", got)
	}
}

func TestARingTimeoutSaysNoAnswer(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, func(r *calls.DialRequest) { r.RingTimeout = 200 * time.Millisecond })
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 180, "far", "")
	cancel := p.read("CANCEL").(*sipmsg.Request)
	if why := header(cancel, "Reason"); why != `Q.850;cause=19;text="no answer"` {
		t.Errorf("the CANCEL says %q", why)
	}
	p.respond(cancel, 200, "", "")
	p.respond(invite, 487, "far", "")
	k.end()
}

// TestATransactionThatEndsWhileItRingsStopsTheRinging: the library may start its
// Timer B after the 100 has come, and 32 s later the transaction is gone.
func TestATransactionThatEndsWhileItRingsStopsTheRinging(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 180, "far", "")
	k.until(calls.LegRinging)
	leg := k.leg
	leg.do(func() { leg.replied(nil, sipmsg.ErrTransactionTimeout) })
	p.respond(p.read("CANCEL").(*sipmsg.Request), 200, "", "")
	p.respond(invite, 200, "far", rawSDP) // it was picked up meanwhile
	p.read("ACK")
	p.respond(p.read("BYE").(*sipmsg.Request), 200, "", "")
	if got := k.end(); !got.Timeout || got.By != calls.ByZvonar || got.Answered {
		t.Errorf("ending %+v", got)
	}
}

func TestACancelMaySayThatAnotherTelephoneTookIt(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	p.send(p.request("INVITE", "c", "f", "", rawSDP, 1))
	k := a.arrived(t)
	p.send(p.request("CANCEL", "c", "f", "", "", 1, `Reason: SIP;cause=200;text="Call completed elsewhere"`))
	res := p.read("487 INVITE")
	p.send(p.request("ACK", "c", "f", tagOf(res.To()), "", 1))
	if got := k.end(); got.SIPCause != 200 || got.Answered || got.By != calls.ByCustomer {
		t.Errorf("ending %+v", got)
	}
}

// TestOnlyTheDialogsOwnPeersAreHeard: an address that another trunk may use is
// still a stranger to this one's dialogs.
func TestOnlyTheDialogsOwnPeersAreHeard(t *testing.T) {
	t.Parallel()
	set, err := trunk.NewSet([]trunk.Config{
		{Name: "ours", URI: "sip:192.0.2.1", AcceptFrom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
		{Name: "another", URI: "sip:203.0.113.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := set.Get("ours")
	l := &Leg{trunk: ours, state: stUp, peer: netip.MustParseAddr("192.0.2.50")}
	l.d.remote.tag, l.d.transport = "far", "UDP"
	l.d.target = sipmsg.Uri{Scheme: "sip", Host: "192.0.2.60"}
	for from, want := range map[string]bool{
		"192.0.2.1:5060": true, "198.51.100.7:9": true, "192.0.2.50:1": true, "192.0.2.60:5060": true,
		"203.0.113.1:5060": false, "127.0.0.1:5060": false, "": false,
	} {
		for _, method := range []sipmsg.RequestMethod{sipmsg.BYE, sipmsg.INVITE, sipmsg.UPDATE, sipmsg.INFO} {
			for tag, fits := range map[string]bool{"far": true, "forged": false, "": false} {
				req := sipmsg.NewRequest(method, l.d.target)
				req.AppendHeader(&sipmsg.FromHeader{Params: sipmsg.HeaderParams{{K: "tag", V: tag}}})
				req.SetSource(from)
				if got := l.belongs(req); got != (want && fits) {
					t.Errorf("%s from %q with tag %q: %v", method, from, tag, got)
				}
			}
		}
	}
}
