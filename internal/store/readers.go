package store

import (
	"context"
	"errors"
	"sync"
)

// readers is the pool of connections for Views. They are made when they are
// first needed, up to a number, and anew where one broke.
type readers struct {
	connect func(context.Context) (conn, error)
	slots   chan conn     // one for each connection that may be open; nil: not made yet
	gone    chan struct{} // closed by close

	mu sync.Mutex // over gone
}

func newReaders(n int, connect func(context.Context) (conn, error)) *readers {
	r := &readers{connect: connect, slots: make(chan conn, n), gone: make(chan struct{})}
	for range n {
		r.slots <- nil
	}
	return r
}

// lend gives a connection, waiting for one if all are in use.
func (r *readers) lend(ctx context.Context) (c conn, err error) {
	select {
	case <-r.gone:
		return nil, ErrClosed
	default:
	}
	select {
	case c = <-r.slots:
	case <-r.gone:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c != nil {
		return c, nil
	}
	if c, err = r.connect(ctx); err != nil {
		r.slots <- nil
	}
	return c, err
}

// giveBack returns a connection. One that is of no more use, or comes back after
// close, is closed here.
func (r *readers) giveBack(c conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.broken() || r.isClosed() {
		_ = c.close() // nobody is left to tell
		c = nil
	}
	r.slots <- c
}

// renew closes the connections that nobody uses: the server is gone, and each of
// them would fail somebody who reads once it is back.
func (r *readers) renew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range len(r.slots) {
		select {
		case c := <-r.slots:
			if c != nil {
				_ = c.close() // it is of no use any more
			}
			r.slots <- nil
		default: // lent meanwhile
		}
	}
}

func (r *readers) isClosed() bool {
	select {
	case <-r.gone:
		return true
	default:
		return false
	}
}

// close closes what is not lent; the rest follows when it comes back.
func (r *readers) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.gone)
	var errs []error
	for range len(r.slots) {
		if c := <-r.slots; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}
