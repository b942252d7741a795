package outbox

import (
	"context"
	"errors"
	"net/http"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
)

// lane is the queue of one webhook's deliveries about one subject.
type lane struct{ webhook, subject string }

// run is a lane that was read and may be worked off.
type run struct {
	calls.Lane
	hook    *calls.Webhook
	sink    Sink
	secrets []string
	key     *calls.FacadeKey // whose they are, where the destination names one
}

func (r *run) lane() lane { return lane{r.WebhookID, r.Subject} }

// outcome is what one attempt brought, or the end of a run.
type outcome struct {
	dest string
	lane lane
	item calls.QueuedEvent
	hook *calls.Webhook
	a    Answer

	gapTold bool
	skipped bool // nothing was sent: the sink does not want it
	spent   bool // nothing can be sent: the event is no longer in the log
	sentAt  time.Time
	with    time.Time // since when the credential that was used is there; zero: none was
	took    time.Duration
	made    bool // there is an outcome
	ended   bool // the run is over

	// By the owner, once it has judged.
	settlement calls.Settlement
	result     string
}

// work works a run off, in order, until one of its attempts fails, the
// destination is to be left alone or there is something to be read anew.
func (o *Outbox) work(ctx context.Context, d *destination, r *run) {
	gap := r.Gap
	for i, item := range r.Items {
		if i > 0 && (d.halt.Load() || item.Delivery.NextAt.After(o.cfg.Clock.Now())) {
			break
		}
		out := o.attempt(ctx, d, r, item, gap)
		if ctx.Err() != nil {
			break // broken off by Stop; nothing is known, so nothing is noted
		}
		out.made = true
		out.ended = i == len(r.Items)-1 || out.a.Then != Delivered || out.a.State != nil
		o.outcomes <- out
		if out.ended {
			return
		}
		gap = gap && out.skipped
	}
	o.outcomes <- outcome{dest: d.id, lane: r.lane(), ended: true}
}

// attempt makes one attempt at one delivery.
func (o *Outbox) attempt(ctx context.Context, d *destination, r *run, item calls.QueuedEvent, gap bool) outcome {
	out := outcome{dest: d.id, lane: r.lane(), item: item, hook: r.hook}
	if item.Event.ID == "" {
		out.spent, out.a = true, Answer{Then: Dead, Error: "the event is no longer in the log"}
		return out
	}
	it := Item{To: r.hook, Event: item.Event, State: r.State, Gap: gap}
	m, err := r.sink.Map(it)
	switch {
	case errors.Is(err, ErrNotWanted):
		out.skipped, out.a = true, Answer{Then: Delivered}
		return out
	case err != nil:
		out.spent, out.a = true, Answer{Then: Dead, Error: "the event cannot be put into words for this destination: " + Words(err)}
		return out
	}
	if wait := d.bucket.take(); wait > 0 {
		pause(ctx, o.cfg.Clock, wait)
	}
	if ctx.Err() != nil {
		return out
	}
	x := Exchange{Item: it, Message: m, Client: o.client(r.hook), Secrets: r.secrets, Key: r.key}
	out.sentAt = o.cfg.Clock.Now()
	start := time.Now()
	failpoint.Hit(failpoint.DeliveryStarted)
	out.a, out.with = o.send(ctx, r.sink, x)
	out.took = time.Since(start)
	o.metrics.tried(out.took)
	out.gapTold = gap && out.a.Then == Delivered
	if ctx.Err() == nil {
		failpoint.Hit(failpoint.DeliveryDone)
	}
	return out
}

func (o *Outbox) client(w *calls.Webhook) *http.Client {
	if w.FromConfig {
		return o.cfg.Trusted
	}
	return o.cfg.Client
}

// send makes the exchange, with the credential its sink needs; with is since when that
// is there.
func (o *Outbox) send(ctx context.Context, s Sink, x Exchange) (a Answer, with time.Time) {
	x.Now = o.cfg.Clock.Now()
	as, ok := s.(Authenticated)
	if !ok {
		return s.Send(ctx, x), with
	}
	c, err := o.vault.get(ctx, x.To.Account, as.CredentialName(x.To))
	if err != nil {
		return unauthorized(err), with
	}
	x.Credential = c
	if a = o.present(ctx, s, x); a.Then != AuthFailed || ctx.Err() != nil {
		return a, c.UpdatedAt
	}
	x.Credential, err = o.vault.next(ctx, *c, func(ctx context.Context, c calls.Credential) (calls.Credential, error) {
		return as.Refresh(ctx, x.Client, x.To, c)
	})
	if err != nil {
		return unauthorized(err), c.UpdatedAt
	}
	if a = o.present(ctx, s, x); a.Then == AuthFailed && o.vault.spent(ctx, *x.Credential) {
		a.Then, a.Fault = Retry, Unwell // others used it up, or brought yet another
	}
	return a, x.Credential.UpdatedAt
}

// present sends with a credential, and notes that it was taken.
func (o *Outbox) present(ctx context.Context, s Sink, x Exchange) Answer {
	a := s.Send(ctx, x)
	if a.Then == Delivered {
		o.vault.took(*x.Credential)
	}
	return a
}

// unauthorized is the answer where no credential could be had.
func unauthorized(err error) Answer {
	if errors.Is(err, ErrRefused) {
		return Answer{Then: AuthFailed, Error: Words(err)}
	}
	return Answer{Then: Retry, Fault: Unwell, Error: "the credential could not be refreshed: " + Words(err)}
}
