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
		return unread(ctx, err, err)
	}
	defer s.readers.giveBack(c)
	if err := c.begin(ctx); err != nil {
		return unread(ctx, fmt.Errorf("begin reading: %w", err), err)
	}
	t := &tx{ctx: ctx, s: s, c: c}
	defer func() {
		t.over = true
		// A snapshot left open would keep the database from tidying up, so it is
		// ended even where ctx is done or fn panicked.
		c.rollback(context.WithoutCancel(ctx))
	}()
	err = fn(t)
	return unread(ctx, err, t.fault)
}

// unread words an error of somebody who read while the server of the database
// was away: he may come again. Every other error stays what it is.
func unread(ctx context.Context, err, cause error) error {
	if f := faultOf(cause); err == nil || ctx.Err() != nil || f != faultGone && f != faultLocked {
		return err
	}
	return &calls.Error{Code: calls.CodeOverloaded, Detail: "the store cannot be read: " + faultWords[faultOf(cause)], Err: err}
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
