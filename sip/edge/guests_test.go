package edge

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestWhatIsHeardOfNobodyWeKnow(t *testing.T) {
	t.Parallel()
	guest := netip.MustParseAddrPort("192.0.2.77:5060")
	far := netip.MustParseAddrPort("192.0.2.9:5060")
	password := []string{"Contact:", "Authorization: Digest username=\"a\"\r\nContact:"}
	for _, tc := range []struct {
		name string
		from netip.AddrPort
		text string
		code string // "": dropped; "pass": let through
	}{
		{"REGISTER", guest, request("REGISTER", "1"), "401"},
		{"REGISTER with a password", guest, request("REGISTER", "2", password...), "pass"},
		{"a call", guest, request("INVITE", "3"), "401"},
		{"a call with a password", guest, request("INVITE", "4", password...), "pass"},
		{"a ping", guest, request("OPTIONS", "5"), ""},
		{"a broken REGISTER", guest, request("REGISTER", "6", "Call-ID: call\r\n", ""), ""},
		{"an unknown method", guest, request("FOO", "7"), ""},
		{"a response", guest, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKx\r\n\r\n", ""},
		{"a BYE of no call", guest, request("BYE", "8", "To: <sip:b@192.0.2.2>", "To: <sip:b@192.0.2.2>;tag=none"), ""},
		{"a BYE of a call", guest, request("BYE", "9", "To: <sip:b@192.0.2.2>", "To: <sip:b@192.0.2.2>;tag=ours"), "pass"},
		{"a trunk may register, too", trunkAddr, request("REGISTER", "10", password...), "pass"},
		{"a trunk may call without", trunkAddr, request("INVITE", "11"), "pass"},
		{"the far end of a call", far, request("INVITE", "12"), "401"},
	} {
		g, h, _, _ := newTestGuard()
		h.asks = true
		got := g.test(tc.from, tc.text)
		code := got.code()
		if got.pass != nil {
			code = "pass"
		}
		if code != tc.code {
			t.Errorf("%s: %q, want %q", tc.name, code, tc.code)
		}
		if code == "401" && !strings.Contains(string(got.answer), "WWW-Authenticate: Digest realm=") {
			t.Errorf("%s: asked without a challenge:\n%s", tc.name, got.answer)
		}
	}
}

func TestNobodyIsAskedWhereNobodyMayRegister(t *testing.T) {
	t.Parallel()
	g, _, _, _ := newTestGuard()
	if v := g.test(netip.MustParseAddrPort("192.0.2.77:5060"), request("REGISTER", "1")); v.answer != nil || v.pass != nil {
		t.Errorf("answered %s", v.answer)
	}
	if got := g.test(trunkAddr, request("REGISTER", "2")).code(); got != "405" {
		t.Errorf("a trunk that registers gets %s", got)
	}
}

func TestAGuestIsHeardAtARate(t *testing.T) {
	t.Parallel()
	g, h, _, clk := newTestGuard()
	h.asks = true
	guest := netip.MustParseAddrPort("192.0.2.77:5060")
	answered := 0
	for range 1000 {
		if g.test(guest, request("REGISTER", "1")).answer != nil {
			answered++
		}
	}
	if answered < 50 || answered > 300 {
		t.Errorf("%d of 1000 at once were answered", answered)
	}
	clk.Advance(time.Second)
	if g.test(guest, request("REGISTER", "1")).answer == nil {
		t.Error("a second later he is not heard")
	}
}
