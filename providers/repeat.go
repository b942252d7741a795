package providers

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// RepeatWindow is how long the same order counts as a repetition of the first where a
// facade's settings (repeat_window) do not say: longer than the time-outs of bots, shorter
// than it takes a person to see that a call came to nothing and to ask for it again.
const RepeatWindow = 20 * time.Second

// CheckRepeatWindow is the error of a repeat_window that cannot be.
func CheckRepeatWindow(d time.Duration) error {
	if d < 0 || d > time.Hour {
		return errors.New("repeat_window: from 0s to 1h")
	}
	return nil
}

// Once asks for a call as engine.API.Submit does, but where the same was ordered less
// than window ago it gives the call of that order (repeated) and rings nobody: the
// dialects have no idempotency key, and a client that waited in vain sends its request
// again. What makes an order the same is said: the key that asks, the method, and all
// that the request says, in an order of its own. The store remembers, so neither a
// restart nor another node forgets. window 0: every order is a new one.
func (h *House) Once(ctx context.Context, window time.Duration, r engine.CallRequest, said ...string) (call *calls.Call, repeated bool, err error) {
	if window > 0 {
		sum := orderOf(said)
		// Keys of the API have no control characters, so they never meet these.
		r.IdempotencyKey, r.IdempotencyLife = "order\n"+sum, window
		if r.BodyHash == "" {
			r.BodyHash = sum
		}
	}
	call, repeated, err = h.Engine.Submit(ctx, r)
	if repeated {
		Named(ctx, Label{Correlation: call.ID})
		h.Log.Info("an order was repeated; the answer of the first is given and nobody is rung", "call", call.ID, "to", calls.Mask(call.To))
	}
	return call, repeated, err
}

// orderOf is the hash of what makes an order the same; where one value ends is part of it.
func orderOf(said []string) string {
	sum := sha256.New()
	for _, s := range said {
		_ = binary.Write(sum, binary.BigEndian, uint64(len(s))) // a hash takes everything
		_, _ = sum.Write([]byte(s))
	}
	return hex.EncodeToString(sum.Sum(nil))
}
