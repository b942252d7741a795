// Package api is the door of the house: the HTTP API of DESIGN 4.3, its live
// events, and the admin listener with metrics and health.
//
// It holds no state of calls. It checks who asks (auth.go), reads and judges
// what is asked (json.go, call_body.go), hands it to the engine, the library of
// recordings or the store through the small interfaces of seams.go, and writes
// the published views (view_*.go). Whatever goes wrong leaves as one kind of
// document (problem.go).
//
// Who may call it: cmd makes a [Server] and an [AdminServer], starts and stops
// them, and before that settles the tokens ([SyncConfigTokens],
// [EnsureFirstToken]). Handlers run on the goroutines of net/http; everything
// they share is safe for that or guarded where it is declared.
//
// Start reading at server.go, then routes.go (how an endpoint is declared) and
// calls.go (the endpoints everything else resembles).
package api
