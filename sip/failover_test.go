package sip

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/resolve"
	"zvonar/sip/resolve/dnstest"
	"zvonar/sip/trunk"
)

// srvTrunk starts a user agent whose trunk is a name with the far ends as its
// SRV targets, in order of priority.
func srvTrunk(t *testing.T, change func(*trunk.Config, *Config), ends ...*rawPeer) (*side, *dnstest.Server) {
	t.Helper()
	dns := dnstest.New(t)
	for i, p := range ends {
		addr := addrPort(p.conn.LocalAddr())
		name := "t" + strconv.Itoa(i) + ".pbx.test"
		dns.A(name, addr.Addr().String())
		dns.SRV("_sip._udp.pbx.test", uint16(i), 1, addr.Port(), name)
	}
	s := newSide(t, "udp://127.0.0.1:0", func(tc *trunk.Config, cfg *Config) {
		tc.URI = "sip:pbx.test"
		if change != nil {
			change(tc, cfg)
		}
		cfg.Names = resolve.New(resolve.Config{Servers: []netip.AddrPort{dns.Addr}, Clock: cfg.Clock})
	}, netip.MustParseAddrPort("127.0.0.1:9"))
	return s, dns
}

func TestASilentTargetIsLeftAndNobodyIsRungTwice(t *testing.T) {
	t.Parallel()
	a, b := newRawPeer(t, "127.0.0.1"), newRawPeer(t, "127.0.0.1")
	s, _ := srvTrunk(t, nil, a, b)
	out := s.dial(t, nil)
	invite := a.read("INVITE").(*sipmsg.Request)
	began := time.Now()
	ended := out.until(calls.LegEnded)
	if !ended.Ending.Timeout || ended.Ending.Trying || ended.Target != addrPort(a.conn.LocalAddr()) {
		t.Errorf("ending %+v at %s", ended.Ending, ended.Target)
	}
	t.Logf("left after %s", time.Since(began).Round(time.Millisecond))
	if len(ended.Redirects) != 1 || ended.Redirects[0].Via != addrPort(b.conn.LocalAddr()) || !ended.Redirects[0].Failover {
		t.Fatalf("offered %+v", ended.Redirects)
	}
	next := s.dial(t, func(r *calls.DialRequest) { r.Via, r.Failover = ended.Redirects[0].Via, true })
	second := b.read("INVITE").(*sipmsg.Request)
	if second.Recipient.Host != "pbx.test" {
		t.Errorf("the Request-URI became %s", second.Recipient.String())
	}
	b.respond(second, 100, "", "")
	// The first target wakes up: it rings, and is told to stop; then it answers, and
	// is hung up.
	a.respond(invite, 180, "late", "")
	cancel := a.read("CANCEL").(*sipmsg.Request)
	if cancel.Via().Params[0].V == "" || cancel.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("the CANCEL:\n%s", cancel)
	}
	a.respond(invite, 200, "late", rawSDP)
	a.read("ACK")
	a.respond(a.read("BYE"), 200, "", "")
	b.respond(second, 486, "b", "")
	if got := next.end(); got.Code != 486 {
		t.Errorf("the second target: %+v", got)
	}
	// What was silent is tried last now.
	third := s.dial(t, nil)
	b.respond(b.readAfterCall(second), 486, "b", "")
	third.end()
}

// readAfterCall waits for an INVITE of another call.
func (p *rawPeer) readAfterCall(former *sipmsg.Request) *sipmsg.Request {
	for {
		if next := p.read("INVITE"); next.CallID().Value() != former.CallID().Value() {
			return next.(*sipmsg.Request)
		}
	}
}

func TestWhatMovesACallToTheNextTarget(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		codes []int
		moves bool
	}{
		{"503", []int{503}, true},
		{"100, then 503", []int{100, 503}, true},
		{"500", []int{500}, true},
		{"it rang, then 503", []int{180, 503}, false},
		{"busy", []int{486}, false},
		{"not found", []int{404}, false},
		{"forbidden", []int{403}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, b := newRawPeer(t, "127.0.0.1"), newRawPeer(t, "127.0.0.1")
			s, _ := srvTrunk(t, nil, a, b)
			out := s.dial(t, nil)
			invite := a.read("INVITE")
			for _, code := range tc.codes {
				a.respond(invite, code, "a", "")
			}
			for ev := range out.ch {
				if ev.Kind != calls.LegEnded {
					continue
				}
				if moves := len(ev.Redirects) == 1; moves != tc.moves {
					t.Errorf("offered %+v", ev.Redirects)
				}
				return
			}
		})
	}
}

func TestATargetThatSaid100IsWaitedFor(t *testing.T) {
	t.Parallel()
	a, b := newRawPeer(t, "127.0.0.1"), newRawPeer(t, "127.0.0.1")
	s, _ := srvTrunk(t, nil, a, b)
	out := s.dial(t, nil)
	invite := a.read("INVITE")
	a.respond(invite, 100, "", "")
	out.until(calls.LegTrying)
	select {
	case ev := <-out.ch:
		t.Errorf("event %+v while the target works on the call", ev)
	case <-time.After(firstWord + 500*time.Millisecond):
	}
	a.respond(invite, 486, "a", "")
	out.end()
}

func TestATrunkThatAnswersOPTIONSIsUpAndIsDownWhenItsNameIsGone(t *testing.T) {
	t.Parallel()
	a := newRawPeer(t, "127.0.0.1")
	s, dns := srvTrunk(t, func(tc *trunk.Config, _ *Config) { tc.Probe = time.Second }, a)
	dns.TTL(1)
	req := a.read("OPTIONS").(*sipmsg.Request)
	if req.Recipient.Host != "pbx.test" || header(req, "Contact") == "" {
		t.Errorf("the OPTIONS:\n%s", req)
	}
	a.respond(req, 405, "o", "")
	got := s.stands(t, "up", up)
	if len(got.Targets) != 1 || got.Targets[0].State != trunk.Up || got.Targets[0].RTT <= 0 {
		t.Errorf("status %+v", got)
	}
	dns.Forget("_sip._udp.pbx.test")
	dns.Forget("t0.pbx.test")
	// Before its name is asked for again it may be down as one that does not answer.
	got = s.stands(t, "down", func(s trunk.Status) bool { return s.State == trunk.Down && strings.Contains(s.Reason, "pbx.test") })
	if !strings.Contains(got.Reason, "check uri") {
		t.Errorf("reason %q", got.Reason)
	}
}

func TestARegistrationGoesToTheNextTargetWhenOneIsSilent(t *testing.T) {
	t.Parallel()
	a, b := newRawPeer(t, "127.0.0.1"), newRawPeer(t, "127.0.0.1")
	s, _ := srvTrunk(t, func(tc *trunk.Config, _ *Config) {
		tc.Register, tc.Username, tc.Password, tc.Expires = true, "alice", "secret", time.Minute
	}, a, b)
	a.read("REGISTER")
	b.accept(b.read("REGISTER"), "60")
	s.stands(t, "registered", up)
}
