package outbox

import (
	"sync"
	"time"

	"zvonar/internal/clock"
)

// bucket spaces requests out: burst at once, then perSecond of them. A nil
// bucket lets everything pass. Safe for concurrent use.
type bucket struct {
	clock     clock.Clock
	perSecond float64
	burst     float64

	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func newBucket(clk clock.Clock, r Rate) *bucket {
	if r.PerSecond <= 0 {
		return nil
	}
	burst := float64(max(r.Burst, 1))
	return &bucket{clock: clk, perSecond: r.PerSecond, burst: burst, tokens: burst, at: clk.Now()}
}

// take reserves one request and says how long to wait before it is made.
func (b *bucket) take() time.Duration {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.burst, b.tokens+d.Seconds()*b.perSecond)
	}
	b.at = now
	b.tokens--
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / b.perSecond * float64(time.Second))
}
