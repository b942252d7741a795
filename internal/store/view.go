package store

import (
	"context"
	"fmt"
	"sync"

	"zvonar/internal/calls"
)

// View implements calls.Store. The snapshot is taken at the first read.
func (s *Store) View(ctx context.Context, fn func(calls.ReadTx) error) error {
	c, err := s.lend(ctx)
	if err != nil {
		return err
	}
	defer s.giveBack(c)
	if _, err := c.exec(ctx, "BEGIN DEFERRED"); err != nil {
		return fmt.Errorf("begin reading: %w", err)
	}
	t := &tx{ctx: ctx, s: s, c: c}
	defer func() {
		t.over = true
		// A snapshot left open would keep the WAL from being reused, so it is
		// ended even where ctx is done or fn panicked.
		_, _ = c.exec(context.WithoutCancel(ctx), "ROLLBACK")
	}()
	return fn(t)
}

// lend takes a read connection, waiting for one if all are in use.
func (s *Store) lend(ctx context.Context) (*conn, error) {
	if s.queue.isClosed() {
		return nil, ErrClosed
	}
	select {
	case c := <-s.readers:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// giveBack returns a connection. One that comes back after Close had emptied the
// pool is closed here.
func (s *Store) giveBack(c *conn) {
	s.readers <- c
	if !s.queue.isClosed() {
		return
	}
	select {
	case c := <-s.readers:
		_ = c.close() // nobody is left to tell
	default:
	}
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
