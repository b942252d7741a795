// Package daemons runs the built zvonar for tests: it builds the binary with the race
// detector, starts it, waits until it answers, stops, kills and pauses it, judges its log
// and shows it where a test fails. Used by test/peers and test/providers, from the
// goroutine of the test; only Tells, Log and Eventually's condition may be
// used from elsewhere.
//
// process.go is a daemon, output.go what it says.
package daemons
