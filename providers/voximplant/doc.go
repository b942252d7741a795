// Package voximplant speaks with Voximplant: as a client, which asks it to run a
// scenario that calls somebody, and as a facade, which answers software written for
// Voximplant's Management API with calls and campaigns of our own.
//
// The client. [System] makes one of each configured provider. Place (client.go)
// sends one StartScenarios whose custom data is a [task]: whom to call, what to play,
// what each digit does, where to report. docs/voximplant/scenario.js is the scenario
// that understands it. Its reports come back to Intake (intake.go), are read by paths
// that can be configured (events.go), brought into order (feed.go), and told by
// Follow; where they stay out, GetCallHistory is asked (history.go). Cancel speaks to
// the running scenario.
//
// The facade (facade.go) reads every form of request that the API knows (request.go),
// authenticates by JWT or API key (auth.go), and maps methods onto the engine, the
// campaigns, the log of calls and the texts, one file a group. What comes of a call is
// told to the address in its custom data by the sink (sink.go), in the very form in
// which our scenario reports.
//
// Methods may be called from any goroutine; they wait for the network. jwt.go, wire.go,
// codes.go, csv.go and task.go are pure. Start reading at client.go and facade.go.
package voximplant
