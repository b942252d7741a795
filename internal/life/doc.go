// Package life is who works in the daemon: a Worker is one goroutine that lives as
// long as the daemon, started once, stopped as often as anybody likes; a Crew lends
// goroutines to whoever has something to do now, as mailboxes do. Every room may use
// it; its methods may be called from any goroutine.
package life
