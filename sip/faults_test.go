package sip

import (
	"net"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// lose drops the first n messages of a kind.
func lose(n int, what string) func(message) int {
	return func(m message) int {
		if m.what == what && m.n < n {
			return 0
		}
		return 1
	}
}

// establish makes an answered call.
func establish(t *testing.T, a, b *side) (out, in *taker) {
	t.Helper()
	out = a.dial(t, nil)
	in = b.arrived(t)
	in.leg.Answer()
	out.until(calls.LegAnswered)
	in.until(calls.LegAnswered)
	return out, in
}

func TestLostMessagesAreRepeated(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a, r, b := pair(t, nil, lose(2, what))
			out, in := establish(t, a, b)
			if what == "ACK" {
				r.waitFor(t, 3, "ACK") // each repetition of the 200 gets one
			}
			out.leg.Hangup(0)
			got, far := out.end(), in.end()
			if !got.Answered || !far.Answered || far.By != calls.ByCustomer {
				t.Errorf("endings %+v and %+v", got, far)
			}
			select {
			case k := <-b.inbound:
				t.Errorf("a repeated INVITE made a second call: %+v", k.inv)
			default:
			}
		})
	}
}

func TestAnAnswerThatNobodyAcknowledgesEndsWithBye(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, lose(1000, "ACK"))
	_, in := establish(t, a, b)
	if got := in.end(); !got.Answered || !got.Timeout {
		t.Errorf("callee's ending %+v", got)
	}
	r.waitFor(t, 1, "BYE")
}

func TestAByeThatNobodyAnswersStillEndsTheLeg(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, lose(1000, "BYE"))
	out, in := establish(t, a, b)
	out.leg.Hangup(0)
	if got := out.end(); got.By != calls.ByZvonar || !got.Answered {
		t.Errorf("ending %+v", got)
	}
	in.leg.Hangup(0)
	in.end()
}

func TestSilenceEndsWithTimeout(t *testing.T) {
	t.Parallel()
	a, r, _ := pair(t, nil, lose(1000, "INVITE"))
	out := a.dial(t, nil)
	got := out.end()
	if !got.Timeout || got.Canceled || got.Rang || got.Code != 0 {
		t.Errorf("ending %+v", got)
	}
	if n := r.total("CANCEL"); n != 0 {
		t.Errorf("%d CANCEL without a provisional response", n)
	}
}

func TestARingTimeoutCancels(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	out := a.dial(t, func(req *calls.DialRequest) { req.RingTimeout = 300 * time.Millisecond })
	in := b.arrived(t)
	in.leg.Ring()
	got, far := out.end(), in.end()
	if !got.Timeout || !got.Canceled || !got.Rang || got.Answered || got.Code != 487 {
		t.Errorf("caller's ending %+v", got)
	}
	if far.Answered || far.By != calls.ByCustomer {
		t.Errorf("callee's ending %+v", far)
	}
	if n := r.total("CANCEL"); n != 1 {
		t.Errorf("%d CANCEL", n)
	}
}

func TestHangupBeforeAProvisionalWaitsWithTheCancel(t *testing.T) {
	t.Parallel()
	const hold = 2
	a, r, b := pair(t, nil, func(m message) int {
		if strings.HasPrefix(m.what, "100") && m.n < hold {
			return 0
		}
		return 1
	})
	out := a.dial(t, nil)
	in := b.arrived(t)
	out.leg.Hangup(0)
	r.waitFor(t, hold, "100 INVITE")
	if n := r.total("CANCEL"); n != 0 {
		t.Errorf("CANCEL before anything was heard (RFC 3261 9.1)")
	}
	if got := out.end(); !got.Canceled || got.By != calls.ByZvonar {
		t.Errorf("ending %+v", got)
	}
	in.end()
}

func TestAnAnswerThatCrossesTheCancelIsHungUp(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	b.decide = func(l *Leg) { l.AnswerOnCancel(); l.Ring() }
	out := a.dial(t, nil)
	in := b.arrived(t)
	out.until(calls.LegRinging)
	out.leg.Hangup(0)
	got, far := out.end(), in.end()
	if !got.Canceled || got.Answered {
		t.Errorf("caller's ending %+v: a call that was answered too late counts as not connected", got)
	}
	if !far.Answered {
		t.Errorf("callee's ending %+v", far)
	}
	r.waitFor(t, 1, "ACK")
	r.waitFor(t, 1, "200 BYE")
}

