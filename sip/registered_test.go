package sip

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/sip/registrar"
	"zvonar/sip/trunk"
)

// keeper makes a registrar that knows alice, whose password is secret.
func keeper() *registrar.Registrar {
	return registrar.New(registrar.Config{Realm: "zvonar", Clock: clock.System(), From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Users: func(_ context.Context, name string) (registrar.User, bool, error) {
			return registrar.User{Name: name, Account: "main", HA1: registrar.HashOf(name, "zvonar", "secret")}, name == "alice", nil
		}})
}

// home starts a user agent that others register with; its trunk is uri.
func home(t *testing.T, uri string, change func(*trunk.Config, *Config)) *side {
	t.Helper()
	return newSide(t, "udp://127.0.0.1:0", func(tc *trunk.Config, cfg *Config) {
		tc.URI, cfg.Registrar = uri, keeper()
		if change != nil {
			change(tc, cfg)
		}
	}, netip.MustParseAddrPort("127.0.0.1:9"))
}

// pbx starts a user agent that registers with home as alice.
func pbx(t *testing.T, at *side, password string) *side {
	t.Helper()
	return newSide(t, "udp://127.0.0.1:0", func(tc *trunk.Config, _ *Config) {
		tc.Register, tc.Username, tc.Password, tc.Expires = true, "alice", password, time.Minute
	}, at.ua.Addr("udp"))
}

func TestWhoRegisteredIsCalledAndCalls(t *testing.T) {
	t.Parallel()
	h := home(t, "registered:alice", nil)
	if got, _ := h.ua.TrunkStatus("peer"); got.State == trunk.Up {
		t.Errorf("before anybody registered: %+v", got)
	}
	p := pbx(t, h, "secret")
	p.stands(t, "registered", up)

	out := h.dial(t, nil)
	in := p.arrived(t)
	if in.inv.To != "79991234567" || in.inv.Trunk != "peer" {
		t.Errorf("the call arrived as %+v", in.inv)
	}
	in.leg.Answer()
	out.until(calls.LegAnswered)
	out.leg.Hangup(0)
	out.end()
	in.end()

	out = p.dial(t, nil)
	in = h.arrived(t)
	in.leg.Reject(486, 0, "")
	if got := out.end(); got.Code != 486 {
		t.Errorf("its own call: %+v", got)
	}
}

func TestAWrongPasswordRegistersNobody(t *testing.T) {
	t.Parallel()
	h := home(t, "registered:alice", nil)
	p := pbx(t, h, "guess")
	got := p.stands(t, "refused", func(s trunk.Status) bool { return s.State == trunk.Down })
	if !strings.Contains(got.Reason, "403") || len(h.ua.cfg.Registrar.Contacts("alice")) != 0 {
		t.Errorf("%+v", got)
	}
	h.stands(t, "down", func(s trunk.Status) bool {
		return s.State == trunk.Down && strings.Contains(s.Reason, "nobody is registered as alice")
	})
}

// telephone is a far end written by hand that can prove itself.
type telephone struct {
	*rawPeer
	t *testing.T
}

func newTelephone(t *testing.T, at *side) telephone {
	p := newRawPeer(t, "127.0.0.1")
	p.to = net.UDPAddrFromAddrPort(at.ua.Addr("udp"))
	return telephone{p, t}
}

