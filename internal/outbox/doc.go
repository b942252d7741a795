// Package outbox carries what happened out of the house: events to webhooks, at
// least once and in order, and texts to an SMS sender, at most once.
//
// The log is the truth. [Outbox] follows it with one cursor (fanout.go): for
// every event that a destination wants, one delivery row is inserted in the same
// unit of work that moves the cursor. The deliveries of one (webhook, subject)
// are a lane, in the order of the log; a lane is worked off one by one
// (attempt.go), side by side with others, at most 64 for each destination. What
// attempts brought goes to the store in groups (settle.go). A destination that
// fails as a whole waits and is probed (health.go, lanes.go). What was on its
// way when the process died is sent again: receivers de-duplicate on webhook-id,
// which is the id of the event.
//
// How a kind of destination is spoken to is a [Sink]; the webhook (webhook.go)
// is the first. Credentials that refresh themselves are in the vault (vault.go).
//
// [SMS] turns durable intents into texts, by the table of sms_table.go. "sending"
// is committed before the sender is called, and what is found in that state at
// start is failed, not sent again: nobody gets a text twice. It is told of new
// texts by Kick and reads the store only then, and once a minute.
//
// Goroutines: each of the two has one that owns its state; deliveries run on
// their own and report back. Start, Stop and EnsureConfigured may be called from
// any goroutine. Start reading at outbox.go.
package outbox
