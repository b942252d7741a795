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
