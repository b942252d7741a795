// Package mango is MANGO OFFICE, the virtual PBX, in both directions.
//
// As a client (client.go, place.go) it asks for a call by commands/callback: the PBX
// rings an employee, which is our user agent registered as his telephone, or his own
// telephone, and then the client. Every request is signed over the exact text of its
// json field (sign.go, wire.go), waits for its turn (limits.go) and is sent once. What
// becomes of a call comes as notices (intake.go): the book (book.go) brings each to
// its call by command_id and entry_id, and a tracker (tracker.go) turns them, in
// whatever order they come, into reports. Where none come, the statistics are asked
// (stats.go). Calls that nobody here asked for are told to the engine (foreign.go).
//
// As a facade (facade*.go) it answers the same commands under /compat/mango/vpbx/
// with the house behind them, and as a sink (events*.go) it posts notices of our calls.
//
// Codes are a table (codes.go), methods are a table (methods.go), limits are a table
// (limits.go). Methods may be called from any goroutine. Start reading at wire.go.
package mango
