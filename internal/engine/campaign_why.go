package engine

import (
	"errors"
	"strings"

	"zvonar/internal/calls"
)

// WhyContact says what keeps a contact of a campaign from being called now; nil:
// nothing does, or it is behind. Of a contact with a call that is Why of the call. One
// in line is judged as its call would be: it is drafted as if it were admitted, and the
// queue asks its gates of the draft.
func (e *Engine) WhyContact(tx calls.ReadTx, c *calls.Campaign, t *calls.Contact) (*calls.Hold, error) {
	switch t.State {
	case calls.ContactCalling:
		call, err := tx.Call(c.Account, t.CallID)
		if errors.Is(err, calls.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return e.Why(call), nil
	case calls.ContactWaiting:
		h, err := e.inLine(tx, c, t)
		return &h, err
	}
	return nil, nil
}

// inLine is WhyContact of a contact that waits.
func (e *Engine) inLine(tx calls.ReadTx, c *calls.Campaign, t *calls.Contact) (calls.Hold, error) {
	if h, ok := c.Hold(); ok {
		return h, nil
	}
	if h, ok := t.Hold(e.clock.Now()); ok {
		return h, nil
	}
	call, err := e.foreseen(tx, c, t)
	var known *calls.Error
	switch {
	case errors.As(err, &known):
		return calls.Hold{Gate: calls.GateRefused, Text: "no call can be made of it: " + known.Detail}, nil
	case err != nil:
		return calls.Hold{}, err
	}
	return e.cfg.Queue.Foresee(tx, call)
}

// foreseen is the call that would be made of a contact now. An error is what would be
// told instead of it.
func (e *Engine) foreseen(tx calls.ReadTx, c *calls.Campaign, t *calls.Contact) (*calls.Call, error) {
	r := contactRequest(c, t)
	if strings.HasPrefix(r.From, poolPrefix) {
		r.From = "" // whose turn it will be is not known yet
	}
	call, err := e.draft(r)
	if err != nil {
		return nil, err
	}
	if err := e.admitPeople(tx, r, call); err != nil {
		return nil, err
	}
	_, err = e.pin(tx, call, nil)
	return call, err
}
