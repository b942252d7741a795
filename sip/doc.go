// Package sip is the user agent: it places calls through trunks and takes calls
// from them, and joins each dialog with its audio. It stands on sipgo's parser,
// transports and transactions; dialogs are our own, because sipgo's helpers lose
// calls (a 2xx that crosses a CANCEL, repeated or forked 2xx, long ringing).
//
// Who may call it: [UA] and [Leg] from any goroutine; their methods queue and
// return at once. Each leg has one mailbox: everything that happens to its
// dialog (messages, timers, media events, commands) runs there, one after
// another, so a leg's fields need no lock. Events of a leg come from that
// goroutine and must not be blocked.
//
// Start reading at states.go, the life of a dialog as a table; uac.go and uas.go
// are what its actions do for calls we place and take, indialog.go what the far
// end asks within an established one, modify.go what we ask there. timer.go,
// prack.go, refer.go, asked.go and replaces.go are the extensions that
// extensions.go tells of: timers of sessions, reliable provisional responses,
// transfers that we ask for and that we are asked for. order.go keeps
// messages in the order they came in; hook.go is what outlives a leg; digest.go
// and nonces.go are the passwords. Package edge decides what gets near the parser
// at all; listen.go, sources.go and load.go bind it, watchdog.go asks it whether
// it still hears.
package sip
