package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// refreshTime bounds one refresh: it is not broken off with the delivery that
// asked for it, because an answer that is lost may take the account with it.
const refreshTime = 30 * time.Second

// vault keeps the credentials of sinks. Refresh tokens are often good for one
// use, so a credential is refreshed by one goroutine at a time, and the new one
// is on disk before anybody uses it. Safe for concurrent use.
type vault struct {
	store calls.Store
	clock clock.Clock

	mu   sync.Mutex
	keys map[[2]string]*vaultKey
}

// vaultKey is one credential; whoever holds turn may refresh it.
type vaultKey struct {
	turn    chan struct{}
	unsaved *calls.Credential // refreshed, not yet on disk; guarded by turn
	worked  int64             // the newest Changes of one that was taken; guarded by the vault's mu
}

func newVault(store calls.Store, clk clock.Clock) *vault {
	return &vault{store: store, clock: clk, keys: map[[2]string]*vaultKey{}}
}

// get reads a credential; ErrRefused where there is none.
func (v *vault) get(ctx context.Context, account, name string) (c *calls.Credential, err error) {
	err = v.store.View(ctx, func(r calls.ReadTx) error {
		c, err = r.Credential(account, name)
		return err
	})
	if errors.Is(err, calls.ErrNotFound) {
		return nil, fmt.Errorf("%w: there is no credential %q yet", ErrRefused, name)
	}
	return c, err
}

// next gives the credential that follows used: the one somebody else brought
// meanwhile, or one that refresh brings.
func (v *vault) next(ctx context.Context, used calls.Credential,
	refresh func(context.Context, calls.Credential) (calls.Credential, error)) (*calls.Credential, error) {
	k := v.key(used.Account, used.Name)
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now, err := v.get(ctx, used.Account, used.Name)
	if err != nil || now.Changes != used.Changes {
		return now, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	if k.unsaved == nil {
		fresh, err := refresh(ctx, *now)
		if err != nil {
			return nil, err
		}
		k.unsaved = &fresh
	}
	fresh := *k.unsaved
	fresh.Account, fresh.Name, fresh.UpdatedAt = used.Account, used.Name, v.clock.Now()
	if err := v.store.Update(ctx, func(tx calls.Tx) error { return tx.PutCredential(fresh) }); err != nil {
		return nil, err // kept in memory: the refresh token that brought it is spent
	}
	k.unsaved = nil
	return v.get(ctx, used.Account, used.Name)
}

// took notes that a credential was taken by the other side.
func (v *vault) took(c calls.Credential) {
	k := v.key(c.Account, c.Name)
	v.mu.Lock()
	defer v.mu.Unlock()
	k.worked = max(k.worked, c.Changes)
}

// spent reports whether a credential that was refused tells nothing of the account: it
// was taken before, so it has only ended, or another has come since.
func (v *vault) spent(ctx context.Context, c calls.Credential) bool {
	k := v.key(c.Account, c.Name)
	v.mu.Lock()
	worked := k.worked >= c.Changes
	v.mu.Unlock()
	if worked {
		return true
	}
	now, err := v.get(ctx, c.Account, c.Name)
	return err == nil && now.Changes != c.Changes
}

func (v *vault) key(account, name string) *vaultKey {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := [2]string{account, name}
	if v.keys[id] == nil {
		v.keys[id] = &vaultKey{turn: make(chan struct{}, 1)}
	}
	return v.keys[id]
}
