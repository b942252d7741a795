package mango

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// sink posts notices of our calls to an external system, as the provider does: the
// destination's key signs them. One event of ours may be several notices; they are
// posted one after the other, and again from the first where one fails: receivers
// drop what has a seq that they have seen.
type sink struct{ house *providers.House }

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Rate implements outbox.Sink: the provider posts as fast as things happen.
func (sink) Rate(*calls.Webhook) outbox.Rate { return outbox.Rate{} }

// Map implements outbox.Sink: whether the event matters. What it becomes, Send says,
// for the caller of a call stands in its row.
func (s sink) Map(it outbox.Item) (outbox.Message, error) {
	if _, ok := eventSteps[it.Event.Type]; !ok {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	return outbox.Message{}, nil
}

// facts are what notices say and events do not.
type facts struct {
	caller    string // of a call that came in
	extension string // of the employee whom the event names
}

// factsOf reads them. What is kept no longer is empty.
func (s sink) factsOf(ctx context.Context, e calls.Event) (f facts, err error) {
	if e.CallID == "" {
		return f, nil
	}
	var d struct {
		Employee string `json:"employee"`
	}
	_ = json.Unmarshal(e.Data, &d)
	err = s.house.Store.View(ctx, func(tx calls.ReadTx) error {
		if e.Direction == calls.In {
			c, err := tx.Call(e.Account, e.CallID)
			if err == nil {
				f.caller = c.From
			} else if !errors.Is(err, calls.ErrNotFound) {
				return err
			}
		}
		if d.Employee == "" {
			return nil
		}
		who, err := tx.Employee(e.Account, d.Employee)
		if err == nil {
			f.extension = who.Extension
		} else if !errors.Is(err, calls.ErrNotFound) {
			return err
		}
		return nil
	})
	return f, err
}

// Send implements outbox.Sink.
func (s sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	f, err := s.factsOf(ctx, x.Event)
	if err != nil {
		return outbox.Answer{Fault: outbox.Unwell, Error: "the call could not be read"}
	}
	state, notes, err := advance(x.Item, f)
	if err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: err.Error()}
	}
	if x.Key == nil {
		return outbox.Answer{Error: "the key that signs for this destination is revoked or gone"}
	}
	public, secret := x.Key.Public, x.Key.Secret
	ctx = providers.Labelled(ctx, providers.Label{Account: x.Event.Account, Correlation: x.Event.CallID, Secrets: x.Secrets})
	done := outbox.Answer{Then: outbox.Delivered}
	for _, n := range notes {
		f, err := newForm(public, secret, n.body)
		if err != nil {
			return outbox.Answer{Then: outbox.Dead, Error: "the notice cannot be written"}
		}
		if done = deliver(ctx, x.Client, x.To.URL, n.path, f, x.Now); done.Then != outbox.Delivered {
			return done
		}
	}
	done.State = &state
	return done
}

// below is a path below an address that may have one of its own.
func below(base, path string) string { return strings.TrimRight(base, "/") + "/" + path }

// resultPath is where the result of a command is told, below result/.
func resultPath(method string) string { return strings.TrimPrefix(method, "commands/") }
