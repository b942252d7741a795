// Package edge stands between the network and sipgo: it owns the sockets, looks
// at every message before sipgo's parser does, and answers without any state
// what can be answered so.
//
// sipgo v1.7.2 trusts what it reads: it starts a goroutine a message, remembers
// every source, ends a listener on its first error and drops what it cannot
// parse. So it is given [UDP] sockets and [Streams] of this package instead of
// the kernel's: they never fail, never end before they are closed, and hand it
// one whole, judged message at a time. [Guard] judges; its order is source,
// size, first line, rate, rules (rules.go, a table).
//
// Each UDP socket and each connection is read by one goroutine, sipgo's; Guard,
// writes and Close are safe from any. Start reading at guard.go.
package edge
