// Package providers is the plumbing that outside telephony services share; each
// service has a folder of its own below.
//
// A provider that places calls for us implements [Originator]: the engine
// commits an attempt, asks, and then waits for the provider's INVITE at our user
// agent (DESIGN 2, way 2). Everything hangs on one distinction. A
// *calls.PlaceRefused means that nothing will ring. A *calls.PlaceUnknown means
// that the request left us and nobody can tell: it may ring, so no one may ask
// again. When in doubt it is the second.
//
// [Client] is the HTTP client for that: one request is sent once, never
// followed elsewhere, never repeated by the transport, and it knows whether a
// failed request can have reached the other side.
//
// [RequestTemplate] writes what the configuration describes, and [Reading] tells
// a yes from a no and from what nobody can know: both serve calls (httpcall) and
// texts (httpsms).
//
// [House] is what a folder may use: [House.Client] is the client whose exchanges stand
// in the journal, [House.Journalled] does the same for what comes in, [Labelled] and
// [Named] say as what, [Mask] hides secrets. Settings have a [TLS].
//
// A facade says of each method what it does ([Need]), which decides who may ask it, and
// asks for calls by [House.Once], so that an order that comes twice rings once.
// [Tolerance] reads texts that some clients write as numbers.
//
// Methods may be called from any goroutine but must stay off the goroutine of a
// call: they wait for the network. Start reading at providers.go, then
// httpcall/httpcall.go.
package providers
