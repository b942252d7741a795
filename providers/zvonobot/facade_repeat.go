package zvonobot

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// saidOf is all that a request says but whom to call: a client that waited in vain may
// send the numbers it knows nothing of alone.
func saidOf(method string, a asked) []string {
	said := []string{a.token.ID, method}
	for _, name := range slices.Sorted(maps.Keys(a.fields)) {
		if name != "apiKey" && name != "phone" && name != "phones" {
			said = append(said, name, string(a.fields[name]))
		}
	}
	return said
}

// numbersOf are numbers as we write them, each with how many of the same stand before
// it: one that is named twice in a request is meant twice.
func (f *facade) numbersOf(phones []text) []string {
	out, seen := make([]string, len(phones)), map[string]int{}
	for i, phone := range phones {
		number, err := numbering.Normalize(string(phone), f.h.Country)
		if err != nil { // it is refused later
			number = string(phone)
		}
		out[i] = number + " " + strconv.Itoa(seen[number])
		seen[number]++
	}
	return out
}

// callNumber is the number that a call has in the dialect.
func (f *facade) callNumber(ctx context.Context, c *calls.Call) (n int64, err error) {
	err = f.h.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		n, err = tx.NumberOf(c.Account, numbersOfCalls, c.ID)
		return err
	})
	return n, err
}
