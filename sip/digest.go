package sip

import (
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
	rounds             int
	last               map[string]string // realm -> nonce answered
}

// credentialsOf begins to authenticate one request towards t; nil: without credentials.
func credentialsOf(t *trunk.Trunk) *auth {
	if t == nil {
		return &auth{}
	}
	return &auth{trunk: t, username: t.Username, password: t.Password}
}

// answer makes the Authorization or Proxy-Authorization header for a 401 or 407;
// nil where it cannot or must not be answered: no credentials, no challenge we
// understand, the same realm again without stale=true, or too many rounds.
func (a *auth) answer(res *sipmsg.Response, req *sipmsg.Request) sipmsg.Header {
	ask, reply := "WWW-Authenticate", "Authorization"
	switch res.StatusCode {
	case sipmsg.StatusUnauthorized:
	case sipmsg.StatusProxyAuthRequired:
		ask, reply = "Proxy-Authenticate", "Proxy-Authorization"
	default:
		return nil
	}
	if a.username == "" || a.rounds >= maxAuth || !a.fromTrunk(res) {
		return nil
	}
	c := strongest(res.GetHeaders(ask))
	if c == nil {
		return nil
	}
	where := reply + c.Realm
	if _, answered := a.last[where]; answered && !c.Stale {
		return nil // the password is wrong; asking again would lock the account
	}
	cred, err := digest.Digest(c, digest.Options{Method: string(req.Method), URI: req.Recipient.String(),
		Username: a.username, Password: a.password, Count: 1})
	if err != nil {
		return nil
	}
	if a.last == nil {
		a.last = map[string]string{}
	}
	a.last[where] = c.Nonce
	a.rounds++
	return sipmsg.NewHeader(reply, cred.String())
}

func (a *auth) fromTrunk(res *sipmsg.Response) bool {
	from, err := netip.ParseAddrPort(res.Source())
	return err == nil && a.trunk.Accepts(from.Addr())
}

// algorithms in order of preference; "" means MD5 (RFC 7616 3.3).
var algorithms = []string{"SHA-256", "MD5", ""}

// strongest picks the challenge to answer among several.
func strongest(hs []sipmsg.Header) *digest.Challenge {
	var list []*digest.Challenge
	for _, h := range hs {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || len(c.Nonce) > maxHeader || len(c.Realm) > maxHeader {
			continue
		}
		if authOnly(c) {
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

// authOnly leaves "auth" as the only quality of protection; it reports false
// where the challenge insists on another one.
func authOnly(c *digest.Challenge) bool {
	if len(c.QOP) == 0 {
		return true
	}
	for _, q := range c.QOP {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			c.QOP = []string{"auth"}
			return true
		}
	}
	return false
}
