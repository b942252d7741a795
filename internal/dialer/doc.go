// Package dialer decides when a call may be dialled: it holds what is queued
// and opens one gate after the other.
//
// [Dialer] owns the queue. One goroutine (Start) examines what is due and tells
// its [Starter] (the engine) of every decision; the Starter's methods run on
// that goroutine and must return at once, without calling back into the Dialer.
// All other methods may be called from anywhere. Whoever gets a call from
// Remove or from the Starter owns it from then on; it is handed out exactly once.
//
// [Limits] counts channels and call rate of each trunk. Everything that occupies
// a channel asks it, legs to managers and inbound calls too, so the limits of a
// trunk hold whoever uses it.
//
// The way of a call: waiting (a heap by the time of the next look) → ready (a
// heap per lane and group: the trunks it may use; its campaign, or the single calls of
// its account) → gates (gates.go, in order: blacklist, recording, window, cap, trunk,
// text) → Limits → Starter.Begin → Slot.Confirm, inside the unit of work that writes the
// attempt (permit.go). Groups take turns by weight, within a group the urgent go first,
// then the longest due. A closed gate with a known opening puts a call back to waiting.
// not_after is watched for every queued call, whatever keeps it back. Only the head of a
// lane is examined and told to be held by its trunk or its campaign: of those behind it
// Why tells. Foresee (foresee.go) asks the gates about a call that is not made yet.
//
// A queued call is an entry of 72 bytes (entry.go); its row is read when it is looked at.
// Nothing here is durable: the store has every call before Enqueue, and recovery
// enqueues again what was not begun.
//
// Start reading at dialer.go, then pass.go, queue.go and group.go; caps.go is how often,
// breaker.go what is left alone, retry.go when a call is tried again.
package dialer
