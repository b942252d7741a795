package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of failed attempts, for each source.
const (
	failBurst    = 10              // wrong tokens at once
	failEvery    = 6 * time.Second // and one more after each
	maxSources   = 10_000          // sources remembered
	maxKnownGood = 16              // tokens remembered as good for one source
	forgetAfter  = 10 * time.Minute
	sweepEvery   = 10 * time.Second // where too many are known
)

// attemptGuard slows down whoever guesses tokens. Behind a proxy all clients
// share one source, so a token that was good from there lately is let through
// even while the source is blocked. Safe for concurrent use.
type attemptGuard struct {
	mu      sync.Mutex
	sources map[string]*sourceRecord
	swept   time.Time // when the long unseen were last looked for
}

type sourceRecord struct {
	failures *rate.Limiter
	good     map[[32]byte]struct{} // hashes of tokens
	seen     time.Time
}

func newAttemptGuard() *attemptGuard { return &attemptGuard{sources: map[string]*sourceRecord{}} }

// blocked tells how long the source must wait before a token is looked at; 0 is
// not at all.
func (g *attemptGuard) blocked(source string, token [32]byte, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	rec, ok := g.sources[source]
	if !ok {
		return 0
	}
	if _, good := rec.good[token]; good {
		return 0
	}
	if left := rec.failures.TokensAt(now); left < 1 {
		return time.Duration((1 - left) * float64(failEvery))
	}
	return 0
}

func (g *attemptGuard) failed(source string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.record(source, now).failures.AllowN(now, 1)
}

func (g *attemptGuard) succeeded(source string, token [32]byte, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rec := g.record(source, now)
	if len(rec.good) < maxKnownGood {
		rec.good[token] = struct{}{}
	}
}

// record finds or makes the record of a source. Where too many are known, the
// long unseen are forgotten; if that does not help, newcomers share one.
func (g *attemptGuard) record(source string, now time.Time) *sourceRecord {
	rec, ok := g.sources[source]
	if !ok && len(g.sources) >= maxSources {
		if now.Sub(g.swept) >= sweepEvery {
			g.sweep(now)
		}
		if len(g.sources) >= maxSources {
			source = ""
			rec, ok = g.sources[source]
		}
	}
	if !ok {
		rec = &sourceRecord{failures: rate.NewLimiter(rate.Every(failEvery), failBurst), good: map[[32]byte]struct{}{}}
		g.sources[source] = rec
	}
	rec.seen = now
	return rec
}

// sweep forgets the long unseen. It looks at all of them, so it is not done for
// every newcomer of a flood.
func (g *attemptGuard) sweep(now time.Time) {
	g.swept = now
	for name, old := range g.sources {
		if now.Sub(old.seen) > forgetAfter {
			delete(g.sources, name)
		}
	}
}
