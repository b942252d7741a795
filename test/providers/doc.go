// Package providers proves the built binary against simulators of providers: real
// HTTP and real SIP on loopback. It holds tests only.
//
// world_test.go starts a daemon and the test carrier, whose switch a simulator drives:
// it dials our user agent and "the client", a magic number of internal/carrier, joins
// them and tells every step. http_test.go is the example: a provider of the kind http.
// Each further provider has a file of its own, KIND_test.go.
package providers
