package mango

import (
	"context"
	"errors"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// aliens are the calls at the provider that nobody here asked for: somebody called
// the PBX, or an employee dialled himself. Each is told to the engine as it goes on.
type aliens struct {
	c *client

	mu   sync.Mutex
	list map[text]*alien
}

// alien is one of them. The book tells of it from one goroutine at a time.
type alien struct {
	t    *tracker
	call calls.ForeignCall
}

// foreignTime bounds one report to the engine.
const foreignTime = 10 * time.Second

// hear takes a notice of a stranger's call; first: it is the first of this call.
func (a *aliens) hear(entry text, _ bool, n notice) {
	if !a.c.set.Foreign || a.c.house.Engine == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), foreignTime)
	defer cancel()
	switch x := a.of(ctx, entry, n); {
	case x == nil:
	default:
		if c, ok := n.(callNotice); ok && x.call.Employee == "" && x.t.in && c.State == legConnected {
			x.call.Employee = a.employee(ctx, c.To.Extension)
		}
		for _, r := range x.reports(n, a.c) {
			a.tell(ctx, entry, x, r)
		}
	}
}

// of finds the call of an entry, or makes it of the first notice that says who calls whom.
func (a *aliens) of(ctx context.Context, entry text, n notice) *alien {
	a.mu.Lock()
	x := a.list[entry]
	a.mu.Unlock()
	if x != nil {
		return x
	}
	var from, to party
	var line text
	switch n := n.(type) {
	case callNotice:
		from, to, line = n.From, n.To, n.To.Line
	case summaryNotice:
		from, to, line = n.From, n.To, n.Line
		if n.Direction == directionInternal {
			return nil
		}
	default:
		return nil
	}
	if from.Extension != "" && to.Extension != "" || from.Extension == "" && from.Number == "" {
		return nil // colleagues, or nobody that is named
	}
	x = &alien{call: calls.ForeignCall{Account: a.c.set.Account, Provider: a.c.name, ProviderCallID: string(entry), Line: digits(string(line))}}
	extension := to.Extension
	if from.Extension != "" {
		x.call.Direction, x.call.To, x.call.From, extension = calls.Out, digits(string(to.Number)), x.call.Line, from.Extension
		x.t = newTracker(x.call.To, false)
	} else {
		x.call.Direction, x.call.From, x.call.To = calls.In, digits(string(from.Number)), x.call.Line
		x.t = newTracker(x.call.From, false)
		x.t.in = true
	}
	x.call.Employee = a.employee(ctx, extension)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.list) >= maxEntries {
		return nil
	}
	a.list[entry] = x
	a.c.house.Clock.AfterFunc(foreignPause, func() { a.forget(entry) })
	return x
}

func (a *aliens) forget(entry text) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.list, entry)
}

// employee is who has an extension at the provider; "": nobody whom we know.
func (a *aliens) employee(ctx context.Context, extension text) (id string) {
	if extension == "" || a.c.house.Store == nil {
		return ""
	}
	err := a.c.house.Store.View(ctx, func(tx calls.ReadTx) error {
		e, err := tx.EmployeeByExtension(a.c.set.Account, string(extension))
		if err == nil {
			id = e.ID
		}
		return err
	})
	if err != nil && !errors.Is(err, calls.ErrNotFound) {
		a.c.log.Warn("an employee could not be looked up", "err", err)
	}
	return id
}

// reports are what a notice says of the call.
func (x *alien) reports(n notice, c *client) []calls.ProviderReport {
	switch n := n.(type) {
	case callNotice:
		return x.t.call(n)
	case dtmfNotice:
		return x.t.digits(n)
	case summaryNotice:
		return x.t.summary(n)
	case recordNotice:
		if x.t.added(n) && c.set.RecordLinks {
			r := x.t.report(calls.ReportRecord, n.Timestamp.time())
			r.RecordURL = c.recordLink(string(n.Recording))
			return []calls.ProviderReport{r}
		}
	case disowned:
		if !x.t.ended {
			return []calls.ProviderReport{x.t.end(c.house.Clock.Now(), 0)}
		}
	}
	return nil
}

func (a *aliens) tell(ctx context.Context, entry text, x *alien, r calls.ProviderReport) {
	r.ProviderCallID = string(entry)
	if _, err := a.c.house.Engine.Foreign(ctx, x.call, r); err != nil {
		a.c.log.Warn("a call at the provider could not be noted", "state", r.State, "err", err)
	}
}
