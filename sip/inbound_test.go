package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/sip/edge"
	"zvonar/sip/trunk"
)

// request writes a request by hand.
func (p *rawPeer) request(method, branch, fromTag, toTag, body string, seq int, headers ...string) string {
	self := p.conn.LocalAddr().String()
	to := "<sip:100@127.0.0.1>"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	lines := []string{
		method + " sip:100@" + p.to.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + self + ";branch=z9hG4bK" + branch + ";rport",
		"From: <sip:79990001122@127.0.0.1>;tag=" + fromTag,
		"To: " + to,
		"Call-ID: " + fromTag + "@raw",
		fmt.Sprintf("CSeq: %d %s", seq, method),
		"Contact: <sip:raw@" + self + ">",
		"Max-Forwards: 70",
	}
	lines = append(lines, headers...)
	if body != "" && !strings.Contains(strings.Join(headers, "\n"), "Content-Type") {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	return strings.Join(lines, "\r\n")
}

// answered makes an inbound call that our side answers; it gives our tag.
func answered(t *testing.T, a *side, p *rawPeer, body string) (*taker, string) {
	t.Helper()
	a.onArrival(func(l *Leg) { l.Answer() })
	p.send(p.request("INVITE", "inv", "f", "", body, 1))
	res := p.read("200 INVITE")
	tag := tagOf(res.To())
	k := a.arrived(t)
	return k, tag
}

func TestALateOfferIsMadeInThe200(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, "")
	p.send(p.request("ACK", "ack", "f", tag, rawSDP, 1))
	if ev := k.until(calls.LegAnswered); ev.Codec != "PCMA" {
		t.Errorf("codec %q", ev.Codec)
	}
	k.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	k.end()
}

func TestALateOfferWithoutAnAnswerIsHungUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, "")
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	p.respond(p.read("BYE"), 200, "", "")
	if got := k.end(); !got.Media {
		t.Errorf("ending %+v", got)
	}
}

func TestHoldAndResume(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	for i, step := range []struct{ method, direction, want string }{
		{"INVITE", "sendonly", "recvonly"},
		{"UPDATE", "inactive", "inactive"},
		{"INVITE", "sendrecv", "sendrecv"},
	} {
		seq := 2 + i
		p.send(p.request(step.method, fmt.Sprint("re", i), "f", tag, rawSDP+"a="+step.direction+"\r\n", seq))
		res := p.read("200 " + step.method)
		if !strings.Contains(string(res.Body()), "a="+step.want+"\r\n") {
			t.Errorf("%s %s was answered with\n%s", step.method, step.direction, res.Body())
		}
		if step.method == "INVITE" {
			p.send(p.request("ACK", fmt.Sprint("reack", i), "f", tag, "", seq))
		}
	}
	p.send(p.request("INVITE", "t38", "f", tag, "v=0\r\nc=IN IP4 127.0.0.1\r\nm=image 9 udptl t38\r\n", 6))
	res := p.read("488 INVITE")
	p.send(p.request("ACK", "t38", "f", tagOf(res.To()), "", 6))
	p.send(p.request("UPDATE", "refresh", "f", tag, "", 7))
	p.read("200 UPDATE")
	p.send(p.request("BYE", "bye", "f", tag, "", 8, `Reason: Q.850;cause=16;text="bye"`))
	p.read("200 BYE")
	if got := k.end(); got.By != calls.ByCustomer || got.Q850 != 16 || got.Text != "bye" {
		t.Errorf("ending %+v", got)
	}
}

func TestInDialogRequestsThatDoNotBelong(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	for i, tc := range []struct{ method, tag, want string }{
		{"BYE", "wrong", "481 BYE"},
		{"INFO", "wrong", "481 INFO"},
		{"BYE", "", "481 BYE"},
		{"MESSAGE", tag, "405 MESSAGE"},
		{"FOO", tag, "501 FOO"},
		{"OPTIONS", tag, "200 OPTIONS"},
	} {
		p.send(p.request(tc.method, fmt.Sprint("odd", i), "f", tc.tag, "", 10+i))
		p.read(tc.want)
	}
	p.send(p.request("BYE", "old", "f", tag, "", 5))
	p.read("500 BYE") // CSeq went backwards
	k.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	k.end()
}

func TestADrainingAgentTakesNoCallsAndKeepsThoseItHas(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	a.ua.Drain()
	p.send(p.request("OPTIONS", "ping", "other", "", "", 1))
	if res := p.read("503 OPTIONS"); len(res.GetHeaders("Retry-After")) != 1 {
		t.Error("a ping is not told when to come back")
	}
	more := strings.ReplaceAll(p.request("INVITE", "more", "more", "", rawSDP, 1), "FT@raw", "more@raw")
	p.send(more)
	p.read("503 INVITE")
	p.send(strings.NewReplacer("INVITE sip", "ACK sip", "1 INVITE", "1 ACK").Replace(more))
	p.send(p.request("OPTIONS", "within", "f", tag, "", 2))
	p.read("200 OPTIONS")
	k.leg.Hangup(16)
	bye := p.read("BYE")
	if len(bye.GetHeaders("Reason")) != 1 {
		t.Error("the BYE has no Reason")
	}
	p.respond(bye, 200, "", "")
	k.end()
}

