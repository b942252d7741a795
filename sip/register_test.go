package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/trunk"
)

// registering starts a user agent that registers with a far end written by hand.
func registering(t *testing.T, change func(*trunk.Config, *Config)) (*side, *rawPeer) {
	t.Helper()
	p := newRawPeer(t, "127.0.0.1")
	s := newSide(t, "udp://127.0.0.1:0", func(tc *trunk.Config, cfg *Config) {
		tc.Register, tc.Username, tc.Password, tc.Expires = true, "alice", "secret", time.Minute
		if change != nil {
			change(tc, cfg)
		}
	}, addrPort(p.conn.LocalAddr()))
	// It takes its contact back when it stops: somebody has to answer, or the
	// test waits for the patience of the stop.
	t.Cleanup(func() { _ = p.conn.SetReadDeadline(time.Now()) })
	return s, p
}

// accept answers a REGISTER with 200; expires goes into the Contact.
func (p *rawPeer) accept(req sipmsg.Message, expires string, headers ...string) {
	contact := header(req.(*sipmsg.Request), "Contact")
	contact, _, _ = strings.Cut(contact, ">")
	res := sipmsg.NewResponseFromRequest(req.(*sipmsg.Request), 200, "OK", nil)
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:alice@192.0.2.77:5066>;expires=7200, "+contact+">;expires="+expires))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sipmsg.NewHeader(name, value))
	}
	p.send(res.String())
}

// stands waits until the trunk's registration is as wanted.
func (s *side) stands(t *testing.T, what string, cond func(trunk.Status) bool) trunk.Status {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		got, _ := s.ua.TrunkStatus("peer")
		if cond(got) {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %+v", what, got)
		}
	}
}

func up(s trunk.Status) bool { return s.State == trunk.Up }

func TestATrunkIsRegisteredWithAPasswordForAsLongAsItsOwnContactSays(t *testing.T) {
	t.Parallel()
	s, p := registering(t, nil)
	first := p.read("REGISTER").(*sipmsg.Request)
	if header(first, "Authorization") != "" || first.Recipient.User != "" || first.From().Address.User != "alice" || first.To().Address.User != "alice" {
		t.Errorf("the first REGISTER:\n%s", first)
	}
	p.respond(first, 401, "r", "", `WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth"`)
	second := p.readAfter(first)
	checkAnswer(t, second, "REGISTER", `Digest realm="r", nonce="n1", qop="auth"`)
	if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.CallID().Value() != first.CallID().Value() {
		t.Errorf("the second REGISTER is no follower of the first:\n%s\n%s", first, second)
	}
	p.accept(second, "77", "Expires: 3600")
	got := s.stands(t, "registered", up)
	if left := time.Until(got.Registration.Until); left < 60*time.Second || left > 77*time.Second {
		t.Errorf("registered for %s, the Contact said 77 s", left)
	}
	if next := time.Until(got.Registration.Next); next < 50*time.Second || next > 66*time.Second {
		t.Errorf("the refresh is due in %s", next)
	}
}

func TestARegistrarMayWantALongerRegistration(t *testing.T) {
	t.Parallel()
	s, p := registering(t, nil)
	first := p.read("REGISTER")
	p.respond(first, 423, "r", "", "Min-Expires: 1800")
	second := p.readAfter(first)
	if header(second, "Expires") != "1800" || !strings.Contains(header(second, "Contact"), "expires=1800") {
		t.Errorf("after 423:\n%s", second)
	}
	p.accept(second, "1800")
	s.stands(t, "registered", up)
}

// seen answers a REGISTER as a registrar to which it came from elsewhere.
func (p *rawPeer) seen(req *sipmsg.Request, code int, header, value string) {
	res := sipmsg.NewResponseFromRequest(req, code, phrase(code), nil)
	via := res.Via()
	via.Params.Remove("received")
	via.Params.Remove("rport")
	via.Params = append(via.Params, sipmsg.HeaderKV{K: "received", V: "198.51.100.9"}, sipmsg.HeaderKV{K: "rport", V: "40123"})
	res.AppendHeader(sipmsg.NewHeader(header, value))
	p.send(res.String())
}

