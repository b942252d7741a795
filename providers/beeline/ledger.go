package beeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// ledger is what is kept of the subscriptions of one PBX, by target. The portal lists
// no subscriptions: who loses an id cannot end it, and hears everything twice.
type ledger map[string]kept

// kept is one of them.
type kept struct {
	ID      string    `json:"id"`
	Stamp   string    `json:"stamp"`
	Since   time.Time `json:"since"`
	Expires time.Time `json:"expires"`
	Old     []string  `json:"old,omitempty"` // those that it replaced and that are not ended yet
}

// orderGrace is how long an order that is out is waited for when the client stops.
const orderGrace = 2 * time.Second

// lingering is ctx that ends a little later: an order that is out may have been
// granted, and who does not wait for the answer never learns the id.
func (s *subscriptions) lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	asking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { s.c.clock.AfterFunc(s.grace, cancel) })
	return asking, func() { stop(); cancel() }
}

// margin is how long before its end it is made anew.
func (k kept) margin(renew time.Duration) time.Duration {
	return min(renew, k.Expires.Sub(k.Since)/2)
}

// ledgerName names the document among the credentials of the main account.
func ledgerName(provider string) string { return "beeline/" + provider + "/subscriptions" }

func readLedger(ctx context.Context, store calls.Store, provider string) (ledger, error) {
	list := ledger{}
	err := store.View(ctx, func(tx calls.ReadTx) error {
		c, err := tx.Credential(calls.MainAccount, ledgerName(provider))
		if errors.Is(err, calls.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(c.Doc), &list)
	})
	if list == nil {
		list = ledger{}
	}
	return list, err
}

func writeLedger(ctx context.Context, store calls.Store, provider string, list ledger, now time.Time) error {
	doc, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("the subscriptions: %w", err)
	}
	return store.Update(ctx, func(tx calls.Tx) error {
		return tx.PutCredential(calls.Credential{Account: calls.MainAccount, Name: ledgerName(provider), Doc: string(doc), UpdatedAt: now})
	})
}
