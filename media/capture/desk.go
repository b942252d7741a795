package capture

import (
	"context"
	"fmt"
	"sync"
)

// desk is where work waits for the one goroutine that writes. Whoever puts work
// there holds mu and looks at closed first.
type desk[T any] struct {
	mu     sync.Mutex
	work   chan T
	ended  chan struct{} // closed by the writer
	begun  bool
	closed bool
}

// start starts the writer, once.
func (d *desk[T]) start(what string, write func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun || d.closed {
		return fmt.Errorf("the store of %s can be started once", what)
	}
	d.begun = true
	go write()
	return nil
}

// stop takes no more, and waits until what is there is written.
func (d *desk[T]) stop(ctx context.Context, what string) error {
	d.mu.Lock()
	begun, closed := d.begun, d.closed
	d.closed = true
	if begun && !closed {
		close(d.work)
	}
	d.mu.Unlock()
	if !begun {
		return nil
	}
	select {
	case <-d.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop the store of %s: %w", what, ctx.Err())
	}
}
