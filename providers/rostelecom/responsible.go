package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"zvonar/internal/calls"
)

// contact is what is known of a caller.
type contact struct {
	name string // "" where it is not known
	pin  string // of the employee who is responsible for him; "": nobody is
}

// contactManager decides what is answered to the virtual PBX about a caller: where a
// contact is found and has a responsible employee who is not among the exceptions,
// the call goes to his internal number and the contact's name is shown. In every
// other case the PBX goes by its own rules (result above 0).
func contactManager(found *contact, except []string) numberAnswer {
	switch {
	case found == nil:
		return nobody(1, "the caller is not known")
	case found.pin == "":
		return nobody(2, "nobody is responsible for the caller")
	case slices.Contains(except, found.pin):
		return nobody(3, "calls are not redirected to "+found.pin)
	}
	return numberAnswer{DisplayName: &found.name, PIN: &found.pin}
}

func nobody(result int, why string) numberAnswer {
	return numberAnswer{Result: result, Message: why}
}

// memoryOf is how many of the latest calls of a caller are looked through.
const memoryOf = 20

// known looks a caller up in our own memory: who talked to him last is responsible,
// else whose number he called. nil: he is not known.
func known(tx calls.ReadTx, account, provider, nameKey, from, line string) (*contact, error) {
	list, err := tx.Calls(calls.CallFilter{Account: account, To: from, Limit: memoryOf})
	if err != nil {
		return nil, err
	}
	var c *contact
	if len(list) > 0 {
		c = &contact{}
	}
	for _, call := range list {
		if c.name == "" {
			c.name = nameOf(call, nameKey)
		}
		if c.pin != "" || call.Employee == "" {
			continue
		}
		if c.pin, err = pinIn(tx, account, provider, call.Employee); err != nil {
			return nil, err
		}
	}
	if c != nil && c.pin != "" {
		return c, nil
	}
	number, err := tx.Number(account, line)
	if errors.Is(err, calls.ErrNotFound) || err == nil && number.Employee == "" {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = &contact{}
	}
	c.pin, err = pinIn(tx, account, provider, number.Employee)
	return c, err
}

// pinIn is the internal number of an employee, "" where he has none or left.
func pinIn(tx calls.ReadTx, account, provider, id string) (string, error) {
	e, err := tx.Employee(account, id)
	if errors.Is(err, calls.ErrNotFound) {
		return "", nil
	}
	return pinOf(e, provider), err
}

// nameOf is the name that a call was asked for with, in its variables or metadata.
func nameOf(c *calls.Call, key string) string {
	if name := calls.Clean(c.Variables[key], 64); name != "" {
		return name
	}
	var fields map[string]json.RawMessage
	var name string
	if json.Unmarshal(c.Metadata, &fields) == nil && json.Unmarshal(fields[key], &name) == nil {
		return calls.Clean(name, 64)
	}
	return ""
}

// lookUp answers whose caller somebody is, within the budget.
func (p *Provider) lookUp(ctx context.Context, from, line string) (numberAnswer, error) {
	var found *contact
	err := p.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		found, err = known(tx, p.account(), p.name, p.set.Info.NameKey, from, line)
		return err
	})
	if err != nil {
		return numberAnswer{}, err
	}
	return contactManager(found, p.set.Info.Except), nil
}
