package api

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

const (
	// tokenBookLife is how old the book's copy of the tokens may be. A live
	// stream looks as often: a token revoked by another process is refused, and
	// its streams end, a second later at most.
	tokenBookLife = 500 * time.Millisecond
	// tokenTouch is how exactly it is known when a token was last used.
	tokenTouch = 5 * time.Minute
)

// tokenBook is a short-lived copy of the store's tokens. Safe for concurrent use.
type tokenBook struct {
	store calls.Store
	clock clock.Clock
	log   *slog.Logger

	mu      sync.Mutex
	read    time.Time // zero: never
	byHash  map[[8]byte][]*bookEntry
	byID    map[string]*bookEntry
	touched map[string]time.Time // by token: the last use that was noted
}

// bookEntry is a token with what was made ready of it.
type bookEntry struct {
	token *calls.Token
	hash  [32]byte
	from  []netip.Prefix // empty: anywhere
}

// allows reports whether the token may be used from an address.
func (e *bookEntry) allows(remote string) bool {
	if len(e.from) == 0 {
		return true
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(e.from, func(p netip.Prefix) bool { return p.Contains(ip.Unmap().WithZone("")) })
}

func newTokenBook(store calls.Store, c clock.Clock, log *slog.Logger) *tokenBook {
	return &tokenBook{store: store, clock: c, log: log, touched: map[string]time.Time{}}
}

// find returns the usable token with the hash of a secret, or nil. The first
// bytes of the hash choose whom to compare with, which tells nothing of the
// secret: nobody can choose a hash near a wanted one. The rest is compared in
// constant time.
func (b *tokenBook) find(ctx context.Context, hash [32]byte) (*bookEntry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	now := b.clock.Now()
	var found *bookEntry
	for _, e := range b.byHash[[8]byte(hash[:8])] {
		if subtle.ConstantTimeCompare(hash[:], e.hash[:]) == 1 && e.token.Usable(now) {
			found = e
		}
	}
	return found, nil
}

// usable reports whether a token may still be used.
func (b *tokenBook) usable(ctx context.Context, id string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(ctx); err != nil {
		return false, err
	}
	e := b.byID[id]
	return e != nil && e.token.Usable(b.clock.Now()), nil
}

// refresh reads the tokens again where the copy is too old. mu is held: of many
// requests one reads.
func (b *tokenBook) refresh(ctx context.Context) error {
	now := b.clock.Now()
	if !b.read.IsZero() && now.Sub(b.read) < tokenBookLife && !now.Before(b.read) {
		return nil
	}
	tokens, err := allTokens(ctx, b.store)
	if err != nil {
		return err
	}
	b.byHash, b.byID, b.read = make(map[[8]byte][]*bookEntry, len(tokens)), make(map[string]*bookEntry, len(tokens)), now
	for _, t := range tokens {
		e := &bookEntry{token: t}
		if n, err := hex.Decode(e.hash[:], []byte(t.Hash)); err != nil || n != len(e.hash) {
			b.log.Error("a token in the store cannot be used: its hash is broken", "token", t.ID)
			continue
		}
		if e.from, err = networks(t.AllowFrom); err != nil {
			b.log.Error("a token in the store cannot be used: its networks are broken", "token", t.ID)
			continue
		}
		key := [8]byte(e.hash[:8])
		b.byHash[key] = append(b.byHash[key], e)
		b.byID[t.ID] = e
	}
	return nil
}

// networks reads prefixes; an address alone is a network of one.
func networks(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			ip = ip.Unmap()
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// used notes now and then that a token is in use; no request waits for it.
func (b *tokenBook) used(e *bookEntry, now time.Time) {
	b.mu.Lock()
	last, known := b.touched[e.token.ID]
	due := (!known || now.Sub(last) >= tokenTouch) && now.Sub(e.token.LastUsedAt) >= tokenTouch
	if due {
		b.touched[e.token.ID] = now
	}
	b.mu.Unlock()
	if !due {
		return
	}
	id := e.token.ID
	b.store.Observe(func(tx calls.Tx) error { return tx.TouchToken(id, now) }, func(err error) {
		if err != nil {
			b.log.Warn("the use of a token could not be noted", "token", id, "error", err)
		}
	})
}

// forget makes the next find read the store: a token has changed.
func (b *tokenBook) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read = time.Time{}
}

// tokenGone gives a channel that is closed once the token of the request may no
// longer be used: whoever answers for longer than a moment ends then.
func (s *Server) tokenGone(ctx context.Context) <-chan struct{} {
	gone := make(chan struct{})
	id := requestOf(ctx).token.ID
	var look func()
	look = func() {
		if ctx.Err() != nil {
			return
		}
		if ok, err := s.tokens.usable(ctx, id); err == nil && !ok {
			close(gone)
			return
		}
		s.clock.AfterFunc(tokenBookLife, look)
	}
	s.clock.AfterFunc(tokenBookLife, look)
	return gone
}
