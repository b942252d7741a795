// Package dialer decides when a call may be dialled: it holds what is queued
// and opens one gate after the other.
//
// [Dialer] owns the queue. One goroutine (Start) examines what is due and tells
// its [Starter] (the engine) of every decision; the Starter's methods run on
// that goroutine and must return at once, without calling back into the Dialer.
// Enqueue, Remove and Kick may be called from anywhere. Whoever gets a call from
// Remove or from the Starter owns it from then on; it is handed out exactly once.
//
// [Limits] counts channels and call rate of each trunk. Everything that occupies
// a channel asks it, legs to managers and inbound calls too, so the limits of a
// trunk hold whoever uses it.
//
// The way of a call: waiting (a heap by the time of the next look) → ready (a
// heap per lane: the trunks it may use; urgent first, then longest due) → gates
// (gates.go, in order: blacklist, recording, window, cap, trunk) → Limits → Starter.Begin.
// A closed gate with a known opening puts it back to waiting. not_after is
// watched for every queued call, whatever keeps it back. Only the head of a lane
// is examined and told to be held by its trunk: those behind it are queued.
//
// Nothing here is durable: the store has every call before Enqueue, and recovery
// enqueues again what was not begun.
//
// Start reading at dialer.go, then pass.go.
package dialer
