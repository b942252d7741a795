// Package sdp reads and writes session descriptions (RFC 8866) and makes offer
// and answer (RFC 3264) for telephony: one audio stream, G.711,
// G.722 and telephone-event.
//
// [Parse] is tolerant, because PBXs are not strict, and bounded, because the
// sender is not trusted. An [Endpoint] is one side of one dialog: it makes our
// offers and answers and says what was agreed. An Endpoint belongs to the
// goroutine of its dialog; everything else is pure.
//
// Start reading at endpoint.go; parse.go reads, write.go writes.
package sdp
