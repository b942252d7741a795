// Package zvonobot speaks the dialect of the Zvonobot API, both ways.
//
// As a [Client] it has Zvonobot place calls and play to the client itself: Place
// writes our flow in its words (place.go, ivrs.go), and what it tells by webhook
// (intake.go) or when it is asked (poll.go) becomes reports of the call (follow.go,
// progress.go). One poller asks about all calls that are live.
//
// As a facade (facade.go) it answers software that was written for Zvonobot: create,
// get, createRecord and the others on our own house. What happens to such a call goes
// out in Zvonobot's two webhooks by a sink of the outbox (sink.go).
//
// wire.go has what both directions read and write, causes.go the table between its
// words for an ending and our outcomes. What is known of the dialect and what is
// assumed stands in README.md; every assumption is a key of the settings.
//
// Methods may be called from any goroutine. Start reading at system.go.
package zvonobot
