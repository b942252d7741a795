package outbox

import (
	"context"
	"errors"
	"time"

	"zvonar/internal/calls"
)

// Tried is what a try brought.
type Tried struct {
	Wanted  bool // false: this event is nothing to the destination, and nothing was sent
	Message Message
	Answer  Answer
	SentAt  time.Time
	Took    time.Duration
}

// Try sends one event to a destination of an account, beside its lanes: no order, no
// second try, nothing remembered, and what it answers changes nothing. It is for
// people who set a destination up; the event may be in no log. ctx bounds it. Errors
// are calls.ErrNotFound, and wrong-state where nothing here speaks its dialect.
func (o *Outbox) Try(ctx context.Context, account, id string, e calls.Event) (out Tried, err error) {
	var like *run
	err = o.cfg.Store.View(ctx, func(r calls.ReadTx) error {
		if _, err := r.Webhook(account, id); err != nil {
			return err
		}
		like, err = o.readHook(r, &destination{bucket: newBucket(o.cfg.Clock, Rate{})}, id)
		return err
	})
	switch {
	case err != nil:
		return out, err
	case like.sink == nil:
		return out, calls.Errorf(calls.CodeWrongState, "nothing here speaks to destinations of the kind %s", like.hook.Kind)
	}
	it := Item{To: like.hook, Event: e}
	out.Message, err = like.sink.Map(it)
	switch {
	case errors.Is(err, ErrNotWanted):
		return out, nil
	case err != nil:
		return out, calls.Errorf(calls.CodeInvalidField, "the event cannot be put into words for this destination: %s", Words(err)).At("body.data", "")
	}
	out.Wanted, out.SentAt = true, o.cfg.Clock.Now()
	start := time.Now()
	out.Answer, _ = o.send(ctx, like.sink, Exchange{Item: it, Message: out.Message, Client: o.client(like.hook), Secrets: like.secrets, Key: like.key})
	out.Took = time.Since(start)
	return out, nil
}