func TestRequestsAreValidated(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	good := p.request("INVITE", "BR", "FT", "", rawSDP, 1)
	for name, tc := range map[string]struct {
		change func(string) string
		want   string
	}{
		"unknown version":   {func(s string) string { return strings.Replace(s, " SIP/2.0\r\n", " SIP/7.0\r\n", 1) }, "505 INVITE"},
		"unknown scheme":    {func(s string) string { return strings.Replace(s, "INVITE sip:100@", "INVITE http://", 1) }, "416 INVITE"},
		"unknown extension": {func(s string) string { return strings.Replace(s, "Max-Forwards", "Require: 100rel\r\nMax-Forwards", 1) }, "420 INVITE"},
		"not SDP":           {func(s string) string { return strings.Replace(s, "application/sdp", "text/plain", 1) }, "415 INVITE"},
		"compressed": {func(s string) string {
			return strings.Replace(s, "Max-Forwards", "Content-Encoding: gzip\r\nMax-Forwards", 1)
		}, "415 INVITE"},
		"broken SDP":      {func(s string) string { return strings.Replace(s, rawSDP, strings.Repeat("x", len(rawSDP)), 1) }, "400 INVITE"},
		"no common codec": {func(s string) string { return strings.Replace(s, "RTP/AVP 8\r\n", "RTP/AVP 9\r\n", 1) }, "488 INVITE"},
		"no Contact":      {func(s string) string { return strings.Replace(s, "\r\nContact:", "\r\nX-C:", 1) }, "400 INVITE"},
		"no From tag":     {func(s string) string { return strings.Replace(s, ";tag=FT", "", 1) }, "400 INVITE"},
		"two From": {func(s string) string {
			return strings.Replace(s, "Max-Forwards", "From: <sip:x@y>;tag=2\r\nMax-Forwards", 1)
		}, "400 INVITE"},
		"method of another":    {func(s string) string { return strings.Replace(s, "1 INVITE", "1 OPTIONS", 1) }, "400 OPTIONS"},
		"out of dialog BYE":    {func(s string) string { return strings.ReplaceAll(s, "INVITE", "BYE") }, "481 BYE"},
		"unmatched CANCEL":     {func(s string) string { return strings.ReplaceAll(s, "INVITE", "CANCEL") }, "481 CANCEL"},
		"REGISTER is not ours": {func(s string) string { return strings.ReplaceAll(s, "INVITE", "REGISTER") }, "405 REGISTER"},
		"unknown method":       {func(s string) string { return strings.ReplaceAll(s, "INVITE", "FOO") }, "501 FOO"},
		"ping":                 {func(s string) string { return strings.ReplaceAll(s, "INVITE", "OPTIONS") }, "200 OPTIONS"},
	} {
		id := strings.ReplaceAll(name, " ", "")
		text := strings.ReplaceAll(strings.ReplaceAll(tc.change(good), "BR", id), "=FT", "="+id)
		text = strings.ReplaceAll(text, "FT@raw", id+"@raw")
		p.send(text)
		res := p.read(tc.want)
		if res.(*sipmsg.Response).SipVersion != "SIP/2.0" {
			t.Errorf("%s: answered in the sender's version", name)
		}
		if strings.HasSuffix(tc.want, "INVITE") {
			p.send(strings.NewReplacer("INVITE sip", "ACK sip", "1 INVITE", "1 ACK").Replace(text))
		}
	}
	select {
	case k := <-a.inbound:
		t.Errorf("an invalid INVITE reached our side: %+v", k.inv)
	default:
	}
}

func TestAMergedInviteIsRefused(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	p.send(p.request("INVITE", "one", "f", "", rawSDP, 1))
	k := a.arrived(t)
	p.send(p.request("INVITE", "two", "f", "", rawSDP, 1))
	res := p.read("482 INVITE")
	p.send(p.request("ACK", "two", "f", tagOf(res.To()), "", 1))
	k.leg.Reject(486, 0, "")
	res = p.read("486 INVITE")
	p.send(p.request("ACK", "one", "f", tagOf(res.To()), "", 1))
	k.end()
}

func TestTheCallerCancels(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	p.send(p.request("INVITE", "c", "f", "", rawSDP, 1))
	k := a.arrived(t)
	p.send(p.request("CANCEL", "c", "f", "", "", 1, "Reason: Q.850;cause=26"))
	p.read("200 CANCEL")
	res := p.read("487 INVITE")
	p.send(p.request("ACK", "c", "f", tagOf(res.To()), "", 1))
	if got := k.end(); got.By != calls.ByCustomer || got.Answered || got.Q850 != 26 {
		t.Errorf("ending %+v", got)
	}
}

