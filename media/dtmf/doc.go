// Package dtmf knows digits as the line carries them: telephone-events (RFC
// 4733) in both directions, tones in the audio (ITU-T Q.23), and how one press
// that arrives by two ways is told from two presses.
//
// Everything here is a plain state machine without clock, goroutine or
// allocation: the owner (a media shard for [Receiver] and [Sender], the leg for
// [Merger], whoever has decoded samples for [Inband]) calls it from one
// goroutine at a time.
//
// Start reading at event.go (the payload), then receiver.go.
package dtmf
