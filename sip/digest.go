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
	challenges         []*challenge // answered so far, one of each realm
}

// challenge is one that was answered, by header and realm: a proxy and the far
// end behind it may each ask, and then each wants its answer in every request.
type challenge struct {
	reply string // name of the header that answers it
	asked *digest.Challenge
	uses  int // of its nonce
}

// credentialsOf begins to authenticate one request towards t; nil: without credentials.
func credentialsOf(t *trunk.Trunk) *auth {
	if t == nil {
		return &auth{}
	}
	return &auth{trunk: t, username: t.Username, password: t.Password}
}

// credentials begins to authenticate a request of this leg.
func (l *Leg) credentials() *auth { return credentialsOf(l.trunk) }

// answer makes the Authorization and Proxy-Authorization headers after a 401 or
// 407; nil where it cannot or must not be answered: no credentials, no challenge
// we understand, the same realm again without stale=true, or too many rounds.
func (a *auth) answer(res *sipmsg.Response, req *sipmsg.Request) []sipmsg.Header {
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
	if c == nil || !a.note(reply, c) {
		return nil
	}
	a.rounds++
	headers := make([]sipmsg.Header, 0, len(a.challenges))
	for _, known := range a.challenges {
		known.uses++
		cred, err := digest.Digest(known.asked, digest.Options{Method: string(req.Method), URI: req.Recipient.String(),
			Username: a.username, Password: a.password, Count: known.uses})
		if err != nil {
			return nil
		}
		headers = append(headers, sipmsg.NewHeader(known.reply, cred.String()))
	}
	return headers
}

// note keeps a challenge. It reports false where its realm was answered before
// and does not say that only the nonce is old: then the password is wrong, and
// asking again would lock the account.
func (a *auth) note(reply string, c *digest.Challenge) bool {
	for _, known := range a.challenges {
		if known.reply == reply && known.asked.Realm == c.Realm {
			known.asked, known.uses = c, 0
			return c.Stale
		}
	}
	a.challenges = append(a.challenges, &challenge{reply: reply, asked: c})
	return true
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
