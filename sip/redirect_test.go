package sip

import (
	"fmt"
	"net/netip"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

func TestWhatOfA3xxIsFollowed(t *testing.T) {
	t.Parallel()
	here := func(port string) calls.Redirect {
		return calls.Redirect{To: "79160000001", Via: netip.MustParseAddrPort("192.0.2.9:" + port)}
	}
	configured := calls.Redirect{To: "79160000001"}
	set, err := trunk.NewSet([]trunk.Config{
		{Name: "m", URI: "sip:192.0.2.1:5070", Redirect: true, AcceptFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.8/30")}},
		{Name: "named", URI: "sip:sip.example.com", Redirect: true},
		{Name: "deaf", URI: "sip:192.0.2.1:5070"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		trunk, contacts string
		want            []calls.Redirect
	}{
		{"m", `<sip:79160000001@192.0.2.1:5070>`, []calls.Redirect{configured}},
		{"m", `"A, B" <sip:+79160000001@192.0.2.9:5080;user=phone?Replaces=x>;expires=60`, []calls.Redirect{here("5080")}},
		{"m", `sip:79160000001@192.0.2.9;q=0.1, <tel:+7-916-000(00)02;ext=1>;q=0.7`, []calls.Redirect{{To: "79160000002"}, here("5060")}},
		{"m", `<sip:79160000001@192.0.2.1:5070>, <sip:79160000001@192.0.2.1:5070>`, []calls.Redirect{configured}},
		{"m", `<sip:79160000001@203.0.113.1>, <sip:79160000001@other.example>`, nil}, // not the trunk
		{"m", `<sips:79160000001@192.0.2.1>, <mailto:a@b>, <http://x/>, <sip:alice@192.0.2.1:5070>, <sip:`, nil},
		{"m", `*`, nil},
		{"named", `<sip:79160000001@SIP.example.com>`, []calls.Redirect{configured}},
		{"named", `<sip:79160000001@evil.example.com>`, nil},
		{"deaf", `<sip:79160000001@192.0.2.1:5070>`, nil},
	} {
		tr, _ := set.Get(tc.trunk)
		res := sipmsg.NewResponse(302, "Moved")
		res.AppendHeader(sipmsg.NewHeader("Contact", tc.contacts))
		if got := redirects(tr, calls.Ending{Code: 302}, res); fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s: %s: %v, want %v", tc.trunk, tc.contacts, got, tc.want)
		}
		if got := redirects(tr, calls.Ending{Code: 302, Progress: true}, res); got != nil {
			t.Errorf("%s: followed after it rang: %v", tc.contacts, got)
		}
	}
}

func TestARedirectedLegTellsItsTargetsAndTheNextOneGoesThere(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(c *trunk.Config, _ *Config) { c.Redirect = true })
	other := newRawPeer(t, "127.0.0.1")
	k := a.dial(t, nil)
	invite := p.read("INVITE")
	res := sipmsg.NewResponseFromRequest(invite.(*sipmsg.Request), 302, "Moved", nil)
	res.To().Params = sipmsg.HeaderParams{{K: "tag", V: "x"}}
	via := addrPort(other.conn.LocalAddr())
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:79160000001@"+via.String()+">;q=0.5, <sip:79160000002@"+addrPort(p.conn.LocalAddr()).String()+">"))
	p.send(res.String())
	ev := k.until(calls.LegEnded)
	want := []calls.Redirect{{To: "79160000002"}, {To: "79160000001", Via: via}}
	if ev.Ending.Code != 302 || fmt.Sprint(ev.Redirects) != fmt.Sprint(want) {
		t.Fatalf("%+v, targets %v, want %v", ev.Ending, ev.Redirects, want)
	}
	k = a.dial(t, func(r *calls.DialRequest) { r.To, r.Via = want[1].To, via })
	invite = other.read("INVITE")
	if got := invite.(*sipmsg.Request).Recipient.String(); got != "sip:79160000001@"+via.String() {
		t.Errorf("Request-URI %s", got)
	}
	other.respond(invite, 486, "y", "")
	k.end()
	if _, err := a.ua.Dial(calls.DialRequest{SIPCallID: "foreign", Trunk: "peer", To: "1", Via: netip.MustParseAddrPort("203.0.113.1:5060")}, k.on); err == nil {
		t.Error("an address that is not the trunk's was dialled")
	}
}
