package sip

import (
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

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
			second := p.readAfter(first)
			checkCredentials(t, second, tc.reply, tc.challenge)
			stale := strings.Replace(tc.challenge, "n1", "n2", 1) + ", stale=true"
			p.respond(second, tc.code, "c", "", tc.header+": "+stale)
			third := p.readAfter(second)
			checkCredentials(t, third, tc.reply, stale)
			p.respond(third, tc.code, "c", "", tc.header+": "+tc.challenge)
			if got := out.end(); got.Code != tc.code {
				t.Errorf("ending %+v: a wrong password must not be asked for ever", got)
			}
		})
	}
}

// checkAnswer is checkCredentials of a request of another method than INVITE.
func checkAnswer(t *testing.T, req *sipmsg.Request, method, challenge string) {
	t.Helper()
	checkMethod(t, req, "Authorization", method, challenge)
}

func checkCredentials(t *testing.T, req *sipmsg.Request, name, challenge string) {
	t.Helper()
	checkMethod(t, req, name, "INVITE", challenge)
}

func checkMethod(t *testing.T, req *sipmsg.Request, name, method, challenge string) {
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
	want, err := digest.Digest(c, digest.Options{Method: method, URI: req.Recipient.String(), Username: "alice", Password: "secret", Cnonce: got.Cnonce, Count: 1})
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

func TestAChallengeFromElsewhereGetsNoAnswer(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(c *trunk.Config, _ *Config) { c.Username, c.Password = "alice", "secret" })
	elsewhere := newRawPeer(t, "127.0.0.7")
	k := a.dial(t, nil)
	invite := p.read("INVITE")
	res := sipmsg.NewResponseFromRequest(invite.(*sipmsg.Request), 200, "OK", []byte(rawSDP))
	res.To().Params = sipmsg.HeaderParams{{K: "tag", V: "far"}}
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:x@"+elsewhere.conn.LocalAddr().String()+">"))
	res.AppendHeader(sipmsg.NewHeader("Content-Type", typeSDP))
	p.send(res.String())
	k.until(calls.LegAnswered)
	elsewhere.read("ACK")
	k.leg.Hangup(0)
	elsewhere.respond(elsewhere.read("BYE"), 407, "", "", `Proxy-Authenticate: Digest realm="r", nonce="n"`)
	k.end()
	if n := testutil.ToFloat64(a.ua.m.requests.WithLabelValues("BYE", out)); n != 1 {
		t.Errorf("%v BYE: credentials left for who is not the trunk", n)
	}
}

func TestAProxyAndTheFarEndBehindItMayBothAsk(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(c *trunk.Config, _ *Config) { c.Username, c.Password = "alice", "secret" })
	k := a.dial(t, nil)
	const proxy, far = `Digest realm="proxy", nonce="p1"`, `Digest realm="far", nonce="f1"`
	first := p.read("INVITE")
	p.respond(first, 407, "c", "", "Proxy-Authenticate: "+proxy)
	second := p.readAfter(first)
	p.respond(second, 401, "c", "", "WWW-Authenticate: "+far)
	third := p.readAfter(second)
	checkCredentials(t, third, "Proxy-Authorization", proxy)
	checkCredentials(t, third, "Authorization", far)
	p.respond(third, 200, "c", rawSDP)
	k.until(calls.LegAnswered)
	leave(k, p)
}

// readAfter waits for the INVITE that is sent instead of a former one.
func (p *rawPeer) readAfter(former sipmsg.Message) *sipmsg.Request {
	p.t.Helper()
	for {
		if next := p.read(string(former.CSeq().MethodName)); next.CSeq().SeqNo != former.CSeq().SeqNo {
			return next.(*sipmsg.Request)
		}
	}
}
