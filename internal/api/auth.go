package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zvonar/internal/calls"
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

// authenticate finds who sends r. The token is looked for before anything is
// told, so that a source that guesses learns nothing from where it stops.
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
	entry, err := s.tokens.find(r.Context(), hash)
	if err != nil {
		return nil, s.explain(r.Context(), "authenticate", err)
	}
	if entry == nil {
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("token").Inc()
		return nil, newProblem(calls.CodeUnauthorized, "this token is unknown, revoked or expired")
	}
	if !entry.allows(r.RemoteAddr) {
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("address").Inc()
		return nil, newProblem(calls.CodeForbidden, "this token may not be used from your address")
	}
	s.guard.succeeded(source, hash, now)
	s.tokens.used(entry, now)
	return entry.token, nil
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
