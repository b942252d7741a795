// Package calls is the ground floor of the house: the words of the domain and
// nothing else. Call, Attempt, Event, Outcome, Flow, Number, Recording are
// defined here, beside the seams through which the rooms above meet: the unit
// of work ([Store], [Tx]) and what a leg reports ([LegEvent]).
//
// It uses no other room. Everything in it is plain data, safe to copy unless a
// comment says otherwise; nothing in it starts a goroutine.
//
// Start reading at call.go (the call and its life), then event.go (what the
// outside sees of it), outcome.go (the table that ends it) and store.go (how
// state and event become durable together).
package calls