func TestAnAddressThatTheRegistrarSeesAsWeSaidItIsNotToldAgain(t *testing.T) {
	t.Parallel()
	s, p := registering(t, nil)
	p.accept(p.read("REGISTER"), "60")
	got := s.stands(t, "registered", up)
	if next := got.Registration.Next.Sub(got.Registration.Until); next < -time.Minute/2 {
		t.Errorf("the refresh is due %s before the end", -next)
	}
}

func TestTheAddressSeenWhenThePasswordWasAskedForIsTold(t *testing.T) {
	t.Parallel()
	_, p := registering(t, nil)
	first := p.read("REGISTER").(*sipmsg.Request)
	p.seen(first, 401, "WWW-Authenticate", `Digest realm="r", nonce="n1", qop="auth"`)
	second := p.readAfter(first)
	p.seen(second, 200, "Expires", "60")
	if third := p.readAfter(second); !strings.Contains(header(third, "Contact"), "alice@198.51.100.9:40123") {
		t.Errorf("the corrected REGISTER:\n%s", third)
	}
}

func TestTheAddressThatTheRegistrarSeesIsTold(t *testing.T) {
	t.Parallel()
	s, p := registering(t, nil)
	first := p.read("REGISTER").(*sipmsg.Request)
	seen := func(req *sipmsg.Request) { p.seen(req, 200, "Expires", "60") }
	seen(first)
	second := p.readAfter(first)
	contacts := second.GetHeaders("Contact")
	if len(contacts) != 2 || !strings.Contains(contacts[0].Value(), "alice@198.51.100.9:40123") || !strings.Contains(contacts[1].Value(), "expires=0") {
		t.Errorf("the corrected REGISTER:\n%s", second)
	}
	seen(second)
	got := s.stands(t, "corrected", func(s trunk.Status) bool {
		return up(s) && strings.Contains(s.Registration.Contact, "198.51.100.9:40123") && time.Until(s.Registration.Next) > time.Second
	})
	if got.Reason != "" {
		t.Errorf("status %+v", got)
	}
	out := s.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	if !strings.Contains(header(invite, "Contact"), "198.51.100.9:40123") {
		t.Errorf("calls are told the private address:\n%s", invite)
	}
	p.respond(invite, 486, "c", "")
	out.end()
}

func TestCallsTakeTheServiceRouteAndTheProxy(t *testing.T) {
	t.Parallel()
	s, p := registering(t, func(tc *trunk.Config, _ *Config) { tc.Proxy, tc.URI = tc.URI, "sip:carrier.test" })
	first := p.read("REGISTER").(*sipmsg.Request)
	if first.Recipient.Host != "carrier.test" || !strings.Contains(header(first, "Route"), ";lr>") {
		t.Errorf("REGISTER through a proxy:\n%s", first)
	}
	p.accept(first, "60", "Service-Route: <sip:edge.carrier.test;lr>, <sip:core.carrier.test;lr>")
	s.stands(t, "registered", up)
	out := s.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	var routes []string
	for _, h := range invite.GetHeaders("Route") {
		routes = append(routes, h.Value())
	}
	want := []string{"<sip:" + p.conn.LocalAddr().String() + ";lr>", "<sip:edge.carrier.test;lr>", "<sip:core.carrier.test;lr>"}
	if strings.Join(routes, " ") != strings.Join(want, " ") || invite.Recipient.Host != "carrier.test" {
		t.Errorf("routes %v, want %v; Request-URI %s", routes, want, invite.Recipient.String())
	}
	p.respond(invite, 486, "c", "")
	if got := out.end(); got.Code != 486 {
		t.Errorf("ending %+v", got)
	}
}

