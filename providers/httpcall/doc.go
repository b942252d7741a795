// Package httpcall is the provider for providers that nobody wrote an adapter
// for: one HTTP request, described in the configuration, asks a service to call
// a client and to connect him with our user agent.
//
// [Provider.Place] may be called from any goroutine; it waits for the network.
// Start reading at httpcall.go; template.go writes the request, answer.go reads
// the reply. README.md is for whoever writes the configuration.
package httpcall
