package peers

import (
	"fmt"
	"testing"

	"zvonar/test/ports"
)

// TestSIPpCalleesThatDoUnusualThings are far ends that we call; each scenario
// checks our side of the dialog itself.
func TestSIPpCalleesThatDoUnusualThings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ scenario, outcome, reason, by string }{
		{"holdcallee", "answered", "hangup", "customer"},
		{"fork", "answered", "flow_end", "zvonar"},
		{"redirect", "unreachable", "redirected", "network"},
		{"merged", "busy", "", "customer"},
	} {
		t.Run(tc.scenario, func(t *testing.T) {
			t.Parallel()
			peer := scenario(t, tc.scenario, 1, "", nil)
			d := start(t, options{peerPort: peer.port})
			c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))}))
			peer.done()
			if c.Outcome != tc.outcome || c.Reason != tc.reason || c.HangupBy != tc.by || len(c.Attempts) != 1 {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}

// TestSIPpARedirectionIsFollowedInsideTheTrunk: the best target stands for no
// number that may be called, the next one is another host's.
func TestSIPpARedirectionIsFollowedInsideTheTrunk(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "follow", 2, "", nil)
	d := start(t, options{peerPort: peer.port, trunk: ", redirect: true"})
	c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))}))
	peer.done()
	if c.Outcome != "answered" || c.Reason != "flow_end" || c.To != "79161234567" || len(c.Attempts) != 2 {
		t.Fatalf("ended as %+v", c)
	}
	if a, b := c.Attempts[0], c.Attempts[1]; a.SIPCode != 302 || a.Charged || b.To != "79167777777" || !b.Charged {
		t.Errorf("attempts %+v", c.Attempts)
	}
}

// TestSIPpCallersThatDoUnusualThings are far ends that call us. Where no ACK comes
// our BYE has to wait for it (RFC 3261 15): the flow has hung up long before.
func TestSIPpCallersThatDoUnusualThings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ scenario, by string }{{"lateoffer", "customer"}, {"inorder", "customer"}, {"noack", "zvonar"}} {
		t.Run(tc.scenario, func(t *testing.T) {
			t.Parallel()
			d := start(t, options{peerPort: ports.Free(t), extra: inbound})
			d.clip(melody(7.2))
			caller := scenario(t, tc.scenario, 1, fmt.Sprintf("127.0.0.1:%d", d.sip), map[string]string{"NUMBER": "78005553535"})
			var list struct{ Items []call }
			d.Eventually("the inbound call", func() bool {
				return d.request("GET", "/v1/calls", nil, &list) == 200 && len(list.Items) == 1
			})
			c := d.over(list.Items[0].ID)
			caller.done()
			if c.Direction != "in" || c.Outcome != "answered" || c.HangupBy != tc.by {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}
