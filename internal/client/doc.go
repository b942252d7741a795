// Package client speaks to the HTTP API of a zvonar daemon: typed requests,
// problems as errors, the live event stream with resumption. The commands and
// the demo use it; it knows the API only by its published shapes.
//
// A [Client] is safe for use from any goroutine; it starts none that outlives
// the call that started it. Start reading at client.go; events.go follows the
// event log; resources.go and records.go have a method for each endpoint.
package client
