package mango

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// callbackFrom is who is rung first: an employee, at another number where one is given.
type callbackFrom struct {
	Extension text `json:"extension"`
	Number    text `json:"number,omitempty"`
}

// sipHeaders are what a callback may put into its INVITE.
type sipHeaders struct {
	AnswerAfter string `json:"Call-Info/answer-after,omitempty"`
}

// callback is commands/callback.
type callback struct {
	Command text         `json:"command_id"`
	From    callbackFrom `json:"from"`
	To      text         `json:"to_number"`
	Line    text         `json:"line_number,omitempty"`
	SIP     *sipHeaders  `json:"sip_headers,omitempty"`
}

// callbackGroup is commands/callback_group.
type callbackGroup struct {
	Command text `json:"command_id"`
	From    text `json:"from"`
	To      text `json:"to"`
	Line    text `json:"line_number"`
}

// The spellings of managers, as flows name them.
const (
	toEmployee = "employee:"
	toGroup    = "group:"
)

// Place implements providers.Originator: it rings our extension, or the party that is
// to be joined, and then the client. The attempt is the command's id, so that its
// result and its notices find the call.
func (c *client) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	begun := c.house.Clock.Now()
	ctx = providers.Labelled(ctx, providers.Label{Correlation: r.CallID, Account: r.Account})
	err := c.place(ctx, r)
	took := c.house.Clock.Now().Sub(begun)
	c.metrics.Placed(c.name, took, err)
	log := c.log.With("call", r.CallID, "attempt", r.Attempt, "to", calls.Mask(r.To), "took", took)
	if err == nil {
		log.Info("provider took the call")
	} else {
		log.Debug("provider did not take the call", "error", err)
	}
	return calls.PlaceResult{}, err
}

func (c *client) place(ctx context.Context, r calls.PlaceRequest) error {
	path, body, err := c.order(r)
	if err != nil {
		return err
	}
	m, _ := methodAt(path)
	a, err := c.request(ctx, m, body)
	if err != nil {
		return err
	}
	return a.outcome()
}

// order writes the command that a request asks for.
func (c *client) order(r calls.PlaceRequest) (path string, body any, err error) {
	line := text(cmp.Or(r.From, c.set.Line))
	one := callback{Command: text(r.Attempt), To: text(r.To), Line: line}
	if c.set.AnswerAfter != "" {
		one.SIP = &sipHeaders{AnswerAfter: c.set.AnswerAfter}
	}
	switch {
	case r.Extension != "" && r.Flow.Bridge == nil:
		one.From = callbackFrom{Extension: text(r.Extension), Number: text(c.set.FromNumber)}
		return "commands/callback", one, nil
	case r.Flow.Bridge == nil:
		return "", nil, &calls.PlaceRefused{Reason: "no extension of ours is configured that it could ring"}
	}
	manager := r.Flow.Bridge.Manager
	if group, ok := strings.CutPrefix(manager, toGroup); ok {
		if line == "" {
			return "", nil, &calls.PlaceRefused{Reason: "a call with a group needs a caller number; set line of its configuration"}
		}
		both := callbackGroup{Command: text(r.Attempt), From: text(group), To: text(r.To), Line: line}
		if r.Flow.Bridge.Order == calls.ClientFirst {
			both.From, both.To = both.To, both.From
		}
		return "commands/callback_group", both, nil
	}
	if r.Flow.Bridge.Order == calls.ClientFirst {
		return "", nil, &calls.PlaceRefused{Reason: "it rings the employee first; the client is rung first only with a group"}
	}
	if one.From, err = c.partyOf(r, manager); err != nil {
		return "", nil, err
	}
	return "commands/callback", one, nil
}

// partyOf is the employee whose telephone is to be joined with the client.
func (c *client) partyOf(r calls.PlaceRequest, manager string) (callbackFrom, error) {
	if subscriber, _, ok := strings.Cut(manager, "@"); ok {
		return callbackFrom{Extension: text(subscriber)}, nil
	}
	named, ok := strings.CutPrefix(manager, toEmployee)
	if !ok && len(digits(manager)) > maxExtension { // a number: rung in the name of somebody
		if c.set.OnBehalf == "" {
			return callbackFrom{}, &calls.PlaceRefused{Reason: "it rings numbers only in the name of an employee; set on_behalf of its configuration"}
		}
		return callbackFrom{Extension: text(c.set.OnBehalf), Number: text(manager)}, nil
	}
	if e := r.Employee; e != nil {
		if ext := cmp.Or(e.Subscriber, e.Extension); ext != "" {
			return callbackFrom{Extension: text(ext)}, nil
		}
	}
	if !ok {
		named = manager
	}
	if named == "" || digits(named) != named {
		return callbackFrom{}, &calls.PlaceRefused{Reason: "the employee has no extension at the provider; set his subscriber"}
	}
	return callbackFrom{Extension: text(named)}, nil
}

// maxExtension is how many digits an extension has at the most.
const maxExtension = 8

// hangup is commands/call/hangup.
type hangup struct {
	Command text `json:"command_id"`
	Call    text `json:"call_id"`
}

// Cancel implements providers.Canceler. The leg to be hung up is known by its
// notices; where none came yet, they are waited for.
func (c *client) Cancel(ctx context.Context, r calls.PlaceRequest, _ calls.PlaceResult) error {
	w := c.book.find(r.Attempt)
	if w == nil {
		return fmt.Errorf("nothing is known of the call at the provider")
	}
	select {
	case <-w.known:
	case <-ctx.Done():
		return fmt.Errorf("the provider named no leg of the call, so it cannot be hung up: %w", ctx.Err())
	}
	m, _ := methodAt("commands/call/hangup")
	ctx = providers.Labelled(ctx, providers.Label{Correlation: r.CallID, Account: r.Account})
	a, err := c.request(ctx, m, hangup{Command: text(r.Attempt + "-end"), Call: w.live()})
	if err != nil {
		return err
	}
	if a.code == codeGone || a.code == codeNoCall {
		return nil
	}
	return a.outcome()
}
