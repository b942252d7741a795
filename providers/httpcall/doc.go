// Package httpcall is the provider for providers that nobody wrote an adapter
// for: one HTTP request, described in the configuration, asks a service to call
// a client and to connect him with our user agent.
//
// [Provider.Place] may be called from any goroutine; it waits for the network.
// Start reading at httpcall.go; how the request is written and the reply read is
// the same for every service (template.go and answer.go of the room). README.md is for whoever writes the configuration.
package httpcall
