// Package demo is the script of `zvonar demo`: it starts a test carrier and a
// whole daemon on loopback, makes and approves clips, places calls that exercise
// every action and the outcomes, prints each timeline as it happens, and checks
// what was promised: the outcome of each call, what the callee heard, the
// webhooks against the event log.
//
// It knows the daemon only as [System], through its HTTP API, so nothing in it
// is a mock-up: cmd passes the function that starts the real one.
//
// Run is called once, from any goroutine; it leaves nothing running and removes
// its data.
//
// Start reading at scenarios.go (the table of calls), then demo.go.
package demo
