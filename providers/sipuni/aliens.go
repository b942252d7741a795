package sipuni

import (
	"context"
	"errors"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// Bounds of what is remembered of strange calls.
const (
	alienLife   = 6 * time.Hour
	maxAliens   = 10_000
	alienAtOnce = 5 * time.Second // for the engine and the store to take a report
)

// aliens are the calls at the service that nobody asked for here: an employee's
// telephone rang, or he dialled himself. Each is told to the engine in order, report
// by report. Safe for concurrent use.
type aliens struct {
	c *Client

	mu    sync.Mutex
	calls map[string]*alien // by call_id
}

// alien is one such call.
type alien struct {
	mu     sync.Mutex // held while a report is told
	teller teller
	seen   time.Time
}

func newAliens(c *Client) *aliens { return &aliens{c: c, calls: map[string]*alien{}} }

// hear tells the engine of an event. It waits for the store, in the goroutine of the
// request that brought the event.
func (a *aliens) hear(e event) {
	if e.kind != eventStart && e.kind != eventAnswer && e.kind != eventEnd || e.srcType == inside && e.dstType == inside {
		return // colleagues talk among themselves, or a leg of a longer call ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), alienAtOnce)
	defer cancel()
	one := a.of(e.callID)
	one.mu.Lock()
	defer one.mu.Unlock()
	call := a.c.foreignCall(ctx, e)
	one.teller.tell = func(r calls.ProviderReport) {
		if _, err := a.c.house.Engine.Foreign(ctx, call, r); err != nil && !errors.Is(err, calls.ErrNotFound) {
			a.c.log.Warn("an event of the service could not be taken", "state", string(r.State), "sipuni_call", call.ProviderCallID, "err", err)
		}
	}
	one.teller.hear(e)
}

// of finds a call, or begins to remember it.
func (a *aliens) of(id string) *alien {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.c.house.Clock.Now()
	one := a.calls[id]
	if one == nil {
		a.prune(now)
		one = &alien{}
		a.calls[id] = one
	}
	one.seen = now
	return one
}

// prune forgets what nothing was heard of for long, and where there are too many
// anything: the engine itself knows what it was told twice. a.mu is held.
func (a *aliens) prune(now time.Time) {
	if len(a.calls) < maxAliens/2 {
		return
	}
	for id, one := range a.calls {
		if now.Sub(one.seen) > alienLife || len(a.calls) >= maxAliens {
			delete(a.calls, id)
		}
	}
}

// foreignCall names the call of an event and who takes part in it.
func (c *Client) foreignCall(ctx context.Context, e event) calls.ForeignCall {
	f := calls.ForeignCall{Account: c.account(), Provider: c.name, ProviderCallID: e.callID, Direction: e.direction(), Line: e.line}
	short := e.shortSrc
	if f.Direction == calls.In {
		f.From, f.To, short = e.src, e.dst, e.shortDst
		if e.line != "" {
			f.To = e.line
		}
	} else {
		f.From, f.To = e.line, e.dst
	}
	if short == "" {
		return f
	}
	_ = c.house.Store.View(ctx, func(tx calls.ReadTx) error { // nobody of this number: a call of nobody
		who, err := tx.EmployeeByExtension(c.account(), short)
		if err == nil {
			f.Employee = who.ID
		}
		return err
	})
	return f
}

// account is whose the calls are that nobody asked for.
func (c *Client) account() string {
	if c.house.AccountOf != nil {
		if name := c.house.AccountOf(c.name); name != "" {
			return name
		}
	}
	return calls.MainAccount
}
