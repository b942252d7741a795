package zvonobot

import (
	"context"
	"sync"
	"time"

	"zvonar/internal/clock"
)

// limiter spaces requests evenly. Safe for concurrent use.
type limiter struct {
	clock clock.Clock
	gap   time.Duration

	mu   sync.Mutex
	next time.Time // when the next request may go
}

func newLimiter(c clock.Clock, perSecond float64) *limiter {
	return &limiter{clock: c, gap: time.Duration(float64(time.Second) / perSecond)}
}

// wait waits for the turn of one request; an error is that of ctx, and the turn is
// then lost.
func (l *limiter) wait(ctx context.Context) error {
	l.mu.Lock()
	now := l.clock.Now()
	if l.next.Before(now) {
		l.next = now
	}
	d := l.next.Sub(now)
	l.next = l.next.Add(l.gap)
	l.mu.Unlock()
	return pause(ctx, l.clock, d)
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, c clock.Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	done := make(chan struct{})
	t := c.AfterFunc(d, func() { close(done) })
	defer t.Stop()
	select {
	case <-done:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
