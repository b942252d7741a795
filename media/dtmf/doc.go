// Package dtmf knows digits as the line carries them: telephone-events (RFC
// 4733) in both directions, and how one press that arrives by two ways is told
// from two presses.
//
// Everything here is a plain state machine without clock, goroutine or
// allocation: the owner (a media shard for [Receiver] and [Sender], the leg for
// [Merger]) calls it from one goroutine at a time.
//
// Start reading at event.go (the payload), then receiver.go.
package dtmf
