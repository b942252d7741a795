// Package beeline speaks to Beeline's Cloud PBX, and speaks like it.
//
// As a client ([Client], beeline.go) it has the PBX ring an employee's telephone, or
// our own user agent, and connect the client; it subscribes to the telephones' events
// (subscriptions.go), reads them (xsi.go, intake.go), brings them into order (desk.go,
// talk.go) and tells what became of our calls, and of calls that nobody asked us for
// (follow.go).
//
// As a facade (facade.go) it answers software that was written for the portal's API:
// subscribers are our employees, their calls and recordings ours, and the events of
// our log go out as the portal's XML (sink.go).
//
// Requests to the portal wait for the network and stay off the goroutine of a call.
// One goroutine owns the talks (desk.run), one the subscriptions (subscriptions.run);
// each call that is followed is told from a goroutine of its own. Start reading at
// beeline.go.
package beeline
