package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// tokenPrefix begins every token we make, so that scanners of leaked secrets
// can know one.
const tokenPrefix = "zv_"

// NewToken makes a secret of 256 random bits.
func NewToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// HashToken is the form in which a token is stored.
func HashToken(plain string) string {
	sum := sha256.Sum256([]byte(plain))
	return hex.EncodeToString(sum[:])
}

// tokenBookLife is how old the book's copy of the tokens may be: a token
// revoked by another process is refused this much later at most.
const tokenBookLife = time.Second

// tokenBook is a short-lived copy of the store's tokens. Safe for concurrent use.
type tokenBook struct {
	store calls.Store
	clock clock.Clock

	mu     sync.Mutex
	read   time.Time // zero: never
	tokens []*calls.Token
}

func newTokenBook(store calls.Store, c clock.Clock) *tokenBook {
	return &tokenBook{store: store, clock: c}
}

// find returns the usable token of a secret, or nil. It compares in constant
// time and looks at every token, so that its duration tells nothing.
func (b *tokenBook) find(ctx context.Context, plain string) (*calls.Token, error) {
	tokens, err := b.all(ctx)
	if err != nil {
		return nil, err
	}
	hash, now := []byte(HashToken(plain)), b.clock.Now()
	var found *calls.Token
	for _, t := range tokens {
		if subtle.ConstantTimeCompare(hash, []byte(t.Hash)) == 1 && t.Usable(now) {
			found = t
		}
	}
	return found, nil
}

func (b *tokenBook) all(ctx context.Context) ([]*calls.Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if !b.read.IsZero() && now.Sub(b.read) < tokenBookLife && !now.Before(b.read) {
		return b.tokens, nil
	}
	tokens, err := allTokens(ctx, b.store)
	if err != nil {
		return nil, err
	}
	b.tokens, b.read = tokens, now
	return tokens, nil
}

// forget makes the next find read the store: a token has changed.
func (b *tokenBook) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read = time.Time{}
}

func allTokens(ctx context.Context, store calls.Store) (tokens []*calls.Token, err error) {
	err = store.View(ctx, func(tx calls.ReadTx) error {
		tokens, err = tx.Tokens()
		return err
	})
	return tokens, err
}

// authorize lets a request through whose token carries role.
func (s *Server) authorize(role calls.Permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		q := requestOf(ctx.Context())
		token, p := s.authenticate(r)
		if p == nil && !token.May(role) {
			s.metrics.refused.WithLabelValues("role").Inc()
			p = newProblem(calls.CodeForbidden, "this needs a token with the role "+string(role)+"; yours has "+rolesText(token.Roles))
		}
		if p != nil {
			p.write(w, q.id)
			return
		}
		q.token = token
		next(ctx)
	}
}

// authenticate finds who sends r.
func (s *Server) authenticate(r *http.Request) (*calls.Token, *Problem) {
	plain, ok := bearer(r)
	if !ok {
		s.metrics.refused.WithLabelValues("missing").Inc()
		return nil, newProblem(calls.CodeUnauthorized, "send a token: Authorization: Bearer TOKEN")
	}
	now, source := s.clock.Now(), sourceOf(r.RemoteAddr)
	hash := sha256.Sum256([]byte(plain))
	if p := s.slowDown(r, hash); p != nil {
		return nil, p
	}
	token, err := s.tokens.find(r.Context(), plain)
	if err != nil {
		return nil, s.explain(r.Context(), "authenticate", err)
	}
	if token == nil {
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("token").Inc()
		return nil, newProblem(calls.CodeUnauthorized, "this token is unknown, revoked or expired")
	}
	s.guard.succeeded(source, hash, now)
	return token, nil
}

// slowDown refuses a source that has guessed too often of late, unless what it
// sends now was right from there before.
func (s *Server) slowDown(r *http.Request, secret [32]byte) *Problem {
	wait := s.guard.blocked(sourceOf(r.RemoteAddr), secret, s.clock.Now())
	if wait <= 0 {
		return nil
	}
	s.metrics.refused.WithLabelValues("rate").Inc()
	p := newProblem(calls.CodeOverloaded, "too many wrong tokens came from your address; wait before you try again")
	p.Status, p.Title, p.retryAfter = http.StatusTooManyRequests, "Too many requests", int(wait/time.Second)+1
	return p
}

// bearer takes the token out of the Authorization header (RFC 6750 2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, plain, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	plain = strings.TrimSpace(plain)
	return plain, ok && strings.EqualFold(scheme, "Bearer") && plain != "" && len(plain) <= 512
}

// sourceOf is whom failed attempts are charged to: an IPv4 address, or the /64
// of an IPv6 one, for that is what one customer has.
func sourceOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}

func rolesText(roles []calls.Permission) string {
	if len(roles) == 0 {
		return "none"
	}
	names := make([]string, 0, len(roles))
	for _, r := range slices.Sorted(slices.Values(roles)) {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
