package sip

import (
	"encoding/json"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

func TestWhoCallsIsToldAsTheTrunkWantsIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		id        trunk.CallerID
		anonymous bool
		from      string // of From
		pai, rpid string
		privacy   string
	}{
		{"From alone", trunk.CallerID{}, false, "sip:+78005553535@127.0.0.1", "", "", ""},
		{"the username, and the number beside it", trunk.CallerID{FromUsername: true, Identity: trunk.IdentityPAI, Domain: "carrier.test"}, false,
			"sip:alice@carrier.test", `"Shop" <sip:+78005553535@carrier.test>`, "", ""},
		{"both", trunk.CallerID{Identity: trunk.IdentityBoth}, false, "sip:+78005553535@127.0.0.1",
			`"Shop" <sip:+78005553535@127.0.0.1>`, `"Shop" <sip:+78005553535@127.0.0.1>;party=calling;screen=yes;privacy=off`, ""},
		{"hidden", trunk.CallerID{}, true, "sip:anonymous@anonymous.invalid", "<sip:+78005553535@127.0.0.1>", "", "id"},
		{"hidden, by Remote-Party-ID", trunk.CallerID{Identity: trunk.IdentityRPID}, true, "sip:anonymous@anonymous.invalid", "",
			"<sip:+78005553535@127.0.0.1>;party=calling;screen=yes;privacy=full", "id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, func(c *trunk.Config, _ *Config) {
				c.CallerID, c.Username, c.Password = tc.id, "alice", "secret"
				c.Formats = trunk.Numbers{FromOut: []trunk.Rule{{Prefix: "7", Length: 11, Add: "+"}}, ToOut: []trunk.Rule{{Prefix: "7", Strip: 1, Add: "8"}}}
				c.Headers = map[string]string{"X-Project": "p-{metadata.project}", "X-Gone": "{metadata.nothing}", "X-Fixed": "1"}
			})
			out := a.dial(t, func(r *calls.DialRequest) {
				r.Anonymous, r.FromName, r.Metadata = tc.anonymous, "Shop", json.RawMessage(`{"project":7,"other":{}}`)
			})
			invite := p.read("INVITE").(*sipmsg.Request)
			from := invite.From().Address
			from.Port = 0
			if got := from.String(); got != tc.from {
				t.Errorf("From %s, want %s", got, tc.from)
			}
			for name, want := range map[string]string{"P-Asserted-Identity": tc.pai, "Remote-Party-ID": tc.rpid, "Privacy": tc.privacy,
				"X-Project": "p-7", "X-Gone": "", "X-Fixed": "1"} {
				if got := header(invite, name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if invite.Recipient.User != "89991234567" || invite.To().Address.User != "89991234567" {
				t.Errorf("the callee is written %s", invite.Recipient.String())
			}
			p.respond(invite, 486, "c", "")
			out.end()
		})
	}
}

func TestMetadataCannotBreakAHeader(t *testing.T) {
	t.Parallel()
	set, err := trunk.NewSet([]trunk.Config{{Name: "t", URI: "sip:192.0.2.1", Headers: map[string]string{"X-A": "{metadata.a}", "Via": "x", "X-B": "{metadata.b"}}})
	if err != nil {
		t.Fatal(err)
	}
	tr, _ := set.Get("t")
	for metadata, want := range map[string]string{
		`{"a":"fine"}`:           "X-A: fine",
		`{"a":"x\r\nVia: evil"}`: "",
		`{"a":["x"]}`:            "",
		`{"a":"` + strings.Repeat("x", 1000) + `"}`: "",
		`[]`: "",
		``:   "",
	} {
		var got []string
		for _, h := range further(tr, json.RawMessage(metadata)) {
			got = append(got, h.Name()+": "+h.Value())
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: %v, want %q", metadata, got, want)
		}
	}
}

func TestCallsOfATrunkAreReadByItsTables(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(c *trunk.Config, _ *Config) {
		c.CallerID = trunk.CallerID{Trust: true, CalledTo: true}
		c.Formats = trunk.Numbers{FromIn: []trunk.Rule{{Prefix: "8", Length: 11, Strip: 1, Add: "7"}}, ToIn: []trunk.Rule{{Prefix: "+", Strip: 1}}}
	})
	self := p.conn.LocalAddr().String()
	p.send("INVITE sip:user@" + self + " SIP/2.0\r\nVia: SIP/2.0/UDP " + self + ";branch=z9hG4bKin\r\nMax-Forwards: 70\r\nFrom: <sip:anonymous@x>;tag=f\r\nTo: <sip:+78005553535@x>\r\n" +
		"Call-ID: in@" + self + "\r\nCSeq: 1 INVITE\r\nContact: <sip:x@" + self + ">\r\nP-Asserted-Identity: \"A, B\" <sip:89161234567@x>, <tel:+79160000000>\r\nContent-Length: 0\r\n\r\n")
	in := a.arrived(t)
	if in.inv.From != "79161234567" || in.inv.To != "78005553535" {
		t.Errorf("arrived as %+v", in.inv)
	}
	in.leg.Reject(486, 0, "")
	p.read("486 INVITE")
	in.end()
}

func TestATrunksOwnTableSaysWhatARefusalMeans(t *testing.T) {
	t.Parallel()
	unreachable := calls.Result{Outcome: calls.OutcomeUnreachable, Reason: calls.ReasonSubscriberAbsent, Charged: true}
	a, p := withRaw(t, func(c *trunk.Config, _ *Config) { c.Outcomes = map[int]calls.Result{480: unreachable} })
	for code, want := range map[int]calls.Result{480: unreachable, 486: {Outcome: calls.OutcomeBusy, Charged: true}} {
		out := a.dial(t, nil)
		p.respond(p.read("INVITE"), code, "c", "", "Reason: Q.850;cause=17")
		if got := calls.Judge(out.end()); got != want {
			t.Errorf("%d: %+v, want %+v", code, got, want)
		}
	}
}
