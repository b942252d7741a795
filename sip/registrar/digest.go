package registrar

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NonceLife is how long an answer to a challenge may be used; later ones are told
// that it is stale.
const NonceLife = 5 * time.Minute

// maxNonces bounds the nonces whose count is remembered.
const maxNonces = 16384

// HA1 are the digests of "user:realm:password" in hex (RFC 7616 3.4.2); one of
// them may be "".
type HA1 struct{ MD5, SHA256 string }

// HashOf makes both.
func HashOf(user, realm, password string) HA1 {
	text := []byte(user + ":" + realm + ":" + password)
	m, s := md5.Sum(text), sha256.Sum256(text)
	return HA1{hex.EncodeToString(m[:]), hex.EncodeToString(s[:])}
}

// Credentials are what an Authorization header says.
type Credentials struct {
	Username, Realm, Nonce, URI, Response, Algorithm, QOP, CNonce, NC string
}

// ParseCredentials reads "Digest …"; ok is false where it is nothing of the kind.
func ParseCredentials(value string) (c Credentials, ok bool) {
	scheme, rest, found := strings.Cut(strings.TrimSpace(value), " ")
	if !found || !strings.EqualFold(scheme, "Digest") || len(value) > maxHeader {
		return c, false
	}
	to := map[string]*string{"username": &c.Username, "realm": &c.Realm, "nonce": &c.Nonce, "uri": &c.URI, "response": &c.Response,
		"algorithm": &c.Algorithm, "qop": &c.QOP, "cnonce": &c.CNonce, "nc": &c.NC}
	for rest = strings.TrimSpace(rest); rest != ""; {
		name, after, found := strings.Cut(rest, "=")
		if !found {
			return c, false
		}
		text, next, fine := word(strings.TrimLeft(after, " \t"))
		if !fine {
			return c, false
		}
		if at := to[strings.ToLower(strings.TrimSpace(name))]; at != nil {
			if *at != "" {
				return c, false // said twice
			}
			*at = text
		}
		rest = strings.TrimLeft(next, " \t")
		if rest != "" && rest[0] != ',' {
			return c, false
		}
		rest = strings.TrimLeft(rest, ", \t")
	}
	return c, c.Username != "" && c.Nonce != "" && c.Response != "" && c.URI != ""
}

// maxHeader bounds what is read of a header.
const maxHeader = 2048

// word reads a quoted string or a token.
func word(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// nonces makes challenges that need no memory, and remembers how often the answers
// to them were used.
type nonces struct {
	secret [32]byte
	mu     sync.Mutex
	used   map[string]count
}

type count struct {
	last  uint64
	until time.Time
}

func newNonces() *nonces {
	n := &nonces{used: map[string]count{}}
	_, _ = rand.Read(n.secret[:]) // which never fails
	return n
}

// make gives a nonce that says when it was made, and that nobody else can make.
func (n *nonces) make(now time.Time) string {
	var b [8 + 8 + 16]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.UnixMilli()))
	_, _ = rand.Read(b[8:16])
	copy(b[16:], n.sign(b[:16]))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (n *nonces) sign(b []byte) []byte {
	h := hmac.New(sha256.New, n.secret[:])
	h.Write(b)
	return h.Sum(nil)[:16]
}

// ours reports whether we made a nonce, and whether it is too old.
func (n *nonces) ours(nonce string, now time.Time) (ours, stale bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 32 || subtle.ConstantTimeCompare(b[16:], n.sign(b[:16])) != 1 {
		return false, false
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b))))
	return true, age < 0 || age > NonceLife
}

// count takes the next use of a nonce; false where it was used before, which is
// what somebody does who repeats what he overheard.
func (n *nonces) count(nonce, nc string, now time.Time) bool {
	use, err := strconv.ParseUint(nc, 16, 32)
	if err != nil || use == 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.used[nonce]; use <= c.last {
		return false
	}
	if len(n.used) >= maxNonces {
		for k, c := range n.used {
			if now.After(c.until) {
				delete(n.used, k)
			}
		}
		if len(n.used) >= maxNonces {
			return false // told to ask anew
		}
	}
	n.used[nonce] = count{use, now.Add(NonceLife)}
	return true
}

// fits reports whether the response is right for a user's password.
func (c Credentials) fits(h HA1, method string) bool {
	hash, ha1 := md5Hex, h.MD5
	if strings.EqualFold(c.Algorithm, "SHA-256") {
		hash, ha1 = sha256Hex, h.SHA256
	} else if c.Algorithm != "" && !strings.EqualFold(c.Algorithm, "MD5") {
		return false
	}
	if ha1 == "" || c.QOP != "auth" || c.CNonce == "" {
		return false
	}
	want := hash(ha1 + ":" + c.Nonce + ":" + c.NC + ":" + c.CNonce + ":" + c.QOP + ":" + hash(method+":"+c.URI))
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.Response))) == 1
}

func md5Hex(s string) string {
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

func sha256Hex(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
