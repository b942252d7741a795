// Package engine joins dialog, leg, flow and store: it runs calls.
//
// A call has a mailbox that one goroutine at a time reads, while something is in it;
// whatever happens to the call (an event of one of its legs, a timer, a request by
// API, a commit) is a message in it, so nothing about a call is ever locked or
// shared. What a message does depends on the call's phase: steps.go holds the table.
//
// Two rules of durability (DESIGN 5). Commit before acting: a call, an attempt,
// an SMS intent, a blacklist entry are durable before anything follows from
// them. Observe without waiting: ringing, answer, digit and playback are acted
// upon first and appended to the log in order; no call waits for the store.
//
// A call that a provider places has a leg of ours or none; what the provider reports of
// it comes into the same mailbox (provider_reports.go holds that table). A foreign
// call, which nobody here asked for, has no mailbox: each report is a unit of work.
//
// Who may call it: the API and the providers call the methods of [API] from any
// goroutine; the dialer calls Begin, Held, Expired and Blocked on its own goroutine; the line
// calls Incoming. The line, the clips and the providers are seen only through
// the interfaces of seams.go; cmd binds them.
//
// Start reading at engine.go (what lives as long as the daemon), then
// session.go (one call) and steps.go (the table). manager.go, twoparty.go,
// transfer.go, refer.go, asked.go and hold.go are talks of two, talk.go what is asked of a running call,
// redirect.go what a 3xx leads to. provider.go is a provider's call as far as
// its INVITE, provider_way.go what becomes of it, provider_remote.go one that it carries
// without us, resume.go how that goes on after a crash, foreign.go the calls that only it knows.
package engine