// ask sends a request of a method, with credentials for res if there is one.
func (p telephone) ask(method, seq, body string, res *sipmsg.Response, headers ...string) {
	p.t.Helper()
	self := p.conn.LocalAddr().String()
	uri := "sip:" + p.to.String()
	if method == "INVITE" {
		uri = "sip:100@" + p.to.String()
	}
	req := method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.8.7:5060;rport;branch=z9hG4bK" + strings.ReplaceAll(self, ":", "") + method + seq + "\r\nMax-Forwards: 70\r\nFrom: <sip:alice@x>;tag=f\r\nTo: <sip:alice@x>\r\n" +
		"Call-ID: " + self + method + "\r\nCSeq: " + seq + " " + method + "\r\n"
	for _, h := range headers {
		req += h + "\r\n"
	}
	if res != nil {
		a := &auth{username: "alice", password: "secret"}
		c := strongest(res.GetHeaders("WWW-Authenticate"), "")
		cred := a.compute(&challenge{asked: c, cnonce: "cn", uses: 1}, method, uri, nil)
		req += "Authorization: " + cred.String() + "\r\n"
	}
	if body != "" {
		req += "Content-Type: application/sdp\r\n"
	}
	p.send(req + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// register registers the telephone by a contact in a private network.
func (p telephone) register(contact string) *sipmsg.Response {
	p.ask("REGISTER", "1", "", nil, "Contact: "+contact)
	asked := p.read("401 REGISTER").(*sipmsg.Response)
	p.ask("REGISTER", "2", "", asked, "Contact: "+contact)
	return p.read("200 REGISTER", "403 REGISTER", "423 REGISTER").(*sipmsg.Response)
}

func TestATelephoneBehindANATIsReachedWhereItCameFrom(t *testing.T) {
	t.Parallel()
	h := home(t, "registered:*", nil)
	p := newTelephone(t, h)
	res := p.register("<sip:alice@10.9.8.7:5060>;expires=120")
	if res.StatusCode != 200 || !strings.Contains(header(res, "Contact"), "<sip:alice@10.9.8.7:5060>;expires=120") {
		t.Fatalf("registered:\n%s", res)
	}
	out := h.dial(t, func(r *calls.DialRequest) { r.To = "alice" })
	invite := p.read("INVITE").(*sipmsg.Request)
	if invite.Recipient.String() != "sip:alice@10.9.8.7:5060" {
		t.Errorf("called as %s", invite.Recipient.String())
	}
	// Its answer names the private address again; the ACK and BYE come to it all the same.
	ok := sipmsg.NewResponseFromRequest(invite, 200, "OK", []byte(rawSDP))
	ok.To().Params = sipmsg.HeaderParams{{K: "tag", V: "t"}}
	ok.AppendHeader(sipmsg.NewHeader("Contact", "<sip:alice@10.9.8.7:5060>"))
	ok.AppendHeader(sipmsg.NewHeader("Content-Type", "application/sdp"))
	p.send(ok.String())
	out.until(calls.LegAnswered)
	p.read("ACK")
	out.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	out.end()

	if _, err := h.ua.Dial(calls.DialRequest{SIPCallID: "nobody@test", Trunk: "peer", To: "bob", From: "1", Role: calls.RoleManager}, newTaker(t).on); err != nil {
		t.Logf("nobody is registered as bob: %v", err)
	}
}

func TestACallByPassword(t *testing.T) {
	t.Parallel()
	h := home(t, "sip:192.0.2.1", func(tc *trunk.Config, _ *Config) { tc.AuthInbound = "alice" })
	p := newTelephone(t, h)
	contact := "Contact: <sip:alice@" + p.conn.LocalAddr().String() + ">"
	p.ask("INVITE", "1", rawSDP, nil, contact)
	asked := p.read("401 INVITE").(*sipmsg.Response)
	p.ask("INVITE", "2", rawSDP, asked, contact)
	in := h.arrived(t)
	if in.inv.To != "100" || in.inv.Trunk != "peer" {
		t.Errorf("arrived as %+v", in.inv)
	}
	in.leg.Reject(486, 0, "")
	p.read("486 INVITE")
	in.end()
}

func TestWhatARegistrarRefuses(t *testing.T) {
	t.Parallel()
	h := home(t, "registered:*", nil)
	for name, tc := range map[string]struct {
		contact string
		code    int
	}{
		"too brief": {"<sip:alice@10.0.0.1>;expires=5", 423},
		"fine":      {"<sip:alice@10.0.0.1>", 200},
	} {
		if res := newTelephone(t, h).register(tc.contact); int(res.StatusCode) != tc.code {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tc.code)
		}
	}
}

func FuzzWish(f *testing.F) {
	f.Add("\"A\" <sip:a@10.0.0.1:5060;ob>;expires=60;q=0.5")
	f.Add("sip:a@h")
	f.Add("*")
	f.Fuzz(func(t *testing.T, s string) {
		w, ok := wishFor(s, time.Hour)
		if !ok {
			return
		}
		if _, fine := addressURI("<" + w.Contact + ">"); !fine || w.Q < 0 || w.Q > 1 || !calls.Printable(w.Contact) {
			t.Errorf("%q reads as %+v, which cannot be called", s, w)
		}
	})
}