// acceptAll lets every loopback address be the trunk.
func acceptAll(c *trunk.Config, _ *Config) {
	c.AcceptFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func TestACancelFromAnotherAddressIsIgnored(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, acceptAll)
	p.send(p.request("INVITE", "c", "f", "", rawSDP, 1))
	k := a.arrived(t)
	stranger := newRawPeer(t, "127.0.0.2")
	stranger.to = p.to
	stranger.send(p.request("CANCEL", "c", "f", "", "", 1))
	// sipgo takes a method in any case.
	stranger.send(strings.Replace(p.request("CANCEL", "c", "f", "", "", 1), "CANCEL sip", "cancel sip", 1))
	eventually(t, func() bool { return testutil.ToFloat64(a.ua.m.dropped.WithLabelValues(edge.DropCancel)) == 2 })
	k.leg.Answer()
	res := p.read("200 INVITE")
	p.send(p.request("ACK", "ack", "f", tagOf(res.To()), "", 1))
	k.until(calls.LegAnswered)
	stranger.send(p.request("BYE", "x", "f", tagOf(res.To()), "", 2)) // the trunk's own: 127.0.0.0/8
	k.end()
}

// eventually waits for something that another goroutine does without telling.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatal("it did not happen")
}

func TestAStrangerGetsNothing(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	stranger := newRawPeer(t, "127.0.0.3")
	stranger.to = p.to
	for i := range 50 {
		stranger.send(stranger.request("OPTIONS", fmt.Sprint("s", i), "f", "", "", 1))
	}
	eventually(t, func() bool { return testutil.ToFloat64(a.ua.m.dropped.WithLabelValues(edge.DropSource)) == 50 })
	if n := a.ua.tp.Pool("udp").Size(); n != 1 {
		t.Errorf("%d addresses are remembered, want only our listener's", n)
	}
	p.send(p.request("OPTIONS", "ok", "f", "", "", 1))
	p.read("200 OPTIONS")
	_ = stranger.conn.SetReadDeadline(time.Now())
	if n, _, err := stranger.conn.ReadFromUDP(make([]byte, 1)); err == nil {
		t.Errorf("the stranger received %d bytes", n)
	}
}

func TestJunkFromATrunkIsDroppedAndTheListenerLives(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	junk := []string{"\r\n\r\n", "hello", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("x", 9000), "INVITE sip:x SIP/2.0\r\n",
		"INVITE  sip:x SIP/2.0\r\n\r\n", "\x00\x01\x02\x03\x04", "SIP/2.0 9999 x\r\n\r\n", "CANCEL sip:x SIP/2.0\r\n\r\n", "INVITE sip:x SIP/2.0\r\nVia: x\r\n\r\n"}
	for _, j := range junk {
		p.send(j)
	}
	p.send(p.request("OPTIONS", "ok", "f", "", "", 1))
	p.read("200 OPTIONS")
	if n := testutil.ToFloat64(a.ua.m.panics); n != 0 {
		t.Errorf("%v panics", n)
	}
}

func TestTCP(t *testing.T) {
	t.Parallel()
	p := newRawPeer(t, "127.0.0.1")
	b := newSide(t, "tcp://127.0.0.1:0", nil, addrPort(p.conn.LocalAddr()))
	b.onArrival(func(l *Leg) { l.Ring(); l.Answer() })
	a := newSide(t, "tcp://127.0.0.1:0", func(c *trunk.Config, _ *Config) {
		c.URI = "sip:" + b.ua.Addr("tcp").String() + ";transport=tcp"
	}, netip.MustParseAddrPort("127.0.0.1:1"))
	out := a.dial(t, nil)
	in := b.arrived(t)
	for want := map[calls.LegEventKind]bool{calls.LegAnswered: true, calls.LegFirstAudio: true}; len(want) > 0; {
		select {
		case ev := <-out.ch:
			delete(want, ev.Kind) // the audio may be here before the 200 was read
		case <-time.After(patience):
			t.Fatalf("no events %v", want)
		}
	}
	in.leg.Hangup(0) // over a connection of its own or the caller's, as it comes
	out.end()
	in.end()
}

func TestTCPFromAStrangerIsClosed(t *testing.T) {
	t.Parallel()
	p := newRawPeer(t, "127.0.0.1")
	b := newSide(t, "tcp://127.0.0.1:0", nil, addrPort(p.conn.LocalAddr()))
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 4)}, Timeout: patience}
	c, err := d.Dial("tcp", b.ua.Addr("tcp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Error("a stranger's connection is served")
	}
}

func TestAnOrphanIsHungUp(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	out, in := establish(t, a, b)
	a2 := newSide(t, "udp://127.0.0.1:0", nil, addrPort(r.left.LocalAddr()))
	k := a.dial(t, nil)
	in2 := b.arrived(t)
	in2.leg.Answer()
	ev := k.until(calls.LegAnswered)
	if err := a2.ua.HangupOrphan(t.Context(), ev.Dialog); err != nil {
		t.Fatal(err)
	}
	if got := in2.end(); !got.Answered || got.By != calls.ByCustomer {
		t.Errorf("the far end's ending %+v", got)
	}
	out.leg.Hangup(0)
	out.end()
	in.end()
	k.leg.Hangup(0)
	k.end()
	for _, bad := range [][]byte{nil, []byte("{}"), []byte("x")} {
		if a2.ua.HangupOrphan(t.Context(), bad) == nil {
			t.Errorf("%q is taken for a dialog", bad)
		}
	}
}
