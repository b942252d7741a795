// Package sipuni speaks the dialect of the Sipuni virtual PBX in both directions.
//
// As a client (client.go) it places calls through the service's API: it rings our
// extension and then the client, or joins an employee and a client, or reads a text.
// What becomes of them it hears by the service's events (intake.go), which hub.go
// gives to the calls that they belong to; calls that nobody asked for are told to the
// engine (aliens.go).
//
// As a facade (facade.go) it answers software that was written for the service, and
// sink.go tells that software our events as the service would.
//
// Everything that is signed goes by the table in sign.go. Methods may be called from
// any goroutine. Start reading at wire.go, then client.go or facade.go.
package sipuni