func TestARefusedRegistrationSaysWhyInWords(t *testing.T) {
	t.Parallel()
	changed := make(chan trunk.Status, 8)
	s, p := registering(t, func(_ *trunk.Config, cfg *Config) {
		cfg.TrunkChanged = func(_ string, now trunk.Status) { changed <- now }
	})
	req := p.read("REGISTER")
	p.respond(req, 403, "r", "")
	got := s.stands(t, "down", func(s trunk.Status) bool { return s.State == trunk.Down })
	if !strings.Contains(got.Reason, "403") || !strings.Contains(got.Reason, "check username and password") {
		t.Errorf("reason %q", got.Reason)
	}
	if next := time.Until(got.Registration.Next); next < 10*time.Second {
		t.Errorf("a refused registration is tried again in %s: that locks accounts", next)
	}
	if told := <-changed; told.State != trunk.Down {
		t.Errorf("told %+v", told)
	}
}

func TestATrunkIsToldDownOnceItsRegistrationHasRunOut(t *testing.T) {
	t.Parallel()
	changed := make(chan trunk.Status, 10)
	_, p := registering(t, func(_ *trunk.Config, cfg *Config) {
		cfg.TrunkChanged = func(_ string, now trunk.Status) { changed <- now }
	})
	p.accept(p.read("REGISTER"), "1") // and nothing after it: the refresh has not failed yet
	select {
	case now := <-changed:
		if now.State != trunk.Down || !strings.Contains(now.Reason, "ran out") {
			t.Errorf("told %s: %s", now.State, now.Reason)
		}
	case <-time.After(patience):
		t.Fatal("nobody was told")
	}
}

func TestAStopTakesTheContactBack(t *testing.T) {
	t.Parallel()
	s, p := registering(t, nil)
	p.accept(p.read("REGISTER"), "60")
	s.stands(t, "registered", up)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- s.ua.Stop(ctx)
	}()
	last := p.read("REGISTER").(*sipmsg.Request)
	if header(last, "Expires") != "0" || !strings.Contains(header(last, "Contact"), ";expires=0") {
		t.Errorf("the last REGISTER:\n%s", last)
	}
	p.accept(last, "0")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHowLongARegistrationIsGranted(t *testing.T) {
	t.Parallel()
	const ours = "<sip:alice@127.0.0.1:5060>"
	for name, tc := range map[string]struct {
		headers []string
		want    time.Duration
	}{
		"by its own contact":       {[]string{"Contact: <sip:bob@127.0.0.1>;expires=9, <sip:alice@127.0.0.1>;q=1;expires=120", "Expires: 60"}, 2 * time.Minute},
		"by Expires":               {[]string{"Contact: " + ours, "Expires: 90"}, 90 * time.Second},
		"by what was asked":        {[]string{"Contact: " + ours}, time.Minute},
		"without any contact":      {nil, time.Minute},
		"nothing":                  {[]string{"Contact: " + ours + ";expires=0"}, 0},
		"nonsense is not believed": {[]string{"Contact: " + ours + ";expires=abc"}, time.Minute},
	} {
		req := sipmsg.NewRequest(sipmsg.REGISTER, sipmsg.Uri{Scheme: "sip", Host: "r"})
		res := sipmsg.NewResponseFromRequest(req, 200, "OK", nil)
		for _, h := range tc.headers {
			k, v, _ := strings.Cut(h, ": ")
			res.AppendHeader(sipmsg.NewHeader(k, v))
		}
		if got := grantedTo(res, ours, time.Minute); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestWhereTheRegistrarSawUs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                 "192.0.2.1:5060",
		"received=198.51.100.1":            "198.51.100.1:5060",
		"received=198.51.100.1;rport=4000": "198.51.100.1:4000",
		"rport=70000":                      "192.0.2.1:5060",
		"received=0.0.0.0":                 "",
		"received=nonsense":                "",
		"received=[2001:db8::1];rport=7":   "[2001:db8::1]:7",
	} {
		via := &sipmsg.ViaHeader{Host: "192.0.2.1", Port: 5060}
		for p := range strings.SplitSeq(in, ";") {
			k, v, _ := strings.Cut(p, "=")
			via.Params = append(via.Params, sipmsg.HeaderKV{K: k, V: v})
		}
		got, ok := seenAs(via)
		if text := got.String(); ok != (want != "") || ok && text != want {
			t.Errorf("%q: %s %v, want %q", in, text, ok, want)
		}
	}
	if _, ok := seenAs(nil); ok {
		t.Error("no Via shows an address")
	}
}
