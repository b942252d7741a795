package sip

import (
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// TestDigestVectors holds our credentials to what the RFCs computed.
func TestDigestVectors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, uri, user, password, body, cnonce, challenge, response string
	}{
		{"RFC 2617 3.5", "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "", "0a4f113b",
			`realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"6629fae49393a05397450978507c4ef1"},
		{"RFC 7616 3.9.1, MD5", "GET", "/dir/index.html", "Mufasa", "Circle of Life", "", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			`realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="x"`,
			"8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616 3.9.1, SHA-256", "GET", "/dir/index.html", "Mufasa", "Circle of Life", "", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			`realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="x"`,
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"RFC 2069 2.4, no qop", "GET", "/dir/index.html", "Mufasa", "CircleOfLife", "", "",
			`realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="x"`,
			"1949323746fe6a43ef61f9606e7febea"},
	} {
		c, err := digest.ParseChallenge("Digest " + tc.challenge)
		if err != nil {
			t.Fatal(err)
		}
		if !protection(c) {
			t.Fatalf("%s: no quality of protection", tc.name)
		}
		a := &auth{username: tc.user, password: tc.password}
		got := a.compute(&challenge{reply: "Authorization", asked: c, cnonce: tc.cnonce, uses: 1}, tc.method, tc.uri, []byte(tc.body))
		if got == nil || got.Response != tc.response {
			t.Errorf("%s: %+v, want the response %s", tc.name, got, tc.response)
		}
	}
}

// TestSessionAlgorithmsAndBodies checks what the RFCs have no vector for against
// the definition, written out.
func TestSessionAlgorithmsAndBodies(t *testing.T) {
	t.Parallel()
	a := &auth{username: "u", password: "p"}
	for name, hash := range hashes {
		c := &digest.Challenge{Realm: "r", Nonce: "n", Algorithm: name + "-sess", QOP: []string{"auth-int"}}
		got := a.compute(&challenge{asked: c, cnonce: "c", uses: 2}, "INVITE", "sip:x", []byte("body"))
		a1 := hash(hash("u:r:p") + ":n:c")
		want := hash(a1 + ":n:00000002:c:auth-int:" + hash("INVITE:sip:x:"+hash("body")))
		if got == nil || got.Response != want || got.Algorithm != name+"-sess" || got.QOP != "auth-int" || got.Nc != 2 {
			t.Errorf("%s: %+v, want the response %s", name, got, want)
		}
	}
}

func TestTheStrongestChallengeOfTheRealmIsAnswered(t *testing.T) {
	t.Parallel()
	list := func(values ...string) (hs []sipmsg.Header) {
		for _, v := range values {
			hs = append(hs, sipmsg.NewHeader("WWW-Authenticate", v))
		}
		return hs
	}
	const md5, sha, odd = `Digest realm="a", nonce="m"`, `Digest realm="a", nonce="s", algorithm=sha-256`, `Digest realm="a", nonce="o", algorithm=FOO`
	for _, tc := range []struct {
		hs    []sipmsg.Header
		realm string
		nonce string
	}{
		{list(odd, md5, sha), "", "s"},
		{list(md5, odd), "", "m"},
		{list(odd), "", ""},
		{list(md5, sha, `Digest realm="b", nonce="b"`), "b", "b"},
		{list(md5, sha), "b", ""},
		{list(`Digest realm="a", nonce="q", qop="token"`, md5), "", "m"},
		{list(`Basic realm="a"`, `Digest`, "", "Digest realm=\"a\", nonce=\""+strings.Repeat("x", 300)+"\""), "", ""},
	} {
		got := ""
		if c := strongest(tc.hs, tc.realm); c != nil {
			got = c.Nonce
		}
		if got != tc.nonce {
			t.Errorf("of %v for realm %q: nonce %q, want %q", tc.hs, tc.realm, got, tc.nonce)
		}
	}
}

func withPassword(c *trunk.Config, _ *Config) { c.Username, c.Password = "alice", "secret" }

// given reads the Authorization of a request, nil where there is none.
func given(t *testing.T, req *sipmsg.Request) *digest.Credentials {
	t.Helper()
	v := header(req, "Authorization")
	if v == "" {
		return nil
	}
	c, err := digest.ParseCredentials(v)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheNonceOfATrunkIsUsedAgain(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, withPassword)
	const asks = `WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth"`
	k := a.dial(t, nil)
	first := p.read("INVITE").(*sipmsg.Request)
	if given(t, first) != nil {
		t.Error("credentials before anybody asked")
	}
	p.respond(first, 401, "c", "", asks)
	second := p.readAfter(first)
	if c := given(t, second); c == nil || c.Nc != 1 {
		t.Errorf("credentials %+v", c)
	}
	p.respond(second, 200, "far", rawSDP)
	p.read("ACK")
	k.until(calls.LegAnswered)
	k.leg.Hangup(0)
	bye := p.read("BYE").(*sipmsg.Request)
	if c := given(t, bye); c == nil || c.Nonce != "n1" || c.Nc != 2 {
		t.Errorf("the BYE has credentials %+v, want the second use of n1", c)
	}
	p.respond(bye, 200, "", "")
	k.end()

	k = a.dial(t, nil)
	third := p.read("INVITE").(*sipmsg.Request)
	if c := given(t, third); c == nil || c.Nonce != "n1" || c.Nc != 3 {
		t.Errorf("the next call has credentials %+v, want the third use of n1", c)
	}
	// The nonce is old by now, and the trunk does not even say stale=true.
	p.respond(third, 401, "c", "", strings.Replace(asks, "n1", "n2", 1))
	fourth := p.readAfter(third)
	if c := given(t, fourth); c == nil || c.Nonce != "n2" || c.Nc != 1 {
		t.Errorf("credentials %+v, want the first use of n2", c)
	}
	p.respond(fourth, 401, "c", "", strings.Replace(asks, "n1", "n3", 1))
	if got := k.end(); got.Code != 401 {
		t.Errorf("ending %+v: a wrong password must not be tried again", got)
	}
	k = a.dial(t, nil)
	fifth := p.readAfter(fourth)
	if c := given(t, fifth); c != nil {
		t.Errorf("a password that was refused is offered unasked: %+v", c)
	}
	p.respond(fifth, 486, "c", "")
	k.end()
}

func TestATrunkThatWantsANonceForEachRequestGetsNoOldOnes(t *testing.T) {
	t.Parallel()
	n := newNonces()
	for range maxOnceOnly {
		n.keep("t", []*challenge{{asked: &digest.Challenge{}, uses: 1}})
		again := n.reuse("t")
		if len(again) != 1 || again[0].uses != 2 {
			t.Fatalf("reuse %+v", again)
		}
		n.refused("t", again)
	}
	n.keep("t", []*challenge{{asked: &digest.Challenge{}, uses: 1}})
	if got := n.reuse("t"); got != nil {
		t.Errorf("it is tried again: %+v", got)
	}
}

func TestAnotherRealmThanTheTrunksGetsNoAnswer(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(c *trunk.Config, cfg *Config) { withPassword(c, cfg); c.Realm = "ours" })
	out := a.dial(t, nil)
	first := p.read("INVITE").(*sipmsg.Request)
	p.respond(first, 407, "c", "", `Proxy-Authenticate: Digest realm="theirs", nonce="n"`)
	if got := out.end(); got.Code != 407 {
		t.Errorf("ending %+v", got)
	}
}

func TestAReInviteIsAuthenticated(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, withPassword)
	k, invite := dialled(t, a, p)
	k.leg.Hold(true)
	re := p.next("INVITE", invite)
	p.respond(re, 407, "far", "", `Proxy-Authenticate: Digest realm="r", nonce="n"`)
	again := p.next("INVITE", re)
	if header(again, "Proxy-Authorization") == "" {
		t.Errorf("no credentials in\n%s", again)
	}
	p.respond(again, 200, "far", rawSDP+"a=recvonly\r\n")
	p.next("ACK", re)
	p.hangup(k)
}