func TestManyProvisionalResponsesDoNotMatter(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	out := a.dial(t, nil)
	in := b.arrived(t)
	for range 20 {
		in.leg.Progress(183)
	}
	early := out.until(calls.LegEarlyMedia)
	if early.Code != 183 || early.Codec != "PCMA" {
		t.Errorf("early media %+v", early)
	}
	out.until(calls.LegFirstAudio)
	r.waitFor(t, 20, "183 INVITE")
	in.leg.Answer()
	out.until(calls.LegAnswered)
	out.leg.Hangup(0)
	out.end()
	in.end()
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code, q850 int
		by         calls.Party
	}{{486, 17, calls.ByCustomer}, {404, 1, calls.ByNetwork}, {503, 34, calls.ByNetwork}, {603, 21, calls.ByCustomer}, {302, 0, calls.ByNetwork}} {
		t.Run(phrase(tc.code), func(t *testing.T) {
			t.Parallel()
			a, _, b := pair(t, nil, lose(1, "ACK"))
			out := a.dial(t, nil)
			in := b.arrived(t)
			in.leg.Reject(tc.code, tc.q850, "no")
			got := out.end()
			if got.Code != tc.code || got.Q850 != tc.q850 || got.Answered || got.By != tc.by {
				t.Errorf("ending %+v", got)
			}
			if tc.q850 > 0 && got.Text != "no" {
				t.Errorf("text %q", got.Text)
			}
			in.end()
		})
	}
}

func TestTheFarEndHangsUp(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, nil)
	out, in := establish(t, a, b)
	in.leg.Hangup(19)
	if got := out.end(); got.By != calls.ByCustomer || got.Q850 != 19 || !got.Answered {
		t.Errorf("ending %+v", got)
	}
	in.end()
}

func TestDigitsByInfoAndByMedia(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, nil)
	out, in := establish(t, a, b)
	in.leg.SendInfo('5')
	if ev := out.until(calls.LegDigit); ev.Digit != '5' || ev.Via != "info" {
		t.Errorf("digit %q via %s", ev.Digit, ev.Via)
	}
	in.leg.SendDigits("7#")
	for _, want := range []byte("7#") {
		if ev := out.until(calls.LegDigit); ev.Digit != want || ev.Via != "rfc4733" {
			t.Errorf("digit %q via %s, want %q", ev.Digit, ev.Via, want)
		}
	}
	out.leg.Hangup(0)
	out.end()
	in.end()
}

// rawPeer is a SIP far end written by hand, to say what our own never would.
type rawPeer struct {
	t    *testing.T
	conn *net.UDPConn
	to   *net.UDPAddr
}

func newRawPeer(t *testing.T, ip string) *rawPeer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rawPeer{t: t, conn: conn}
}

func (p *rawPeer) send(text string) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDP([]byte(text), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// read waits for the next message of one of the kinds.
func (p *rawPeer) read(what ...string) sipmsg.Message {
	p.t.Helper()
	buf := make([]byte, 65536)
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, src, err := p.conn.ReadFromUDP(buf)
		if err != nil {
			p.t.Fatalf("waiting for %v: %v", what, err)
		}
		p.to = src
		for _, w := range what {
			if kindOf(buf[:n]) == w {
				msg, err := sipmsg.ParseMessage(append([]byte(nil), buf[:n]...))
				if err != nil {
					p.t.Fatal(err)
				}
				return msg
			}
		}
	}
}

// respond answers a request.
func (p *rawPeer) respond(req sipmsg.Message, code int, tag, body string, headers ...string) {
	p.t.Helper()
	res := sipmsg.NewResponseFromRequest(req.(*sipmsg.Request), code, phrase(code), nil)
	if tag != "" {
		res.To().Params = sipmsg.HeaderParams{{K: "tag", V: tag}}
	}
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:raw@"+p.conn.LocalAddr().String()+">"))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sipmsg.NewHeader(name, value))
	}
	if body != "" {
		res.AppendHeader(sipmsg.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(body))
	}
	p.send(res.String())
}

const rawSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"

// withRaw starts a user agent whose trunk is a rawPeer.
func withRaw(t *testing.T, change func(*trunk.Config, *Config)) (*side, *rawPeer) {
	t.Helper()
	p := newRawPeer(t, "127.0.0.1")
	a := newSide(t, "udp://127.0.0.1:0", change, addrPort(p.conn.LocalAddr()))
	p.to = net.UDPAddrFromAddrPort(a.ua.Addr("udp"))
	return a, p
}

func TestAForkedAnswerIsHungUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 180, "one", "")
	p.respond(invite, 183, "two", rawSDP)
	p.respond(invite, 200, "one", rawSDP)
	if ack := p.read("ACK"); tagOf(ack.To()) != "one" {
		t.Errorf("ACK for %q", tagOf(ack.To()))
	}
	out.until(calls.LegAnswered)
	p.respond(invite, 200, "two", rawSDP)
	if ack := p.read("ACK"); tagOf(ack.To()) != "two" {
		t.Errorf("ACK for %q", tagOf(ack.To()))
	}
	bye := p.read("BYE")
	if tagOf(bye.To()) != "two" {
		t.Errorf("BYE for %q: the answered branch must live", tagOf(bye.To()))
	}
	p.respond(bye, 200, "", "")
	out.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	out.end()
}

func TestLateResponsesOfAnAbandonedCall(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	invite := p.read("INVITE")
	if got := out.end(); !got.Timeout {
		t.Fatalf("ending %+v", got)
	}
	p.respond(invite, 180, "late", "")
	cancel := p.read("CANCEL")
	if cancel.CSeq().SeqNo != invite.CSeq().SeqNo || cancel.Via().Params.GetOr("branch", "") != invite.Via().Params.GetOr("branch", "?") {
		t.Errorf("the CANCEL does not fit the INVITE:\n%s", cancel)
	}
	p.respond(cancel, 200, "", "")
	p.respond(invite, 200, "late", rawSDP)
	p.read("ACK")
	p.respond(p.read("BYE"), 200, "", "")
}

func TestAnAnswerWithoutCommonAudioIsHungUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 200, "x", strings.Replace(rawSDP, "RTP/AVP 8", "RTP/AVP 18", 1))
	p.read("ACK")
	p.respond(p.read("BYE"), 200, "", "")
	if got := out.end(); !got.Media || got.Answered {
		t.Errorf("ending %+v", got)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, challenge, header, reply string
		code                           int
	}{
		{"MD5 without qop", `Digest realm="r", nonce="n1"`, "WWW-Authenticate", "Authorization", 401},
		{"SHA-256 with qop", `Digest realm="r", nonce="n1", algorithm=SHA-256, qop="auth-int, auth"`, "Proxy-Authenticate", "Proxy-Authorization", 407},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, func(c *trunk.Config, _ *Config) { c.Username, c.Password = "alice", "secret" })
			out := a.dial(t, nil)
			first := p.read("INVITE")
			p.respond(first, tc.code, "c", "", tc.header+`: Digest realm="r", nonce="x", algorithm=FOO`, tc.header+": "+tc.challenge)
			second := p.read("INVITE")
			for second.CSeq().SeqNo == first.CSeq().SeqNo {
				second = p.read("INVITE") // a repetition that was on its way
			}
			checkCredentials(t, second.(*sipmsg.Request), tc.reply, tc.challenge)
			stale := strings.Replace(tc.challenge, "n1", "n2", 1) + ", stale=true"
			p.respond(second, tc.code, "c", "", tc.header+": "+stale)
			third := p.read("INVITE")
			for third.CSeq().SeqNo == second.CSeq().SeqNo {
				third = p.read("INVITE")
			}
			checkCredentials(t, third.(*sipmsg.Request), tc.reply, stale)
			p.respond(third, tc.code, "c", "", tc.header+": "+tc.challenge)
			if got := out.end(); got.Code != tc.code {
				t.Errorf("ending %+v: a wrong password must not be asked for ever", got)
			}
		})
	}
}

func checkCredentials(t *testing.T, req *sipmsg.Request, name, challenge string) {
	t.Helper()
	got, err := digest.ParseCredentials(header(req, name))
	if err != nil {
		t.Fatalf("%s: %v in\n%s", name, err, req)
	}
	c, err := digest.ParseChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.QOP) > 0 {
		c.QOP = []string{"auth"}
	}
	want, err := digest.Digest(c, digest.Options{Method: "INVITE", URI: req.Recipient.String(), Username: "alice", Password: "secret", Cnonce: got.Cnonce, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got.Response != want.Response || got.Nonce != c.Nonce {
		t.Errorf("credentials %+v, want %+v", got, want)
	}
}

func TestNoCredentialsNoAnswerToAChallenge(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	p.respond(p.read("INVITE"), 407, "c", "", `Proxy-Authenticate: Digest realm="r", nonce="n"`)
	if got := out.end(); got.Code != 407 {
		t.Errorf("ending %+v", got)
	}
}
