// Package outbox carries what happened out of the house: events to webhooks, at
// least once and in order, and texts to an SMS sender, at most once.
//
// The log is the truth. [Outbox] follows it with a cursor per webhook: for every
// event that a webhook wants, one delivery row is inserted in the same unit of
// work that moves the cursor (fanout.go). The deliveries of one (webhook,
// subject) are a lane; the head of a lane goes out, and only when it is done,
// or dead after the whole schedule, the next one follows (lanes.go, deliver.go).
// Lanes run side by side, so a receiver that hangs holds up its own calls only.
// What was on its way when the process died is sent again: receivers
// de-duplicate on webhook-id, which is the id of the event.
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
