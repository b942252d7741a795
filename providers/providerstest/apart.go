package providerstest

import (
	"context"
	"sync/atomic"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Apart stands before the store and the captures of a house and counts the captures that
// are looked for within a view: the real ones read the store, and would wait for a
// reader while the view keeps one. For tests that do one thing at a time.
type Apart struct {
	calls.Store
	captures providers.Captures
	open     atomic.Int32
	within   atomic.Int32
}

// KeepApart puts it before those of h.
func KeepApart(h *providers.House) *Apart {
	a := &Apart{Store: h.Store, captures: h.Captures}
	h.Store, h.Captures = a, a
	return a
}

// View implements calls.Store.
func (a *Apart) View(ctx context.Context, fn func(calls.ReadTx) error) error {
	a.open.Add(1)
	defer a.open.Add(-1)
	return a.Store.View(ctx, fn)
}

// Path implements providers.Captures.
func (a *Apart) Path(account, call string) (string, error) {
	if a.open.Load() > 0 {
		a.within.Add(1)
	}
	return a.captures.Path(account, call)
}

// Within is how many captures were looked for within a view.
func (a *Apart) Within() int { return int(a.within.Load()) }
