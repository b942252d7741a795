package store

import (
	"context"
	"fmt"
	"sync"

	"zvonar/internal/calls"
)

// View implements calls.Store. The snapshot is taken at the first read.
func (s *Store) View(ctx context.Context, fn func(calls.ReadTx) error) error {
	c, err := s.readers.lend(ctx)
	if err != nil {
		return err
	}
	defer s.readers.giveBack(c)
	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("begin reading: %w", err)
	}
	t := &tx{ctx: ctx, s: s, c: c}
	defer func() {
		t.over = true
		// A snapshot left open would keep the database from tidying up, so it is
		// ended even where ctx is done or fn panicked.
		c.rollback(context.WithoutCancel(ctx))
	}()
	return fn(t)
}

// changed is a broadcast: the channel is closed and replaced on every change.
type changed struct {
	mu sync.Mutex
	ch chan struct{}
}

func (c *changed) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ch
}

func (c *changed) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.ch)
	c.ch = make(chan struct{})
}

// Changed implements calls.Store. It also fires when deliveries or webhooks
// changed, so that whoever delivers needs no second signal.
func (s *Store) Changed() <-chan struct{} { return s.changed.wait() }
