package sip

import (
	"slices"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// TestRoutesOfTheAnswerAreFollowedBackwards: proxies record themselves in one
// header or in several; ACK and BYE name them in reverse (RFC 3261 12.1.2), all
// of their parameters kept, and go to the first of them.
func TestRoutesOfTheAnswerAreFollowedBackwards(t *testing.T) {
	t.Parallel()
	for name, recorded := range map[string][]string{
		"several headers": {"Record-Route: <sip:p2.example.com;lr;ftag=2>", "Record-Route: <sip:FIRST;lr>"},
		"one header":      {"Record-Route: <sip:p2.example.com;lr;ftag=2>, <sip:FIRST;lr>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			first := p.conn.LocalAddr().String()
			headers := make([]string, 0, len(recorded))
			for _, h := range recorded {
				headers = append(headers, strings.ReplaceAll(h, "FIRST", first))
			}
			want := []string{"<sip:" + first + ";lr>", "<sip:p2.example.com;lr;ftag=2>"}
			k := a.dial(t, nil)
			p.respond(p.read("INVITE"), 200, "far", rawSDP, headers...)
			k.until(calls.LegAnswered)
			if got := routes(p.read("ACK")); !slices.Equal(got, want) {
				t.Errorf("the ACK goes by %q, want %q", got, want)
			}
			k.leg.Hangup(0)
			bye := p.read("BYE")
			if got := routes(bye); !slices.Equal(got, want) {
				t.Errorf("the BYE goes by %q, want %q", got, want)
			}
			p.respond(bye, 200, "", "")
			k.end()
		})
	}
}

func routes(m sipmsg.Message) (values []string) {
	for _, h := range m.GetHeaders("Route") {
		values = append(values, h.Value())
	}
	return values
}

// TestAStrictRouterGetsItsOwnURI: a first route without lr is a proxy of RFC 2543
// (RFC 3261 12.2.1.1).
func TestAStrictRouterGetsItsOwnURI(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	self := p.conn.LocalAddr().String()
	k := a.dial(t, nil)
	p.respond(p.read("INVITE"), 200, "far", rawSDP, "Record-Route: <sip:p2.example.com;lr>, <sip:strict@"+self+">")
	k.until(calls.LegAnswered)
	want := []string{"<sip:p2.example.com;lr>", "<sip:raw@" + self + ">"}
	for _, method := range []string{"ACK", "BYE"} {
		if method == "BYE" {
			k.leg.Hangup(0)
		}
		req := p.read(method).(*sipmsg.Request)
		if req.Recipient.String() != "sip:strict@"+self || !slices.Equal(routes(req), want) {
			t.Errorf("%s %s by %q", method, req.Recipient.String(), routes(req))
		}
		if method == "BYE" {
			p.respond(req, 200, "", "")
		}
	}
	k.end()
}

// TestTheTargetOfTheLatestOfferCounts: re-INVITE and UPDATE move the far end's
// address, the route set stays (RFC 3261 12.2).
func TestTheTargetOfTheLatestOfferCounts(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	for i, method := range []string{"INVITE", "UPDATE"} {
		text := p.request(method, "move"+method, "f", tag, rawSDP, 2+i)
		p.send(strings.Replace(text, "<sip:raw@", "<sip:moved"+method+"@", 1))
		p.readSeq("200 "+method, 2+i)
		if method == "INVITE" {
			p.send(p.request("ACK", "moved", "f", tag, "", 2))
		}
	}
	k.leg.Hangup(0)
	bye := p.read("BYE").(*sipmsg.Request)
	if bye.Recipient.User != "movedUPDATE" {
		t.Errorf("BYE %s", bye.Recipient.String())
	}
	p.respond(bye, 200, "", "")
	k.end()
}
