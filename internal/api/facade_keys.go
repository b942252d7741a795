package api

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// maxPublic is the longest name of a facade key, in bytes.
const maxPublic = 256

// FacadeKeys find whoever speaks to a facade. Guessing is slowed down like guessing a
// token: names of keys that are not there count against their source, wrong signatures
// against the source and the key together, so that whoever shares a proxy with a guesser
// goes on working. Safe for concurrent use.
type FacadeKeys struct {
	s *Server

	mu      sync.Mutex
	touched map[string]time.Time // by key: the last use that was noted
}

// FacadeKeys are the keys of this API's store, with its guard.
func (s *Server) FacadeKeys() *FacadeKeys {
	return &FacadeKeys{s: s, touched: map[string]time.Time{}}
}

// errGuessing is what a source is told that has guessed too often.
func errGuessing() error {
	return calls.Errorf(calls.CodeOverloaded, "too many wrong keys or signatures came from your address; wait before you try again")
}

// Find gives the usable key of a kind that requests name public: calls.ErrNotFound where
// there is none or it may not be used from there, overloaded where this source has
// guessed too often.
func (f *FacadeKeys) Find(r *http.Request, kind, public string) (*calls.FacadeKey, error) {
	s, now, source := f.s, f.s.clock.Now(), sourceOf(r.RemoteAddr)
	named := sha256.Sum256([]byte(kind + "\n" + public))
	if s.guard.blocked(source, named, now) > 0 || s.guard.blocked(pairOf(source, named), [32]byte{}, now) > 0 {
		s.metrics.refused.WithLabelValues("rate").Inc()
		return nil, errGuessing()
	}
	k, err := f.usable(r, kind, public, now)
	switch {
	case err != nil:
		return nil, err
	case k == nil:
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("token").Inc()
		return nil, calls.ErrNotFound
	}
	s.guard.succeeded(source, named, now)
	requestOf(r.Context()).facadeKey = named
	f.used(k, now)
	return k, nil
}

// pairOf is whom wrong signatures with one key from one source are charged to.
func pairOf(source string, named [32]byte) string { return source + "\n" + string(named[:]) }

// usable reads the key; nil where it may not be used.
func (f *FacadeKeys) usable(r *http.Request, kind, public string, now time.Time) (k *calls.FacadeKey, err error) {
	if public == "" || len(public) > maxPublic {
		return nil, nil
	}
	err = f.s.cfg.Store.View(r.Context(), func(tx calls.ReadTx) error {
		k, err = tx.FacadeKeyOf(kind, public)
		return err
	})
	if errors.Is(err, calls.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	from, err := networks(k.AllowFrom)
	if err != nil || k.RevokedAt != nil && !now.Before(*k.RevokedAt) || !(&bookEntry{from: from}).allows(r.RemoteAddr) {
		return nil, err
	}
	return k, nil
}

// used notes now and then that a key is in use; no request waits for it.
func (f *FacadeKeys) used(k *calls.FacadeKey, now time.Time) {
	f.mu.Lock()
	due := now.Sub(f.touched[k.ID]) >= tokenTouch && now.Sub(k.LastUsedAt) >= tokenTouch
	if due {
		f.touched[k.ID] = now
	}
	f.mu.Unlock()
	if !due {
		return
	}
	f.s.cfg.Store.Observe(func(tx calls.Tx) error { return tx.TouchFacadeKey(k.ID, now) }, func(err error) {
		if err != nil {
			f.s.log.Warn("the use of a key could not be noted", "key", k.ID, "error", err)
		}
	})
}

// Token gives the usable token whose secret is plain; errors as of Find.
func (f *FacadeKeys) Token(r *http.Request, plain string) (*calls.Token, error) {
	s, now, source := f.s, f.s.clock.Now(), sourceOf(r.RemoteAddr)
	hash := sha256.Sum256([]byte(plain))
	if s.slowDown(r, hash) != nil {
		return nil, errGuessing()
	}
	entry, err := s.tokens.find(r.Context(), hash)
	switch {
	case err != nil:
		return nil, err
	case entry == nil || !entry.allows(r.RemoteAddr):
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("token").Inc()
		return nil, calls.ErrNotFound
	}
	s.guard.succeeded(source, hash, now)
	s.tokens.used(entry, now)
	return entry.token, nil
}

// Wrong counts a request whose signature did not hold.
func (f *FacadeKeys) Wrong(r *http.Request) {
	source, now := sourceOf(r.RemoteAddr), f.s.clock.Now()
	if named := requestOf(r.Context()).facadeKey; named != ([32]byte{}) {
		source = pairOf(source, named)
	}
	f.s.guard.failed(source, now)
	f.s.metrics.refused.WithLabelValues("token").Inc()
}
