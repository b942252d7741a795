package sip

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"net/netip"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"zvonar/sip/trunk"
)

// maxAuth bounds how often one request is sent again with credentials.
const maxAuth = 3

// auth answers the challenges of one request (RFC 3261 22, RFC 8760), if they
// come from an address of the trunk whose credentials these are: requests within
// a dialog go where its far end says, and whoever that is must not collect
// answers to guess the password from.
type auth struct {
	trunk              *trunk.Trunk // nil: there are no credentials
	username, password string
	known              *nonces
	rounds             int
	challenges         []*challenge // answered so far, one of each realm
	early              []*challenge // answered before we were asked
}

// challenge is one that was answered, by header and realm: a proxy and the far
// end behind it may each ask, and then each wants its answer in every request.
type challenge struct {
	reply  string // name of the header that answers it
	asked  *digest.Challenge
	cnonce string
	uses   int // of its nonce
}

// credentialsOf begins to authenticate one request towards t; nil: without credentials.
func (ua *UA) credentialsOf(t *trunk.Trunk) *auth {
	if t == nil {
		return &auth{}
	}
	return &auth{trunk: t, username: t.Username, password: t.Password, known: ua.nonces}
}

// credentials begins to authenticate a request of this leg.
func (l *Leg) credentials() *auth { return l.ua.credentialsOf(l.trunk) }

// attach adds credentials to req, whose body is set. Before anybody asked they
// are nil: then they answer what the trunk asked last, if req goes there. Its
// nonce may still be good, and a round trip is saved (RFC 7616 3.6).
func (a *auth) attach(req *sipmsg.Request, credentials []sipmsg.Header) {
	for _, h := range credentials {
		req.AppendHeader(h)
	}
	if credentials != nil || a.username == "" {
		return
	}
	dest, err := netip.ParseAddrPort(req.Destination())
	if err != nil || !a.trunk.Accepts(dest.Addr()) {
		return
	}
	a.early = a.known.reuse(a.trunk.Name)
	for _, c := range a.early {
		if h := a.credential(c, req); h != nil {
			req.AppendHeader(h)
		}
	}
}

// answer makes the Authorization and Proxy-Authorization headers after a 401 or
// 407; nil where it cannot or must not be answered: no credentials, no challenge
// we understand, another realm than the trunk's, the same realm again without
// stale=true, or too many rounds.
func (a *auth) answer(res *sipmsg.Response, req *sipmsg.Request) []sipmsg.Header {
	ask, reply := "WWW-Authenticate", "Authorization"
	switch res.StatusCode {
	case sipmsg.StatusUnauthorized:
	case sipmsg.StatusProxyAuthRequired:
		ask, reply = "Proxy-Authenticate", "Proxy-Authorization"
	default:
		return nil
	}
	if a.username == "" {
		return nil
	}
	if len(a.early) > 0 {
		a.known.refused(a.trunk.Name, a.early)
		a.early = nil
	}
	if a.rounds >= maxAuth || !a.fromTrunk(res) {
		return nil
	}
	c := strongest(res.GetHeaders(ask), a.trunk.Realm)
	if c == nil || !a.note(reply, c) {
		a.known.keep(a.trunk.Name, nil) // further requests wait until they are asked
		return nil
	}
	a.rounds++
	headers := make([]sipmsg.Header, 0, len(a.challenges))
	for _, known := range a.challenges {
		known.uses++
		h := a.credential(known, req)
		if h == nil {
			return nil
		}
		headers = append(headers, h)
	}
	a.known.keep(a.trunk.Name, a.challenges)
	return headers
}

// credential answers c for req, whose Request-URI is the digest's with all of its
// parameters.
func (a *auth) credential(c *challenge, req *sipmsg.Request) sipmsg.Header {
	cred := a.compute(c, string(req.Method), req.Recipient.String(), req.Body())
	if cred == nil {
		return nil
	}
	return sipmsg.NewHeader(c.reply, cred.String())
}

// compute makes the credentials (RFC 7616 3.4); nil where the challenge cannot be
// answered.
func (a *auth) compute(c *challenge, method, uri string, body []byte) *digest.Credentials {
	asked := *c.asked
	o := digest.Options{Method: method, URI: uri, Username: a.username, Password: a.password, Count: c.uses, Cnonce: c.cnonce,
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }}
	if name, session := strings.CutSuffix(strings.ToUpper(asked.Algorithm), "-SESS"); session {
		hash := hashes[name]
		if hash == nil {
			return nil
		}
		o.A1 = hash(hash(a.username+":"+asked.Realm+":"+a.password) + ":" + asked.Nonce + ":" + c.cnonce)
		asked.Algorithm = name
	}
	cred, err := digest.Digest(&asked, o)
	if err != nil {
		return nil
	}
	cred.Algorithm = c.asked.Algorithm
	return cred
}

// hashes are those of the -sess algorithms.
var hashes = map[string]func(string) string{
	"MD5":         func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) },
	"SHA-256":     func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) },
	"SHA-512-256": func(s string) string { return fmt.Sprintf("%x", sha512.Sum512_256([]byte(s))) },
}

// note keeps a challenge. It reports false where its realm was answered before
// and does not say that only the nonce is old: then the password is wrong, and
// asking again would lock the account.
func (a *auth) note(reply string, c *digest.Challenge) bool {
	fresh := &challenge{reply: reply, asked: c, cnonce: sipmsg.GenerateTagN(16)}
	for i, known := range a.challenges {
		if known.reply == reply && known.asked.Realm == c.Realm {
			a.challenges[i] = fresh
			return c.Stale
		}
	}
	a.challenges = append(a.challenges, fresh)
	return true
}

func (a *auth) fromTrunk(res *sipmsg.Response) bool {
	from, err := netip.ParseAddrPort(res.Source())
	return err == nil && a.trunk.Accepts(from.Addr())
}

// algorithms in order of preference; "" means MD5 (RFC 7616 3.3).
var algorithms = []string{"SHA-512-256", "SHA-512-256-sess", "SHA-256", "SHA-256-sess", "MD5", "", "MD5-sess"}

// strongest picks the challenge to answer among several. realm is the only one to
// answer; "": any.
func strongest(hs []sipmsg.Header, realm string) *digest.Challenge {
	var list []*digest.Challenge
	for _, h := range hs {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || len(c.Nonce) > maxHeader || len(c.Realm) > maxHeader || realm != "" && c.Realm != realm {
			continue
		}
		if protection(c) {
			list = append(list, c)
		}
	}
	for _, name := range algorithms {
		for _, c := range list {
			if strings.EqualFold(c.Algorithm, name) {
				return c
			}
		}
	}
	return nil
}

// protection leaves one quality of protection, "auth" before "auth-int"; it
// reports false where the challenge knows neither.
func protection(c *digest.Challenge) bool {
	offered := c.QOP
	if len(offered) == 0 {
		return true
	}
	for _, want := range []string{"auth", "auth-int"} {
		for _, q := range offered {
			if strings.EqualFold(strings.TrimSpace(q), want) {
				c.QOP = []string{want}
				return true
			}
		}
	}
	return false
}
