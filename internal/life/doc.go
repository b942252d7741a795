// Package life is how what lives as long as the daemon begins and ends: one
// goroutine, started once, stopped as often as anybody likes. Every room may use it;
// its methods may be called from any goroutine.
package life
